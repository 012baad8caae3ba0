"""Scatter in projections by superposition of kernels, and how much of it there is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.simulate.spectrum import Spectrum, transmitted

F32 = NDArray[np.float32]
REFERENCE_WATER_MM = 300.0
_COARSE_MM = 12.0


def scatter_of(
    primary: F32, spectrum: Spectrum, *, to_primary: float, sigma_mm: float, pixel_mm: float
) -> F32:
    """Scattered signal behind an object, in units of the open beam.

    Every ray gives off scatter in proportion to what it leaves times what it met, P · (−ln P), spread by a
    Gaussian: the shape of Sun and Star-Lack's kernels with unit exponents and one width.

    Args:
        primary: (n, v, u) share of the open beam that is left.
        spectrum: of the beam.
        to_primary: scatter-to-primary ratio behind a wide slab of 30 cm of water.
        sigma_mm: width of the kernel at the detector.
        pixel_mm: of the detector.
    Source: Sun and Star-Lack, Phys Med Biol 2010;55:6695, doi 10.1088/0031-9155/55/22/007
    """
    if to_primary == 0:
        return np.zeros_like(primary)
    water = np.array([REFERENCE_WATER_MM / 10], np.float32)
    behind = float(transmitted(water, np.zeros(1, np.float32), spectrum)[0])
    given_off = primary * -np.log(np.clip(primary, 1e-12, 1)) * np.float32(to_primary / -np.log(behind))
    step = max(1, int(_COARSE_MM / pixel_mm))
    return _spread(given_off, step, sigma_mm / pixel_mm)


def _spread(given_off: F32, step: int, sigma: float) -> F32:
    """Gaussian on blocks of pixels, and back; scatter has no fine detail."""
    _, rows, columns = given_off.shape
    reach = ((0, 0), (0, -rows % step), (0, -columns % step))
    padded = np.pad(given_off, reach, mode="edge")
    blocks = padded.reshape(len(padded), padded.shape[1] // step, step, padded.shape[2] // step, step)
    coarse = ndimage.gaussian_filter(
        blocks.mean(axis=(2, 4)), (0, sigma / step, sigma / step), mode="nearest"
    )
    for axis, size in ((1, rows), (2, columns)):
        place = np.clip((np.arange(size) + 0.5) / step - 0.5, 0, coarse.shape[axis] - 1)
        low = np.minimum(place.astype(int), max(coarse.shape[axis] - 2, 0))
        high = np.minimum(low + 1, coarse.shape[axis] - 1)
        share = (place - low).astype(np.float32).reshape([-1 if one == axis else 1 for one in range(3)])
        coarse = np.take(coarse, low, axis) * (1 - share) + np.take(coarse, high, axis) * share
    return np.asarray(coarse, np.float32)
