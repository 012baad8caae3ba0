"""Shapes whose surfaces are known, as masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Triple = tuple[float, float, float]


def away_mm(shape_zyx: tuple[int, int, int], spacing_zyx_mm: Triple, centre_zyx_mm: Triple) -> list[NDArray]:
    """Coordinates (z, y, x) from a point beside the middle of the grid, ready to broadcast [mm]."""
    axes = [
        (np.arange(n) - (n - 1) / 2) * step - middle
        for n, step, middle in zip(shape_zyx, spacing_zyx_mm, centre_zyx_mm, strict=True)
    ]
    return [axis.reshape([-1 if a == b else 1 for b in range(3)]) for a, axis in enumerate(axes)]


def ellipsoid(
    shape_zyx: tuple[int, int, int],
    spacing_zyx_mm: Triple,
    axes_zyx_mm: Triple,
    centre_zyx_mm: Triple = (0, 0, 0),
) -> Mask:
    """Voxels whose centres lie in an ellipsoid."""
    parts = away_mm(shape_zyx, spacing_zyx_mm, centre_zyx_mm)
    return np.asarray(sum((part / axis) ** 2 for part, axis in zip(parts, axes_zyx_mm, strict=True)) <= 1)


def ball(
    shape_zyx: tuple[int, int, int],
    spacing_zyx_mm: Triple,
    radius_mm: float,
    centre_zyx_mm: Triple = (0, 0, 0),
) -> Mask:
    """Voxels whose centres lie in a ball."""
    return ellipsoid(shape_zyx, spacing_zyx_mm, (radius_mm,) * 3, centre_zyx_mm)


def cube(shape_zyx: tuple[int, int, int], begin_zyx: tuple[int, int, int], edge: int) -> Mask:
    """A cube of so many voxels."""
    mask = np.zeros(shape_zyx, dtype=bool)
    mask[tuple(slice(at, at + edge) for at in begin_zyx)] = True
    return mask
