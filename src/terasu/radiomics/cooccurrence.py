"""Features of grey level co-occurrence matrices (IBSI section 3.6)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
NAMES = (
    "joint_max",
    "joint_avg",
    "joint_var",
    "joint_entr",
    "diff_avg",
    "diff_var",
    "diff_entr",
    "sum_avg",
    "sum_var",
    "sum_entr",
    "energy",
    "contrast",
    "dissimilarity",
    "inv_diff",
    "inv_diff_norm",
    "inv_diff_mom",
    "inv_diff_mom_norm",
    "inv_var",
    "corr",
    "auto_corr",
    "clust_tend",
    "clust_shade",
    "clust_prom",
    "info_corr1",
    "info_corr2",
)


def cooccurrence_features(counts: NDArray[Any], levels: NDArray[np.int64]) -> dict[str, Array]:
    """Twenty-five features of every matrix.

    Args:
        counts: (…, n, n), symmetric; row k is level ``levels[k]``.
        levels: (n,) ascending, from 1; the last is the number of grey levels.
    Returns:
        IBSI name without family → (…,); NaN where a matrix is empty.
    Source: IBSI reference manual section 3.6, arXiv 1612.07003; Haralick et al. 1973, doi
    10.1109/TSMC.1973.4309314
    """
    n = counts.shape[-1]
    flat = np.ascontiguousarray(counts.reshape(-1, n, n), dtype=np.float64)
    found = np.empty((len(flat), len(NAMES)))
    _each(flat, np.asarray(levels, np.int64), found)
    return {name: found[:, place].reshape(counts.shape[:-2]) for place, name in enumerate(NAMES)}


def maximal_correlation(counts: NDArray[Any]) -> Array:
    """Maximal correlation coefficient of every matrix: its second largest singular value, normalised.

    Args:
        counts: (m, n, n), symmetric.
    Returns:
        (m,): 1 for a region of one level, NaN where a matrix is empty.
    Source: Haralick et al. 1973, feature 14. The eigenvalues of its matrix Q are the squares of those of
    D^-1/2 P D^-1/2, which is symmetric, so that no eigenvalue is complex by rounding.
    """
    if counts.shape[-1] == 1:
        return np.ones(len(counts))
    marginal = counts.sum(axis=-1).astype(np.float64)
    scale = np.divide(1, np.sqrt(marginal), out=np.zeros_like(marginal), where=marginal > 0)
    ours = np.sort(np.abs(np.linalg.eigvalsh(counts * scale[:, :, None] * scale[:, None, :])), axis=-1)
    return np.where(marginal.any(axis=-1), np.minimum(ours[:, -2], 1.0), np.nan)


@njit(cache=True, nogil=True)
def _each(counts: Any, levels: Any, found: Any) -> None:
    for which in range(len(counts)):
        total = counts[which].sum()
        if total == 0:
            found[which] = np.nan
        else:
            features_of_matrix(counts[which], total, levels, levels[-1], found[which])


@njit(cache=True, nogil=True)
def features_of_matrix(counts: Any, total: float, levels: Any, highest: int, found: Any) -> None:
    """The features of one matrix that holds something, in the order of ``NAMES``.

    Args:
        counts: (n, n), symmetric, with the sum ``total``; row k is level ``levels[k]``.
        highest: number of grey levels, by which two features are normalised.
        found: (25,) to write to.
    """
    n = len(levels)
    by_difference, by_sum = np.zeros(highest), np.zeros(2 * highest + 1)
    marginal = np.zeros(n)
    largest = energy = entropy = mean = product = 0.0
    for a in range(n):
        for b in range(a, n):
            if counts[a, b] == 0:
                continue
            p = counts[a, b] / total
            share = p if a == b else 2 * p
            marginal[a] += p
            if a != b:
                marginal[b] += p
            by_difference[levels[b] - levels[a]] += share
            by_sum[levels[b] + levels[a]] += share
            largest = max(largest, p)
            energy += share * p
            entropy -= share * np.log2(p)
            product += share * levels[a] * levels[b]
    for a in range(n):
        mean += marginal[a] * levels[a]
    variance, covariance = 0.0, 0.0
    for a in range(n):
        variance += marginal[a] * (levels[a] - mean) ** 2
        for b in range(a, n):
            if counts[a, b] > 0:
                share = (1 if a == b else 2) * counts[a, b] / total
                covariance += share * (levels[a] - mean) * (levels[b] - mean)
    found[0], found[1], found[2], found[3] = largest, mean, variance, entropy
    _of_differences(by_difference, highest, found)
    _of_sums(by_sum, mean, found)
    found[10], found[19] = energy, product
    found[18] = covariance / variance if variance > 0 else 1.0
    _information(marginal, entropy, found)


@njit(cache=True, nogil=True)
def _of_differences(p: Any, highest: int, found: Any) -> None:
    mean = 0.0
    for k in range(highest):
        mean += k * p[k]
    variance = entropy = contrast = inverse = inverse_n = moment = moment_n = inverse_variance = 0.0
    for k in range(highest):
        if p[k] == 0:
            continue
        variance += p[k] * (k - mean) ** 2
        entropy -= p[k] * np.log2(p[k])
        contrast += p[k] * k**2
        inverse += p[k] / (1 + k)
        inverse_n += p[k] / (1 + k / highest)
        moment += p[k] / (1 + k**2)
        moment_n += p[k] / (1 + (k / highest) ** 2)
        if k > 0:
            inverse_variance += p[k] / k**2
    found[4], found[5], found[6] = mean, variance, entropy
    found[11], found[12], found[13], found[14] = contrast, mean, inverse, inverse_n
    found[15], found[16], found[17] = moment, moment_n, inverse_variance


@njit(cache=True, nogil=True)
def _of_sums(p: Any, mean_level: float, found: Any) -> None:
    mean = 0.0
    for k in range(len(p)):
        mean += k * p[k]
    variance = entropy = third = fourth = 0.0
    for k in range(len(p)):
        if p[k] == 0:
            continue
        away = k - 2 * mean_level
        variance += p[k] * (k - mean) ** 2
        entropy -= p[k] * np.log2(p[k])
        third += p[k] * away**3
        fourth += p[k] * away**4
    found[7], found[8], found[9] = mean, variance, entropy
    found[20], found[21], found[22] = variance, third, fourth


@njit(cache=True, nogil=True)
def _information(marginal: Any, entropy: float, found: Any) -> None:
    """Both information correlations; 0 where the region has one level only."""
    single = 0.0
    for one in marginal:
        if one > 0:
            single -= one * np.log2(one)
    # the entropies of the product of the marginals, weighted by the matrix and by itself, are both 2 H(x)
    found[23] = (entropy - 2 * single) / single if single > 0 else 0.0
    found[24] = np.sqrt(max(1 - np.exp(-2 * (2 * single - entropy)), 0.0))
