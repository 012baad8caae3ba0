"""A structure's contours as a solid: outlines blended between planes, ready to be cut into small parts."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terasu.patient.planes import Planes

Array = NDArray[np.float64]

_SAME_MM = 1e-3


@dataclass(frozen=True, eq=False)
class Solid:
    """Contours between and beyond their planes.

    Between two planes the distance to the outline is blended linearly (shape-based interpolation), so that a
    cone is a cone and not a staircase. Distances count up to one slice thickness: an outline that jumps
    further from one plane to the next changes half-way, as contours are usually read. The first and the last
    contour reach half a thickness beyond their planes and go on growing or shrinking as they did.

    Attributes:
        signed_mm: (planes, rows, columns) distance to the outline, positive inside.
        layers_mm: (n, 5) see ``gather_slabs``.
        start_mm: (v, u) of the first pixel's centre.
        step_mm: pixel size.
        frame: 3 × 3, columns are the unit vectors of w, v and u in LPS.

    Source: Raya and Udupa 1990, doi 10.1109/42.52980.
    """

    signed_mm: NDArray[np.float32]
    layers_mm: Array
    start_mm: Array
    step_mm: float
    frame: Array


def solid_of(planes: Planes, thickness_mm: float, step_mm: float) -> Solid:
    """The solid of an ROI's planes.

    Args:
        planes: at least one.
        thickness_mm: of the slices drawn on.
        step_mm: size of the parts.
    """
    from terasu.dose.dvh_points import signed_distances
    from terasu.patient.scanline import fill_slices

    u_axis, v_axis = planes.in_plane_axes
    points = planes.points_lps_mm
    u, v = points @ u_axis, points @ v_axis
    start = np.array([v.min(), u.min()]) - 1.5 * step_mm
    rows, columns = (int(np.ceil(np.ptp(along) / step_mm)) + 4 for along in (v, u))
    u, v = (u - start[1]) / step_mm, (v - start[0]) / step_mm
    slabs = planes.slabs_mm(thickness_mm)
    inside = np.zeros((len(slabs), rows, columns), np.bool_)
    each = np.stack([np.arange(len(slabs)), np.arange(len(slabs)) + 1], axis=1)
    fill_slices(inside, u, v, planes.first_point, planes.first_contour, each)
    signed = np.empty(inside.shape, np.float32)
    edges, first_edge = _edges(planes, u, v)
    most = np.maximum(np.diff(slabs, axis=1)[:, 0], 2 * step_mm) / step_mm
    signed_distances(signed, inside, edges, first_edge, most)
    signed *= np.float32(step_mm)
    frame = np.column_stack([planes.normal_lps, v_axis, u_axis])
    return Solid(signed, _layers(planes.offsets_mm, slabs, step_mm), start, step_mm, frame)


def _edges(planes: Planes, u: Array, v: Array) -> tuple[Array, NDArray[np.int64]]:
    """Edges (u, v, u, v) plane by plane; the seam of a keyhole, drawn there and back, is no outline."""
    first_point, kept, counts = planes.first_point, [], [0]
    for begin, end in itertools.pairwise(planes.first_contour):
        ends = [_closed(u[first_point[c] : first_point[c + 1]], v[first_point[c] : first_point[c + 1]])
                for c in range(begin, end)]  # fmt: skip
        edges = np.concatenate(ends)
        there, back = edges.round(3), edges[:, [2, 3, 0, 1]].round(3)
        u_same = there[:, 0] == back[:, 0]
        turned = (there[:, 0] > back[:, 0]) | (u_same & (there[:, 1] > back[:, 1]))
        keys = np.where(turned[:, None], back, there)
        _, first, times = np.unique(keys, axis=0, return_index=True, return_counts=True)
        kept.append(edges[np.sort(first[times % 2 == 1])])
        counts.append(counts[-1] + len(kept[-1]))
    return np.concatenate(kept), np.array(counts, dtype=np.int64)


def _closed(u: Array, v: Array) -> Array:
    return np.column_stack([u, v, np.roll(u, -1), np.roll(v, -1)])


def _layers(offsets_mm: Array, slabs_mm: Array, step_mm: float) -> Array:
    """Each half of a slab in layers, with the planes that are blended there."""
    count, layers = len(offsets_mm), []
    for p, (low, high) in enumerate(slabs_mm):
        for side, (begin, end) in enumerate(((low, offsets_mm[p]), (offsets_mm[p], high))):
            if end - begin <= 0:
                continue
            towards, away = (p + 1, p - 1) if side else (p - 1, p + 1)
            other = next((q for q in (towards, away) if 0 <= q < count and _touch(slabs_mm, p, q)), p)
            number = max(1, int(np.ceil((end - begin) / step_mm - 0.25)))
            height = (end - begin) / number
            middle = begin + (np.arange(number) + 0.5) * height
            apart = offsets_mm[other] - offsets_mm[p] if other != p else 1.0
            part = (middle - offsets_mm[p]) / apart if other != p else np.zeros(number)
            layers.append(np.column_stack([middle, np.full((number, 3), (height, p, other)), part]))
    return np.concatenate(layers)


def _touch(slabs_mm: Array, p: int, q: int) -> bool:
    low, high = min(p, q), max(p, q)
    return bool(slabs_mm[high, 0] - slabs_mm[low, 1] <= _SAME_MM)
