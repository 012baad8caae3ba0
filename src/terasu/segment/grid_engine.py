"""The engine ``grid``: distances between voxel corners that a surface passes, equal to surface-distance.

A surface element stands at every corner where eight voxels meet that are not all inside or all outside. Its
area is that of the marching-cubes triangles of the corner; its distance is that to the nearest element of the
other surface. Masks that reach the edge of their image are closed there.

Source: Nikolov et al. 2021, doi 10.2196/26151; the table of normals is theirs (surface_normals.csv).
"""

from __future__ import annotations

import csv
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from terasu.patient.agreement import bounding_box
from terasu.segment.engines import SurfaceDistances
from terasu.segment.nearest import nearest_mm

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Codes = NDArray[np.uint8]


def grid_distances(
    reference: Mask, test: Mask, spacing_zyx_mm: tuple[float, float, float]
) -> SurfaceDistances:
    """Distances between surface elements at voxel corners, with the elements' areas."""
    box = bounding_box(reference | test)
    areas_mm2 = _areas_mm2(spacing_zyx_mm)
    codes = corner_codes(reference[box]), corner_codes(test[box])
    at = tuple((code != 0) & (code != 255) for code in codes)
    there, back = np.argwhere(at[0]), np.argwhere(at[1])
    return SurfaceDistances(
        "grid",
        nearest_mm(at[1], there, spacing_zyx_mm),
        areas_mm2[codes[0][at[0]]],
        nearest_mm(at[0], back, spacing_zyx_mm),
        areas_mm2[codes[1][at[1]]],
    )


def corner_codes(mask: Mask) -> Codes:
    """Which of the eight voxels at every corner are inside, one bit each; (z, y, x) → (z+1, y+1, x+1)."""
    codes = np.pad(mask, 1).view(np.uint8)
    codes = 2 * codes[:, :, :-1] + codes[:, :, 1:]
    codes = 4 * codes[:, :-1] + codes[:, 1:]
    return np.asarray(16 * codes[:-1] + codes[1:], dtype=np.uint8)


@lru_cache(maxsize=16)
def _areas_mm2(spacing_zyx_mm: tuple[float, float, float]) -> Floats:
    """Area of a surface element by code [mm²]; a normal is as long as its triangle is large at 1 mm."""
    z, y, x = spacing_zyx_mm
    faces_mm2 = np.array([y * x, z * x, z * y])
    areas = np.zeros(256)
    for code, normal in _normals():
        areas[code] += np.linalg.norm(normal * faces_mm2)
    return areas


@lru_cache(maxsize=1)
def _normals() -> tuple[tuple[int, Floats], ...]:
    text = (files("terasu.segment") / "surface_normals.csv").read_text(encoding="utf-8")
    rows = csv.reader(line for line in text.splitlines() if not line.startswith("#"))
    return tuple((int(row[0]), np.array([float(part) for part in row[1:]])) for row in rows)
