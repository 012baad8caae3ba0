"""Streaks that spread from gas and dense bone, as motion and beam hardening make them in a CBCT."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from terasu.patient.grid import Grid

F32 = NDArray[np.float32]
_SAME_PATTERN_SLICES = 6
_COARSE_MM = 1.7
_REFERENCE_MM = 50.0
_AREA_OF_A_POINT_MM2 = 200.0
_POINTS = 5  # on 10 cm²
_REACH_MM = 140.0


def streaks_of(hu: F32, grid: Grid, chance: np.random.Generator, sd_hu: float) -> F32:
    """Streaks [HU]: of standard deviation ``sd_hu`` 5 cm away from 10 cm² of gas, falling with distance.

    They leave from points strewn over gas and bone, one on 2 cm², as from the edges that cast them.

    Args:
        hu: (z, y, x) true HU.
        grid: of ``hu``.
        chance: decides the directions.
        sd_hu: strength.
    """
    step = max(1, round(_COARSE_MM / grid.spacing_zyx_mm[2]))
    found = np.zeros(hu.shape, np.float32)
    fine = hu.shape[1:]
    pixel_mm = grid.spacing_zyx_mm[2] * step
    for start in range(0, hu.shape[0], _SAME_PATTERN_SLICES):
        slab = slice(start, start + _SAME_PATTERN_SLICES)
        sources = _sources(hu[slab, ::step, ::step])
        strewn = chance.random(sources.shape[1:]) < pixel_mm**2 / _AREA_OF_A_POINT_MM2
        sources = sources * strewn.astype(np.float32)
        size = [fft.next_fast_len(2 * n - 1, real=True) for n in sources.shape[1:]]
        kernel = fft.rfft2(_fan(sources.shape[1:], pixel_mm, chance), size)
        spread = fft.irfft2(fft.rfft2(sources, size) * kernel, size)
        low = [(n - 1) // 2 for n in sources.shape[1:]]
        inner = spread[:, low[0] : low[0] + sources.shape[1], low[1] : low[1] + sources.shape[2]]
        found[slab] = _enlarged(inner.astype(np.float32), step, fine)
    return np.asarray(found * np.float32(sd_hu / np.sqrt(_POINTS)), np.float32)


def _sources(hu: F32) -> F32:
    """Gas inside of the patient, and dense bone at a quarter of its weight."""
    filled = (ndimage.binary_fill_holes(one) for one in hu > -400)
    # not at the skin, where a pixel is half air and no gas
    inside = np.stack([ndimage.binary_erosion(one, iterations=3) for one in filled])
    gas = inside & (hu < -300)
    return np.asarray(gas + 0.25 * np.clip((hu - 600) / 600, 0, 4), np.float32)


def _fan(shape: tuple[int, ...], pixel_mm: float, chance: np.random.Generator) -> F32:
    """Random rays through the middle, opposite directions alike, of spread 1 at the reference distance."""
    y, x = ((np.arange(n) - (n - 1) // 2) * pixel_mm for n in shape)
    radius, angle = np.hypot(y[:, None], x[None, :]), np.arctan2(y[:, None], x[None, :])
    orders = np.arange(8, 44, 2)
    phases = chance.uniform(0, 2 * np.pi, len(orders))
    steps = np.linspace(-np.pi, np.pi, 2881)
    rays = sum(np.cos(order * steps + phase) for order, phase in zip(orders, phases, strict=True))
    rays = np.asarray(rays) / np.sqrt(len(orders) / 2)
    fall = _REFERENCE_MM / np.maximum(radius, 12.0) * np.exp((_REFERENCE_MM - radius) / _REACH_MM)
    return np.asarray(np.interp(angle, steps, rays) * fall, np.float32)


def _enlarged(coarse: F32, step: int, shape: tuple[int, ...]) -> F32:
    """Back to the fine pixels, linearly."""
    if step == 1:
        return coarse
    places = [np.minimum(np.arange(n) / step, m - 1) for n, m in zip(shape, coarse.shape[1:], strict=True)]
    for axis, place in enumerate(places, start=1):
        low = np.minimum(place.astype(int), coarse.shape[axis] - 2)
        share = (place - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        first, second = np.take(coarse, low, axis), np.take(coarse, low + 1, axis)
        coarse = first + share * (second - first)
    return coarse
