"""Features of grey level co-occurrence matrices (IBSI section 3.6)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def cooccurrence_features(counts: Array) -> dict[str, Array]:
    """Twenty-five features of every matrix.

    Args:
        counts: (…, levels, levels), symmetric.
    Returns:
        IBSI name without family → (…,); NaN where a matrix is empty.
    Source: IBSI reference manual section 3.6, arXiv 1612.07003; Haralick et al. 1973, doi
    10.1109/TSMC.1973.4309314
    """
    n = counts.shape[-1]
    total = counts.sum(axis=(-2, -1), keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = counts / total
        found = _of(p, n)
    empty = total[..., 0, 0] == 0
    return {name: np.where(empty, np.nan, value) for name, value in found.items()}


def _of(p: Array, n: int) -> dict[str, Array]:
    i, j = np.arange(1, n + 1.0)[:, None], np.arange(1, n + 1.0)[None, :]
    apart = np.abs(i - j)
    by_difference = np.stack([p[..., apart == k].sum(axis=-1) for k in range(n)], axis=-1)
    by_sum = np.stack([p[..., i + j == k].sum(axis=-1) for k in range(2, 2 * n + 1)], axis=-1)
    marginal = p.sum(axis=-1)
    mean = _sum(p * i)
    from_mean = i + j - 2 * mean[..., None, None]
    variance = _sum(p * np.square(i - mean[..., None, None]))
    differences, sums = np.arange(n), np.arange(2, 2 * n + 1)
    mean_difference, mean_sum = (by_difference * differences).sum(-1), (by_sum * sums).sum(-1)
    inverse = np.divide(p, np.square(apart), out=np.zeros_like(p), where=apart > 0)
    joint = _entropy(p, 2)
    first, second = _information(p, marginal, joint)
    return {
        "joint_max": p.max(axis=(-2, -1)),
        "joint_avg": mean,
        "joint_var": variance,
        "joint_entr": joint,
        "diff_avg": mean_difference,
        "diff_var": (by_difference * np.square(differences - mean_difference[..., None])).sum(-1),
        "diff_entr": _entropy(by_difference, 1),
        "sum_avg": mean_sum,
        "sum_var": (by_sum * np.square(sums - mean_sum[..., None])).sum(-1),
        "sum_entr": _entropy(by_sum, 1),
        "energy": _sum(np.square(p)),
        "contrast": _sum(p * np.square(apart)),
        "dissimilarity": _sum(p * apart),
        "inv_diff": _sum(p / (1 + apart)),
        "inv_diff_norm": _sum(p / (1 + apart / n)),
        "inv_diff_mom": _sum(p / (1 + np.square(apart))),
        "inv_diff_mom_norm": _sum(p / (1 + np.square(apart / n))),
        "inv_var": 2 * _sum(np.triu(inverse)),
        "corr": np.where(
            variance > 0, (_sum(p * i * j) - mean**2) / np.where(variance > 0, variance, 1), 1.0
        ),
        "auto_corr": _sum(p * i * j),
        "clust_tend": _sum(p * from_mean**2),
        "clust_shade": _sum(p * from_mean**3),
        "clust_prom": _sum(p * from_mean**4),
        "info_corr1": first,
        "info_corr2": second,
    }


def _information(p: Array, marginal: Array, joint: Array) -> tuple[Array, Array]:
    """Both information correlations; 0 where the region has one level only."""
    product = marginal[..., :, None] * marginal[..., None, :]
    logs = np.log2(np.where(product > 0, product, 1))
    single = _entropy(marginal, 1)
    first, second = -_sum(p * logs), -_sum(product * logs)
    correlation = np.where(single > 0, (joint - first) / np.where(single > 0, single, 1), 0.0)
    return correlation, np.sqrt(np.maximum(1 - np.exp(-2 * (second - joint)), 0))


def _sum(values: Array) -> Array:
    return np.asarray(values.sum(axis=(-2, -1)))


def _entropy(p: Array, axes: int) -> Array:
    return np.asarray(-(p * np.log2(np.where(p > 0, p, 1))).sum(axis=tuple(range(-axes, 0))))
