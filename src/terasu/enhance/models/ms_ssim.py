"""Multi-scale structural similarity with gradients, for pairs.

Source: Wang et al., Asilomar 2003, doi 10.1109/ACSSC.2003.1292216; window 11, σ 1.5, K 0.01 and 0.03
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW, _SIGMA = 11, 1.5


def ms_ssim(made: Tensor, truth: Tensor, *, range_hu: float) -> Tensor:
    """Mean over the image; as many of the five scales as fit, their weights made to add up to 1.

    Args:
        made, truth: (n, 1, y, x) [HU], each side at least 11.
        range_hu: dynamic range.
    Returns:
        A number up to 1.
    """
    scales = [k for k in range(5) if min(made.shape[-2:]) // 2**k >= _WINDOW]
    weights = torch.tensor([_WEIGHTS[k] for k in scales])
    value = torch.ones((), device=made.device)
    for scale, weight in zip(scales, (weights / weights.sum()).tolist(), strict=True):
        likeness, contrast = _ssim(made.float(), truth.float(), range_hu)
        part = likeness if scale == scales[-1] else contrast
        value = value * part.clamp(min=1e-4) ** weight
        made, truth = functional.avg_pool2d(made, 2), functional.avg_pool2d(truth, 2)
    return value


def _ssim(one: Tensor, other: Tensor, range_hu: float) -> tuple[Tensor, Tensor]:
    """Mean likeness, and its part of contrast and structure."""
    mean_1, mean_2 = _smooth(one), _smooth(other)
    square_1 = _smooth(one * one) - mean_1**2
    square_2 = _smooth(other * other) - mean_2**2
    both = _smooth(one * other) - mean_1 * mean_2
    c1, c2 = (0.01 * range_hu) ** 2, (0.03 * range_hu) ** 2
    contrast = (2 * both + c2) / (square_1 + square_2 + c2)
    light = (2 * mean_1 * mean_2 + c1) / (mean_1**2 + mean_2**2 + c1)
    return (light * contrast).mean(), contrast.mean()


def _smooth(image: Tensor) -> Tensor:
    at = torch.arange(_WINDOW, device=image.device, dtype=image.dtype) - _WINDOW // 2
    kernel = torch.exp(-(at**2) / (2 * _SIGMA**2))
    kernel = kernel / kernel.sum()
    rows = functional.conv2d(image, kernel.view(1, 1, -1, 1))
    return functional.conv2d(rows, kernel.view(1, 1, 1, -1))
