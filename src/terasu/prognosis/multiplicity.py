"""p-values adjusted for how many were looked at."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import false_discovery_control

from terasu.errors import InputError
from terasu.prognosis.survival_data import Array


def holm(p_values: ArrayLike) -> Array:
    """Adjusted so that the chance of any false finding stays below the level, whatever the dependence.

    Source: Holm 1979, Scandinavian Journal of Statistics 6, 65.
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted


def benjamini_hochberg(p_values: ArrayLike) -> Array:
    """Adjusted so that the expected share of false among the findings stays below the level.

    Source: Benjamini and Hochberg 1995, doi 10.1111/j.2517-6161.1995.tb02031.x
    """
    return np.asarray(false_discovery_control(_checked(p_values), method="bh"), np.float64)


def _checked(p_values: ArrayLike) -> Array:
    p = np.asarray(p_values, np.float64)
    bad = np.flatnonzero(~((p >= 0) & (p <= 1))) if p.ndim == 1 else np.zeros(1, np.intp)
    if p.ndim != 1 or not p.size or bad.size:
        raise InputError(
            "p-values cannot be adjusted.",
            got=f"{p[bad[0]]} in row {bad[0] + 1}" if p.ndim == 1 and p.size else f"an array {p.shape}",
            expected="one or more numbers from 0 to 1",
            todo="Leave out what could not be tested, and say how many were.",
        )
    return p
