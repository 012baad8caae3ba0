"""Parts of an image that keep to its edges: simple linear iterative clustering, compiled.

Source: SLIC, Achanta et al. 2012, doi 10.1109/TPAMI.2012.120. A voxel chooses among the eight clusters
that began around it, so that none grows wider than twice its first width, as in that paper.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
Triple = tuple[float, float, float]
_ROUNDS = 6  # of k-means
_SMALLEST = 0.25  # of the wanted volume; smaller pieces join a neighbour


def supervoxels(
    values: Array, spacing_zyx_mm: Triple, volume_mm3: float, *, compactness: float = 0.05
) -> Whole:
    """Connected parts of about one volume, numbered from 0.

    Args:
        values: (z, y, x), scaled so that what should count lies between 0 and 1.
        volume_mm3: wanted of a part.
        compactness: how much a step of one part's width counts, in values.
    Returns:
        (z, y, x) numbers, without gaps.
    """
    spacing = np.asarray(spacing_zyx_mm, np.float64)
    width_mm = volume_mm3 ** (1 / 3)
    cells = np.maximum(1, np.rint(np.asarray(values.shape) * spacing / width_mm)).astype(np.int64)
    home = [np.arange(n) * c // n for n, c in zip(values.shape, cells, strict=True)]
    labels = (home[0][:, None, None] * cells[1] + home[1][:, None]) * cells[2] + home[2]
    step = spacing / width_mm * compactness
    seen = np.ascontiguousarray(values, dtype=np.float64)
    for _ in range(_ROUNDS):
        _choose(seen, step, cells, _centres(seen, step, labels, int(cells.prod())), labels)
    smallest = int(_SMALLEST * volume_mm3 / float(spacing.prod()))
    return np.asarray(_connected(labels, smallest))


@njit(nogil=True, cache=True)
def _centres(values: Array, step: Array, labels: Whole, n: int) -> Array:
    """Mean (z, y, x, value) of every cluster; its count is last."""
    found = np.zeros((n, 5))
    for k in range(values.shape[0]):
        for j in range(values.shape[1]):
            for i in range(values.shape[2]):
                one = found[labels[k, j, i]]
                one[0] += k * step[0]
                one[1] += j * step[1]
                one[2] += i * step[2]
                one[3] += values[k, j, i]
                one[4] += 1
    for c in range(n):
        if found[c, 4] > 0:
            found[c, :4] /= found[c, 4]
    return found


@njit(nogil=True, cache=True)
def _first_cell(place: int, n: int, cells: int) -> int:
    """The lower one of the two cells whose middles lie on both sides of a place."""
    return max(int(np.floor((place + 0.5) * cells / n - 0.5)), 0)


@njit(nogil=True, cache=True)
def _choose(values: Array, step: Array, cells: Whole, centres: Array, labels: Whole) -> None:
    """Every voxel joins the nearest of the eight clusters that began around it."""
    depth, rows, columns = values.shape
    for k in range(depth):
        first_k = _first_cell(k, depth, cells[0])
        for j in range(rows):
            first_j = _first_cell(j, rows, cells[1])
            for i in range(columns):
                first_i = _first_cell(i, columns, cells[2])
                nearest, value = np.inf, values[k, j, i]
                for a in range(first_k, min(first_k + 2, cells[0])):
                    for b in range(first_j, min(first_j + 2, cells[1])):
                        for c in range(first_i, min(first_i + 2, cells[2])):
                            label = (a * cells[1] + b) * cells[2] + c
                            away = (
                                (centres[label, 0] - k * step[0]) ** 2
                                + (centres[label, 1] - j * step[1]) ** 2
                                + (centres[label, 2] - i * step[2]) ** 2
                                + (centres[label, 3] - value) ** 2
                            )
                            if centres[label, 4] > 0 and away < nearest:
                                nearest = away
                                labels[k, j, i] = label


@njit(nogil=True, cache=True)
def _connected(labels: Whole, smallest: int) -> Whole:
    """Pieces of clusters (6 neighbours), numbered; the small ones join the piece met before them."""
    depth, rows, columns = labels.shape
    flat = labels.ravel()
    found = np.full(flat.size, -1, np.int64)
    queue = np.empty(flat.size, np.int64)
    pieces = 0
    for seed in range(flat.size):
        if found[seed] >= 0:
            continue
        queue[0] = seed
        found[seed] = pieces
        done, known, beside = 0, 1, -1
        while done < known:
            at = queue[done]
            done += 1
            k, j, i = at // (rows * columns), at // columns % rows, at % columns
            for way in range(6):
                axis, sign = way // 2, 2 * (way % 2) - 1
                kk, jj, ii = k, j, i
                if axis == 0:
                    kk += sign
                elif axis == 1:
                    jj += sign
                else:
                    ii += sign
                if not (0 <= kk < depth and 0 <= jj < rows and 0 <= ii < columns):
                    continue
                to = (kk * rows + jj) * columns + ii
                if found[to] < 0 and flat[to] == flat[seed]:
                    found[to] = pieces
                    queue[known] = to
                    known += 1
                elif 0 <= found[to] < pieces:
                    beside = found[to]
        if known < smallest and beside >= 0:
            found[queue[:known]] = beside
        else:
            pieces += 1
    return found.reshape(labels.shape)
