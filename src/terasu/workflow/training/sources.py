"""Where images to train on come from: DICOM folders, volume files, OpenKBP patients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from terasu.dicom.find import Series, index_folder
from terasu.dicom.identity import NOBODY
from terasu.dicom.image import read_image
from terasu.errors import InputError
from terasu.patient.grid import Grid
from terasu.patient.structures import Mask
from terasu.patient.volume import Source, Volume
from terasu.patient.volume_file import is_volume_file, read_volume_file

_OPENKBP_BODY = 15
_OPENKBP_OFF_HU = 1024


@dataclass(frozen=True, eq=False)
class Found:
    """One image that may be prepared.

    Attributes:
        patient: what tells the patient apart; it is salted and hashed before it is stored.
        read: gives the image [HU] and the patient's outline, None where it has to be looked for.
        origin: one line, without the patient.
    """

    patient: str
    read: Callable[[], tuple[Volume, Mask | None]]
    origin: str


def find_images(folder: Path, *, least_slices: int = 5) -> tuple[Found, ...]:
    """Every image of a folder, in a fixed order.

    Args:
        folder: DICOM at any depth; or volume files, each a patient of its own, or one folder a patient; or
            OpenKBP patients as npz.
        least_slices: shorter series (scouts) are passed over.
    Raises:
        InputError: no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise InputError(
            "There is no such folder.",
            got=folder.name,
            expected="a folder of images",
            todo="Check the name.",
        )
    packed = sorted(folder.glob("*.npz"))
    files = sorted(path for path in folder.rglob("*") if is_volume_file(path))
    if packed:
        return tuple(_openkbp(path) for path in packed)
    if files:
        return tuple(_of_file(path, folder) for path in files)
    series = [one for one in index_folder(folder).series if one.modality == "CT"]
    found = tuple(_of_series(one, folder) for one in series if one.n_images >= least_slices)
    if not found:
        raise InputError(
            "There are no images to prepare here.",
            got=f"{len(series)} CT series in {folder.name}, none of {least_slices} slices or more",
            expected="DICOM CT series, NIfTI files or OpenKBP patients (npz)",
            todo="Check the folder; `terasu inspect` lists what is in it.",
        )
    return found


def _openkbp(path: Path) -> Found:
    return Found(path.stem, lambda: _read_openkbp(path), "OpenKBP (Babier et al. 2021)")


def _read_openkbp(path: Path) -> tuple[Volume, Mask]:
    """Rows, columns and slices from head to feet become slices from feet to head, rows, columns."""
    with np.load(path, allow_pickle=False) as content:
        stored, bits = content["ct_plus1024_clipped"], content["labels_bits"]
        column_mm, row_mm, slice_mm = (float(one) for one in content["voxel_mm"])
    hu = np.ascontiguousarray(stored.transpose(2, 0, 1)[::-1]).astype(np.int16) - _OPENKBP_OFF_HU
    body = np.ascontiguousarray((bits.transpose(2, 0, 1)[::-1] >> _OPENKBP_BODY) & 1) > 0
    grid = Grid.from_axes(hu.shape, spacing_zyx_mm=(slice_mm, row_mm, column_mm))
    return Volume(np.maximum(hu, -1000), grid, "HU", Source("CT")), body


def _of_file(path: Path, folder: Path) -> Found:
    inside = path.relative_to(folder).parts
    patient = inside[0] if len(inside) > 1 else path.name.split(".")[0]
    return Found(patient, lambda: (read_volume_file(path), None), "volume file")


def _of_series(series: Series, folder: Path) -> Found:
    header = series.first
    inside = header.path.relative_to(folder).parts
    silent = header.identity == NOBODY
    patient = (inside[0] if len(inside) > 1 else header.study_instance_uid) if silent else header.patient_key
    return Found(patient, lambda: (read_image(series).volume, None), "DICOM CT series")
