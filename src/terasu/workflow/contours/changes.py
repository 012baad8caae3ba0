"""What a human changed in a drawing: length drawn anew, by organ and by slice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from terasu.patient.agreement import dice
from terasu.patient.grid import Grid
from terasu.patient.structures import Mask, StructureSet
from terasu.segment.added_path import added_path_by_slice_mm, path_by_slice_mm
from terasu.segment.compare import ADDED_PATH_MM, RASTER_RULE
from terasu.workflow.contours.sources import common_grid, drawing_at, image_at, laid_on, roi_names

State = Literal["unchanged", "changed", "added", "removed"]


@dataclass(frozen=True)
class Slice:
    """One slice that was changed.

    Attributes:
        z_mm: place of its middle, LPS.
        added_mm: length of the new outline that the old one does not follow, at 0, 1, 2 and 3 mm.
        erased_mm: the same, of the old outline.
    """

    z_mm: float
    added_mm: tuple[float, ...]
    erased_mm: tuple[float, ...]


@dataclass(frozen=True)
class Change:
    """One ROI, before and after.

    Attributes:
        roi: its name.
        state: ``unchanged`` means the same mask.
        added_mm, added_share: over all slices, at 0, 1, 2 and 3 mm; share of the new outline, 0 if removed.
        before_cc, after_cc, dice: volumes, and how they agree.
        slices: those that were changed at all.
    """

    roi: str
    state: State
    added_mm: tuple[float, ...]
    added_share: tuple[float, ...]
    before_cc: float
    after_cc: float
    dice: float
    slices: tuple[Slice, ...]


def changes(before: Path, after: Path, *, image: Path | None = None) -> tuple[Change, ...]:
    """What was changed, ROI by ROI, under the names in the files.

    Args:
        before, after: RTSTRUCTs or mask files.
        image: that both were drawn on; a grid of 1 mm on the contours' planes if left out.
    """
    first, second = drawing_at(before), drawing_at(after)
    grid = common_grid((first, second)) if image is None else image_at(image, drawn=first).grid
    old, new = laid_on(grid, first), laid_on(grid, second)
    if isinstance(first, Path) and isinstance(second, Path):
        old = StructureSet(grid, {roi_names(second)[0]: next(iter(old.masks.values()))})
    names = [*new.masks, *(name for name in old.masks if name not in new.masks)]
    empty = np.zeros(grid.shape_zyx, dtype=bool)
    return tuple(_change(one, old.masks.get(one, empty), new.masks.get(one, empty), grid) for one in names)


def as_rows(found: tuple[Change, ...]) -> list[dict[str, Any]]:
    """One row a slice, as CSV holds it; an unchanged ROI has none."""
    return [
        {"roi": one.roi, "state": one.state, "z_mm": round(part.z_mm, 3), **_by_tolerance(part)}
        for one in found
        for part in one.slices
    ]


def as_dict(found: tuple[Change, ...]) -> dict[str, Any]:
    """What ``terasu contours changed --json`` prints."""
    return {"raster_rule": RASTER_RULE, "rois": [_change_as_dict(one) for one in found]}


def _change(roi: str, before: Mask, after: Mask, grid: Grid) -> Change:
    to_cc = grid.voxel_volume_mm3 / 1000.0
    added = np.array([added_path_by_slice_mm(after, before, grid.spacing_zyx_mm, mm) for mm in ADDED_PATH_MM])
    erased = np.array(
        [added_path_by_slice_mm(before, after, grid.spacing_zyx_mm, mm) for mm in ADDED_PATH_MM]
    )
    whole_mm = float(path_by_slice_mm(after, grid.spacing_zyx_mm).sum())
    return Change(
        roi,
        _state(before, after),
        _numbers(added.sum(axis=1)),
        _numbers(added.sum(axis=1) / whole_mm) if whole_mm else (0.0,) * len(ADDED_PATH_MM),
        np.count_nonzero(before) * to_cc,
        np.count_nonzero(after) * to_cc,
        dice(before, after),
        tuple(
            Slice(_z_mm(grid, int(k)), _numbers(added[:, k]), _numbers(erased[:, k]))
            for k in np.flatnonzero((before != after).any(axis=(1, 2)))
        ),
    )


def _state(before: Mask, after: Mask) -> State:
    if not before.any() and after.any():
        return "added"
    if before.any() and not after.any():
        return "removed"
    return "unchanged" if np.array_equal(before, after) else "changed"


def _z_mm(grid: Grid, k: int) -> float:
    middle = (np.asarray(grid.shape_zyx) - 1) / 2
    return float(grid.to_lps_mm([k, middle[1], middle[2]])[2])


def _numbers(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _by_tolerance(part: Slice) -> dict[str, float]:
    row = {f"added_at_{mm:g}_mm": one for mm, one in zip(ADDED_PATH_MM, part.added_mm, strict=True)}
    return row | {f"erased_at_{mm:g}_mm": one for mm, one in zip(ADDED_PATH_MM, part.erased_mm, strict=True)}


def _change_as_dict(one: Change) -> dict[str, Any]:
    return {
        "roi": one.roi,
        "state": one.state,
        "before_cc": one.before_cc,
        "after_cc": one.after_cc,
        "dice": one.dice if one.dice == one.dice else None,
        "tolerances_mm": list(ADDED_PATH_MM),
        "added_mm": list(one.added_mm),
        "added_share": list(one.added_share),
        "slices": [{"z_mm": round(part.z_mm, 3), **_by_tolerance(part)} for part in one.slices],
    }
