"""Volumes from files that are not DICOM: NIfTI, NRRD, MetaImage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from terasu.errors import GeometryError, InputError
from terasu.patient.grid import Grid
from terasu.patient.resample import from_sitk
from terasu.patient.volume import Volume

ENDINGS = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
_SAME_MM = 1e-3


def is_volume_file(path: Path) -> bool:
    """True for a name that this module reads."""
    return path.name.lower().endswith(ENDINGS)


def read_volume_file(path: Path, *, unit: str = "HU") -> Volume:
    """An image from one file.

    Raises:
        InputError: no such file, a format that is not read, or something else than one number a voxel in 3-D.
    """
    image = _read(path)
    dimensions, components = image.GetDimension(), image.GetNumberOfComponentsPerPixel()
    if dimensions == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]
    elif dimensions != 3 or components != 1:
        raise InputError(
            "This is not one volume.",
            got=f"{path.name}: {dimensions} dimensions of {image.GetSize()}, {components} numbers a voxel",
            expected="three dimensions, one number a voxel",
            todo="Take one time point or one channel out and save it as a file of its own.",
        )
    return from_sitk(image, unit=unit)


def read_mask_file(path: Path, onto: Grid, *, label: int | None = None) -> NDArray[np.bool_]:
    """A mask that lies on ``onto``.

    Args:
        label: the value that counts; anything that is not 0 if None.
    Raises:
        GeometryError: the file lies on another grid, by how much, and what to do.
        InputError: no voxel of this label, and those that there are.
    """
    mask = read_volume_file(path, unit="1")
    _refuse_other_grid(mask.grid, onto, path.name)
    inside = mask.values != 0 if label is None else mask.values == label
    if not inside.any():
        there = np.unique(mask.values)
        raise InputError(
            "The mask is empty." if label is None else f"The mask has no voxel of label {label}.",
            got=f"{path.name}: values {', '.join(f'{one:g}' for one in there[:12])}",
            expected="voxels inside of the region",
            todo="Choose one of these labels." if label is not None else "Check that this is the right file.",
        )
    return np.asarray(inside)


def _read(path: Path) -> Any:
    if not path.is_file():
        raise InputError("There is no such file.", got=path.name, expected="an image", todo="Check the name.")
    if not is_volume_file(path):
        raise InputError(
            "This kind of file is not read.",
            got=path.name,
            expected=", ".join(ENDINGS) + ", or a folder of DICOM",
            todo="Convert it to one of these.",
        )
    try:
        return sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise InputError(
            "The image cannot be read.",
            got=f"{path.name}: {str(error).strip().splitlines()[-1][:200]}",
            expected="a whole NIfTI, NRRD or MetaImage file",
            todo="Write or copy it again.",
        ) from error


def _refuse_other_grid(mask: Grid, onto: Grid, name: str) -> None:
    if mask.shape_zyx != onto.shape_zyx:
        off = f"{mask.shape_zyx} voxels, the image {onto.shape_zyx}"
    else:
        apart = float(np.abs(mask.corners_lps_mm() - onto.corners_lps_mm()).max())
        if apart <= _SAME_MM * max(onto.spacing_zyx_mm) + 1e-2:
            return
        off = f"a corner {apart:.3g} mm away from the image's"
    raise GeometryError(
        "The mask lies on another grid than the image.",
        got=f"{name}: {off}",
        expected="the same voxels",
        todo="Resample the mask onto the image with nearest neighbours, for example "
        "SimpleITK.Resample(mask, image, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor).",
    )
