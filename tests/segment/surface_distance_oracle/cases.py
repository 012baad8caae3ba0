"""The pairs of masks that surface-distance was asked about, made from numbers alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Case = tuple[Mask, Mask, tuple[float, float, float]]


def _ball(shape: tuple[int, int, int], spacing: tuple[float, ...], radius: float, at: float = 0.0) -> Mask:
    axes = [(np.arange(n) - (n - 1) / 2) * step - at for n, step in zip(shape, spacing, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return np.asarray(z**2 + y**2 + x**2 <= radius**2)


def _dust(shape: tuple[int, int, int], salt: int) -> Mask:
    """Voxels set by a fixed rule that leaves every kind of corner behind."""
    z, y, x = np.indices(shape)
    return np.asarray((z * 7919 + y * 104729 + x * 1299709 + salt) % 17 < 7)


def cases() -> dict[str, Case]:
    """Name → reference, test, spacing (z, y, x) [mm]."""
    points = np.zeros((2, 10, 12, 14), dtype=bool)
    points[0, 4, 5, 6] = points[1, 6, 8, 9] = True
    iso, thick = (60, 60, 60), (21, 60, 60)
    return {
        "balls": (_ball(iso, (1, 1, 1), 20), _ball(iso, (1, 1, 1), 22), (1.0, 1.0, 1.0)),
        "thick": (_ball(thick, (3, 1, 1), 20), _ball(thick, (3, 1, 1), 22), (3.0, 1.0, 1.0)),
        "apart": (_ball(thick, (3, 1, 1), 12, -4), _ball(thick, (3, 1, 1), 14, 6), (3.0, 1.0, 1.0)),
        "to the edge": (_ball((20, 40, 40), (3, 1, 1), 40), _ball((20, 40, 40), (3, 1, 1), 18), (3.0, 1, 1)),
        "dust": (_dust((12, 14, 16), 3), _dust((12, 14, 16), 8), (2.5, 0.9, 1.1)),
        "points": (points[0], points[1], (3.0, 1.0, 1.0)),
    }
