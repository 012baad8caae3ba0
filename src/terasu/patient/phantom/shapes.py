"""Analytic shapes: a box and a signed distance [mm], negative inside; put together like clay.

Distances are exact for balls and plain tubes and close to it near the surface of the others, which is
all that antialiased borders need. Coordinates are LPS mm in the made patient's own frame.

Source: I. Quilez, Distance functions, iquilezles.org/articles/distfunctions (ellipsoid bound, smooth
minimum); Hart, Sphere tracing, The Visual Computer 1996;12:527, doi 10.1007/s003710050084
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Triple = tuple[float, float, float]
Distance = Callable[[F32, F32, F32], F32]


@dataclass(frozen=True, eq=False)
class Shape:
    """A region of space.

    Attributes:
        low_lps_mm, high_lps_mm: corners of a box that holds the shape.
        distance: (x, y, z) arrays that broadcast → signed distance [mm], negative inside.
    """

    low_lps_mm: Triple
    high_lps_mm: Triple
    distance: Distance


def ellipsoid(centre_lps_mm: Triple, half_axes_lps_mm: Triple) -> Shape:
    """An ellipsoid with axes along LPS."""
    (cx, cy, cz), (a, b, c) = centre_lps_mm, half_axes_lps_mm

    def distance(x: F32, y: F32, z: F32) -> F32:
        u, v, w = (x - cx) / a, (y - cy) / b, (z - cz) / c
        near = np.sqrt(u * u + v * v + w * w)
        slope = np.sqrt((u / a) ** 2 + (v / b) ** 2 + (w / c) ** 2)
        return np.asarray(near * (near - 1) / np.maximum(slope, 1e-6), np.float32)

    return Shape((cx - a, cy - b, cz - c), (cx + a, cy + b, cz + c), distance)


def chain(points: Sequence[tuple[float, float, float, float]], *, blend_mm: float = 0.0) -> Shape:
    """Balls (x, y, z, radius) strung together by cones: bones, vessels, gut."""
    rows = np.asarray(points, float)
    low, high = (rows[:, :3] - rows[:, 3:]).min(axis=0), (rows[:, :3] + rows[:, 3:]).max(axis=0)

    def distance(x: F32, y: F32, z: F32) -> F32:
        pieces = [_cone(x, y, z, first, last) for first, last in pairwise(points)]
        return _blended(pieces, blend_mm)

    return Shape(_triple(low - blend_mm), _triple(high + blend_mm), distance)


def loft(levels: Mapping[float, Sequence[Triple]]) -> Shape:
    """Thick bent plates: on each level z a line of discs (x, y, radius), joined linearly between levels.

    Args:
        levels: z [mm] → the same number of discs on every level; it ends flat at the first and last.
    """
    heights = sorted(levels)
    table = np.asarray([levels[z] for z in heights], float)
    bottom, top = heights[0], heights[-1]
    low, high = (table[..., :2] - table[..., 2:]), (table[..., :2] + table[..., 2:])

    def distance(x: F32, y: F32, z: F32) -> F32:
        discs = [tuple(_at(z, heights, table[:, i, c]) for c in range(3)) for i in range(table.shape[1])]
        pairs = list(pairwise(discs)) or [(discs[0], discs[0])]
        sides = _blended([_stadium(x, y, *pair) for pair in pairs], 0.0)
        return np.asarray(np.maximum(sides, np.maximum(bottom - z, z - top)), np.float32)

    return Shape(_triple((*low.min((0, 1)), bottom)), _triple((*high.max((0, 1)), top)), distance)


def outline(levels: Mapping[float, tuple[float, float, float, float, float]], *, power: float) -> Shape:
    """A trunk: on each level z a superellipse (centre x, centre y, half width, to the front, to the back).

    Source: Lamé curve |x/a|^n + |y/b|^n = 1, first-order distance (f − 1)/|∇f|.
    """
    heights = sorted(levels)
    table = np.asarray([levels[z] for z in heights], float)
    bottom, top = heights[0], heights[-1]

    def distance(x: F32, y: F32, z: F32) -> F32:
        cx, cy, a, front, back = (_at(z, heights, table[:, c]) for c in range(5))
        v = y - cy
        b = np.where(v < 0, front, back)
        u, v = np.abs(x - cx) / a + np.float32(1e-4), np.abs(v) / b
        p, q = u ** (power - 1), v ** (power - 1)
        total = p * u + q * v
        f = total ** (1 / power)
        slope = np.sqrt((p / a) ** 2 + (q / b) ** 2) * f / total
        return np.asarray(np.maximum((f - 1) / slope, np.maximum(bottom - z, z - top)), np.float32)

    cx, cy, a, front, back = table.T
    low, high = (min(cx - a), min(cy - front), bottom), (max(cx + a), max(cy + back), top)
    return Shape(_triple(low), _triple(high), distance)


def mirrored(shape: Shape) -> Shape:
    """The shape drawn for the patient's left side (x > 0), and its mirror image."""
    reach = max(abs(shape.low_lps_mm[0]), abs(shape.high_lps_mm[0]))
    low, high = (-reach, *shape.low_lps_mm[1:]), (reach, *shape.high_lps_mm[1:])
    return Shape(low, high, lambda x, y, z: shape.distance(np.abs(x), y, z))


def flipped(shape: Shape) -> Shape:
    """The mirror image alone: what was drawn on the left, on the right."""
    low, high = shape.low_lps_mm, shape.high_lps_mm
    return Shape((-high[0], *low[1:]), (-low[0], *high[1:]), lambda x, y, z: shape.distance(-x, y, z))


def union(*shapes: Shape, blend_mm: float = 0.0) -> Shape:
    """All of them; ``blend_mm`` rounds the places where they meet."""
    low = np.min([one.low_lps_mm for one in shapes], axis=0) - blend_mm
    high = np.max([one.high_lps_mm for one in shapes], axis=0) + blend_mm

    def distance(x: F32, y: F32, z: F32) -> F32:
        return _blended([one.distance(x, y, z) for one in shapes], blend_mm)

    return Shape(_triple(low), _triple(high), distance)


def both(first: Shape, second: Shape) -> Shape:
    """What lies in both."""
    low = np.maximum(first.low_lps_mm, second.low_lps_mm)
    high = np.maximum(np.minimum(first.high_lps_mm, second.high_lps_mm), low)
    return Shape(
        _triple(low),
        _triple(high),
        lambda x, y, z: np.maximum(first.distance(x, y, z), second.distance(x, y, z)),
    )


def minus(shape: Shape, *others: Shape, gap_mm: float = 0.0) -> Shape:
    """The shape without the others and without a gap around them."""

    def distance(x: F32, y: F32, z: F32) -> F32:
        found = shape.distance(x, y, z)
        for other in others:
            found = np.maximum(found, gap_mm - other.distance(x, y, z))
        return found

    return Shape(shape.low_lps_mm, shape.high_lps_mm, distance)


def grown(shape: Shape, by_mm: float) -> Shape:
    """The shape with a margin; negative shrinks it."""
    low, high = np.asarray(shape.low_lps_mm) - by_mm, np.asarray(shape.high_lps_mm) + by_mm
    return Shape(
        _triple(np.minimum(low, high)), _triple(high), lambda x, y, z: shape.distance(x, y, z) - by_mm
    )


def _blended(pieces: Sequence[F32], blend_mm: float) -> F32:
    found = pieces[0]
    for piece in pieces[1:]:
        near = np.minimum(found, piece)
        if blend_mm:
            share = np.maximum(blend_mm - np.abs(found - piece), 0)
            near = near - share * share / (4 * blend_mm)
        found = near
    return found


def _cone(
    x: F32,
    y: F32,
    z: F32,
    first: tuple[float, float, float, float],
    last: tuple[float, float, float, float],
) -> F32:
    (ax, ay, az, ar), (bx, by, bz, br) = first, last
    dx, dy, dz = bx - ax, by - ay, bz - az
    px, py, pz = x - ax, y - ay, z - az
    along = np.clip((px * dx + py * dy + pz * dz) / max(dx * dx + dy * dy + dz * dz, 1e-6), 0, 1)
    u, v, w = px - along * dx, py - along * dy, pz - along * dz
    return np.asarray(np.sqrt(u * u + v * v + w * w) - (ar + along * (br - ar)), dtype=np.float32)


def _stadium(x: F32, y: F32, first: tuple[F32, ...], last: tuple[F32, ...]) -> F32:
    (ax, ay, ar), (bx, by, br) = first, last
    dx, dy = bx - ax, by - ay
    px, py = x - ax, y - ay
    along = np.clip((px * dx + py * dy) / np.maximum(dx * dx + dy * dy, 1e-6), 0, 1)
    u, v = px - along * dx, py - along * dy
    return np.asarray(np.sqrt(u * u + v * v) - (ar + along * (br - ar)), dtype=np.float32)


def _at(z: F32, heights: Sequence[float], column: NDArray[np.float64]) -> F32:
    return np.interp(z, heights, column).astype(np.float32)


def _triple(values: Sequence[float] | NDArray[np.float64]) -> Triple:
    x, y, z = (float(value) for value in values)
    return x, y, z
