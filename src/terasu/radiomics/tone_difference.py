"""Features of neighbourhood grey tone differences (IBSI section 3.10)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_LARGEST_COARSENESS = 1e6


def tone_difference_features(voxels: Array, difference: Array) -> dict[str, float]:
    """Five features of one region.

    Args:
        voxels: (levels,) voxels with a neighbour; difference: (levels,) their summed difference to the mean
            of their neighbours.
    Source: Amadasun and King 1989, doi 10.1109/21.44046; IBSI reference manual section 3.10
    """
    total = voxels.sum()
    if total == 0:
        return dict.fromkeys(("coarseness", "contrast", "busyness", "complexity", "strength"), float("nan"))
    p = voxels / total
    there = p > 0
    p, s, i = p[there], difference[there], np.flatnonzero(there) + 1.0
    rough, apart, both = float((p * s).sum()), i[:, None] - i[None, :], p[:, None] + p[None, :]
    levels = len(p)
    spread = float((p[:, None] * p[None, :] * apart**2).sum()) / max(levels * (levels - 1), 1)
    change = float(np.abs((i * p)[:, None] - (i * p)[None, :]).sum())
    pull = (p * s)[:, None] + (p * s)[None, :]
    return {
        "coarseness": 1 / rough if rough > 0 else _LARGEST_COARSENESS,
        "contrast": spread * float(s.sum()) / float(total),
        "busyness": rough / change if change > 0 else 0.0,
        "complexity": float((np.abs(apart) * pull / both).sum()) / float(total),
        "strength": float((both * apart**2).sum() / s.sum()) if s.sum() > 0 else 0.0,
    }
