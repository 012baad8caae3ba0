"""Dose at the small parts of a structure, gathered into a histogram. Compiled; knows neither LPS nor DICOM.

A part is a box much smaller than a voxel. Across it the dose rises or falls: its share is spread over that
range, so that a gradient gives a slope and not a staircase, however few the parts are.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LOWEST, _HIGHEST, _SUM, _INSIDE, _ALL = range(5)
SUMS = 5
"""Lowest and highest dose, dose × share, share within the dose grid, and all of it."""


@numba.njit(cache=True, nogil=True, error_model="numpy")
def gather_slabs(
    dose: Any,
    onto: Floats,
    signed: Any,
    layers: Floats,
    start: Floats,
    step_mm: float,
    bins: Any,
    sums: Floats,
) -> None:
    """Every part of a stack of outlines.

    Args:
        dose: (k, j, i).
        onto: 3 × 4, maps (w, v, u, 1) in mm of the planes' own frame to the dose's fractional index.
        signed: (planes, rows, columns) distance to the outline [mm], positive inside, at pixel centres.
        layers: (n, 5) along w: middle, height, lower plane, upper plane, and the upper plane's part. The
            part lies outside of 0 … 1 where the stack goes on beyond its last plane.
        start: (v, u) of the first pixel's centre.
        step_mm: pixel size.
        bins: first edge, width, and twice the change of slope at each edge, added to in place.
        sums: see ``SUMS``, added to in place; shares are in mm³.
    """
    rows, columns = signed.shape[1], signed.shape[2]
    for n in range(len(layers)):
        w, height, part = layers[n, 0], layers[n, 1], layers[n, 4]
        below, above = signed[int(layers[n, 2])], signed[int(layers[n, 3])]
        for row in range(rows):
            for column in range(columns):
                depth = below[row, column] * (1 - part) + above[row, column] * part
                share = min(max(0.5 + depth / step_mm, 0.0), 1.0)
                if share > 0.0:
                    place = (w, start[0] + row * step_mm, start[1] + column * step_mm)
                    _gather(dose, onto, place, (height, step_mm, step_mm), share, bins, sums)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def gather_voxels(
    dose: Any, onto: Floats, inside: Any, shape: Any, parts: Any, bins: Any, sums: Floats
) -> None:
    """Every part of a mask's voxels; ``onto`` maps the mask's (k, j, i, 1), shares are in voxels.

    Args:
        inside: (n,) flat indices of the voxels in a mask of this shape; the rest as in ``gather_slabs``.
    """
    size = (1.0 / parts[0], 1.0 / parts[1], 1.0 / parts[2])
    for n in range(len(inside)):
        row = inside[n] // shape[2]
        voxel = (row // shape[1], row % shape[1], inside[n] % shape[2])
        for a in range(parts[0]):
            for b in range(parts[1]):
                for c in range(parts[2]):
                    k = voxel[0] - 0.5 + (a + 0.5) * size[0]
                    j = voxel[1] - 0.5 + (b + 0.5) * size[1]
                    i = voxel[2] - 0.5 + (c + 0.5) * size[2]
                    _gather(dose, onto, (k, j, i), size, 1.0, bins, sums)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _gather(dose: Any, onto: Floats, place: Any, size: Any, share: float, bins: Any, sums: Floats) -> None:
    volume = share * size[0] * size[1] * size[2]
    sums[_ALL] += volume
    p0, p1, p2 = _index(onto, 0, place), _index(onto, 1, place), _index(onto, 2, place)
    n0, n1, n2 = dose.shape
    if not (-0.5 <= p0 <= n0 - 0.5 and -0.5 <= p1 <= n1 - 0.5 and -0.5 <= p2 <= n2 - 0.5):
        return
    value, slopes = _trilinear(dose, p0, p1, p2)
    spread2 = 0.0
    for axis in range(3):
        rise = slopes[0] * onto[0, axis] + slopes[1] * onto[1, axis] + slopes[2] * onto[2, axis]
        spread2 += (rise * size[axis]) ** 2
    half = math.sqrt(spread2) / 2
    sums[_INSIDE] += volume
    sums[_SUM] += volume * value
    sums[_LOWEST] = min(sums[_LOWEST], value - half * share)
    sums[_HIGHEST] = max(sums[_HIGHEST], value + half * share)
    _spread(bins, value, half, volume)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _index(onto: Floats, axis: int, place: Any) -> Any:
    return onto[axis, 0] * place[0] + onto[axis, 1] * place[1] + onto[axis, 2] * place[2] + onto[axis, 3]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _spread(bins: Any, value: float, half: float, volume: float) -> None:
    """Spread a volume evenly over value ± half: a slope that begins and ends."""
    first, width, change = bins
    half = max(half, width / 2)
    low = max((value - half - first) / width, 0.0)
    high = min((value + half - first) / width, len(change) - 1.001)
    density = volume / ((high - low) * width)
    for place, step in ((low, density), (high, -density)):
        edge = int(place)
        change[edge] += step * (1 - (place - edge))
        change[edge + 1] += step * (place - edge)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _trilinear(dose: Any, p0: float, p1: float, p2: float) -> Any:
    """Dose and its slopes per index; the outermost half voxel repeats the outermost centre."""
    k, a, ka = _lower(p0, dose.shape[0])
    j, b, ja = _lower(p1, dose.shape[1])
    i, c, ia = _lower(p2, dose.shape[2])
    d000, d001 = float(dose[k, j, i]), float(dose[k, j, i + ia])
    d010, d011 = float(dose[k, j + ja, i]), float(dose[k, j + ja, i + ia])
    d100, d101 = float(dose[k + ka, j, i]), float(dose[k + ka, j, i + ia])
    d110, d111 = float(dose[k + ka, j + ja, i]), float(dose[k + ka, j + ja, i + ia])
    c00, c01 = d000 + (d001 - d000) * c, d010 + (d011 - d010) * c
    c10, c11 = d100 + (d101 - d100) * c, d110 + (d111 - d110) * c
    near, far = c00 + (c01 - c00) * b, c10 + (c11 - c10) * b
    near_i = (d001 - d000) * (1 - b) + (d011 - d010) * b
    far_i = (d101 - d100) * (1 - b) + (d111 - d110) * b
    slope_j = (c01 - c00) * (1 - a) + (c11 - c10) * a
    return near + (far - near) * a, (far - near, slope_j, near_i * (1 - a) + far_i * a)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _lower(place: float, size: int) -> Any:
    """Lower neighbour, part of the upper one, and the step to it (0 on an axis of one voxel)."""
    if size == 1:
        return 0, 0.0, 0
    held = min(max(place, 0.0), size - 1.0)
    lower = min(int(held), size - 2)
    return lower, held - lower, 1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def signed_distances(signed: Any, inside: Any, edges: Floats, first_edge: Any, most_mm: Floats) -> None:
    """Distance to the outline at every pixel centre, positive inside, held at ± ``most_mm`` of its plane.

    Args:
        signed: (planes, rows, columns) [pixel], written in place.
        inside: (planes, rows, columns) bool.
        edges: (n, 4) ends of each edge (u, v, u, v) [pixel].
        first_edge: (planes + 1,) where the edges of each plane begin.
        most_mm: (planes,) [pixel].
    """
    rows, columns = signed.shape[1], signed.shape[2]
    for plane in range(len(signed)):
        most = most_mm[plane]
        sheet = signed[plane]
        sheet[:] = most * most
        for n in range(first_edge[plane], first_edge[plane + 1]):
            u0, v0, u1, v1 = edges[n, 0], edges[n, 1], edges[n, 2], edges[n, 3]
            du, dv = u1 - u0, v1 - v0
            length2 = du * du + dv * dv
            top, bottom = max(0, math.ceil(min(v0, v1) - most)), min(rows - 1, math.floor(max(v0, v1) + most))
            left, right = (
                max(0, math.ceil(min(u0, u1) - most)),
                min(columns - 1, math.floor(max(u0, u1) + most)),
            )
            for row in range(top, bottom + 1):
                for column in range(left, right + 1):
                    along = 0.0
                    if length2 > 0.0:
                        along = min(max(((column - u0) * du + (row - v0) * dv) / length2, 0.0), 1.0)
                    apart_u, apart_v = column - u0 - along * du, row - v0 - along * dv
                    sheet[row, column] = min(sheet[row, column], apart_u * apart_u + apart_v * apart_v)
        for row in range(rows):
            for column in range(columns):
                distance = math.sqrt(sheet[row, column])
                sheet[row, column] = distance if inside[plane, row, column] else -distance
