"""How noisy an image is, told from the image alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_NORMAL_MEDIAN = 0.674489750196082  # median of |x| for a normal x of standard deviation 1
_ENOUGH = 400_000  # voxels; of a larger image every second, third … slice is read
_FLAT = 1e-9  # of the largest value: below is rounding, not noise


def noise_level(values: NDArray[Any]) -> float:
    """Standard deviation of the noise, from the finest diagonal details within each slice.

    Voxels of flat surroundings (padding, clipped air) have no detail at all and are left out: an image that
    is half padding would otherwise count as free of noise.

    Args:
        values: (z, y, x), all finite.
    Returns:
        In the image's unit; 0 for an image without any detail.
    Source: Chang, Yu and Vetterli 2000, doi 10.1109/83.862633: median |HH| / 0.6745, here of an undecimated
    coif1 transform as in Zwanenburg et al. 2019, doi 10.1038/s41598-018-36938-4
    """
    import pywt

    high = np.asarray(pywt.Wavelet("coif1").dec_hi)
    step = -(-values.size // _ENOUGH)
    details = values[::step].astype(np.float64)
    for axis in (1, 2):
        details = ndimage.convolve1d(details, high, axis=axis, mode="mirror")
    sizes = np.abs(details)
    there = sizes[sizes > _FLAT * float(np.abs(values).max())]
    return float(np.median(there) / _NORMAL_MEDIAN) if there.size else 0.0
