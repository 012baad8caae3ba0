"""Values from one grid onto another, through SimpleITK."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from terasu.errors import GeometryError
from terasu.patient.grid import Grid
from terasu.patient.transform import Deformation, Rigid
from terasu.patient.volume import Source, Volume

Interpolation = Literal["linear", "nearest", "spline"]

_ITK = {"linear": sitk.sitkLinear, "nearest": sitk.sitkNearestNeighbor, "spline": sitk.sitkBSpline}


def to_sitk(values: NDArray[Any], grid: Grid) -> Any:
    """A SimpleITK image of ``values`` (z, y, x) on ``grid``; bool becomes uint8."""
    image = sitk.GetImageFromArray(values.astype(np.uint8) if values.dtype == np.bool_ else values)
    image.SetSpacing(grid.spacing_zyx_mm[::-1])
    image.SetOrigin(grid.origin_lps_mm)
    image.SetDirection(grid.direction_lps.ravel().tolist())
    return image


def grid_of_sitk(image: Any, *, frame_of_reference_uid: str = "") -> Grid:
    """The grid of a three-dimensional SimpleITK image."""
    return Grid.from_axes(
        image.GetSize()[::-1],
        spacing_zyx_mm=image.GetSpacing()[::-1],
        origin_lps_mm=image.GetOrigin(),
        direction_lps=image.GetDirection(),
        frame_of_reference_uid=frame_of_reference_uid,
    )


def from_sitk(
    image: Any, *, unit: str = "HU", frame_of_reference_uid: str = "", source: Source | None = None
) -> Volume:
    """A Volume of a three-dimensional SimpleITK image (values copied)."""
    grid = grid_of_sitk(image, frame_of_reference_uid=frame_of_reference_uid)
    return Volume(sitk.GetArrayFromImage(image), grid, unit, source or Source())


def resample(
    volume: Volume,
    onto: Grid,
    *,
    through: Rigid | Deformation | None = None,
    interpolation: Interpolation = "linear",
    outside: float,
) -> Volume:
    """``volume`` as seen on another grid.

    Args:
        volume: what to sample.
        onto: grid of the result.
        through: maps points of ``onto`` to points of ``volume`` (pull-back); nothing moves if None.
        interpolation: ``nearest`` for labels and masks.
        outside: value beyond the outer voxel edges of ``volume``, e.g. −1000 HU or 0 Gy. Between the
            last voxel centres and their edges the last values are repeated.
    Returns:
        Volume on ``onto``; integers become float32 unless interpolation is ``nearest``.
    Raises:
        GeometryError: frames of reference differ and no transform says how they lie.
    """
    _require_frame(volume.grid, onto, through)
    values = volume.values
    if interpolation != "nearest" and values.dtype not in (np.float32, np.float64):
        values = values.astype(np.float32)
    if values.dtype == np.bool_:
        values = values.astype(np.uint8)
    moving = to_sitk(values, volume.grid)
    image = sitk.Resample(
        moving,
        onto.shape_zyx[::-1],
        to_sitk_transform(through),
        _ITK[interpolation],
        onto.origin_lps_mm,
        onto.spacing_zyx_mm[::-1],
        onto.direction_lps.ravel().tolist(),
        float(outside),
        moving.GetPixelID(),
    )
    moved = sitk.GetArrayFromImage(image)
    kind = bool if volume.values.dtype == np.bool_ else values.dtype
    return Volume(moved.astype(kind, copy=False), onto, volume.unit, volume.source)


def to_sitk_transform(through: Rigid | Deformation | None) -> Any:
    """The SimpleITK transform that maps points the way ``through`` does."""
    if through is None:
        return sitk.Transform(3, sitk.sitkIdentity)
    if isinstance(through, Rigid):
        affine = sitk.AffineTransform(3)
        affine.SetMatrix(through.matrix[:3, :3].ravel().tolist())
        affine.SetTranslation(through.matrix[:3, 3].tolist())
        return affine
    field = sitk.GetImageFromArray(through.displacement_lps_mm.astype(np.float64), isVector=True)
    field.SetSpacing(through.grid.spacing_zyx_mm[::-1])
    field.SetOrigin(through.grid.origin_lps_mm)
    field.SetDirection(through.grid.direction_lps.ravel().tolist())
    return sitk.DisplacementFieldTransform(field)


def _require_frame(grid: Grid, onto: Grid, through: Rigid | Deformation | None) -> None:
    known = grid.frame_of_reference_uid and onto.frame_of_reference_uid
    if through is None and known and not grid.same_frame_as(onto):
        raise GeometryError(
            "The two images lie in different frames of reference and nothing says how they fit.",
            got=f"{grid.frame_of_reference_uid} and {onto.frame_of_reference_uid}",
            expected="one frame of reference, or a registration between the two",
            todo="Pass through=… (a registration object or register_rigid).",
        )
