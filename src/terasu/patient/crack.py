"""The edges between pixels that are in and pixels that are out, followed into closed loops. Compiled."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

# Directions along pixel edges: right, down, left, up. Seen from the corner that was reached, the pixels
# ahead: first the one on the right-hand side (where the inside is), then the one on the left.
_ROW_STEP = np.array([0, 1, 0, -1])
_COLUMN_STEP = np.array([1, 0, -1, 0])
_RIGHT_AHEAD = np.array([[0, 0], [0, -1], [-1, -1], [-1, 0]])
_LEFT_AHEAD = np.array([[-1, 0], [0, 0], [0, -1], [-1, -1]])


@numba.njit(cache=True, nogil=True)
def follow_edges(inside: NDArray[np.bool_], smooth: bool) -> tuple[Ints, Ints]:
    """Loops around the pixels that are in.

    The inside is always on the right hand (rows pointing down). Two pixels that touch by a corner only
    get a loop each, so no loop touches itself along an edge or crosses itself.

    Args:
        inside: (rows, columns), with a rim of False on all four sides.
        smooth: middles of the pixel edges in place of the corners at which the edge turns.
    Returns:
        points: (n, 2) as *twice* the (row, column) of pixel corners; pixel (r, c) has its corners at
            (r, c) … (r + 1, c + 1). Twice, because the middles are half-way.
        first: where each loop begins, and the end.
    """
    rows, columns = inside.shape
    seen = np.zeros((rows, columns), np.bool_)
    tops = 0
    edges = 0
    for r in range(1, rows):
        for c in range(1, columns):
            tops += inside[r, c] and not inside[r - 1, c]
            edges += inside[r, c] != inside[r - 1, c]
            edges += inside[r, c] != inside[r, c - 1]
    points = np.empty((edges, 2), np.int64)
    first = np.zeros(tops + 1, np.int64)
    loops = 0
    count = 0
    for r in range(1, rows):
        for c in range(1, columns):
            if not inside[r, c] or inside[r - 1, c] or seen[r, c]:
                continue
            row, column, way = r, c, 0
            while True:
                if way == 0:
                    seen[row, column] = True
                if smooth:
                    points[count, 0] = 2 * row + _ROW_STEP[way]
                    points[count, 1] = 2 * column + _COLUMN_STEP[way]
                    count += 1
                row += _ROW_STEP[way]
                column += _COLUMN_STEP[way]
                before = way
                if not inside[row + _RIGHT_AHEAD[way, 0], column + _RIGHT_AHEAD[way, 1]]:
                    way = (way + 1) % 4
                elif inside[row + _LEFT_AHEAD[way, 0], column + _LEFT_AHEAD[way, 1]]:
                    way = (way + 3) % 4
                if way != before and not smooth:
                    points[count, 0] = 2 * row
                    points[count, 1] = 2 * column
                    count += 1
                if row == r and column == c and way == 0:
                    break
            loops += 1
            first[loops] = count
    return points[:count], first[: loops + 1]
