"""Planned structures on the day, and by how much each changed: a propagated contour is never silent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.patient.agreement import bounding_box, centroid_lps_mm, dice, surface_shift_95_mm
from terasu.patient.grid import Grid
from terasu.patient.resample import to_sitk, to_sitk_transform
from terasu.patient.structures import Mask, StructureSet
from terasu.patient.transform import Deformation, Rigid


@dataclass(frozen=True)
class ContourChange:
    """What the deformation did to one structure, against the rigid match, inside of the field of view.

    Attributes:
        name: structure.
        volume_change_percent: deformed against rigid.
        centroid_shift_mm: between both centroids.
        surface_shift_95_mm: 95th percentile of the distance between both surfaces.
        dice_with_rigid: overlap of both.
        inside_view_percent: share of the rigidly placed structure that the day's image shows.
    """

    name: str
    volume_change_percent: float
    centroid_shift_mm: float
    surface_shift_95_mm: float
    dice_with_rigid: float
    inside_view_percent: float


def propagate(
    structures: StructureSet,
    through: Rigid | Deformation,
    onto: Grid,
    *,
    names: Iterable[str] | None = None,
) -> StructureSet:
    """Structures of the planning CT as masks on the day's grid.

    Args:
        structures: on the planning CT.
        through: day → planning (pull-back): ``RigidResult.transform`` or ``DeformableResult.deformation``.
        onto: the day's grid.
        names: which; all if left out.
    Returns:
        StructureSet on ``onto``: a voxel is inside where the mask, interpolated linearly, is above one
        half. A structure that the day does not reach is an empty mask.
    """
    transform = to_sitk_transform(through)
    low, high = _reach(through, structures.grid, onto)
    chosen = list(structures.names if names is None else names)
    masks = {name: _one(structures[name], structures.grid, onto, transform, low, high) for name in chosen}
    return StructureSet(
        onto,
        masks,
        {name: source for name, source in structures.source_names.items() if name in masks},
        {name: kind for name, kind in structures.types.items() if name in masks},
    )


def contour_changes(
    rigid: StructureSet, deformed: StructureSet, *, view: Mask | None = None
) -> tuple[ContourChange, ...]:
    """Change of every structure that both sets hold and that the day shows in part.

    Args:
        rigid, deformed: the same structures on the day's grid, through the rigid match and the deformation.
        view: field of view on that grid; all if None.
    """
    found = (_change(name, rigid, deformed, view) for name in deformed.names if name in rigid.masks)
    return tuple(change for change in found if change is not None)


def _change(
    name: str, rigid: StructureSet, deformed: StructureSet, view: Mask | None
) -> ContourChange | None:
    whole, grid = rigid[name], rigid.grid
    before, after = (whole, deformed[name]) if view is None else (whole & view, deformed[name] & view)
    if not before.any():
        return None
    seen = 100.0 * float(np.count_nonzero(before) / np.count_nonzero(whole))
    if not after.any():
        return ContourChange(name, -100.0, float("nan"), float("nan"), 0.0, seen)
    change = np.count_nonzero(after) / np.count_nonzero(before) - 1
    shift = centroid_lps_mm(after, grid) - centroid_lps_mm(before, grid)
    return ContourChange(
        name,
        100.0 * float(change),
        float(np.linalg.norm(shift)),
        surface_shift_95_mm(before, after, grid),
        float(dice(before, after)),
        seen,
    )


def _reach(through: Rigid | Deformation, planning: Grid, day: Grid) -> tuple[Any, Any]:
    """Smallest and largest displacement along x, y, z that ``through`` makes anywhere [mm]."""
    if isinstance(through, Deformation):
        steps = through.displacement_lps_mm.reshape(-1, 3)
    else:
        corners = np.concatenate([day.corners_lps_mm(), through.inverse().apply(planning.corners_lps_mm())])
        steps = through.apply(corners) - corners
    return np.minimum(steps.min(axis=0), 0), np.maximum(steps.max(axis=0), 0)


def _one(mask: Mask, planning: Grid, onto: Grid, transform: Any, low: Any, high: Any) -> Mask:
    """One structure, calculated only where it can land."""
    moved = np.zeros(onto.shape_zyx, bool)
    try:
        box = bounding_box(mask, margin=1)
    except InputError:
        return moved
    small = planning.crop([part.start for part in box], [part.stop for part in box])
    target = _landing_box(small, onto, low, high)
    if target is None:
        return moved
    start, stop = target
    part = onto.crop(start, stop)
    image = sitk.Resample(
        to_sitk(mask[box].astype(np.float32), small),
        to_sitk(np.zeros(part.shape_zyx, np.uint8), part),
        transform,
        sitk.sitkLinear,
        0.0,
    )
    moved[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = sitk.GetArrayFromImage(image) > 0.5
    return moved


def _landing_box(
    small: Grid, onto: Grid, low: NDArray[Any], high: NDArray[Any]
) -> tuple[list[int], list[int]] | None:
    """Voxels of ``onto`` whose partner may lie in ``small``."""
    corners = small.corners_lps_mm()
    ends = np.stack([corners.min(axis=0) - high, corners.max(axis=0) - low])
    picks = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    index = onto.to_index_kji(np.stack([ends[picks[:, axis], axis] for axis in range(3)], axis=-1))
    start = np.maximum(np.floor(index.min(axis=0)).astype(int) - 1, 0)
    stop = np.minimum(np.ceil(index.max(axis=0)).astype(int) + 2, onto.shape_zyx)
    return (start.tolist(), stop.tolist()) if (stop > start).all() else None
