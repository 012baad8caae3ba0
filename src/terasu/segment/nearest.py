"""How far a voxel lies from the nearest voxel of a set: exact Euclidean distances, compiled.

A scan along rows, the lower envelope of parabolas along columns, and a search along slices that ends as
soon as no slice further away can be nearer. Distances are needed at few voxels only, so the last step is
done for those alone.

Source: Felzenszwalb and Huttenlocher 2012, doi 10.4086/toc.2012.v008a019 (the envelope).
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

FAR = 1e30
"""Squared distance [mm²] where a slice holds no voxel of the set."""


def nearest_mm(members: Mask, asked_zyx: Ints, spacing_zyx_mm: tuple[float, float, float]) -> Floats:
    """Distance of voxels to the nearest member.

    Args:
        members: (z, y, x).
        asked_zyx: (n, 3) voxels.
    Returns:
        (n,) [mm], infinite where there is no member.
    """
    squared = in_plane_squared_mm2(members, spacing_zyx_mm[1:])
    return _along_slices(squared, np.ascontiguousarray(asked_zyx, dtype=np.int64), float(spacing_zyx_mm[0]))


def in_plane_squared_mm2(members: Mask, spacing_yx_mm: tuple[float, float]) -> Floats:
    """Squared distance of every voxel to the nearest member in its own slice, (z, y, x) [mm²]."""
    return _in_plane(np.ascontiguousarray(members), float(spacing_yx_mm[0]), float(spacing_yx_mm[1]))


@numba.njit(cache=True, nogil=True)
def _in_plane(members: Mask, dy: float, dx: float) -> Floats:
    slices, rows, columns = members.shape
    out = np.full(members.shape, FAR)
    along_rows = np.empty((columns, rows))
    at = np.empty(rows, np.int64)
    edge = np.empty(rows + 1)
    for k in range(slices):
        if _scan_rows(members[k], along_rows, dx):
            for i in range(columns):
                _envelope(along_rows[i], out[k, :, i], at, edge, dy)
    return out


@numba.njit(cache=True, nogil=True)
def _scan_rows(plane: Mask, out: Floats, dx: float) -> bool:
    """Squared distance along each row, written (column, row); False where the plane is empty."""
    rows, columns = plane.shape
    found = False
    for j in range(rows):
        last = -1
        for i in range(columns):
            if plane[j, i]:
                last = i
            out[i, j] = FAR if last < 0 else ((i - last) * dx) ** 2
        if last < 0:
            continue
        found = True
        for i in range(last, -1, -1):
            if plane[j, i]:
                last = i
            out[i, j] = min(out[i, j], ((last - i) * dx) ** 2)
    return found


@numba.njit(cache=True, nogil=True)
def _envelope(heights: Floats, out: Floats, at: Ints, edge: Floats, step: float) -> None:
    """Lower envelope of parabolas with these heights at 0, step, 2 step, …"""
    count = 0
    for q in range(len(heights)):
        if heights[q] >= FAR:
            continue
        cross = -FAR
        while count > 0:
            p = at[count - 1]
            cross = ((heights[q] - heights[p]) / (step * step) + q * q - p * p) / (2.0 * (q - p))
            if cross > edge[count - 1]:
                break
            count -= 1
        if count == 0:
            cross = -FAR
        at[count], edge[count] = q, cross
        count += 1
    if count == 0:
        return
    part = 0
    for q in range(len(heights)):
        while part + 1 < count and edge[part + 1] < q:
            part += 1
        out[q] = ((q - at[part]) * step) ** 2 + heights[at[part]]


@numba.njit(cache=True, nogil=True)
def _along_slices(squared: Floats, asked_zyx: Ints, dz: float) -> Floats:
    slices = squared.shape[0]
    out = np.empty(len(asked_zyx))
    for n in range(len(asked_zyx)):
        k, j, i = asked_zyx[n]
        best = squared[k, j, i]
        for away in range(1, slices):
            height = (away * dz) ** 2
            if height >= best:
                break
            if k - away >= 0:
                best = min(best, height + squared[k - away, j, i])
            if k + away < slices:
                best = min(best, height + squared[k + away, j, i])
        out[n] = np.sqrt(best) if best < FAR else np.inf
    return out
