"""How much of a contour somebody would have to draw anew.

A pixel of the reference's outline counts as added if the test's outline in the same slice lies further away
than a tolerance; every such pixel stands for one pixel's width. At 0 mm even a redrawing of the same contour
by the same hand counts as new; 1 to 3 mm say more.

Source: Vaassen et al. 2020, doi 10.1016/j.phro.2019.12.001
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from terasu.patient.agreement import bounding_box
from terasu.segment.nearest import in_plane_squared_mm2

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def added_path_by_slice_mm(
    reference: Mask, test: Mask, spacing_zyx_mm: tuple[float, float, float], tolerance_mm: float = 0.0
) -> Floats:
    """Length of the reference's outline that the test's does not follow, slice by slice.

    Args:
        reference, test: (z, y, x); the corrected and the first drawing.
        tolerance_mm: an outline so near counts as followed.
    Returns:
        (z,) [mm]. Slices that only the test has add nothing: there something is deleted, not drawn.
    """
    added = np.zeros(reference.shape[0])
    if not reference.any():
        return added
    box = bounding_box(reference | test)
    drawn, there = outline(reference[box]), outline(test[box])
    away2_mm2 = in_plane_squared_mm2(there, spacing_zyx_mm[1:])
    beyond = drawn & (away2_mm2 > tolerance_mm**2 * (1 + 1e-9))
    added[box[0]] = np.count_nonzero(beyond, axis=(1, 2)) * pixel_mm(spacing_zyx_mm)
    return added


def path_by_slice_mm(mask: Mask, spacing_zyx_mm: tuple[float, float, float]) -> Floats:
    """Length of the whole outline by slice, counted in the same way, (z,) [mm]."""
    return np.asarray(np.count_nonzero(outline(mask), axis=(1, 2)) * pixel_mm(spacing_zyx_mm))


def outline(mask: Mask) -> Mask:
    """Pixels inside that touch, by an edge and within their slice, one that is outside."""
    held = np.pad(mask, ((0, 0), (1, 1), (1, 1)))
    core = held[:, :-2, 1:-1] & held[:, 2:, 1:-1] & held[:, 1:-1, :-2] & held[:, 1:-1, 2:]
    return np.asarray(mask & ~core)


def pixel_mm(spacing_zyx_mm: tuple[float, float, float]) -> float:
    """The width that one pixel of an outline stands for [mm]."""
    return math.sqrt(spacing_zyx_mm[1] * spacing_zyx_mm[2])
