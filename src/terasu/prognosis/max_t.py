"""How large would the best of all features look if none of them meant anything?

Westfall and Young's single-step max-T: the outcomes are dealt to the patients anew, again and again, and the
whole family of features is searched each time. Their correlation is kept, so nothing is lost to it.

Source: Westfall and Young, Resampling-Based Multiple Testing (1993), 2.6. The p-values are
(1 + as large or larger) / (1 + permutations): Phipson and Smyth 2010, doi 10.2202/1544-6115.1585. Dealing
anew supposes that neither outcome nor censoring depends on any feature.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from terasu.errors import InputError
from terasu.prognosis.cox_univariable import standardised
from terasu.prognosis.partial_likelihood import Sweep, sweep_of
from terasu.prognosis.score_scan import score_scan
from terasu.prognosis.survival_data import Array, Flags, Labels, Survival, feature_matrix

Statistic = Literal["median split", "cox score"]
_CHUNK = 50
_EQUAL = 1 - 1e-9  # a permutation that repeats the observed value counts as as large, whatever the rounding


@dataclass(frozen=True, eq=False)
class MaxT:
    """A family of p features against chance.

    Attributes:
        chi2: (p,) observed: log-rank at the median split, or the score test of Cox's model.
        raw_p: (p,) share of permutations in which this feature does as well.
        adjusted_p: (p,) share of permutations in which the best of the whole family does as well.
        largest: (permutations,) χ² of the best feature in each: the null distribution.
        untested: (p,) True where a feature could not be tested; its p-values are not numbers.
    """

    chi2: Array
    raw_p: Array
    adjusted_p: Array
    largest: Array
    untested: Flags


def max_t(
    features: ArrayLike,
    survival: Survival,
    *,
    statistic: Statistic = "median split",
    permutations: int = 1000,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> MaxT:
    """Test a whole family of features with one correction for having looked at all of them.

    Args:
        features: (n, p) the whole family that was searched, finite; delta sets side by side.
        statistic: what is largest: log-rank χ² at the median, or Cox's score test (Efron's ties).
        seed: of the permutations; the same seed gives the same p-values.
        progress: called with (done, all) permutations after every few.
    Raises:
        InputError: a value is missing, no event, no feature that can be tested.
    """
    x = feature_matrix(features, len(survival))
    survival.require_events(1, "a permutation test")
    if permutations < 1:
        raise InputError("A permutation test needs permutations.", got=str(permutations), expected="1000")
    rows = (x > np.median(x, axis=0)).astype(np.float64) if statistic == "median split" else x
    rows, sweep = np.ascontiguousarray(standardised(rows, ddof=0)[0]), sweep_of(survival)
    exact = statistic == "median split"
    chi2 = _chi2_of(rows, sweep.order[None], sweep, exact)[0]
    untested = chi2 < 0
    if untested.all():
        raise InputError(
            "No feature of the family can be tested.",
            expected="features that differ between patients at risk",
        )
    as_large, largest = _deal(rows, sweep, exact, chi2, permutations, seed, progress)
    raw = (1 + as_large) / (1 + permutations)
    ordered = np.sort(largest)
    beaten = permutations - np.searchsorted(ordered, chi2 * _EQUAL, "left")
    adjusted = (1 + beaten) / (1 + permutations)
    nothing = np.where(untested, np.nan, 0.0)
    return MaxT(chi2 + nothing, raw + nothing, adjusted + nothing, largest, untested)


def _deal(
    rows: Array,
    sweep: Sweep,
    exact: bool,
    chi2: Array,
    permutations: int,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[Labels, Array]:
    """How often each feature does as well by chance, and the best of each permutation."""
    rng = np.random.default_rng(seed)
    as_large, largest = np.zeros(len(chi2), np.int64), np.empty(permutations)
    for start in range(0, permutations, _CHUNK):
        stop = min(start + _CHUNK, permutations)
        orders = np.stack([rng.permutation(len(rows)) for _ in range(start, stop)])
        found = _chi2_of(rows, orders, sweep, exact)
        as_large += (found >= chi2 * _EQUAL).sum(axis=0)
        largest[start:stop] = found.max(axis=1)
        if progress is not None:
            progress(stop, permutations)
    return as_large, largest


def _chi2_of(rows: Array, orders: Labels, sweep: Sweep, exact: bool) -> Array:
    """χ² (permutations, p); −1 where a feature does not vary among those at risk."""
    slope, variance = score_scan(rows, orders, sweep, without_return=exact)
    testable = variance > 1e-10
    return np.where(testable, slope**2 / np.where(testable, variance, 1.0), -1.0)
