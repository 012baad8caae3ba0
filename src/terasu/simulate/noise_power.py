"""Noise power spectra of CT slices, of real scans and of simulated ones alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from terasu.patient.structures import Mask
from terasu.patient.volume import Volume

F64 = NDArray[np.float64]
_BLOCK_MM = 40.0


def radial_noise_power(image: Volume, within: Mask) -> tuple[F64, F64]:
    """Noise power by frequency, in square blocks of 4 cm that lie inside of a mask.

    The noise is the difference of neighbouring slices over √2: anatomy that they share drops out. What noise
    they share does too, so that it is a lower bound where slices are thinner than the resolution.

    Args:
        image: HU, square pixels.
        within: (z, y, x), where the object is even.
    Returns:
        Frequency [1/mm] and power [HU² mm²]; empty where no block fits.
    Source: ICRU Report 87 (2012), section 5; Siewerdsen et al., Med Phys 2002;29:2655, doi 10.1118/1.1513158.
    """
    pixel_mm = image.grid.spacing_zyx_mm[2]
    side = max(8, int(_BLOCK_MM / pixel_mm))
    noise = np.diff(image.values.astype(np.float64), axis=0) / np.sqrt(2)
    both = within[1:] & within[:-1]
    powers = [_power(block, pixel_mm) for block in _blocks(noise, both, side)]
    if not powers:
        return np.zeros(0), np.zeros(0)
    return _radial(np.mean(powers, axis=0), pixel_mm)


def _blocks(noise: F64, both: Mask, side: int) -> list[F64]:
    """Blocks at half-overlapping places whose every pixel is inside."""
    found = []
    for one, inside in zip(noise, both, strict=True):
        for j in range(0, one.shape[0] - side + 1, side // 2):
            for i in range(0, one.shape[1] - side + 1, side // 2):
                if inside[j : j + side, i : i + side].all():
                    found.append(one[j : j + side, i : i + side])
    return found


def _power(block: F64, pixel_mm: float) -> F64:
    """|DFT|² times the pixel's area over the number of pixels, the mean and slope taken out."""
    y, x = np.indices(block.shape) - (len(block) - 1) / 2
    flat = block - block.mean()
    flat = flat - y * (flat * y).sum() / (y**2).sum() - x * (flat * x).sum() / (x**2).sum()
    return np.asarray(np.abs(np.fft.fft2(flat)) ** 2 * pixel_mm**2 / block.size, np.float64)


def _radial(power: F64, pixel_mm: float) -> tuple[F64, F64]:
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(len(power), pixel_mm)] * 2, indexing="ij"))
    step = 1 / (len(power) * pixel_mm)
    ring = np.rint(frequency / step).astype(int)
    count = np.bincount(ring.ravel())
    total = np.bincount(ring.ravel(), power.ravel())
    keep = np.arange(len(count)) <= len(power) // 2
    places = np.asarray(np.arange(len(count))[keep] * step, np.float64)
    return places, np.asarray((total / np.maximum(count, 1))[keep], np.float64)
