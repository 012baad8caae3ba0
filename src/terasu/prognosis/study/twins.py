"""Two patients with the same features are one patient under two ids."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

_LEAST_FEATURES = 5
_NEAR = 0.01  # of the median patient's distance² to the nearest other patient


def twins(features: pd.DataFrame) -> list[tuple[int, int]]:
    """Pairs of rows whose features are the same, or nearly, by rank.

    Distances are of ranks, a missing value standing in the middle. With fewer than 5 features nothing is
    said: two patients may well share them.
    """
    varying = features.loc[:, features.nunique() > 1]
    if varying.shape[1] < _LEAST_FEATURES or len(varying) < _LEAST_FEATURES:
        return []
    values = varying.to_numpy(np.float64)
    ranks = rankdata(values, axis=0, nan_policy="omit") / len(values) - 0.5
    ranks = np.where(np.isfinite(ranks), ranks, 0.0)
    squares = (ranks**2).sum(axis=1)
    distance = np.maximum(squares[:, None] + squares - 2 * ranks @ ranks.T, 0.0)
    np.fill_diagonal(distance, np.inf)
    limit = _NEAR * float(np.median(distance.min(axis=1)))
    first, second = np.nonzero(np.triu(distance <= max(limit, 1e-9 * values.shape[1]), 1))
    return [(int(i), int(j)) for i, j in zip(first, second, strict=True)]
