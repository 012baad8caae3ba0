"""From an image and a contour to the voxels that features are read from.

Source: IBSI reference manual, arXiv 1612.07003, chapter 2
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.errors import GeometryError, InputError
from terasu.patient.grid import Grid
from terasu.patient.volume import Volume
from terasu.radiomics.regrid import Box, Order, Wanted, centred_grid, on_centred_grid

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
_AROUND_MM = 8.0  # image kept around the region: peaks look 6.2 mm far


@dataclass(frozen=True)
class Preparation:
    """What is done to image and region before features are read.

    Attributes:
        spacing_zyx_mm: voxel size to interpolate to, None for an axis that stays; None for no interpolation.
        interpolation: of the image; the region is always interpolated linearly, and one half is inside.
        whole_values: round to whole numbers after interpolation, as HU are.
        value_range: lowest and highest value that belongs to the region, ends included.
        outliers_sigma: values this many standard deviations away from the region's mean do not belong to it.
    """

    spacing_zyx_mm: Wanted | None = None
    interpolation: Order = "linear"
    whole_values: bool = True
    value_range: tuple[float, float] | None = None
    outliers_sigma: float | None = None


@dataclass(frozen=True, eq=False)
class Region:
    """An image around a region, and the region in it.

    Attributes:
        values: (z, y, x) float64; drawn: voxels of the contour; inside: those of them whose values count.
        spacing_zyx_mm: voxel size.
        grid: of the whole image after interpolation; box: where ``values`` lie in it.
        voxels: how many voxels were left after each step.
    """

    values: Array
    drawn: Mask
    inside: Mask
    spacing_zyx_mm: tuple[float, float, float]
    grid: Grid
    box: Box
    voxels: dict[str, int] = field(default_factory=dict)


def prepare(image: Volume, mask: Mask, how: Preparation, *, whole_image: bool = False) -> Region:
    """Interpolate, round and limit.

    Args:
        image: of any unit; mask: (z, y, x) on its grid.
        whole_image: keep the image beyond the region's surroundings.
    Raises:
        GeometryError: the mask has another shape than the image.
        InputError: an empty mask, values that are not finite in the region, or no voxel left after a step.
    """
    refuse_unfit(image, mask)
    grid = image.grid if how.spacing_zyx_mm is None else centred_grid(image.grid, how.spacing_zyx_mm)
    box = _all(grid) if whole_image else _around(mask, image.grid, grid)
    share = on_centred_grid(mask, image.grid, grid, "linear", box)
    drawn = share >= 0.5 - 1e-9
    values = on_centred_grid(image.values, image.grid, grid, how.interpolation, box)
    refuse_not_finite(values[drawn], "the region and the voxels that it is interpolated from")
    if how.whole_values:
        values = np.rint(values)
    voxels = {"drawn": int(np.count_nonzero(mask)), "interpolated": int(np.count_nonzero(drawn))}
    inside = drawn & _wanted(values, drawn, how)
    voxels["limited"] = int(np.count_nonzero(inside))
    _refuse_nothing_left(voxels, values[drawn], how)
    return Region(values, drawn, inside, grid.spacing_zyx_mm, grid, box, voxels)


def _wanted(values: Array, drawn: Mask, how: Preparation) -> Mask:
    """Where values lie in the range and are no outliers; both are judged on the whole region."""
    wanted = np.ones(values.shape, bool)
    if how.value_range is not None:
        wanted &= (values >= how.value_range[0]) & (values <= how.value_range[1])
    if how.outliers_sigma is not None and drawn.any():
        mean, sigma = float(values[drawn].mean()), float(values[drawn].std())
        wanted &= np.abs(values - mean) <= how.outliers_sigma * sigma
    return wanted


def box_of(mask: Mask) -> Box:
    """The smallest box that holds the mask."""
    z = _extent(mask.any(axis=(1, 2)))
    y = _extent(mask[z].any(axis=(0, 2)))
    return z, y, _extent(mask[z, y].any(axis=(0, 1)))


def _extent(some: Any) -> slice:
    places = np.flatnonzero(some)
    return slice(int(places[0]), int(places[-1]) + 1)


def _all(grid: Grid) -> Box:
    z, y, x = grid.shape_zyx
    return slice(0, z), slice(0, y), slice(0, x)


def _around(mask: Mask, old: Grid, new: Grid) -> Box:
    """The part of ``new`` that holds the region and what features look at around it."""
    box = []
    for axis, bounds in enumerate(box_of(mask)):
        step, n = new.spacing_zyx_mm[axis], new.shape_zyx[axis]
        middle = (old.shape_zyx[axis] - 1) / 2
        ends = (np.array([bounds.start, bounds.stop - 1]) - middle) * old.spacing_zyx_mm[axis]
        margin = _AROUND_MM + old.spacing_zyx_mm[axis]
        low = int(np.floor((ends[0] - margin) / step + (n - 1) / 2))
        high = int(np.ceil((ends[1] + margin) / step + (n - 1) / 2)) + 1
        box.append(slice(max(low, 0), min(high, n)))
    return box[0], box[1], box[2]


def refuse_unfit(image: Volume, mask: NDArray[Any]) -> None:
    """Refuse a mask of another shape, an empty or one-voxel region, and values in it that are not finite."""
    if mask.shape != image.grid.shape_zyx:
        raise GeometryError(
            "The mask does not lie on the image's grid.",
            got=f"mask {mask.shape}, image {image.grid.shape_zyx}",
            expected="the same (z, y, x) shape",
            todo="Resample the mask onto the image.",
        )
    if not mask.any():
        raise InputError(
            "The region is empty.",
            got="a mask without a voxel",
            expected="at least one voxel",
            todo="Check that the contour lies in this image and encloses the centre of a voxel.",
        )
    box = box_of(mask)
    if np.count_nonzero(mask[box]) == 1:
        raise InputError(
            "The region has one voxel.",
            got="1 voxel",
            expected="at least two; features of a texture mean little below 64",
            todo="Check the contour, or leave this region out.",
        )
    refuse_not_finite(image.values[box][mask[box]], "the region")


def refuse_not_finite(values: NDArray[Any], where: str) -> None:
    """Refuse NaN and infinity."""
    bad = values.size - int(np.count_nonzero(np.isfinite(values)))
    if bad:
        raise InputError(
            f"The image has values in {where} that are not finite.",
            got=f"{bad} of {values.size} voxels are NaN or infinite",
            expected="a number in every voxel",
            todo="Look for what wrote them, or leave them out of the contour.",
        )


def _refuse_nothing_left(voxels: dict[str, int], values: Array, how: Preparation) -> None:
    if voxels["interpolated"] == 0:
        raise InputError(
            "The region is smaller than a voxel of the wanted size.",
            got=f"{voxels['drawn']} voxels as drawn, none of {how.spacing_zyx_mm} mm (z, y, x)",
            expected="a region that covers at least half of one voxel",
            todo="Interpolate to smaller voxels, or leave this region out.",
        )
    if voxels["limited"] == 0:
        raise InputError(
            "No voxel of the region has a value in the wanted range.",
            got=f"values from {values.min():g} to {values.max():g}",
            expected=f"range {how.value_range}, outliers beyond {how.outliers_sigma} sigma left out",
            todo="Check the contour, or widen the range.",
        )
