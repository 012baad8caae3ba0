"""Where to begin: the shift of best correlation among all shifts within reach, found at once by FFT."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import fft, ndimage

from terasu.register.level import Level

Array = NDArray[np.float64]


def best_shifts(
    level: Level, begin: Any, *, reach_mm: float, count: int, apart_mm: float = 8.0
) -> list[Array]:
    """Shifts of the moving image, the best correlation first.

    A descent from one starting point ends at the nearest match, and vertebrae offer one every 30 to 40 mm.

    Args:
        level: flattened images and mask.
        begin: SimpleITK transform fixed → moving that the shifts are added to.
        reach_mm: along each axis of the fixed grid, both ways.
        count: so many local maxima.
        apart_mm: two maxima are at least this far from one another.
    Returns:
        (3,) LPS [mm] each, to be added to the translation of ``begin``.
    Source: Padfield, IEEE Trans Image Process 2012;21:2706, doi 10.1109/TIP.2011.2181402
    """
    spacing_xyz = np.asarray(level.fixed.GetSpacing())
    reach_xyz = np.maximum(1, np.floor(reach_mm / spacing_xyz)).astype(int)
    moving = sitk.GetArrayFromImage(sitk.Resample(level.moving, _wider(level.fixed, reach_xyz), begin))
    mask = sitk.GetArrayViewFromImage(level.mask) > 0
    fixed = sitk.GetArrayFromImage(level.fixed) * mask
    fixed -= mask * (fixed.sum() / mask.sum())
    score = _masked_correlation(fixed, mask.astype(np.float32), moving)
    apart_zyx = np.maximum(3, 2 * np.round(apart_mm / spacing_xyz[::-1]).astype(int) + 1)
    peaks = np.argwhere((score == ndimage.maximum_filter(score, size=tuple(apart_zyx))) & (score > 0))
    peaks = peaks[np.argsort(-score[tuple(peaks.T)], kind="stable")][:count]
    direction = np.reshape(level.fixed.GetDirection(), (3, 3))
    return [direction @ ((peak[::-1] - reach_xyz) * spacing_xyz) for peak in peaks]


def _wider(fixed: Any, reach_xyz: NDArray[np.intp]) -> Any:
    """The fixed grid, longer by the reach at every side."""
    size = (np.asarray(fixed.GetSize()) + 2 * reach_xyz).tolist()
    wider = sitk.Image(size, sitk.sitkUInt8)
    wider.SetSpacing(fixed.GetSpacing())
    wider.SetDirection(fixed.GetDirection())
    wider.SetOrigin(fixed.TransformContinuousIndexToPhysicalPoint((-reach_xyz.astype(float)).tolist()))
    return wider


def _masked_correlation(
    fixed: NDArray[np.float32], mask: NDArray[np.float32], moving: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Normalised correlation of ``fixed`` (mean 0 in its mask) with ``moving`` at every shift that fits."""
    shape = moving.shape
    valid = tuple(slice(0, big - small + 1) for big, small in zip(shape, fixed.shape, strict=True))
    turned = {name: np.conj(fft.rfftn(part, shape)) for name, part in (("fixed", fixed), ("mask", mask))}
    spectrum, squares = fft.rfftn(moving), fft.rfftn(moving**2)
    product = fft.irfftn(spectrum * turned["fixed"], shape)[valid]
    mean = fft.irfftn(spectrum * turned["mask"], shape)[valid] / mask.sum()
    energy = fft.irfftn(squares * turned["mask"], shape)[valid] / mask.sum() - mean**2
    floor = 0.05 * float(energy.max()) + 1e-12
    own = np.sqrt((fixed**2).sum() * mask.sum())
    return np.asarray(product / (own * np.sqrt(np.maximum(energy, floor))), dtype=np.float32)
