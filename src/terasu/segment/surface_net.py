"""A surface from a mask: smooth, closed, and between the voxels that are inside and those that are outside.

The mask is blurred, but no voxel may change sides: an inside voxel keeps a value above one half, an outside
one below it. So thin organs do not vanish and steps of slices become slopes. In every cell between eight
voxel centres that the level one half passes, one vertex stands at the mean of the crossings; four cells
around a crossed edge make two triangles.

Source: Gibson 1998, doi 10.1007/BFb0056277 (surface nets); Whitaker 2000, doi 10.1109/SVV.2000.12
(no voxel changes sides).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Field = NDArray[np.float32]

BLUR_OF_WIDEST = 2.0 / 3.0
MARGIN = 2
KEEP = 0.02
"""How far from one half a voxel keeps on its own side."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangulated surface.

    Attributes:
        vertices_mm: (n, 3), index (k, j, i) of the mask times spacing.
        triangles: (m, 3) into the vertices.
    """

    vertices_mm: Floats
    triangles: Ints

    def corners_mm(self) -> Floats:
        """(m, 3, 3) the corners of every triangle."""
        return np.asarray(self.vertices_mm[self.triangles])

    def vertex_areas_mm2(self) -> Floats:
        """A third of the area of the triangles that meet at each vertex; they add up to the whole surface."""
        a, b, c = np.moveaxis(self.corners_mm(), 1, 0)
        third = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6
        count = len(self.vertices_mm)
        areas = np.bincount(self.triangles.ravel(), np.repeat(third, 3), minlength=count)
        return np.asarray(areas, dtype=np.float64)


def mesh_of(mask: Mask, spacing_zyx_mm: tuple[float, float, float]) -> Mesh:
    """The surface of a mask that is not empty, closed where the mask reaches the edge of its array."""
    vertices, triangles = _net(smooth_field(np.pad(mask, MARGIN), spacing_zyx_mm))
    return Mesh((vertices - MARGIN) * np.asarray(spacing_zyx_mm), triangles)


def smooth_field(mask: Mask, spacing_zyx_mm: tuple[float, float, float]) -> Field:
    """The mask blurred, no voxel on the other side of one half than it was.

    One voxel wide, and in the plane of thick slices two thirds of a slice, so that the last slice of a
    rounded organ knows how small it is.
    """
    widest_mm = max(spacing_zyx_mm)
    sigma = [max(1.0, BLUR_OF_WIDEST * widest_mm / spacing_mm) for spacing_mm in spacing_zyx_mm]
    field = ndimage.gaussian_filter(mask.astype(np.float32), sigma, truncate=2.5, mode="constant")
    inside = np.maximum(field, np.float32(0.5 + KEEP))
    return np.where(mask, inside, np.minimum(field, np.float32(0.5 - KEEP)))


@numba.njit(cache=True, nogil=True)
def _net(field: Field) -> tuple[Floats, Ints]:
    """Vertices (n, 3) as fractional index (k, j, i), triangles (m, 3)."""
    number, count = _numbered_cells(field)
    vertices = np.zeros((count, 4))
    triangles = np.empty((6 * count, 3), np.int64)
    made = 0
    for k in range(1, field.shape[0] - 1):
        for j in range(1, field.shape[1] - 1):
            for i in range(1, field.shape[2] - 1):
                here, there = field[k, j, i], field[k + 1, j, i]
                if (here > 0.5) != (there > 0.5):
                    cells = number[k, j - 1, i - 1], number[k, j - 1, i], number[k, j, i], number[k, j, i - 1]
                    at = (0.5 - here) / (there - here)
                    made = _cross(cells, (k + at, float(j), float(i)), vertices, triangles, made)
                there = field[k, j + 1, i]
                if (here > 0.5) != (there > 0.5):
                    cells = number[k - 1, j, i - 1], number[k - 1, j, i], number[k, j, i], number[k, j, i - 1]
                    at = (0.5 - here) / (there - here)
                    made = _cross(cells, (float(k), j + at, float(i)), vertices, triangles, made)
                there = field[k, j, i + 1]
                if (here > 0.5) != (there > 0.5):
                    cells = number[k - 1, j - 1, i], number[k - 1, j, i], number[k, j, i], number[k, j - 1, i]
                    at = (0.5 - here) / (there - here)
                    made = _cross(cells, (float(k), float(j), i + at), vertices, triangles, made)
    for n in range(count):
        vertices[n] /= vertices[n, 3]
    return vertices[:, :3].copy(), triangles[:made].copy()


@numba.njit(cache=True, nogil=True)
def _numbered_cells(field: Field) -> tuple[NDArray[np.int32], int]:
    """Every cell between eight voxels that the level passes gets a number, the others -1."""
    slices, rows, columns = field.shape
    number = np.full((slices - 1, rows - 1, columns - 1), -1, np.int32)
    count = 0
    for k in range(slices - 1):
        for j in range(rows - 1):
            for i in range(columns - 1):
                inside = 0
                for bit in range(8):
                    inside += field[k + (bit >> 2), j + (bit >> 1 & 1), i + (bit & 1)] > 0.5
                if 0 < inside < 8:
                    number[k, j, i] = count
                    count += 1
    return number, count


@numba.njit(cache=True, nogil=True)
def _cross(
    cells: tuple[int, int, int, int],
    where: tuple[float, float, float],
    vertices: Floats,
    triangles: Ints,
    made: int,
) -> int:
    """Pull the vertices of the four cells around a crossed edge to it, and span two triangles."""
    for cell in cells:
        vertices[cell, 0] += where[0]
        vertices[cell, 1] += where[1]
        vertices[cell, 2] += where[2]
        vertices[cell, 3] += 1
    triangles[made, 0], triangles[made, 1], triangles[made, 2] = cells[0], cells[1], cells[2]
    triangles[made + 1, 0], triangles[made + 1, 1], triangles[made + 1, 2] = cells[0], cells[2], cells[3]
    return made + 2
