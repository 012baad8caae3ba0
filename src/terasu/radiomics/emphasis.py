"""Features of matrices that count a level against a size: runs, zones, distances, dependences.

IBSI's GLRLM, GLSZM, GLDZM and NGLDM are one idea with four meanings of *size*; so is this code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
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


def emphases(counts: Array, voxels: Array) -> dict[str, Array]:
    """Seventeen features of every matrix.

    Args:
        counts: (…, levels, sizes): level 1 and size 1 first.
        voxels: (…,) that could have been counted; the percentage is taken of it.
    Returns:
        NAMES → (…,); NaN where a matrix is empty.
    Source: IBSI reference manual sections 3.7, 3.8, 3.9 and 3.11, arXiv 1612.07003
    """
    i = np.arange(1, counts.shape[-2] + 1, dtype=np.float64)[:, None]
    j = np.arange(1, counts.shape[-1] + 1, dtype=np.float64)[None, :]
    total = counts.sum(axis=(-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        p = counts / total[..., None, None]
        by_level, by_size = counts.sum(axis=-1), counts.sum(axis=-2)
        single = [1 / j**2, j**2, 1 / i**2, i**2]
        weights = [*single, 1 / (i * j) ** 2, (i / j) ** 2, (j / i) ** 2, (i * j) ** 2]
        values = [(p * weight).sum(axis=(-2, -1)) for weight in weights]
        for sums in (by_level, by_size):
            squares = np.square(sums).sum(axis=-1)
            values += [squares / total, squares / np.square(total)]
        values.append(total / voxels)
        for size in (i, j):
            mean = (p * size).sum(axis=(-2, -1), keepdims=True)
            values.append((p * np.square(size - mean)).sum(axis=(-2, -1)))
        values.append(-(p * np.log2(np.where(p > 0, p, 1))).sum(axis=(-2, -1)))
        values.append(np.square(p).sum(axis=(-2, -1)))
    return {name: np.where(total > 0, value, np.nan) for name, value in zip(NAMES, values, strict=True)}
