"""Features of neighbourhood grey tone differences (IBSI section 3.10)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
NAMES = ("coarseness", "contrast", "busyness", "complexity", "strength")
_LARGEST_COARSENESS = 1e6


def tone_difference_features(voxels: Array, difference: Array, levels: NDArray[np.int64]) -> dict[str, float]:
    """Five features of one region.

    Args:
        voxels: (n,) voxels with a neighbour, by level; difference: (n,) their summed difference to the mean
            of their neighbours; levels: (n,).
    Returns:
        IBSI name without family → value; NaN where no voxel has a neighbour.
    Source: Amadasun and King 1989, doi 10.1109/21.44046; IBSI reference manual section 3.10
    """
    there = voxels > 0
    if not there.any():
        return dict.fromkeys(NAMES, float("nan"))
    found = _five(voxels[there], difference[there], levels[there].astype(np.float64), voxels.sum())
    return {name: float(value) for name, value in zip(NAMES, found, strict=True)}


@njit(cache=True, nogil=True)
def _five(voxels: Any, s: Any, level: Any, total: float) -> Any:
    n = len(level)
    p = voxels / total
    rough = differences = spread = change = complexity = pull = 0.0
    for a in range(n):
        rough += p[a] * s[a]
        differences += s[a]
        for b in range(n):
            apart, both = level[a] - level[b], p[a] + p[b]
            spread += p[a] * p[b] * apart**2
            change += abs(level[a] * p[a] - level[b] * p[b])
            complexity += abs(apart) * (p[a] * s[a] + p[b] * s[b]) / both
            pull += both * apart**2
    found = np.zeros(5)
    found[0] = 1 / rough if rough > 0 else _LARGEST_COARSENESS
    found[1] = spread / (n * (n - 1)) * differences / total if n > 1 else 0.0
    found[2] = rough / change if change > 0 else 0.0
    found[3] = complexity / total
    found[4] = pull / differences if differences > 0 else 0.0
    return found
