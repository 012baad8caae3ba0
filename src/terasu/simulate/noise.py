"""Noise of spread 1 with the power spectrum of an image that was reconstructed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

F32 = NDArray[np.float32]
_SIGMA_PIXELS = 0.9


def smooth_noise(shape_zyx: tuple[int, int, int], chance: np.random.Generator) -> F32:
    """White noise blurred in the slice: its power falls from frequency 0."""
    white = chance.standard_normal(shape_zyx, dtype=np.float32)
    ndimage.gaussian_filter(white, (0, _SIGMA_PIXELS, _SIGMA_PIXELS), output=white, truncate=3)
    # Smoothing white noise in two dimensions leaves 1 / (2 √π σ) of its spread.
    white *= np.float32(2 * np.sqrt(np.pi) * _SIGMA_PIXELS)
    return white


def filtered_noise(
    shape_zyx: tuple[int, int, int],
    pixel_yx_mm: tuple[float, float],
    peak_per_mm: float,
    chance: np.random.Generator,
) -> F32:
    """Noise as filtered back-projection leaves it: power f · exp(−f² / 2p²), 0 at 0.

    Args:
        shape_zyx: slices are independent of one another.
        pixel_yx_mm: of the slice.
        peak_per_mm: where the power is largest; beyond the pixels' Nyquist frequency it rises to there.
    Source: Riederer, Pelc and Chesler, Phys Med Biol 1978;23:446, doi 10.1088/0031-9155/23/3/008
        (ramp times window); the Gaussian window is ours.
    """
    _, rows, columns = shape_zyx
    y, x = fft.fftfreq(rows, pixel_yx_mm[0]), fft.rfftfreq(columns, pixel_yx_mm[1])
    frequency = np.hypot(y[:, None], x[None])
    # d/df of f · exp(−f² / 2 p²) is 0 at p.
    amplitude = np.sqrt(frequency * np.exp(-(frequency**2) / (2 * peak_per_mm**2)))
    whole = np.concatenate([amplitude, amplitude[:, 1 : columns - columns // 2]], axis=1)
    amplitude = (amplitude / np.sqrt(np.mean(whole**2))).astype(np.float32)
    white = chance.standard_normal(shape_zyx, dtype=np.float32)
    return np.asarray(fft.irfft2(fft.rfft2(white) * amplitude, s=(rows, columns)), np.float32)
