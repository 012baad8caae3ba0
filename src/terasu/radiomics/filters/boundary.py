"""How an image goes on beyond its border (IBSI-2, boundary handling), and what goes into a filter."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.radiomics.regrid import Box

Array = NDArray[np.float64]
Boundary = Literal["zero", "nearest", "periodic", "mirror"] | float
"""Zeros, the outermost voxel, the other end, the mirror image (outermost voxel twice), or a number."""

Reach = tuple[int, int, int]
Spacing = tuple[float, float, float]
NAMES = ("zero", "nearest", "periodic", "mirror")


def box_in(values: NDArray[Any], box: Box | None) -> Box:
    """The box, or the one that holds every voxel.

    Raises:
        InputError: an empty box, or one that is not inside of the image.
    """
    z, y, x = values.shape
    if box is None:
        return slice(0, z), slice(0, y), slice(0, x)
    if any(not 0 <= one.start < one.stop <= n for one, n in zip(box, (z, y, x), strict=True)):
        raise InputError(
            "The box is not a part of the image.",
            got=", ".join(f"{one.start}:{one.stop}" for one in box),
            expected=f"at least one voxel, inside of {values.shape} (z, y, x)",
            todo="Cut the box off where the image ends.",
        )
    return box


def extended(values: NDArray[Any], box: Box, reach_zyx: Reach, boundary: Boundary) -> Array:
    """The voxels of ``box`` and those around it, made up where the image has none.

    Args:
        values: (z, y, x) whole image; box: a part of it.
        reach_zyx: how many voxels more on each side.
    Returns:
        float64, of the shape of ``box`` and twice the reach.
    Raises:
        InputError: NaN or infinite values among these voxels.
    """
    block: NDArray[Any] = values
    for axis, (bounds, reach) in enumerate(zip(box, reach_zyx, strict=True)):
        block = _along(block, axis, np.arange(bounds.start - reach, bounds.stop + reach), boundary)
    block = np.ascontiguousarray(block, dtype=np.float64)
    bad = int(np.count_nonzero(~np.isfinite(block)))
    if bad:
        raise InputError(
            "The filter meets values that are not finite.",
            got=f"{bad} of {block.size} voxels in its reach are NaN or infinite",
            expected="a number in every voxel",
            todo="Fill these voxels, or crop the image so that the filter does not reach them.",
        )
    return block


def _along(values: NDArray[Any], axis: int, places: NDArray[np.intp], boundary: Boundary) -> NDArray[Any]:
    n = values.shape[axis]
    outside = (places < 0) | (places >= n)
    if not outside.any():
        inside = (slice(None),) * axis + (slice(int(places[0]), int(places[-1]) + 1),)
        return np.asarray(values[inside])
    if boundary == "periodic":
        return np.asarray(np.take(values, places % n, axis=axis))
    if boundary == "mirror":
        twice = places % (2 * n)
        return np.asarray(np.take(values, np.where(twice < n, twice, 2 * n - 1 - twice), axis=axis))
    found = np.take(values, np.clip(places, 0, n - 1), axis=axis)
    if boundary != "nearest":
        found = found.astype(np.float64)
        found[(slice(None),) * axis + (outside,)] = 0.0 if boundary == "zero" else boundary
    return found


def refuse_unknown_boundary(boundary: Boundary) -> None:
    """Refuse a boundary that has no name here and is no number."""
    number = isinstance(boundary, (int, float)) and np.isfinite(boundary)
    if not number and boundary not in NAMES:
        raise InputError(
            "No such boundary.",
            got=repr(boundary),
            expected=f"one of {', '.join(NAMES)}, or a number to fill with",
            todo="Correct the recipe; the benchmarks of IBSI-2 on CT take mirror.",
        )


def refuse_unfit_image(values: NDArray[Any], spacing_zyx_mm: Spacing) -> None:
    """Refuse what is no volume, and voxels without a size."""
    if values.ndim != 3 or not values.size:
        raise InputError(
            "A filter works on one volume.",
            got=f"an array of shape {values.shape}",
            expected="three axes (z, y, x); a single slice has shape (1, y, x)",
            todo="Filter one image after the other.",
        )
    if len(spacing_zyx_mm) != 3 or not all(np.isfinite(step) and step > 0 for step in spacing_zyx_mm):
        raise InputError(
            "Voxel sizes must be positive.",
            got=str(spacing_zyx_mm),
            expected="three sizes in mm along (z, y, x)",
            todo="Read the image's spacing again.",
        )
