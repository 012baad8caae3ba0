"""Log-rank tests: two or more groups, weighted, stratified, and the median split of many features at once.

Source: Mantel 1966; Peto and Peto 1972, doi 10.2307/2344317; weights as in Klein and Moeschberger, Survival
Analysis (2003), tables 7.3 and 7.4; Fleming and Harrington 1981. Unweighted, it is R's survdiff; with
``fleming-harrington`` (ρ, 0) it is survdiff's ρ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2 as chi2_law

from terasu.errors import InputError
from terasu.prognosis.partial_likelihood import sweep_of
from terasu.prognosis.score_scan import score_scan
from terasu.prognosis.survival_data import (
    Array,
    Labels,
    RiskTable,
    Survival,
    feature_matrix,
    label_codes,
    risk_table,
)

Weighting = Literal["log-rank", "gehan", "tarone-ware", "peto", "fleming-harrington"]


@dataclass(frozen=True, eq=False)
class LogRank:
    """Outcome of a log-rank test.

    Attributes:
        groups: names in sorted order.
        observed, expected: (k,) weighted numbers of events, over all strata.
        covariance: (k, k) of observed − expected.
    """

    chi2: float
    degrees: int
    p: float
    groups: tuple[str, ...]
    observed: Array
    expected: Array
    covariance: Array


@dataclass(frozen=True, eq=False)
class MedianSplits:
    """Log-rank test of each of p features, split at its median.

    Attributes:
        cut: (p,) median; a patient above it is in the high group, one at it in the low group.
        high: (p,) patients in the high group.
        observed_minus_expected: (p,) events in the high group; positive where high values die sooner.
        chi2, p: (p,) as R's survdiff; not a number where ``reason`` says why.
        reason: (p,) empty, or why there is no test.
    """

    cut: Array
    high: Labels
    observed_minus_expected: Array
    chi2: Array
    p: Array
    reason: tuple[str, ...]


def log_rank(
    survival: Survival,
    groups: ArrayLike,
    *,
    weighting: Weighting = "log-rank",
    strata: ArrayLike | None = None,
    rho: float = 1.0,
    gamma: float = 0.0,
) -> LogRank:
    """Test whether survival is the same in all groups.

    Args:
        groups: (n,) label of every patient's group.
        weighting: weight of each time with n at risk: 1, n (gehan), √n (tarone-ware), the Peto–Peto survival
            Π(1 − d/(n + 1)), or S(t−)^ρ (1 − S(t−))^γ (fleming-harrington).
        strata: (n,) labels within which patients are compared, or None.
        rho, gamma: of Fleming and Harrington.
    Raises:
        InputError: fewer than two groups, no event.
    """
    codes, names = label_codes(groups, survival, "groups")
    if len(names) < 2:
        raise InputError("A log-rank test needs two groups.", got=f"one group: {names[0] if names else ''}")
    survival.require_events(1, "a log-rank test")
    layers = np.zeros_like(codes) if strata is None else label_codes(strata, survival, "strata")[0]
    observed, expected = np.zeros(len(names)), np.zeros(len(names))
    covariance = np.zeros((len(names), len(names)))
    for layer in np.unique(layers):
        rows = np.flatnonzero(layers == layer)
        part = _one_stratum(survival.take(rows), codes[rows], len(names), weighting, rho, gamma)
        observed, expected, covariance = observed + part[0], expected + part[1], covariance + part[2]
    chi2, degrees = _quadratic_form(observed - expected, covariance)
    return LogRank(chi2, degrees, float(chi2_law.sf(chi2, degrees)), names, observed, expected, covariance)


def median_split_log_rank(features: ArrayLike, survival: Survival) -> MedianSplits:
    """Log-rank test of every feature, patients split at its median (high: above it).

    The p-values are apparent: the cut comes from the patients that it divides, and as many tests were made as
    there are features. max_t says what is left of them.

    Args:
        features: (n, p) finite numbers.
    Raises:
        InputError: a value is missing, no event.
    """
    x = feature_matrix(features, len(survival))
    survival.require_events(1, "a log-rank test")
    cut = np.median(x, axis=0)
    high = x > cut
    sweep = sweep_of(survival)
    difference, variance = (
        one[0] for one in score_scan(high.astype(np.float64), sweep.order[None], sweep, without_return=True)
    )
    testable = variance > 1e-12
    chi2 = np.where(testable, difference**2 / np.where(testable, variance, 1.0), np.nan)
    reason = tuple("" if ok else "no patient at risk on both sides of the median" for ok in testable)
    return MedianSplits(cut, high.sum(axis=0), difference, chi2, chi2_law.sf(chi2, 1), reason)


def _one_stratum(
    survival: Survival, codes: Labels, k: int, weighting: Weighting, rho: float, gamma: float
) -> tuple[Array, Array, Array]:
    """Weighted observed and expected events (k,) and the covariance of their difference (k, k)."""
    table = risk_table(survival)
    place = np.searchsorted(table.time_days, survival.time_days)
    shape = (len(table.time_days), k)
    ending, deaths = np.zeros(shape), np.zeros(shape)
    np.add.at(ending, (place, codes), 1)
    np.add.at(deaths, (place, codes), survival.event)
    at_risk = np.cumsum(ending[::-1], axis=0)[::-1]
    d, n = table.events.astype(np.float64), table.at_risk.astype(np.float64)
    weight = _weights(table, weighting, rho, gamma)
    share = at_risk / n[:, None]
    spread = weight**2 * d * (n - d) / np.maximum(n - 1, 1)
    covariance = np.diag(spread @ share) - (share * spread[:, None]).T @ share
    return weight @ deaths, (weight * d) @ share, covariance


def _weights(table: RiskTable, weighting: Weighting, rho: float, gamma: float) -> Array:
    d, n = table.events.astype(np.float64), table.at_risk.astype(np.float64)
    if weighting == "gehan":
        return n
    if weighting == "tarone-ware":
        return np.sqrt(n)
    if weighting == "peto":
        return np.cumprod(1 - d / (n + 1), dtype=np.float64)
    if weighting == "fleming-harrington":
        before = np.concatenate(([1.0], np.cumprod(1 - d / n, dtype=np.float64)[:-1]))
        return np.asarray(before**rho * (1 - before) ** gamma)
    return np.ones_like(n)


def _quadratic_form(difference: Array, covariance: Array) -> tuple[float, int]:
    """χ² and degrees of freedom; groups in which nothing is expected do not count."""
    counted = np.flatnonzero(np.diag(covariance) > 1e-12)[:-1]
    if not counted.size:
        raise InputError(
            "The groups are never at risk at the same time, so that nothing can be compared.",
            todo="Check the group and stratum labels.",
        )
    inner = covariance[np.ix_(counted, counted)]
    return float(difference[counted] @ np.linalg.solve(inner, difference[counted])), len(counted)
