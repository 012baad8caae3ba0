"""The surface of a mask by marching cubes, without the mesh: area and volume from a table by neighbourhood.

Every cube of eight voxels has one of 256 patterns, and a pattern always has the same triangles, with their
corners midway between voxels. So a surface is a count of patterns times the area of each.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError
from skimage import measure

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Whole = NDArray[np.int64]

# corners of a cube, (z, y, x): bit k of a pattern is corner k
_CORNERS = ((0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 1, 0), (1, 0, 0), (1, 0, 1), (1, 1, 1), (1, 1, 0))


def surface(region: Mask, spacing_zyx_mm: Array, *, mirrored: bool = False) -> tuple[float, float]:
    """Volume [mm³] and area [mm²] of the surface at one half.

    Args:
        region: (z, y, x), cropped to its bounding box.
        mirrored: take patterns that hold the cube's last corner as those of what they leave out, turned
            inside out. PyRadiomics does; where voxels touch by an edge only its surface is then not closed,
            and its volume depends on where the bounding box begins.
    Source: Lorensen and Cline 1987, doi 10.1145/37401.37422
    """
    counts, moments = _count_patterns(np.pad(region, 1))
    areas, volumes, normals = _tables(tuple(float(step) for step in spacing_zyx_mm), mirrored)
    # a third of ∫ x·n dA over each triangle, its position being that of its cube plus its own
    volume = float((counts * volumes).sum() + (moments * spacing_zyx_mm * normals).sum()) / 3
    return abs(volume), float((counts * areas).sum())


def outermost_points(region: Mask) -> Whole:
    """Corners of the surface's triangles that are the first or last of their line along x.

    Every corner lies midway between a voxel inside and one outside; the farthest pairs and the convex hull of
    all of them are those of these few.

    Returns:
        (n, 3) in halves of a voxel, (z, y, x), sorted.
    """
    return np.asarray(_ends_of_lines(_corners(region), 2 * np.asarray(region.shape) + 4))


def farthest_apart(points: Array) -> float:
    """Largest distance between two of ``points`` (n, 3), through their convex hull."""
    if len(points) > 50:
        with suppress(QhullError):  # all of them in one plane or on one line
            points = points[ConvexHull(points).vertices]
    return float(_farthest(np.ascontiguousarray(points, np.float64)))


def farthest_in_planes(region: Mask, spacing_zyx_mm: Array, axis: int) -> float:
    """Largest distance between two corners of the surface [mm] that lie in one plane across ``axis``."""
    turned = np.moveaxis(region, axis, 0)
    row_mm, column_mm = np.delete(np.asarray(spacing_zyx_mm, np.float64), axis)
    ends = _ends_of_lines(_corners(turned), 2 * np.asarray(turned.shape) + 4)
    return float(_farthest_of_same_plane(ends, row_mm / 2, column_mm / 2))


def _corners(region: Mask) -> Whole:
    """Corners of the surface's triangles, in halves of a voxel of the region padded by one."""
    padded = np.pad(region, 1)
    found = []
    for axis in range(3):
        places = 2 * np.argwhere(np.diff(padded, axis=axis))
        places[:, axis] += 1
        found.append(places)
    return np.concatenate(found)


@njit(cache=True, nogil=True)
def _ends_of_lines(points: Any, shape: Any) -> Any:
    """First and last point of every line along the last axis, (m, 3), sorted."""
    low = np.full((shape[0], shape[1]), shape[2])
    high = np.full((shape[0], shape[1]), -1)
    for n in range(len(points)):
        a, b, c = points[n]
        low[a, b], high[a, b] = min(low[a, b], c), max(high[a, b], c)
    found = np.empty((2 * low.size, 3), np.int64)
    count = 0
    for a in range(shape[0]):
        for b in range(shape[1]):
            if high[a, b] >= 0:
                for c in (low[a, b], high[a, b]):
                    found[count, 0], found[count, 1], found[count, 2] = a, b, c
                    count += 1
    return found[:count]


@njit(cache=True, nogil=True)
def _farthest(points: Any) -> float:
    largest = 0.0
    for a in range(len(points)):
        for b in range(a):
            square = 0.0
            for axis in range(points.shape[1]):
                square += (points[a, axis] - points[b, axis]) ** 2
            largest = max(largest, square)
    return float(np.sqrt(largest))


@njit(cache=True, nogil=True)
def _farthest_of_same_plane(points: Any, row_mm: float, column_mm: float) -> float:
    """``points`` are sorted by their first coordinate, the plane."""
    largest, start = 0.0, 0
    for stop in range(1, len(points) + 1):
        if stop < len(points) and points[stop, 0] == points[start, 0]:
            continue
        for a in range(start, stop):
            for b in range(start, a):
                rows = (points[a, 1] - points[b, 1]) * row_mm
                columns = (points[a, 2] - points[b, 2]) * column_mm
                largest = max(largest, rows * rows + columns * columns)
        start = stop
    return float(np.sqrt(largest))


@njit(cache=True, nogil=True)
def _count_patterns(padded: Any) -> Any:
    """How often every pattern occurs, and the sum of the places (z, y, x) where it does."""
    depth, rows, columns = padded.shape
    counts, moments = np.zeros(256), np.zeros((256, 3))
    for z in range(depth - 1):
        for y in range(rows - 1):
            pattern = 0
            for x in range(columns - 1):
                a = int(padded[z, y, x]) | int(padded[z, y, x + 1]) << 1
                b = int(padded[z, y + 1, x + 1]) << 2 | int(padded[z, y + 1, x]) << 3
                c = int(padded[z + 1, y, x]) << 4 | int(padded[z + 1, y, x + 1]) << 5
                d = int(padded[z + 1, y + 1, x + 1]) << 6 | int(padded[z + 1, y + 1, x]) << 7
                pattern = a | b | c | d
                counts[pattern] += 1
                moments[pattern, 0] += z
                moments[pattern, 1] += y
                moments[pattern, 2] += x
    return counts, moments


@lru_cache(maxsize=32)
def _tables(spacing_zyx_mm: tuple[float, float, float], mirrored: bool) -> tuple[Array, Array, Array]:
    """Of every pattern: area, ∫ x·n dA about its own corner, ∫ n dA."""
    areas, volumes, normals = np.zeros(256), np.zeros(256), np.zeros((256, 3))
    triangles = _triangles()
    for pattern in range(1, 255):
        turned = mirrored and pattern > 127
        corners = triangles[255 - pattern][:, ::-1] if turned else triangles[pattern]
        a, b, c = np.moveaxis(corners * np.asarray(spacing_zyx_mm), 1, 0)
        outward = np.cross(b - a, c - a) / 2
        areas[pattern] = np.linalg.norm(outward, axis=1).sum()
        volumes[pattern] = ((a + b + c) / 3 * outward).sum()
        normals[pattern] = outward.sum(axis=0)
    return areas, volumes, normals


@lru_cache(maxsize=1)
def _triangles() -> tuple[Array, ...]:
    """Triangles (n, 3 corners, 3) of every pattern, in voxels from its first corner."""
    march: Any = measure.marching_cubes
    found = [np.zeros((0, 3, 3))]
    for pattern in range(1, 255):
        cube = np.zeros((2, 2, 2), np.float32)
        for bit, corner in enumerate(_CORNERS):
            cube[corner] = pattern >> bit & 1
        points, faces, _, _ = march(cube, 0.5, method="lorensen")
        found.append(np.asarray(points, np.float64)[faces])
    return (*found, np.zeros((0, 3, 3)))
