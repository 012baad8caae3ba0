"""Volumes from files that are not DICOM: NIfTI, NRRD, MetaImage."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from terasu.errors import GeometryError, InputError
from terasu.patient.grid import Grid
from terasu.patient.resample import from_sitk, to_sitk
from terasu.patient.store import write_whole
from terasu.patient.volume import Volume

ENDINGS = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
_WRITTEN = (".nii", ".nii.gz", ".nrrd", ".mha")
_FLOATS = {16: "f4", 64: "f8"}
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
    volume = from_sitk(image, unit=unit)
    lost = _not_finite(path) if path.name.lower().endswith((".nii", ".nii.gz")) else None
    if lost is None or lost.size != volume.values.size:
        return volume
    return volume.with_values(np.where(lost.reshape(volume.values.shape), np.nan, volume.values))


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


def write_volume_file(volume: Volume, path: Path) -> None:
    """One file with the volume's values and grid, whole or not at all.

    Raises:
        InputError: an ending that is not written.
        OutputError: the disk refuses.
    """
    refuse_other_ending(path)
    image = to_sitk(volume.values, volume.grid)

    def write(aside: Path) -> None:
        whole = aside.with_name(aside.name.removesuffix(aside.suffix) + _ending(path))
        try:
            sitk.WriteImage(image, str(whole), useCompression=True)
            whole.replace(aside)
        finally:
            whole.unlink(missing_ok=True)

    write_whole(path, write)


def refuse_other_ending(path: Path) -> None:
    """Refuse a name that ``write_volume_file`` has no format for."""
    if _ending(path) not in _WRITTEN:
        raise InputError(
            "This kind of volume file is not written.",
            got=path.name,
            expected=f"a name that ends in {', '.join(_WRITTEN)}",
            todo="Correct --out.",
        )


def _ending(path: Path) -> str:
    return next(
        (one for one in sorted(ENDINGS, key=len, reverse=True) if path.name.lower().endswith(one)), ""
    )


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


def _not_finite(path: Path) -> NDArray[np.bool_] | None:
    """Which values of a NIfTI file are NaN or infinite: ITK reads them as 0 and says nothing.

    Source: nifti1.h and nifti2.h, fields datatype and vox_offset
    """
    content = path.read_bytes()
    if path.name.lower().endswith(".gz"):
        content = gzip.decompress(content)
    for order in "<>":
        size = struct.unpack(f"{order}i", content[:4])[0]
        if size in (348, 540):
            break
    else:
        return None
    kind, first = ((70, "h"), (108, "f")) if size == 348 else ((12, "h"), (168, "q"))
    code, start = (struct.unpack_from(order + form, content, at)[0] for at, form in (kind, first))
    if code not in _FLOATS:
        return None
    values = np.frombuffer(content, order + _FLOATS[code], offset=int(start))
    lost = ~np.isfinite(values)
    return np.asarray(lost) if lost.any() else None


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
