"""Co-occurrence features in a cube around every voxel, compiled.

A cube of 27 voxels holds few levels, so that its matrices are small.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from terasu.radiomics.cooccurrence import NAMES, features_of_matrix
from terasu.radiomics.counting import Levels, Whole

Array = NDArray[np.float64]


def cooccurrence_around(levels: Levels, centres: Whole, reach: Whole, ways: Whole, together: bool) -> Array:
    """Twenty-five features and the maximal correlation of the pairs within a cube around each centre.

    Args:
        levels: (z, y, x), 0 outside of the region, with a border of 0 as wide as ``reach``.
        centres: (n, 3) indices in it; reach: (3,) half the cube's size, without its centre.
        ways: directions (m, 3) of which one of every opposite pair counts.
        together: directions counted together, not averaged.
    Returns:
        (n, 26), averaged over the directions that have a pair; NaN where none has.
    """
    found = np.empty((len(centres), len(NAMES) + 1))
    highest, is_flat = int(levels.max()), len(np.unique(levels[levels > 0])) == 1
    _around(np.ascontiguousarray(levels, np.int32), centres, reach, ways, together, highest, is_flat, found)
    return found


@njit(cache=True, nogil=True)
def _around(
    levels: Any, centres: Any, reach: Any, ways: Any, together: bool, highest: int, is_flat: bool, found: Any
) -> None:
    most = min((2 * reach[0] + 1) * (2 * reach[1] + 1) * (2 * reach[2] + 1), highest)
    counts, row = np.zeros((most, most)), np.empty(found.shape[1])
    place, present = np.zeros(highest + 1, np.int64), np.empty(most, np.int64)
    parts = 1 if together else len(ways)
    for which in range(len(centres)):
        low, high = centres[which] - reach, centres[which] + reach
        n = _present(levels, low, high, place, present)
        found[which] = 0.0
        told = 0
        for part in range(parts):
            counts[:n, :n] = 0.0
            total = 0.0
            for d in range(len(ways) if together else 1):
                total += _pairs(levels, low, high, ways[part + d], place, counts)
            if total == 0:
                continue
            features_of_matrix(counts[:n, :n], total, present[:n], highest, row)
            row[-1] = 1.0 if is_flat else _maximal_correlation(counts[:n, :n])
            found[which] += row
            told += 1
        if told > 0:
            found[which] /= told
        else:
            found[which] = np.nan


@njit(cache=True, nogil=True)
def _present(levels: Any, low: Any, high: Any, place: Any, present: Any) -> int:
    """The levels of a cube in ascending order, and where each stands among them."""
    place[:] = -1
    for z in range(low[0], high[0] + 1):
        for y in range(low[1], high[1] + 1):
            for x in range(low[2], high[2] + 1):
                place[levels[z, y, x]] = 0
    n = 0
    for level in range(1, len(place)):
        if place[level] == 0:
            place[level], present[n] = n, level
            n += 1
    return n


@njit(cache=True, nogil=True)
def _pairs(levels: Any, low: Any, high: Any, way: Any, place: Any, counts: Any) -> float:
    """Count the pairs along one direction both ways; how many there are."""
    total = 0.0
    for z in range(max(low[0], low[0] - way[0]), min(high[0], high[0] - way[0]) + 1):
        for y in range(max(low[1], low[1] - way[1]), min(high[1], high[1] - way[1]) + 1):
            for x in range(max(low[2], low[2] - way[2]), min(high[2], high[2] - way[2]) + 1):
                one, other = levels[z, y, x], levels[z + way[0], y + way[1], x + way[2]]
                if one > 0 and other > 0:
                    counts[place[one], place[other]] += 1
                    counts[place[other], place[one]] += 1
                    total += 2
    return total


@njit(cache=True, nogil=True)
def _maximal_correlation(counts: Any) -> float:
    """The second largest singular value of a matrix, normalised by its marginals.

    1 has the multiplicity of the parts that levels fall into by pairs, so eigenvalues are needed only where
    all levels hang together; 0 where there is one level.
    """
    n = len(counts)
    marginal, used = np.zeros(n), np.empty(n, np.int64)
    k = 0
    for a in range(n):
        marginal[a] = counts[a].sum()
        if marginal[a] > 0:
            used[k] = a
            k += 1
    if k == 1:
        return 0.0
    if not _hang_together(counts, used[:k]):
        return 1.0
    scaled = np.empty((k, k))
    for a in range(k):
        for b in range(k):
            scaled[a, b] = counts[used[a], used[b]] / np.sqrt(marginal[used[a]] * marginal[used[b]])
    sizes = np.sort(np.abs(np.linalg.eigvalsh(scaled)))
    return float(min(sizes[-2], 1.0))


@njit(cache=True, nogil=True)
def _hang_together(counts: Any, used: Any) -> bool:
    """Whether every level can be reached from the first one through pairs."""
    k = len(used)
    reached, stack = np.zeros(k, np.bool_), np.empty(k, np.int64)
    reached[0], stack[0] = True, 0
    top, n = 1, 1
    while top > 0:
        top -= 1
        one = used[stack[top]]
        for b in range(k):
            if not reached[b] and counts[one, used[b]] > 0:
                reached[b], stack[top] = True, b
                top += 1
                n += 1
    return n == k
