"""Survival after Kaplan and Meier, with its uncertainty, median and restricted mean.

Source: Kaplan and Meier 1958, doi 10.1080/01621459.1958.10501452; variance: Greenwood 1926; bands:
Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data (2002), 1.4; median: Brookmeyer and
Crowley 1982, doi 10.2307/2530286. Equal to R's survfit, checked in tests/papers/test_r_survival.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from terasu.errors import InputError
from terasu.prognosis.survival_data import Array, Labels, RiskTable, Survival, risk_table

Band = Literal["log-log", "log", "plain"]
_HALF = 1e-8  # survival that is one half but for rounding, as in R


@dataclass(frozen=True, eq=False)
class KaplanMeier:
    """A step function that falls at each time with an event.

    Attributes:
        table: distinct times with the numbers at risk, of events and of censorings.
        survival: (m,) just after each of these times.
        greenwood: (m,) variance of log survival, Σ d / (n (n − d)); infinite where nobody is left.
    """

    table: RiskTable
    survival: Array
    greenwood: Array


@dataclass(frozen=True)
class Estimate:
    """A number with its confidence limits; infinite where the follow-up does not reach it."""

    value: float
    lower: float
    upper: float
    level: float


@dataclass(frozen=True)
class RestrictedMean:
    """Mean time lived up to ``horizon_days``."""

    mean_days: float
    standard_error_days: float
    horizon_days: float


def kaplan_meier(survival: Survival) -> KaplanMeier:
    """Estimate survival; where follow-up ends nobody is at risk any longer and the curve is not continued."""
    survival_needs_patients(survival)
    table = risk_table(survival)
    surviving: Array = np.cumprod(1 - table.events / table.at_risk, dtype=np.float64)
    return KaplanMeier(table, surviving, np.cumsum(_greenwood_terms(table)))


def _greenwood_terms(table: RiskTable) -> Array:
    left = table.at_risk - table.events
    safe = np.where(left > 0, left, 1) * table.at_risk
    return np.where(left > 0, table.events / safe, np.inf)


def survival_needs_patients(survival: Survival) -> None:
    """Refuse an empty follow-up."""
    if len(survival) == 0:
        raise InputError("There is no patient to estimate survival from.", expected="at least one row")


def confidence_band(curve: KaplanMeier, level: float = 0.95, kind: Band = "log-log") -> tuple[Array, Array]:
    """Pointwise confidence limits at the times of the curve.

    Args:
        kind: scale on which the limits are symmetric. ``log-log`` (default) stays within 0 and 1 by itself;
            the others are cut there. R's default is ``log``.
    Returns:
        Lower and upper limit, (m,) each. 1 before the first event. Not a number where survival is 0: the
        variance has no finite estimate there, and the band ends.
    """
    return limits(curve.survival, np.sqrt(curve.greenwood), level, kind)


def limits(survival: Array, error_of_log: Array, level: float, kind: Band) -> tuple[Array, Array]:
    """Confidence limits of survival from the standard error of its logarithm."""
    z = float(norm.ppf(0.5 + level / 2))
    inside = (survival > 0) & (survival < 1)
    s, error = np.where(inside, survival, 0.5), z * np.where(inside, error_of_log, 0.0)
    if kind == "plain":
        low, high = s - error * s, s + error * s
    elif kind == "log":
        low, high = s * np.exp(-error), s * np.exp(error)
    else:
        low, high = (np.exp(-np.exp(np.log(-np.log(s)) + side * error / -np.log(s))) for side in (1, -1))
    at_end = np.where(survival > 0, 1.0, np.nan)
    return (
        np.where(inside, np.clip(low, 0, 1), at_end),
        np.where(inside, np.clip(high, 0, 1), at_end),
    )


def numbers_at_risk(survival: Survival, times_days: ArrayLike) -> Labels:
    """Patients followed up to each of these times or longer."""
    ordered = np.sort(survival.time_days)
    return (len(ordered) - np.searchsorted(ordered, np.asarray(times_days, np.float64), "left")).astype(
        np.int64
    )


def survival_at(
    curve: KaplanMeier, times_days: ArrayLike, level: float = 0.95, kind: Band = "log-log"
) -> tuple[Array, Array, Array]:
    """Survival with its confidence limits at given times.

    Raises:
        InputError: a time beyond the follow-up, where survival is not known.
    """
    times = np.atleast_1d(np.asarray(times_days, np.float64))
    _refuse_beyond(curve, float(times.max(initial=0.0)))
    place = np.searchsorted(curve.table.time_days, times, "right")
    low, high = confidence_band(curve, level, kind)
    value, lower, upper = (np.concatenate(([1.0], one))[place] for one in (curve.survival, low, high))
    return value, lower, upper


def median_survival(curve: KaplanMeier, level: float = 0.95, kind: Band = "log-log") -> Estimate:
    """Time at which half of the patients are alive; the middle, where the curve rests at one half.

    The limits are where the limits of the curve cross one half. Infinite: not reached.
    """
    low, high = confidence_band(curve, level, kind)
    low = np.where(curve.survival > 0, low, 0.0)  # the band ends there, but below 0 is nothing
    times = curve.table.time_days
    value, lower, upper = (_crosses_half(times, one) for one in (curve.survival, low, high))
    return Estimate(value, lower, upper, level)


def restricted_mean(curve: KaplanMeier, horizon_days: float) -> RestrictedMean:
    """Area under the curve up to the horizon, with its standard error.

    Raises:
        InputError: the horizon is not positive or lies beyond the follow-up.
    Source: Klein and Moeschberger, Survival Analysis (2003), equations 4.5.1 and 4.5.2.
    """
    if not horizon_days > 0:
        raise InputError("The horizon of a restricted mean is not positive.", got=f"{horizon_days:g} days")
    _refuse_beyond(curve, horizon_days)
    before = curve.table.time_days < horizon_days
    edges = np.concatenate(([0.0], curve.table.time_days[before], [horizon_days]))
    areas = np.diff(edges) * np.concatenate(([1.0], curve.survival[before]))
    ahead = np.cumsum(areas[::-1])[::-1][1:]  # area from each time to the horizon
    terms = np.where(ahead > 0, _greenwood_terms(curve.table)[before], 0.0)  # infinite where nobody is left
    return RestrictedMean(float(areas.sum()), float(np.sqrt(np.sum(ahead**2 * terms))), float(horizon_days))


def _crosses_half(times: Array, values: Array) -> float:
    below = np.flatnonzero(values < 0.5 + _HALF)
    if not below.size:
        return float("inf")
    first = below[0]
    lower = below[values[below] < values[first]]
    if abs(values[first] - 0.5) < _HALF and lower.size:
        return float(times[first] + times[lower[0]]) / 2
    return float(times[first])


def _refuse_beyond(curve: KaplanMeier, time_days: float) -> None:
    last = float(curve.table.time_days[-1])
    if time_days > last and curve.survival[-1] > 0:
        raise InputError(
            "The time lies beyond the follow-up, where survival is not known.",
            got=f"{time_days:g} days",
            expected=f"at most {last:g} days, the longest follow-up",
        )
