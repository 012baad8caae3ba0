"""An image and a region, each named by a path."""

from __future__ import annotations

from pathlib import Path

from terasu.dicom.evidence import cone_beam_evidence
from terasu.dicom.find import Series, index_folder
from terasu.dicom.headers import IMAGES
from terasu.dicom.links import images_of
from terasu.errors import InputError
from terasu.patient.volume_file import is_volume_file
from terasu.workflow.radiomics.regions import Drawing, ImageFiles


def image_at(path: Path, modality: str = "") -> ImageFiles:
    """A volume file, or a folder with one DICOM series.

    Args:
        modality: of a volume file, or in place of what the headers say.
    Raises:
        InputError: nothing there, or several series.
    """
    if not path.is_dir():
        return ImageFiles((path,), modality.upper())
    series = images_of(index_folder(path), *IMAGES)
    if len(series) != 1:
        raise InputError(
            f"The folder holds {len(series)} image series.",
            got="; ".join(one.describe() for one in series) or path.name,
            expected="one series",
            todo="Name the folder of one series.",
        )
    return image_of(series[0], modality)


def image_of(series: Series, modality: str = "") -> ImageFiles:
    """A DICOM series; a CT of a treatment machine is a CBCT, unless ``modality`` says another."""
    said = "CBCT" if series.modality == "CT" and cone_beam_evidence(series) else series.modality
    sequence = series.first.text.get("SeriesDescription", "") if series.modality == "MR" else ""
    paths = tuple(header.path for header in series.files)
    return ImageFiles(paths, modality.upper() or said, series.uid, sequence.strip())


def drawing_at(path: Path, roi: str | None = None, label: int | None = None) -> Drawing:
    """A mask file, or an ROI of an RTSTRUCT (or of the only one in a folder).

    Raises:
        InputError: nothing there, several structure sets, or no ROI named.
    """
    if path.is_file() and is_volume_file(path):
        return Drawing(path, roi or ("mask" if label is None else f"label {label}"), label)
    here = path if path.is_dir() else path.parent
    sets = index_folder(here).headers("RTSTRUCT") if here.is_dir() else ()
    chosen = [one for one in sets if path.is_dir() or one.path == path]
    if len(chosen) != 1 or not roi:
        raise InputError(
            "No one region is named.",
            got=f"{path.name}: {len(chosen)} structure sets, ROI {roi or 'not named'}",
            expected="a mask file, or one RTSTRUCT and the name of one of its ROIs",
            todo="Name the file and the ROI; terasu inspect FOLDER lists them.",
        )
    return Drawing(chosen[0].path, roi, None, chosen[0].sop_instance_uid)
