"""Intensity peaks: the mean over a ball of 1 cm³ (IBSI section 3.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float64]
_RADIUS_MM = 10 * (3 / (4 * np.pi)) ** (1 / 3)


def peak_features(
    values: Array, inside: NDArray[np.bool_], spacing_zyx_mm: tuple[float, float, float]
) -> dict[str, float]:
    """``loc_peak_loc`` about the region's brightest voxel, ``loc_peak_glob`` the highest of all its voxels.

    Args:
        values: (z, y, x) image; voxels outside of the region count where the ball reaches them.
        inside: the region; spacing_zyx_mm: voxel size.
    """
    reach = [np.arange(-int(_RADIUS_MM // s), int(_RADIUS_MM // s) + 1) * s for s in spacing_zyx_mm]
    ball = sum(np.square(one) for one in np.meshgrid(*reach, indexing="ij")) <= _RADIUS_MM**2
    weights = ball.astype(np.float64)
    total = ndimage.convolve(values.astype(np.float64), weights, mode="constant")
    mean = total / ndimage.convolve(np.ones_like(total), weights, mode="constant")
    brightest = inside & (values == values[inside].max())
    return {"loc_peak_loc": float(mean[brightest].max()), "loc_peak_glob": float(mean[inside].max())}
