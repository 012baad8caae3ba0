"""Numbers of a study as they are read."""

from __future__ import annotations

import math

from terasu.prognosis.kaplan_meier import Estimate
from terasu.prognosis.study.pairs import Interval
from terasu.prognosis.study.survival_reading import Hazard

NONE = "–"
_DAYS_A_MONTH, _DAYS_A_YEAR = 30.4375, 365.25


def number(value: float | None, digits: int = 3, *, sign: bool = False) -> str:
    """A number with fixed digits, or a dash."""
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "not reached"
    return f"{value:{'+' if sign else ''}.{digits}f}".replace("-", "−")


def p_value(p: float | None) -> str:
    """A p-value."""
    if p is None or math.isnan(p):
        return NONE
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def limits(of: Interval | Estimate | Hazard | None, *, sign: bool = False, digits: int = 3) -> str:
    """A value with its limits."""
    if of is None:
        return NONE
    value = of.ratio if isinstance(of, Hazard) else of.value
    low, high = number(of.lower, digits, sign=sign), number(of.upper, digits, sign=sign)
    return f"{number(value, digits, sign=sign)} ({low} to {high})"


def time_unit(longest_days: float) -> tuple[str, float]:
    """In what unit an axis of time is read, and how many days it has."""
    if longest_days > 3 * _DAYS_A_YEAR:
        return "years", _DAYS_A_YEAR
    return ("months", _DAYS_A_MONTH) if longest_days > 120 else ("days", 1.0)


def horizon(days: float) -> str:
    """A horizon as it is said: 2 years, 18 months, 90 days."""
    for unit, long in (("year", _DAYS_A_YEAR), ("month", _DAYS_A_MONTH)):
        count = days / long
        if count > 0.99 and abs(count - round(count)) < 0.02:
            return f"{round(count)} {unit}{'s' if round(count) != 1 else ''}"
    return f"{days:g} days"


def percent(share: float | None) -> str:
    """A share in percent."""
    return NONE if share is None or math.isnan(share) else f"{100 * share:.0f} %"
