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


@njit(cache=True, nogil=True)
def pairs(levels: Levels, offsets: Any, n: int, by_slice: bool) -> Counts:
    """Co-occurrence, symmetric, (slices or 1, directions, n, n)."""
    depth, rows, columns = levels.shape
    found = np.zeros((depth if by_slice else 1, len(offsets), n, n))
    for z in range(depth):
        s = z if by_slice else 0
        for y in range(rows):
            for x in range(columns):
                one = levels[z, y, x]
                if one == 0:
                    continue
                for d in range(len(offsets)):
                    a, b, c = z + offsets[d, 0], y + offsets[d, 1], x + offsets[d, 2]
                    if 0 <= a < depth and 0 <= b < rows and 0 <= c < columns and levels[a, b, c] > 0:
                        other = levels[a, b, c]
                        found[s, d, one - 1, other - 1] += 1
                        found[s, d, other - 1, one - 1] += 1
    return found


@njit(cache=True, nogil=True)
def runs(levels: Levels, offsets: Any, n: int, by_slice: bool) -> Counts:
    """Runs of one level along each direction, (slices or 1, directions, n, longest)."""
    depth, rows, columns = levels.shape
    found = np.zeros((depth if by_slice else 1, len(offsets), n, max(depth, rows, columns)))
    for d in range(len(offsets)):
        dz, dy, dx = offsets[d]
        for z in range(depth):
            for y in range(rows):
                for x in range(columns):
                    one = levels[z, y, x]
                    if one == 0:
                        continue
                    a, b, c = z - dz, y - dy, x - dx
                    if 0 <= a < depth and 0 <= b < rows and 0 <= c < columns and levels[a, b, c] == one:
                        continue  # not the run's first voxel
                    length, a, b, c = 0, z, y, x
                    while 0 <= a < depth and 0 <= b < rows and 0 <= c < columns and levels[a, b, c] == one:
                        length, a, b, c = length + 1, a + dz, b + dy, c + dx
                    found[z if by_slice else 0, d, one - 1, length - 1] += 1
    return found


@njit(cache=True, nogil=True)
def zones(levels: Levels, distance: Levels, in_slice: bool) -> NDArray[np.int64]:
    """Connected voxels of one level (8 neighbours in a slice, 26 in a volume), flooded one by one.

    Args:
        distance: of every voxel to the edge of the region, 1 at the edge.
    Returns:
        (zones, 4): slice it begins in, level, voxels, smallest distance.
    """
    depth, rows, columns = levels.shape
    seen = levels == 0
    stack = np.empty((levels.size, 3), np.int64)
    found = np.empty((levels.size, 4), np.int64)
    count = 0
    reach = 0 if in_slice else 1
    for z in range(depth):
        for y in range(rows):
            for x in range(columns):
                if seen[z, y, x]:
                    continue
                level, size, least, top = levels[z, y, x], 0, distance[z, y, x], 1
                stack[0] = (z, y, x)
                seen[z, y, x] = True
                while top > 0:
                    top -= 1
                    a, b, c = stack[top]
                    size += 1
                    least = min(least, distance[a, b, c])
                    for p in range(max(a - reach, 0), min(a + reach + 1, depth)):
                        for q in range(max(b - 1, 0), min(b + 2, rows)):
                            for r in range(max(c - 1, 0), min(c + 2, columns)):
                                if not seen[p, q, r] and levels[p, q, r] == level:
                                    seen[p, q, r] = True
                                    stack[top] = (p, q, r)
                                    top += 1
                found[count, 0], found[count, 1] = z, level
                found[count, 2], found[count, 3] = size, least
                count += 1
    return found[:count]


@njit(cache=True, nogil=True)
def neighbours(levels: Levels, n: int, in_slice: bool, coarseness: int) -> Any:
    """Every voxel's neighbours (8 in a slice, 26 in a volume).

    Args:
        coarseness: levels this near to one another depend on each other (IBSI's α).
    Returns:
        (slices, n, 27): how many voxels of a level have so many dependent voxels, themselves included;
        (slices, n): voxels that have a neighbour; (slices, n): sum of their difference to their
        neighbours' mean.
    """
    depth, rows, columns = levels.shape
    dependent = np.zeros((depth, n, 27))
    with_any, difference = np.zeros((depth, n)), np.zeros((depth, n))
    reach = 0 if in_slice else 1
    for z in range(depth):
        for y in range(rows):
            for x in range(columns):
                one = levels[z, y, x]
                if one == 0:
                    continue
                alike, around, total = 0, -1, -float(one)
                for p in range(max(z - reach, 0), min(z + reach + 1, depth)):
                    for q in range(max(y - 1, 0), min(y + 2, rows)):
                        for r in range(max(x - 1, 0), min(x + 2, columns)):
                            other = levels[p, q, r]
                            if other > 0:
                                around += 1
                                total += other
                                alike += abs(other - one) <= coarseness
                dependent[z, one - 1, alike - 1] += 1
                if around > 0:
                    with_any[z, one - 1] += 1
                    difference[z, one - 1] += abs(one - total / around)
    return dependent, with_any, difference
