"""Even–odd scanlines: which voxel centres lie inside of polygons. Compiled; knows neither mm nor DICOM.

The rule is half-open in both directions (an edge counts for rows ``low <= v < high``, a voxel is behind
a crossing if its centre is at or beyond it), and an edge is always followed from its lower end. So two
polygons that share an edge share its crossings exactly: they neither overlap nor leave a gap.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def fill_slices(
    inside: Any, u: Floats, v: Floats, first_point: Ints, first_contour: Ints, slices: Ints
) -> None:
    """Mark voxels whose slices are parallel to the planes of the polygons.

    Args:
        inside: (slices, rows, columns) bool, marked in place.
        u, v: points in fractional (column, row) index.
        first_point: where each contour's points begin, and the end.
        first_contour: where each plane's contours begin, and the end.
        slices: (planes, 2) first and last-but-one slice that each plane stands for.
    """
    rows, columns = inside.shape[1], inside.shape[2]
    odd = np.zeros((rows, columns), np.uint8)
    for plane in range(len(first_contour) - 1):
        begin, end = max(slices[plane, 0], 0), min(slices[plane, 1], inside.shape[0])
        if begin >= end:
            continue
        top, bottom, left, right = rows, 0, columns, 0
        for contour in range(first_contour[plane], first_contour[plane + 1]):
            a = first_point[contour + 1] - 1
            for b in range(first_point[contour], first_point[contour + 1]):
                low, high = (a, b) if v[a] < v[b] else (b, a)
                start, stop = max(math.ceil(v[low]), 0), min(math.ceil(v[high]), rows)
                for row in range(start, stop):
                    crossing = u[low] + (row - v[low]) / (v[high] - v[low]) * (u[high] - u[low])
                    column = max(math.ceil(crossing), 0)
                    if column < columns:
                        odd[row, column] ^= 1
                        left, right = min(left, column), max(right, column)
                if start < stop:
                    top, bottom = min(top, start), max(bottom, stop)
                a = b
        for row in range(top, bottom):
            parity = 0
            for column in range(left, columns):
                parity ^= odd[row, column]
                odd[row, column] = 0
                if parity:
                    for k in range(begin, end):
                        inside[k, row, column] = True
                elif column > right:
                    break


@numba.njit(cache=True, nogil=True)
def fill_prisms(
    inside: Any,
    points: tuple[Floats, Floats],
    first_point: Ints,
    first_contour: Ints,
    slabs: Floats,
    steps: Floats,
) -> None:
    """Mark voxels inside of prisms that lie at any angle to the grid.

    Args:
        inside: (a, b, c) bool, marked in place; c is the axis of the scanlines.
        points: u and v of each point; the axis c runs along u, one voxel a unit, and never along v.
        first_point, first_contour: as in ``fill_slices``.
        slabs: (planes, 2) where each plane's slab begins and ends along w, the third coordinate.
        steps: (3, 4), how much u, v and w grow for a step along a, b and c, and their value at (0, 0, 0).
    """
    u, v = points
    depth, rows, columns = inside.shape
    odd = np.zeros(columns + 1, np.uint8)
    for plane in range(len(first_contour) - 1):
        begin, end = first_point[first_contour[plane]], first_point[first_contour[plane + 1]]
        v_low, v_high = v[begin:end].min(), v[begin:end].max()
        for i in range(depth):
            for j in range(rows):
                v_here = steps[1, 0] * i + steps[1, 1] * j + steps[1, 3]
                w_here = steps[2, 0] * i + steps[2, 1] * j + steps[2, 3]
                w_there = w_here + steps[2, 2] * (columns - 1)
                outside = v_here < v_low or v_here >= v_high
                if (
                    outside
                    or max(w_here, w_there) < slabs[plane, 0]
                    or min(w_here, w_there) >= slabs[plane, 1]
                ):
                    continue
                u_here = steps[0, 0] * i + steps[0, 1] * j + steps[0, 3]
                for contour in range(first_contour[plane], first_contour[plane + 1]):
                    a = first_point[contour + 1] - 1
                    for b in range(first_point[contour], first_point[contour + 1]):
                        if (v[a] <= v_here) != (v[b] <= v_here):
                            low, high = (a, b) if v[a] < v[b] else (b, a)
                            part = (v_here - v[low]) / (v[high] - v[low])
                            column = math.ceil(u[low] + part * (u[high] - u[low]) - u_here)
                            odd[min(max(column, 0), columns)] ^= 1
                        a = b
                parity = 0
                for column in range(columns):
                    parity ^= odd[column]
                    odd[column] = 0
                    w = w_here + steps[2, 2] * column
                    if parity and slabs[plane, 0] <= w < slabs[plane, 1]:
                        inside[i, j, column] = True
                odd[columns] = 0


@numba.njit(cache=True, nogil=True)
def even_odd_area(u: Floats, v: Floats, first_point: Ints, levels: Floats) -> float:
    """Area inside of an odd number of polygons, as widths × heights of the strips between levels.

    Args:
        u, v: points of the polygons.
        first_point: where each polygon's points begin, and the end.
        levels: ascending v, every corner's among them. Between two corners the width inside is a
            straight line, so its middle is its mean: exact as long as no edges cross, and to the square
            of the strip's height where they do.
    """
    crossings = np.empty(len(u))
    area = 0.0
    for n in range(len(levels) - 1):
        level = (levels[n] + levels[n + 1]) / 2
        found = 0
        for polygon in range(len(first_point) - 1):
            a = first_point[polygon + 1] - 1
            for b in range(first_point[polygon], first_point[polygon + 1]):
                if (v[a] <= level) != (v[b] <= level):
                    crossing = u[a] + (level - v[a]) / (v[b] - v[a]) * (u[b] - u[a])
                    place = found
                    while place > 0 and crossings[place - 1] > crossing:
                        crossings[place] = crossings[place - 1]
                        place -= 1
                    crossings[place] = crossing
                    found += 1
                a = b
        width = 0.0
        for pair in range(0, found - 1, 2):
            width += crossings[pair + 1] - crossings[pair]
        area += width * (levels[n + 1] - levels[n])
    return area
