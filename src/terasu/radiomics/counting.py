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
    _pairs(flat, voxels, slices, _steps(levels, ways), n, found.reshape(-1))
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
    lengths = np.zeros(len(ways) * ring, np.int16)
    _runs(flat, voxels, slices, steps, n, reached.shape[-1], reached.reshape(-1), lengths)
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
    counted = (one.reshape(-1) for one in (dependent, with_any, difference))
    _neighbours(flat, voxels, slices, steps, coarseness, n, *counted)
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
def _pairs(flat: Any, voxels: Any, slices: Any, steps: Any, n: int, found: Any) -> None:
    """Places are unsigned: a place that could be negative is looked at twice by the compiled code."""
    ways = len(steps)
    for k in range(len(voxels)):
        v = voxels[k]
        one = flat[np.uintp(v)] - 1
        for d in range(ways):
            other = flat[np.uintp(v + steps[d])]
            if other > 0:
                found[np.uintp(((slices[k] * ways + d) * n + one) * n + other - 1)] += 1


@njit(cache=True, nogil=True)
def _runs(
    flat: Any, voxels: Any, slices: Any, steps: Any, n: int, most: int, reached: Any, lengths: Any
) -> None:
    """How often a run reaches each length, without a branch on what a voxel's neighbour is.

    ``lengths`` is a ring for each direction, a power of two beyond the longest step: it remembers the run
    that ends in each of the last voxels. A place that was not written in this round is asked for only where
    the levels differ, and then counts nothing.
    """
    ways = len(steps)
    ring = len(lengths) // ways
    for k in range(len(voxels)):
        v = voxels[k]
        one = flat[np.uintp(v)]
        for d in range(ways):
            before = v - steps[d]
            same = flat[np.uintp(before)] == one
            now = 1 + lengths[np.uintp(d * ring + (before & (ring - 1)))] * same
            lengths[np.uintp(d * ring + (v & (ring - 1)))] = now
            reached[np.uintp(((slices[k] * ways + d) * n + one - 1) * most + now - 1)] += 1


@njit(cache=True, nogil=True)
def _zones(left: Any, distance: Any, voxels: Any, slices: Any, steps: Any) -> Any:
    """``left`` holds the levels of voxels that no zone has yet."""
    stack = np.empty(len(voxels), np.int64)
    found = np.empty((len(voxels), 4), np.int64)
    count = 0
    for k in range(len(voxels)):
        first = voxels[k]
        level = left[np.uintp(first)]
        if level == 0:
            continue
        size, least, top = 0, distance[np.uintp(first)], 1
        stack[0], left[np.uintp(first)] = first, 0
        while top > 0:
            top -= 1
            v = stack[np.uintp(top)]
            size += 1
            least = min(least, distance[np.uintp(v)])
            for d in range(len(steps)):
                for other in (v + steps[d], v - steps[d]):
                    if left[np.uintp(other)] == level:
                        left[np.uintp(other)] = 0
                        stack[np.uintp(top)] = other
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
    n: int,
    dependent: Any,
    with_any: Any,
    difference: Any,
) -> None:
    for k in range(len(voxels)):
        v = voxels[k]
        one = flat[np.uintp(v)]
        alike, around, total = 1, 0, 0
        for d in range(len(steps)):
            after, before = flat[np.uintp(v + steps[d])], flat[np.uintp(v - steps[d])]
            around += (after > 0) + (before > 0)
            total += after + before
            alike += (after > 0) & (abs(after - one) <= near)
            alike += (before > 0) & (abs(before - one) <= near)
        place = slices[k] * n + one - 1
        dependent[np.uintp(place * 27 + alike - 1)] += 1
        if around > 0:
            with_any[np.uintp(place)] += 1
            difference[np.uintp(place)] += abs(one - total / around)
