"""Write CT images: derived and marked as synthetic, or the original images of a made patient.

Source: DICOM PS3.3 sections A.3 (CT Image), C.7.6.1 (derivation), C.12.1.1.5 (contributing equipment),
C.12.1 (Synthetic Data).
"""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import UID

import terasu
from terasu.dicom.decimal import ds_text
from terasu.dicom.image_plane import add_plane, slices_along_normal
from terasu.dicom.modules import (
    MANUFACTURER,
    MODEL,
    add_frame_of_reference,
    as_file,
    code,
    date_and_time,
    line,
    new_object,
    patient_position,
    reference,
    write_now,
)
from terasu.dicom.rt_file import CT_IMAGE
from terasu.dicom.uid import is_uid, new_uid
from terasu.errors import InputError
from terasu.patient.store import whole_folder
from terasu.patient.volume import Source, Volume

LOWEST_HU = -1024
HIGHEST_HU = 31743
"""What 16 bits hold with an intercept of -1024."""
_PIXELS = Tag("PixelData")


@dataclass(frozen=True)
class MadeBy:
    """What generated an image, for its derivation and for the list of contributing equipment.

    Attributes:
        algorithm: name, for example ``shading correction``.
        version: of the algorithm; the software's own version is written in any case.
        model_sha256: of the weights, empty for a method without a model.
        synthetic: True where values were generated and not measured (a synthetic CT, a phantom).
        derivation_code: DCM code and meaning of CID 7203 where one fits, for example
            ``("113085", "Spatial resampling")``.
    """

    algorithm: str
    version: str = ""
    model_sha256: str = ""
    synthetic: bool = True
    derivation_code: tuple[str, str] | None = None

    def describe(self) -> str:
        """One line: algorithm, its version, the software's version and the model's hash."""
        own = " ".join(part for part in (self.algorithm, self.version) if part)
        model = f", model sha256 {self.model_sha256}" if self.model_sha256 else ""
        return f"{own}, {MANUFACTURER} {terasu.__version__}{model}"


def write_ct_series(
    volume: Volume,
    folder: Path,
    *,
    like: Source | None,
    series_description: str,
    made_by: MadeBy | None,
    derived_from: Source | SequenceOf[Source] = (),
    series_number: int = 100,
    seed: str = "",
    replace: bool = False,
) -> Source:
    """Write a volume as a folder of CT images, one file a slice, or nothing at all.

    Args:
        volume: HU, on any regular grid; rounded to whole HU, and clipped to -1024 … 31743, which is
            then said in Image Comments.
        folder: appears whole; the files in it are named ``CT_0001.dcm`` …
        like: an object of the same patient and study; None for a patient without a name.
        series_description: as listed by other systems.
        made_by: what generated the image; None only for the original images of a made patient.
        derived_from: the images that it was made from.
        series_number: Series Number.
        seed: makes the UIDs reproducible; for made patients only.
        replace: whether a folder of that name may be there already.
    Returns:
        The Source of the new series, SOP Instance UIDs in the order of the volume's slices.
    Raises:
        InputError: not HU, or a value that is not finite.
        OutputError: the folder is there already, or the disk refuses.
    """
    clipped = _clipped(volume)
    sources = (derived_from,) if isinstance(derived_from, Source) else tuple(derived_from)
    header = dict(like.header) if like is not None else {}
    order = slices_along_normal(volume.grid)
    series = new_uid(seed, "CT series", series_description)
    uids = tuple(new_uid(seed, "CT", series_description, k) for k in range(len(order)))
    template = _template(volume, header, series, series_number, series_description)
    _add_derivation(template, made_by)
    _add_comments(template, made_by, clipped)
    written = _encoded(template)
    with whole_folder(Path(folder), replace=replace) as aside:
        for number, k in enumerate(order, start=1):
            _fill_slice(written, volume, k, number, uids[k])
            _add_source_images(written, sources, k, len(order))
            written.add_new(_PIXELS, "OW", _stored_values(volume.values[k]).tobytes())
            write_now(written, aside / f"CT_{number:04d}.dcm")
    return Source("CT", series, uids, CT_IMAGE, _inherited(template, header), _made_by(made_by))


def _clipped(volume: Volume) -> int:
    """How many voxels lie beyond what is stored; refuses what is no CT."""
    lowest, highest = float(volume.values.min()), float(volume.values.max())
    finite = np.isfinite(lowest) and np.isfinite(highest)
    if volume.unit != "HU" or not finite:
        raise InputError(
            "These values are no CT.",
            got=f"unit {volume.unit!r}" if finite else "values that are not finite",
            expected="finite HU",
            todo="Look for the step before this one that made them.",
        )
    if lowest >= LOWEST_HU and highest <= HIGHEST_HU:
        return 0
    return int(np.count_nonzero((volume.values < LOWEST_HU) | (volume.values > HIGHEST_HU)))


def _stored_values(plane: NDArray[Any]) -> NDArray[np.int16]:
    """One slice as 16 bits with an intercept of -1024."""
    whole = np.rint(np.clip(plane.astype(np.float32), LOWEST_HU, HIGHEST_HU))
    return np.asarray(whole - LOWEST_HU, dtype="<i2")


def _encoded(template: Dataset) -> FileDataset:
    """The shared elements, encoded once: as bytes they need no conversion for each slice."""
    file = BytesIO()
    as_file(template, explicit=True).save_as(file, enforce_file_format=True)
    file.seek(0)
    return dcmread(file)


def _template(
    volume: Volume, header: dict[str, str], series_uid: str, series_number: int, description: str
) -> Dataset:
    """Everything that all slices share."""
    now = datetime.now()
    data = new_object(
        sop_class_uid=CT_IMAGE,
        sop_instance_uid=series_uid,
        header=header,
        modality="CT",
        series_instance_uid=series_uid,
        series_number=series_number,
        series_description=description,
        when=now,
    )
    add_frame_of_reference(data, volume.grid.frame_of_reference_uid, header)
    data.PatientPosition = patient_position(header) or "HFS"
    data.Laterality = ""
    data.ContentDate, data.ContentTime = date_and_time(now)
    data.AcquisitionNumber = None
    data.KVP = _kvp(header)
    data.BurnedInAnnotation = "NO"
    data.SliceThickness = ds_text(volume.grid.spacing_zyx_mm[0])
    _, data.Rows, data.Columns = volume.grid.shape_zyx
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
    data.RescaleIntercept, data.RescaleSlope, data.RescaleType = str(LOWEST_HU), "1", "HU"
    data.WindowCenter, data.WindowWidth = "40", "400"
    return data


def _kvp(header: dict[str, str]) -> str | None:
    try:
        return ds_text(float(header.get("KVP", "")))
    except ValueError:
        return None


def _add_derivation(data: Dataset, made_by: MadeBy | None) -> None:
    """Image Type, what was done, by which software and model."""
    data.ImageType = ["DERIVED" if made_by else "ORIGINAL", "SECONDARY" if made_by else "PRIMARY", "AXIAL"]
    if made_by is None:
        return
    if made_by.synthetic:
        data.SyntheticData = "YES"
    data.DerivationDescription = line(made_by.describe(), "ST")
    if made_by.derivation_code is not None:
        data.DerivationCodeSequence = Sequence([code(*made_by.derivation_code)])
    equipment = Dataset()
    equipment.PurposeOfReferenceCodeSequence = Sequence([code("109102", "Processing Equipment")])
    equipment.Manufacturer, equipment.ManufacturerModelName = MANUFACTURER, MODEL
    equipment.SoftwareVersions = terasu.__version__
    equipment.ContributionDateTime = "".join(date_and_time(datetime.now()))
    equipment.ContributionDescription = line(made_by.describe(), "ST")
    data.ContributingEquipmentSequence = Sequence([equipment])


def _add_comments(data: Dataset, made_by: MadeBy | None, clipped: int) -> None:
    comments = []
    if made_by is not None and made_by.synthetic:
        comments.append("SYNTHETIC IMAGE, not acquired; generated by " + made_by.describe() + ".")
        data.SeriesDescription = line("SYNTHETIC " + data.SeriesDescription, "LO")
    if clipped:
        comments.append(f"{clipped} voxels were clipped to {LOWEST_HU} ... {HIGHEST_HU} HU.")
    if comments:
        data.ImageComments = line(" ".join(comments), "LT")


def _fill_slice(data: FileDataset, volume: Volume, k: int, number: int, uid: str) -> None:
    data.SOPInstanceUID, data.InstanceNumber = UID(uid), number
    data.file_meta.MediaStorageSOPInstanceUID = UID(uid)
    add_plane(data, volume.grid, k)
    data.SliceLocation = ds_text(float(volume.grid.spacing_zyx_mm[0] * (number - 1)))


def _add_source_images(data: Dataset, sources: tuple[Source, ...], k: int, count: int) -> None:
    """The slice of the same place where source and result have the same slices, else the whole series."""
    items = []
    for source in sources:
        uids = source.sop_instance_uids
        for uid in (uids[k],) if len(uids) == count else uids:
            if is_uid(uid):
                item = reference(source.sop_class_uid or CT_IMAGE, uid)
                purpose = code("121322", "Source image for image processing operation")
                item.PurposeOfReferenceCodeSequence = Sequence([purpose])
                items.append(item)
    if items:
        data.SourceImageSequence = Sequence(items)


def _inherited(data: Dataset, header: dict[str, str]) -> dict[str, str]:
    """The header that objects made from the new series inherit: the same patient, study and frame."""
    chosen = {
        "StudyInstanceUID": str(data.StudyInstanceUID),
        "FrameOfReferenceUID": str(data.FrameOfReferenceUID),
        "PatientPosition": str(data.PatientPosition),
    }
    return {**header, **chosen}


def _made_by(made_by: MadeBy | None) -> str:
    return "" if made_by is None else made_by.describe()
