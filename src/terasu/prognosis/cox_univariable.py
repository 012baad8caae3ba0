"""Cox regression of every feature by itself, all features in one compiled pass.

Source: as cox.py; the same optimum, checked in tests/laws/test_survival_laws.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike
from scipy.stats import chi2 as chi2_law
from scipy.stats import norm

from terasu.prognosis.partial_likelihood import Sweep, Ties, sweep_of
from terasu.prognosis.survival_data import Array, Flags, Labels, Survival, feature_matrix, label_codes

_REASONS = (
    "",
    "constant: the same value in every patient",
    "does not vary among the patients at risk when events happen",
    "monotone likelihood: the coefficient is infinite",
    "no convergence",
)
_INFINITE = 3


@dataclass(frozen=True, eq=False)
class UnivariableCox:
    """One Cox model for each of p features.

    Attributes:
        coefficient, standard_error: (p,) log hazard ratio per unit of the feature.
        z, p: (p,) after Wald, two-sided.
        deviation: (p,) standard deviation of the feature (n − 1).
        hazard_ratio, hazard_ratio_lower, hazard_ratio_upper: (p,) per standard deviation, with limits.
        lr_chi2, lr_p: (p,) likelihood-ratio test.
        score_chi2, score_p: (p,) score test at 0; without ties and for a split into two, the log-rank test.
        reason: (p,) empty, or why there is no model. Coefficients are then infinite (monotone likelihood;
            likelihood-ratio and score test still hold) or not a number.
    """

    coefficient: Array
    standard_error: Array
    z: Array
    p: Array
    deviation: Array
    hazard_ratio: Array
    hazard_ratio_lower: Array
    hazard_ratio_upper: Array
    lr_chi2: Array
    lr_p: Array
    score_chi2: Array
    score_p: Array
    reason: tuple[str, ...]


def univariable_cox(
    features: ArrayLike,
    survival: Survival,
    *,
    ties: Ties = "efron",
    strata: ArrayLike | None = None,
    level: float = 0.95,
) -> UnivariableCox:
    """Fit each feature by itself. The p-values know nothing of how many features were looked at: see max_t.

    Args:
        features: (n, p) finite numbers.
        level: of the hazard ratios' confidence limits.
    Raises:
        InputError: a value is missing, no event.
    """
    x = feature_matrix(features, len(survival))
    survival.require_events(1, "a Cox model")
    sweep = sweep_of(survival, None if strata is None else label_codes(strata, survival, "strata")[0])
    scaled, deviation = standardised(x, ddof=1)
    beta, information, lr, score, code = _fit_each(
        np.ascontiguousarray(scaled[sweep.order].T), *_passed(sweep), ties == "efron"
    )
    known = (code == 0) & (information > 0)
    error = np.where(known, 1 / np.sqrt(np.where(known, information, 1.0)), np.nan)
    beta = np.select([code == 0, code == _INFINITE], [beta, np.copysign(np.inf, beta)], np.nan)
    lr, score = (np.where(np.isin(code, (1, 2)), np.nan, one) for one in (lr, score))
    z = beta / error
    reach = float(norm.ppf(0.5 + level / 2)) * error
    unit = np.where(deviation > 0, deviation, np.nan)
    return UnivariableCox(
        beta / unit,
        error / unit,
        z,
        np.asarray(2 * norm.sf(np.abs(z))),
        deviation,
        np.exp(beta),
        np.exp(beta - reach),
        np.exp(beta + reach),
        lr,
        np.asarray(chi2_law.sf(lr, 1)),
        score,
        np.asarray(chi2_law.sf(score, 1)),
        tuple(_REASONS[i] for i in code),
    )


def standardised(x: Array, ddof: int) -> tuple[Array, Array]:
    """Columns with mean 0 and deviation 1, and the deviations; a constant column becomes 0, deviation 0."""
    centred = x - x.mean(axis=0)
    deviation = np.sqrt((centred**2).sum(axis=0) / max(len(x) - ddof, 1))
    size = np.abs(x).max(axis=0)
    deviation = np.where(deviation > 1e-13 * size, deviation, 0.0)  # rounding of the mean is no variation
    return np.where(deviation > 0, centred / np.where(deviation > 0, deviation, 1.0), 0.0), deviation


def _passed(sweep: Sweep) -> tuple[Flags, Flags, Flags]:
    return sweep.event, sweep.opens, sweep.closes


@njit(cache=True, nogil=True, error_model="numpy")
def _fit_each(
    columns: Array, event: Flags, opens: Flags, closes: Flags, efron: bool
) -> tuple[Array, Array, Array, Array, Labels]:
    """Coefficient, information, likelihood ratio, score test and reason of each row of ``columns`` (p, n)."""
    p = len(columns)
    beta, information, lr, score = np.zeros(p), np.zeros(p), np.zeros(p), np.zeros(p)
    code = np.zeros(p, np.int64)
    for j in range(p):
        x = columns[j]
        if np.abs(x).max() == 0:
            code[j] = 1
            continue
        null, slope, bend = _terms(x, 0.0, event, opens, closes, efron)
        if bend < 1e-10:
            code[j] = 2
            continue
        score[j] = slope * slope / bend
        value, b, settled = null, 0.0, False
        for _ in range(60):
            step = slope / bend if bend > 0 else 0.0
            gain = slope * step
            step = min(max(step, -4.0), 4.0)
            for _ in range(30):
                tried, slope, bend = _terms(x, b + step, event, opens, closes, efron)
                if tried >= value - 1e-10 * abs(value):
                    break
                step /= 2
            b += step
            value = tried
            if gain < 1e-12:
                settled = True
                break
        beta[j], information[j], lr[j] = b, bend, 2 * (value - null)
        if not settled:
            code[j] = 4
        if _runs_away(x, event, opens, closes):
            code[j] = 3
    return beta, information, lr, score, code


@njit(cache=True, nogil=True, error_model="numpy")
def _terms(
    x: Array, beta: float, event: Flags, opens: Flags, closes: Flags, efron: bool
) -> tuple[float, float, float]:
    """Log-likelihood, its slope and its negative curvature at one coefficient."""
    value, slope, bend = 0.0, 0.0, 0.0
    s0, s1, s2, d0, d1, d2, tied, top = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, -np.inf
    for i in range(len(x)):
        if opens[i]:
            s0, s1, s2, top = 0.0, 0.0, 0.0, -np.inf
        if beta * x[i] > top:  # sums are kept in units of the greatest risk so far, so that none vanishes
            unit = np.exp(top - beta * x[i])
            top = beta * x[i]
            s0, s1, s2, d0, d1, d2 = s0 * unit, s1 * unit, s2 * unit, d0 * unit, d1 * unit, d2 * unit
        risk = np.exp(beta * x[i] - top)
        first = risk * x[i]
        second = first * x[i]
        s0 += risk
        s1 += first
        s2 += second
        if event[i]:
            tied += 1
            value += beta * x[i]
            slope += x[i]
            d0 += risk
            d1 += first
            d2 += second
        if not closes[i] or tied == 0:
            continue
        if not efron or tied == 1:
            mean = s1 / s0
            value -= tied * (np.log(s0) + top)
            slope -= tied * mean
            bend += tied * (s2 / s0 - mean * mean)
        else:
            for step in range(tied):
                part = step / tied
                left = s0 - part * d0
                mean = (s1 - part * d1) / left
                value -= np.log(left) + top
                slope -= mean
                bend += (s2 - part * d2) / left - mean * mean
        d0, d1, d2, tied = 0.0, 0.0, 0.0, 0
    return value, slope, bend


@njit(cache=True, nogil=True)
def _runs_away(x: Array, event: Flags, opens: Flags, closes: Flags) -> bool:
    """True if every event has the highest value of all at risk, or every event the lowest."""
    always_highest, always_lowest = True, True
    highest, lowest = -np.inf, np.inf
    top, bottom = np.inf, -np.inf  # least and greatest value among tied events
    for i in range(len(x)):
        if opens[i]:
            highest, lowest = -np.inf, np.inf
        highest, lowest = max(highest, x[i]), min(lowest, x[i])
        if event[i]:
            top, bottom = min(top, x[i]), max(bottom, x[i])
        if closes[i] and bottom > -np.inf:
            always_highest = always_highest and top == highest
            always_lowest = always_lowest and bottom == lowest
            top, bottom = np.inf, -np.inf
    return always_highest or always_lowest
