"""An image and a region moved by parts of a voxel and turned within the slice, in one interpolation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from terasu.radiomics.regrid import Box, Order

Array = NDArray[np.float64]
Triple = tuple[float, float, float]
READ_AROUND = 7
"""Voxels that are read around what is wanted; a cubic spline forgets what lies beyond by 0.27 a voxel."""


@dataclass(frozen=True)
class Movement:
    """Where the content of an image goes.

    Attributes:
        shift_zyx: in voxels along (z, y, x).
        rotation_deg: within the slice, from the column axis x towards the row axis y.
        centre_zyx: voxel index that is turned about, before the shift.
        spacing_zyx_mm: a turn is a turn in mm, also where rows and columns are of another size.
    """

    shift_zyx: Triple
    rotation_deg: float
    centre_zyx: Triple
    spacing_zyx_mm: Triple

    @property
    def back_yx(self) -> Array:
        """2 × 2: a step (y, x) in the moved image to the step in the image as it was, in voxels."""
        angle = np.radians(self.rotation_deg)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        step = np.asarray(self.spacing_zyx_mm[1:])
        return np.asarray(turn * step[None, :] / step[:, None])

    def came_from(self, index_zyx: Array) -> Array:
        """Voxel index (…, 3) in the moved image to where its content was."""
        step = index_zyx - np.asarray(self.centre_zyx) - np.asarray(self.shift_zyx)
        turned = np.concatenate([step[..., :1], step[..., 1:] @ self.back_yx.T], axis=-1)
        return np.asarray(turned + np.asarray(self.centre_zyx))


def moved(values: NDArray[Any], box: Box, movement: Movement, order: Order) -> Array:
    """The part ``box`` of the image after the movement.

    Only what this part needs is read. Beyond the outermost voxel centres the outermost value holds.

    Args:
        values: (z, y, x) the whole image before, or a mask.
        box: of the image after.
        order: of the interpolation; a tensor product of B-splines.
    Returns:
        float64, of the shape of ``box``.
    """
    start, stop = _reads(box, movement)
    found = _padded(values, start, stop)
    first = np.array([one.start for one in box], np.float64)
    shape = [one.stop - one.start for one in box]
    if order == "cubic":
        for axis in range(3):
            found = ndimage.spline_filter1d(found, 3, axis=axis, mode="mirror")
    if movement.rotation_deg == 0:
        origin = first - np.asarray(movement.shift_zyx) - start
        for axis in range(3):
            found = _shifted(found, axis, float(origin[axis]), shape[axis], order)
        return found
    origin = movement.came_from(first) - start
    found = _shifted(found, 0, float(origin[0]), shape[0], order)
    return _turned(found, movement.back_yx, origin[1:], (shape[1], shape[2]), order)


def _reads(box: Box, movement: Movement) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """From and up to which voxel the image is read; may lie beyond it."""
    picks = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)], bool)
    low, high = np.array([one.start for one in box]), np.array([one.stop - 1 for one in box])
    places = movement.came_from(np.where(picks, high, low).astype(np.float64))
    start = np.floor(places.min(axis=0)).astype(np.int64) - READ_AROUND
    return start, np.ceil(places.max(axis=0)).astype(np.int64) + READ_AROUND + 1


def _padded(values: NDArray[Any], start: NDArray[np.int64], stop: NDArray[np.int64]) -> Array:
    """The part from ``start`` to ``stop``, which may lie beyond the image: its outermost values go on."""
    reads = [np.clip(np.arange(a, b), 0, n - 1) for a, b, n in zip(start, stop, values.shape, strict=True)]
    return np.asarray(values[np.ix_(*reads)], dtype=np.float64)


def _shifted(values: Array, axis: int, origin: float, count: int, order: Order) -> Array:
    """``count`` samples along an axis, one voxel apart, the first at ``origin``."""
    whole = int(np.floor(origin))
    first, weights = _taps(origin - whole, order)
    found = None
    for offset, weight in enumerate(weights):
        place = whole + first + offset
        cut: list[slice] = [slice(None)] * 3
        cut[axis] = slice(place, place + count)
        part = weight * values[tuple(cut)]
        found = part if found is None else np.add(found, part, out=found)
    return np.asarray(found)


def _taps(f: Any, order: Order) -> tuple[int, tuple[Any, ...]]:
    """Weights of the neighbours of a place ``f`` beyond a voxel, and which neighbour is the first."""
    if order == "linear":
        return 0, (1 - f, f)
    g = 1 - f
    return -1, (g**3 / 6, 2 / 3 - f**2 * (2 - f) / 2, 2 / 3 - g**2 * (2 - g) / 2, f**3 / 6)


def _turned(
    values: Array, back_yx: Array, origin_yx: Array, shape_yx: tuple[int, int], order: Order
) -> Array:
    """Every slice at the same turned places; ``origin_yx`` is where the first voxel came from."""
    rows, columns = np.indices(shape_yx, dtype=np.float64)
    y = back_yx[0, 0] * rows + back_yx[0, 1] * columns + origin_yx[0]
    x = back_yx[1, 0] * rows + back_yx[1, 1] * columns + origin_yx[1]
    first, along_y = _taps_at(y, order)
    column, along_x = _taps_at(x, order)
    found = np.empty((len(values), *shape_yx))
    _sum_taps(np.ascontiguousarray(values), first, column, along_y, along_x, found)
    return found


def _taps_at(places: Array, order: Order) -> tuple[NDArray[np.int64], Array]:
    """The first neighbour of every place, and the weights (…, taps) of that one and the next."""
    whole = np.floor(places)
    first, weights = _taps(places - whole, order)
    return whole.astype(np.int64) + first, np.stack(weights, axis=-1)


@njit(nogil=True, cache=True)
def _sum_taps(
    values: Array,
    row: NDArray[np.int64],
    column: NDArray[np.int64],
    along_y: Array,
    along_x: Array,
    found: Array,
) -> None:
    taps = along_y.shape[2]
    for k in range(found.shape[0]):
        for j in range(found.shape[1]):
            for i in range(found.shape[2]):
                total = 0.0
                for a in range(taps):
                    part = 0.0
                    for b in range(taps):
                        part += along_x[j, i, b] * values[k, row[j, i] + a, column[j, i] + b]
                    total += along_y[j, i, a] * part
                found[k, j, i] = total
