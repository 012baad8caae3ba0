"""Grey levels counted: pairs, runs, zones and neighbours, compiled.

``levels`` is (z, y, x) int32 everywhere: 0 outside of the region of interest, else 1 … n. Pairs, runs and
zones only ask whether levels are equal, so they are counted on levels without gaps, see ``without_gaps``.
``by_slice`` keeps one matrix a slice; without it slices are counted together. Loops run in one fixed order,
so counts do not depend on threads.
"""

from __future__ import annotations

from itertools import product
from typing import Any, Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

Levels = NDArray[np.int32]
Counts = NDArray[np.float64]
Whole = NDArray[np.int64]
Reach = Literal["slice", "volume"]


def without_gaps(levels: Levels) -> tuple[Levels, Whole]:
    """The same voxels with levels 1 … n, none of them empty, and the n levels that these stand for."""
    present = np.flatnonzero(np.bincount(levels.ravel())[1:]) + 1
    places = np.zeros(int(present[-1]) + 1, np.int32)
    places[present] = np.arange(1, len(present) + 1)
    return np.ascontiguousarray(places[levels], dtype=np.int32), present.astype(np.int64)


def directions(reach: Reach) -> NDArray[np.int64]:
    """Offsets (n, 3) along (z, y, x), one of every opposite pair: 4 in a slice, 13 in a volume."""
    half = [step for step in product((-1, 0, 1), repeat=3) if step > (0, 0, 0)]
    return np.array([step for step in half if reach == "volume" or step[0] == 0], dtype=np.int64)


def pairs(levels: Levels, ways: Whole, n: int, by_slice: bool) -> Counts:
    """Co-occurrence along ``ways``, symmetric, (slices or 1, directions, n, n)."""
    flat, voxels, slices = _flat(levels, by_slice)
    found = np.zeros((len(levels) if by_slice else 1, len(ways), n, n), np.int64)
    _pairs(flat, voxels, slices, _steps(levels, ways), found)
    return np.asarray(found + np.swapaxes(found, -1, -2), np.float64)


def runs(levels: Levels, ways: Whole, n: int, by_slice: bool, most: int | None = None) -> Counts:
    """Runs of one level along each of ``ways``, (slices or 1, directions, n, longest).

    Args:
        most: voxels that a run can have, where this is less than the size of the volume. By slice, a run that
            leaves its slice is told in parts, and the sum over the slices is right.
    """
    flat, voxels, slices = _flat(levels, by_slice)
    reached = np.zeros(
        (len(levels) if by_slice else 1, len(ways), n, (most or max(levels.shape)) + 1), np.int64
    )
    steps = _steps(levels, ways)
    ring = 1 << int(steps.max()).bit_length()
    _runs(flat, voxels, slices, steps, reached, np.zeros((ring, len(ways)), np.int32))
    longest = int(np.flatnonzero(reached.any(axis=(0, 1, 2)))[-1]) + 1
    return np.asarray(reached[..., :longest] - reached[..., 1 : longest + 1], np.float64)


def zones(levels: Levels, distance: Levels, in_slice: bool) -> Whole:
    """Connected voxels of one level (8 neighbours in a slice, 26 in a volume), flooded one by one.

    Args:
        distance: of every voxel to the edge of the region, 1 at the edge.
    Returns:
        (zones, 4): slice it begins in, level, voxels, smallest distance.
    """
    flat, voxels, slices = _flat(levels, True)
    steps = _steps(levels, directions("slice" if in_slice else "volume"))
    return np.asarray(_zones(flat, np.pad(distance, 1).ravel(), voxels, slices, steps))


def neighbours(levels: Levels, n: int, in_slice: bool, coarseness: int) -> tuple[Counts, Counts, Counts]:
    """Every voxel's neighbours (8 in a slice, 26 in a volume).

    Args:
        coarseness: levels this near to one another depend on each other (IBSI's α).
    Returns:
        (slices, n, 27): how many voxels of a level have so many dependent voxels, themselves included;
        (slices, n): voxels that have a neighbour; (slices, n): sum of their difference to their
        neighbours' mean.
    """
    flat, voxels, slices = _flat(levels, True)
    steps = _steps(levels, directions("slice" if in_slice else "volume"))
    dependent = np.zeros((len(levels), n, 27))
    with_any, difference = np.zeros((len(levels), n)), np.zeros((len(levels), n))
    _neighbours(flat, voxels, slices, steps, coarseness, dependent, with_any, difference)
    return dependent, with_any, difference


def _flat(levels: Levels, by_slice: bool) -> tuple[Levels, Whole, Whole]:
    """Levels with a border of 0 in one row; the places of the region's voxels in it, and their slices."""
    flat = np.pad(levels, 1).ravel()
    voxels = np.asarray(_places(flat), np.int64)
    if not by_slice:
        return flat, voxels, np.zeros(len(voxels), np.int64)
    return flat, voxels, voxels // (flat.size // (len(levels) + 2)) - 1


def _steps(levels: Levels, ways: Whole) -> Whole:
    """From a voxel to the next along each of ``ways`` in ``_flat``."""
    _, rows, columns = levels.shape
    return np.asarray(ways @ ((rows + 2) * (columns + 2), columns + 2, 1), np.int64)


@njit(cache=True, nogil=True)
def _places(flat: Any) -> Any:
    """``flatnonzero``, some times faster."""
    found = np.empty(len(flat), np.int64)
    n = 0
    for v in range(len(flat)):
        found[n] = v
        n += flat[v] != 0
    return found[:n].copy()


@njit(cache=True, nogil=True)
def _pairs(flat: Any, voxels: Any, slices: Any, steps: Any, found: Any) -> None:
    for k in range(len(voxels)):
        v, s = voxels[k], slices[k]
        one = flat[v] - 1
        for d in range(len(steps)):
            other = flat[v + steps[d]]
            if other > 0:
                found[s, d, one, other - 1] += 1


@njit(cache=True, nogil=True)
def _runs(flat: Any, voxels: Any, slices: Any, steps: Any, reached: Any, lengths: Any) -> None:
    """How often a run reaches each length, without a branch on what a voxel's neighbour is.

    ``lengths`` (a power of two beyond the longest step, directions) is a ring: it remembers the run that ends
    in each of the last voxels. A place that was not written in this round is asked for only where the levels
    differ, and then counts nothing.
    """
    ring = len(lengths) - 1
    for k in range(len(voxels)):
        v, s = voxels[k], slices[k]
        one, here = flat[v], v & ring
        for d in range(len(steps)):
            before = v - steps[d]
            now = 1 + lengths[before & ring, d] * (flat[before] == one)
            lengths[here, d] = now
            reached[s, d, one - 1, now - 1] += 1


@njit(cache=True, nogil=True)
def _zones(left: Any, distance: Any, voxels: Any, slices: Any, steps: Any) -> Any:
    """``left`` holds the levels of voxels that no zone has yet."""
    stack = np.empty(len(voxels), np.int64)
    found = np.empty((len(voxels), 4), np.int64)
    count = 0
    for k in range(len(voxels)):
        first = voxels[k]
        level = left[first]
        if level == 0:
            continue
        size, least, top = 0, distance[first], 1
        stack[0], left[first] = first, 0
        while top > 0:
            top -= 1
            v = stack[top]
            size += 1
            least = min(least, distance[v])
            for step in steps:
                for other in (v + step, v - step):
                    if left[other] == level:
                        left[other] = 0
                        stack[top] = other
                        top += 1
        found[count, 0], found[count, 1] = slices[k], level
        found[count, 2], found[count, 3] = size, least
        count += 1
    return found[:count]


@njit(cache=True, nogil=True)
def _neighbours(
    flat: Any,
    voxels: Any,
    slices: Any,
    steps: Any,
    near: int,
    dependent: Any,
    with_any: Any,
    difference: Any,
) -> None:
    for k in range(len(voxels)):
        v, s = voxels[k], slices[k]
        one = flat[v]
        alike, around, total = 1, 0, 0
        for step in steps:
            for other in (flat[v + step], flat[v - step]):
                if other > 0:
                    around += 1
                    total += other
                    alike += abs(other - one) <= near
        dependent[s, one - 1, alike - 1] += 1
        if around > 0:
            with_any[s, one - 1] += 1
            difference[s, one - 1] += abs(one - total / around)
