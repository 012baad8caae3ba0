"""Deformable match of the planning CT to the day, both ways, inside of the day's field of view."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from terasu.errors import GeometryError
from terasu.patient.grid import Grid
from terasu.patient.resample import resample, to_sitk, to_sitk_transform
from terasu.patient.structures import Mask
from terasu.patient.transform import Deformation, Rigid
from terasu.patient.volume import Volume
from terasu.register.demons import DemonsSettings, demons_displacement, demons_name
from terasu.register.field import after_rigid
from terasu.register.greedy import GreedySettings, greedy_both_ways, greedy_name, has_greedy
from terasu.register.level import box_of, flattened, thinned
from terasu.register.rigid import refuse_unfit

Tool = Literal["greedy", "demons"]
_AIR_HU = -1000.0


@dataclass(frozen=True)
class DeformableSettings:
    """How the deformation is looked for.

    Attributes:
        tool: ``greedy`` or ``demons``; if None, Greedy where it is installed.
        spacing_mm: working spacing; an axis that is coarser already stays.
        fall_off_mm: outside of the field of view the deformation fades to the rigid match over this distance.
        flatten_mm: width of the surroundings that each voxel is measured against before the match.
        greedy, demons: settings of the tools.
    """

    tool: Tool | None = None
    spacing_mm: float = 3.0
    fall_off_mm: float = 30.0
    flatten_mm: float = 20.0
    greedy: GreedySettings = field(default_factory=GreedySettings)
    demons: DemonsSettings = field(default_factory=DemonsSettings)


@dataclass(frozen=True, eq=False)
class DeformableResult:
    """A deformation and what is needed to judge it.

    Attributes:
        local: p → p + d(p), the day's space onto itself, beside the rigid match; on the whole of the
            day's grid at working spacing.
        reverse: q → q + e(q), matched on its own in the other direction, so that local and reverse
            together tell how far the match can be believed.
        rigid: day → planning.
        view: field of view on the field's grid.
        tool: name and version.
        seconds: wall time.
    """

    local: Deformation
    reverse: Deformation
    rigid: Rigid
    view: Mask
    tool: str
    seconds: float

    @cached_property
    def deformation(self) -> Deformation:
        """The whole map, day → planning CT: p → rigid(p + d(p)); for ``resample(…, through=…)``."""
        return after_rigid(self.local, self.rigid)


def register_deformable(
    planning: Volume,
    day: Volume,
    *,
    rigid: Rigid,
    view: Mask,
    settings: DeformableSettings | None = None,
) -> DeformableResult:
    """Bend the planning CT to the day's CBCT.

    Args:
        planning: planning CT [HU].
        day: CBCT [HU]; the result is defined on its grid.
        rigid: day → planning CT [LPS mm]; the match begins here and ends here outside of the field of view.
        view: (z, y, x) on the day's grid, its field of view.
        settings: tool and smoothness.
    Returns:
        DeformableResult; it has to pass ``gate`` before anybody relies on it.
    Raises:
        RegistrationError: an image is no CT or empty, or the tool failed.
        MissingPartError: Greedy was asked for and is not installed.
    """
    began = time.perf_counter()
    chosen = settings or DeformableSettings()
    if view.shape != day.grid.shape_zyx:
        raise GeometryError("The field of view does not fit the day's grid.", got=str(view.shape))
    refuse_unfit("day's", day, view)
    refuse_unfit("planning", planning)
    grid = working_grid(day.grid, chosen.spacing_mm)
    seen = resample(Volume(view, day.grid), grid, interpolation="nearest", outside=0).values
    pair = _pair(planning, day, rigid, grid, seen, chosen)
    tool, there, back = _both_ways(pair, chosen)
    fade = _fade(seen, grid, chosen.fall_off_mm)
    return DeformableResult(
        local=_embedded(there, pair.start_kji, fade, grid, tool),
        reverse=_embedded(back, pair.start_kji, fade, grid, tool),
        rigid=rigid,
        view=seen,
        tool=tool,
        seconds=time.perf_counter() - began,
    )


def working_grid(grid: Grid, spacing_mm: float) -> Grid:
    """The same outer box at ``spacing_mm``, coarser axes left as they are."""
    z, y, x = (max(spacing_mm, spacing) for spacing in grid.spacing_zyx_mm)
    return grid.with_spacing((z, y, x))


@dataclass(frozen=True, eq=False)
class _Pair:
    day: Any
    planning: Any
    mask: Any
    start_kji: tuple[int, int, int]


def _pair(
    planning: Volume, day: Volume, rigid: Rigid, grid: Grid, seen: Mask, settings: DeformableSettings
) -> _Pair:
    """Both images on the field of view's box with a margin for the fall-off."""
    start, stop = _wider_box(seen, grid, settings.fall_off_mm)
    part = grid.crop(start, stop)
    mask = _without_rim(seen[tuple(slice(*ends) for ends in zip(start, stop, strict=True))])
    reference = to_sitk(mask, part)
    placed = [
        sitk.Resample(
            thinned(image, settings.spacing_mm), reference, to_sitk_transform(how), sitk.sitkLinear, _AIR_HU
        )
        for image, how in ((day, None), (planning, rigid))
    ]
    return _Pair(placed[0], placed[1], reference, start)


def _without_rim(seen: Mask) -> Mask:
    """Less one voxel in the slice plane: thinned there, padding has been mixed in."""
    return np.asarray(ndimage.binary_erosion(seen, np.ones((1, 3, 3), bool)))


def _wider_box(seen: Mask, grid: Grid, margin_mm: float) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    low, high = box_of(seen)
    margin = np.ceil(margin_mm / np.asarray(grid.spacing_zyx_mm)).astype(int)
    k, j, i = (int(n) for n in np.maximum(np.asarray(low) - margin, 0))
    kk, jj, ii = (int(n) for n in np.minimum(np.asarray(high) + margin, grid.shape_zyx))
    return (k, j, i), (kk, jj, ii)


def _both_ways(pair: _Pair, settings: DeformableSettings) -> tuple[str, NDArray[Any], NDArray[Any]]:
    """(tool, day → planning, planning → day); both see flattened images, so that shading bends nothing."""
    tool = settings.tool or ("greedy" if has_greedy() else "demons")
    mask = sitk.GetArrayFromImage(pair.mask) > 0
    day, planning = (flattened(image, mask, settings.flatten_mm) for image in (pair.day, pair.planning))
    if tool == "greedy":
        return greedy_name(), *greedy_both_ways(day, planning, pair.mask, settings.greedy)
    there = demons_displacement(day, planning, settings.demons)
    return demons_name(), there, demons_displacement(planning, day, settings.demons)


def _fade(seen: Mask, grid: Grid, fall_off_mm: float) -> NDArray[np.float32]:
    """1 in the field of view, 0 beyond ``fall_off_mm``, a smooth step between."""
    away = ndimage.distance_transform_edt(~seen, sampling=grid.spacing_zyx_mm)
    near = np.clip(1 - away / fall_off_mm, 0.0, 1.0)
    return np.asarray(near * near * (3 - 2 * near), np.float32)


def _embedded(
    displacement: NDArray[Any],
    start_kji: tuple[int, int, int],
    fade: NDArray[np.float32],
    grid: Grid,
    tool: str,
) -> Deformation:
    """The box's field within the whole grid, faded."""
    whole = np.zeros((*grid.shape_zyx, 3), np.float32)
    box = tuple(slice(a, a + n) for a, n in zip(start_kji, displacement.shape[:3], strict=True))
    whole[box] = displacement * fade[box][..., None]
    return Deformation(whole, grid, tool)
