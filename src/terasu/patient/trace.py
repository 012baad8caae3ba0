"""Masks to contours: polygons along the pixel edges, so that nothing shrinks on the way to RTSTRUCT."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from terasu.errors import GeometryError
from terasu.patient.grid import Grid
from terasu.patient.structures import Mask

Array = NDArray[np.float64]


def trace(mask: Mask, grid: Grid, *, smooth: bool = False) -> tuple[Array, ...]:
    """Closed polygons around a mask, slice by slice.

    Args:
        mask: (z, y, x) bool on ``grid``.
        grid: its slices (k) are the planes that the polygons lie in.
        smooth: draw at the 0.5 level (through the middles of the pixel edges), as marching squares do,
            in place of along the pixel edges. Each loop then holds half a pixel less than the pixels
            that it goes around (a hole too), and the way back is still exact.
    Returns:
        Polygons, each (n, 3) LPS [mm], outlines and holes alike, to be combined by even–odd; no three
        neighbouring points on a straight line. ``rasterise(…, grid, slab_mm=slice spacing)`` gives back
        the same mask, also after the coordinates went through 16 characters of DICOM DS.
    Raises:
        GeometryError: the mask does not fit the grid.
    """
    from terasu.patient.crack import follow_edges

    if mask.shape != grid.shape_zyx:
        raise GeometryError(
            "The mask does not fit its grid.", got=str(mask.shape), expected=str(grid.shape_zyx)
        )
    polygons: list[Array] = []
    for k in np.flatnonzero(mask.any(axis=(1, 2))):
        plane, corner = _cut_out(np.asarray(mask[k], np.bool_))
        points, first = follow_edges(plane, smooth)
        for a, b in itertools.pairwise(first):
            loop = _without_straight_points(points[a:b])
            index = np.column_stack([np.full(len(loop), float(k)), loop / 2 - 0.5 + corner])
            polygons.append(grid.to_lps_mm(index))
    return tuple(polygons)


def _cut_out(plane: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], Array]:
    """The part of a slice that holds the mask with a rim of one pixel, and its first (row, column)."""
    rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    part = plane[top : rows[-1] + 1, left : columns[-1] + 1]
    return np.pad(part, 1), np.array([top - 1.0, left - 1.0])


def _without_straight_points(loop: NDArray[np.int64]) -> NDArray[np.int64]:
    before, after = loop - np.roll(loop, 1, axis=0), np.roll(loop, -1, axis=0) - loop
    turns = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
    return np.asarray(loop[turns])
