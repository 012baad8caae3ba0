"""How a result grows with the number of cases: an inverse power law, its band, and cases for a goal.

Source: inverse power law of learning curves: Figueroa et al. 2012, doi 10.1186/1472-6947-12-8. Band by
drawing the repeats of every size anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from terasu.errors import InputError

Values = NDArray[np.float64]
_RATES = np.geomspace(0.05, 3.0, 60)
_LEVEL = 0.95
_REACHED_OFTEN = 0.5


@dataclass(frozen=True)
class InversePowerLaw:
    """value(n) = limit + gain · n^−rate."""

    limit: float
    gain: float
    rate: float

    def at(self, cases: ArrayLike) -> Values:
        """Value at numbers of cases."""
        return np.asarray(self.limit + self.gain * np.asarray(cases, np.float64) ** -self.rate)

    def cases_for(self, goal: float) -> float:
        """Cases at which the law comes to the goal: 1 if it starts beyond it, infinite if it never does."""
        left = (goal - self.limit) / self.gain if self.gain else 0.0
        return max(1.0, float(left ** (-1 / self.rate))) if left > 0 else float("inf")


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """A fitted curve.

    Attributes:
        sizes: (k,) numbers of cases, ascending; mean: (k,) of the repeats.
        law: fitted to all repeats; drawn: the same to repeats drawn anew.
    """

    sizes: NDArray[np.int64]
    mean: Values
    law: InversePowerLaw
    drawn: tuple[InversePowerLaw, ...]

    def band(self, cases: ArrayLike) -> tuple[Values, Values]:
        """95 % limits of the law at numbers of cases."""
        found = np.stack([one.at(cases) for one in self.drawn])
        low, high = np.quantile(found, ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2), axis=0)
        return low, high

    def cases_for(self, goal: float) -> tuple[float, float, float]:
        """Cases for a goal, and their limits; infinite where it is not reached."""
        found = np.array([one.cases_for(goal) for one in self.drawn])
        low, high = np.quantile(found, ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2), method="nearest")
        return self.law.cases_for(goal), float(low), float(high)

    def sentence(self, goal: float, measure: str) -> str:
        """About how many cases a goal takes, and how far that can be believed."""
        reached = np.mean([np.isfinite(one.cases_for(goal)) for one in self.drawn])
        value, low, high = self.cases_for(goal)
        if not np.isfinite(value) or reached < _REACHED_OFTEN:
            return f"{measure} {goal:g} is not reached by this curve, whose limit is {self.law.limit:.3g}."
        largest = int(self.sizes[-1])
        upper = f"{high:.0f}" if np.isfinite(high) else "more than can be said"
        told = f"about {np.ceil(value):.0f} cases for {measure} {goal:g} ({low:.0f} to {upper})"
        if value > largest:
            return f"{told}; extrapolated, for the largest number tried is {largest}."
        return f"{told}."


def learning_curve(
    sizes: Sequence[int], values: Sequence[float], *, draws: int = 500, seed: int = 1
) -> LearningCurve:
    """Fit a curve to repeats at several numbers of cases.

    Args:
        sizes: (n,) number of cases of each repeat.
        values: (n,) what it reached.
    Raises:
        InputError: fewer than three different sizes, sizes below 1, or a value that is no number.
    """
    x, y = np.asarray(sizes, np.int64), np.asarray(values, np.float64)
    levels = np.unique(x)
    if len(x) != len(y) or len(levels) < 3 or levels[0] < 1 or not np.isfinite(y).all():
        raise InputError(
            "A learning curve cannot be fitted.",
            got=f"{len(levels)} different sizes, {int(np.isfinite(y).sum())} of {len(y)} values",
            expected="three sizes of one case or more, and a number for each repeat",
            todo="Train with more sizes.",
        )
    rng = np.random.default_rng(seed)
    rows = [np.flatnonzero(x == size) for size in levels]
    drawn = []
    for _ in range(draws):
        taken = np.concatenate([rng.choice(own, len(own)) for own in rows])
        drawn.append(_fit(x[taken], y[taken]))
    mean = np.array([y[own].mean() for own in rows])
    return LearningCurve(levels, mean, _fit(x, y), tuple(drawn))


def _fit(x: NDArray[np.int64], y: Values) -> InversePowerLaw:
    """Least squares: limit and gain are linear given the rate, which is searched."""
    best = int(np.argmin([_squares(rate, x, y) for rate in _RATES]))
    low, high = _RATES[max(best - 1, 0)], _RATES[min(best + 1, len(_RATES) - 1)]
    found = minimize_scalar(_squares, bounds=(low, high), args=(x, y), method="bounded")
    rate = float(found.x)
    limit, gain = _linear(rate, x, y)[0]
    return InversePowerLaw(float(limit), float(gain), rate)


def _squares(rate: float, x: NDArray[np.int64], y: Values) -> float:
    (limit, gain), falls = _linear(rate, x, y)
    return float(np.square(y - limit - gain * falls).sum())


def _linear(rate: float, x: NDArray[np.int64], y: Values) -> tuple[Values, Values]:
    falls = x.astype(np.float64) ** -rate
    away = falls - falls.mean()
    gain = float(away @ y) / max(float(away @ away), 1e-300)
    return np.array([y.mean() - gain * falls.mean(), gain]), falls
