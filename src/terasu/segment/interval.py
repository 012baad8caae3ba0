"""How sure a mean over cases is: an interval by the bootstrap, cases drawn again with replacement.

Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3 (percentile interval).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from terasu.errors import InputError


@dataclass(frozen=True)
class Interval:
    """A mean over cases with its interval.

    Attributes:
        mean, low, high: low and high are NaN for a single case.
        cases: that were measurable; NaN are left out and counted.
        left_out: cases without a value.
        level: of confidence, 0.95.
    """

    mean: float
    low: float
    high: float
    cases: int
    left_out: int
    level: float


def mean_interval(
    values: Sequence[float], *, level: float = 0.95, draws: int = 2000, seed: int = 1
) -> Interval:
    """Mean over cases and its bootstrap interval.

    Args:
        values: one a case; NaN where a case has none.
    Raises:
        InputError: no case has a value.
    """
    given = np.asarray(values, dtype=np.float64)
    known = given[np.isfinite(given)]
    if not known.size:
        raise InputError("There is nothing to take the mean of.", expected="at least one case with a value")
    left_out = int(given.size - known.size)
    if known.size == 1:
        return Interval(float(known[0]), float("nan"), float("nan"), 1, left_out, level)
    drawn = np.random.default_rng(seed).integers(known.size, size=(draws, known.size))
    tails = 100 * np.array([(1 - level) / 2, (1 + level) / 2])
    low, high = np.percentile(known[drawn].mean(axis=1), tails)
    return Interval(float(known.mean()), float(low), float(high), int(known.size), left_out, level)
