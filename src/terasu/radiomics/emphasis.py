"""Features of matrices that count a level against a size: runs, zones, distances, dependences.

IBSI's GLRLM, GLSZM, GLDZM and NGLDM are one idea with four meanings of *size*; so is this code.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
NAMES = (
    "small",
    "large",
    "low_level",
    "high_level",
    "small_low",
    "small_high",
    "large_low",
    "large_high",
    "level_non_uniformity",
    "level_non_uniformity_normalised",
    "size_non_uniformity",
    "size_non_uniformity_normalised",
    "percentage",
    "level_variance",
    "size_variance",
    "entropy",
    "energy",
)
_FAMILIES = {
    "rlm": "sre lre lgre hgre srlge srhge lrlge lrhge glnu glnu_norm rlnu rlnu_norm r_perc gl_var rl_var "
    "rl_entr",
    "szm": "sze lze lgze hgze szlge szhge lzlge lzhge glnu glnu_norm zsnu zsnu_norm z_perc gl_var zs_var "
    "zs_entr",
    "dzm": "sde lde lgze hgze sdlge sdhge ldlge ldhge glnu glnu_norm zdnu zdnu_norm z_perc gl_var zd_var "
    "zd_entr",
    "ngl": "lde hde lgce hgce ldlge ldhge hdlge hdhge glnu glnu_norm dcnu dcnu_norm dc_perc gl_var dc_var "
    "dc_entr dc_energy",
}
CODES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {family: dict(zip(codes.split(), NAMES, strict=False)) for family, codes in _FAMILIES.items()}
)
"""IBSI family → IBSI code without family → one of NAMES."""


def emphases(counts: NDArray[Any], levels: Whole, sizes: Whole, voxels: Array) -> dict[str, Array]:
    """Seventeen features of every matrix.

    Args:
        counts: (…, n, m): row k is level ``levels[k]``, column k is size ``sizes[k]``.
        levels: (n,) from 1; sizes: (m,) from 1.
        voxels: (…,) that could have been counted; the percentage is taken of it.
    Returns:
        NAMES → (…,); NaN where a matrix is empty.
    Source: IBSI reference manual sections 3.7, 3.8, 3.9 and 3.11, arXiv 1612.07003
    """
    flat = np.ascontiguousarray(counts.reshape(-1, *counts.shape[-2:]), dtype=np.float64)
    found = np.empty((len(flat), len(NAMES)))
    of = np.ascontiguousarray(np.broadcast_to(voxels, counts.shape[:-2]), np.float64).reshape(-1)
    _each(flat, levels.astype(np.float64), sizes.astype(np.float64), of, found)
    return {name: found[:, place].reshape(counts.shape[:-2]) for place, name in enumerate(NAMES)}


@njit(cache=True, nogil=True)
def _each(counts: Any, levels: Any, sizes: Any, voxels: Any, found: Any) -> None:
    for which in range(len(counts)):
        total = counts[which].sum()
        if total == 0:
            found[which] = np.nan
        else:
            _one(counts[which], levels, sizes, total, voxels[which], found[which])


@njit(cache=True, nogil=True)
def _one(counts: Any, levels: Any, sizes: Any, total: float, voxels: float, found: Any) -> None:
    by_level, by_size = np.zeros(len(levels)), np.zeros(len(sizes))
    found[:] = 0.0
    for a in range(len(levels)):
        for b in range(len(sizes)):
            count = counts[a, b]
            if count == 0:
                continue
            p, i, j = count / total, levels[a] ** 2, sizes[b] ** 2
            by_level[a] += count
            by_size[b] += count
            found[4] += p / (i * j)
            found[5] += p * i / j
            found[6] += p * j / i
            found[7] += p * i * j
            found[15] -= p * np.log2(p)
            found[16] += p * p
    found[2], found[3], found[8], found[9], found[13] = _of_one_side(by_level, levels, total)
    found[0], found[1], found[10], found[11], found[14] = _of_one_side(by_size, sizes, total)
    found[12] = total / voxels


@njit(cache=True, nogil=True)
def _of_one_side(counts: Any, values: Any, total: float) -> Any:
    """Emphasis of low and of high values, non-uniformity, the same normalised, variance."""
    low = high = squares = mean = variance = 0.0
    for k in range(len(values)):
        p = counts[k] / total
        low += p / values[k] ** 2
        high += p * values[k] ** 2
        squares += counts[k] ** 2
        mean += p * values[k]
    for k in range(len(values)):
        variance += counts[k] / total * (values[k] - mean) ** 2
    return low, high, squares / total, squares / total**2, variance
