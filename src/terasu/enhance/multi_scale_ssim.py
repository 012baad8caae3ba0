"""Structural similarity over several scales, slice by slice.

Source: Wang, Simoncelli and Bovik 2003, doi 10.1109/ACSSC.2003.1292216. Gaussian window of 11 pixels, σ 1.5,
only where it lies within the slice; halved by means of 2 × 2 between scales.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.enhance.measure import HU_RANGE
from terasu.errors import EnhanceError
from terasu.patient.agreement import bounding_box
from terasu.patient.grid import require_same_grid
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW, _SIGMA = 11, 1.5
_REACH = _WINDOW // 2
_KERNEL = np.exp(-(np.arange(-_REACH, _REACH + 1) ** 2) / (2 * _SIGMA**2))
_KERNEL /= _KERNEL.sum()
_MARGIN = 48  # pixels around the patient: the window at the coarsest scale

Values = NDArray[np.float64]


@dataclass(frozen=True)
class MultiScaleSsim:
    """The index, and over how many scales: five, or fewer where slices are too small for them."""

    value: float
    scales: int


def ms_ssim(
    image: Volume, reference: Volume, where: Mask, *, hu_range: tuple[float, float] = HU_RANGE
) -> MultiScaleSsim:
    """Mean over slices; within a slice each scale is averaged over ``where``.

    Both images are clipped to ``hu_range``. With fewer than five scales those of the finest keep their
    proportions.

    Raises:
        GeometryError: image and reference lie on different grids.
        EnhanceError: nothing is asked for, or slices are smaller than the window.
    """
    require_same_grid(image.grid, reference.grid, first_name="image", second_name="reference")
    if not where.any():
        raise EnhanceError("There is no voxel to compare.", expected="a mask with voxels")
    box = bounding_box(where, margin=_MARGIN)
    low, high = hu_range
    first, second = (
        np.clip(volume.values[box].astype(np.float64), low, high) - low for volume in (image, reference)
    )
    asked = where[box]
    scales = _scales(first.shape[1:])
    weights = np.array(WEIGHTS[:scales]) * (sum(WEIGHTS) / sum(WEIGHTS[:scales]))
    found = [
        _slice(a, b, m, weights, high - low) for a, b, m in zip(first, second, asked, strict=True) if m.any()
    ]
    known = [one for one in found if np.isfinite(one)]
    return MultiScaleSsim(float(np.mean(known)) if known else float("nan"), scales)


def _scales(shape: tuple[int, ...]) -> int:
    least = min(shape)
    if least < _WINDOW:
        raise EnhanceError(
            "The slices are too small for structural similarity.",
            got=f"{least} pixels",
            expected=f"{_WINDOW} or more",
        )
    return int(min(len(WEIGHTS), 1 + np.floor(np.log2(least / _WINDOW))))


def _slice(first: Values, second: Values, asked: Mask, weights: Values, height: float) -> float:
    """One slice; not a number where the window fits nowhere in ``asked``."""
    terms = []
    for scale in range(len(weights)):
        whole, structure = _maps(first, second, height)
        inside = asked[_REACH : asked.shape[0] - _REACH, _REACH : asked.shape[1] - _REACH]
        if not inside.any():
            return float("nan")
        last = scale == len(weights) - 1
        terms.append(max(float((whole if last else structure)[inside].mean()), 0.0))
        if not last:
            first, second = _halved(first), _halved(second)
            asked = _halved(asked.astype(np.float64)) >= 0.5
    return float(np.prod(np.array(terms) ** weights))


def _maps(first: Values, second: Values, height: float) -> tuple[Values, Values]:
    """SSIM and its part of contrast and structure, where the window lies within the slice."""
    mean_1, mean_2 = _blurred(first), _blurred(second)
    variance_1 = _blurred(first * first) - mean_1**2
    variance_2 = _blurred(second * second) - mean_2**2
    covariance = _blurred(first * second) - mean_1 * mean_2
    steady, contrast = (0.01 * height) ** 2, (0.03 * height) ** 2
    structure = (2 * covariance + contrast) / (variance_1 + variance_2 + contrast)
    return structure * (2 * mean_1 * mean_2 + steady) / (mean_1**2 + mean_2**2 + steady), structure


def _blurred(values: Values) -> Values:
    found = ndimage.correlate1d(ndimage.correlate1d(values, _KERNEL, axis=0), _KERNEL, axis=1)
    return np.asarray(found[_REACH : values.shape[0] - _REACH, _REACH : values.shape[1] - _REACH])


def _halved(values: Values) -> Values:
    """Means of 2 × 2; an odd last row or column is left out."""
    rows, columns = (2 * (side // 2) for side in values.shape)
    even = values[:rows, :columns]
    return np.asarray(even.reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3)))
