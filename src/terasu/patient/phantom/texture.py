"""Texture that moves with the patient, and noise that belongs to the scanner."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import ndimage

from terasu.patient.grid import Grid
from terasu.patient.phantom import tissue
from terasu.patient.phantom.anatomy import Anatomy
from terasu.patient.phantom.shapes import F32

_LATTICE = 48
_GRAIN_MM = 2.6
_STRAND_MM = 8.0
_STRAND_HU = 30.0
_NOISE_SIGMA_PIXELS = 0.75


def add_texture(anatomy: Anatomy, hu: F32, x: F32, y: F32, z: F32) -> None:
    """Add grain by tissue, and strands of connective tissue in fat; gas and metal stay smooth."""
    grain, strands = _lattices(anatomy.seed)
    values = hu.ravel()
    solid = np.flatnonzero((values > -850) & (values < 2500))
    hu.ravel()[solid] += tissue.texture_of(values[solid]) * _sampled(grain, solid, (z, y, x), hu, _GRAIN_MM)
    fat = np.flatnonzero((values < -70) & (values > -150))
    web = _sampled(strands, fat, (z, y, x), hu, _STRAND_MM)
    hu.ravel()[fat] += np.float32(_STRAND_HU) * np.exp(-((web / np.float32(0.12)) ** 2))


def _sampled(block: F32, where: np.ndarray, place: tuple[F32, F32, F32], like: F32, step_mm: float) -> F32:
    points = np.stack([np.broadcast_to(one, like.shape).ravel()[where] / step_mm for one in place])
    return np.asarray(ndimage.map_coordinates(block, points, order=1, mode="grid-wrap"), np.float32)


@lru_cache(maxsize=2)
def _lattices(seed: int) -> tuple[F32, F32]:
    """Two periodic blocks of random numbers of spread 1: grain of tissue, strands in fat."""
    chance = np.random.default_rng((seed, 37))
    grain, strands = (chance.standard_normal((_LATTICE,) * 3).astype(np.float32) for _ in range(2))
    smooth = ndimage.gaussian_filter(grain, 0.6, mode="wrap")
    return np.asarray(smooth / smooth.std(), np.float32), strands


def scanner_noise(grid: Grid, *, seed: int, sd_hu: float) -> F32:
    """Noise of filtered back projection: correlated over about two pixels, strongest in the middle.

    Args:
        grid: of the image.
        seed: another one for every scan.
        sd_hu: standard deviation in the middle [HU].
    """
    chance = np.random.default_rng((seed, 41))
    _, rows, columns = grid.shape_zyx
    y, x = np.linspace(-1, 1, rows, dtype=np.float32), np.linspace(-1, 1, columns, dtype=np.float32)
    where = 0.45 + 0.55 * np.exp(-((x[None, :] / 0.55) ** 2) - (y[:, None] / 0.45) ** 2)
    # Smoothing white noise leaves 1 / (2 √π σ) of its spread in two dimensions.
    left = 1 / (2 * np.sqrt(np.pi) * _NOISE_SIGMA_PIXELS)
    noise = chance.standard_normal(grid.shape_zyx, dtype=np.float32)
    sigma = _NOISE_SIGMA_PIXELS
    ndimage.gaussian_filter(noise, (0, sigma, sigma), output=noise, truncate=3)
    noise *= (where * (sd_hu / left)).astype(np.float32)
    return noise
