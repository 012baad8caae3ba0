"""Boosting of Cox's partial likelihood, one feature at a time.

At each step the feature that fits the martingale residuals best gets a small share of its least-squares
coefficient. How many steps are taken is chosen by cross-validated partial likelihood within the training
rows.

Source: Bühlmann and Hothorn 2007, doi 10.1214/07-STS242; cross-validation: Verweij and van Houwelingen 1993,
doi 10.1002/sim.4780122407
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from terasu.prognosis.cox_univariable import standardised
from terasu.prognosis.coxnet import log_partial_likelihoods
from terasu.prognosis.coxnet_descent import expand
from terasu.prognosis.models.contract import checked
from terasu.prognosis.models.coxnet_model import inner_event_folds
from terasu.prognosis.models.linear_survival import LinearSurvival, linear_survival
from terasu.prognosis.models.settings import at_least, share
from terasu.prognosis.partial_likelihood import sweep_of
from terasu.prognosis.survival_data import Array, Flags, Labels, Survival


@dataclass(frozen=True)
class SurvivalBoosting:
    """Recipe of componentwise boosting.

    Attributes:
        steps: most steps; cross-validation chooses 0 to this many.
        rate: share of the least-squares coefficient that a step takes.
        folds: fewer where a fold would have less than 5 events.
    """

    name: str = "survival_boosting"
    steps: int = 300
    rate: float = 0.1
    folds: int = 5

    def __post_init__(self) -> None:
        at_least(1, {"steps": self.steps})
        at_least(2, {"folds": self.folds})
        share({"rate": self.rate})

    def fit(self, x: Array, outcome: Survival, features: Sequence[str], *, seed: int) -> LinearSurvival:
        """Choose the number of steps, then boost all rows so far."""
        x = checked(x, features, len(outcome))
        folds = inner_event_folds(outcome, self.folds, seed)
        gained = np.zeros(self.steps + 1)
        for fold in range(int(folds.max()) + 1):
            inside = folds != fold
            steps = boost(x[inside], outcome.take(inside), self.steps, self.rate)
            gained += left_out_likelihood(running_scores(x, *steps), outcome, inside)
        best = int(np.argmax(gained))
        which, change = boost(x, outcome, best, self.rate)
        coefficients = np.asarray(np.bincount(which, change, x.shape[1]), np.float64)
        notes = {"steps": best, "rate": self.rate, "folds": int(folds.max()) + 1}
        return linear_survival(self.name, features, coefficients, x, outcome, notes)


def boost(x: Array, survival: Survival, steps: int, rate: float) -> tuple[Labels, Array]:
    """Feature and change of its coefficient (per unit) at each of ``steps``."""
    scaled, deviation = standardised(x, ddof=0)
    sweep = sweep_of(survival)
    columns = np.ascontiguousarray(scaled[sweep.order].T)
    which, change = _boost(columns, sweep.event, sweep.closes, steps, float(rate))
    return which, change / np.where(deviation > 0, deviation, 1.0)[which]


def running_scores(x: Array, which: Labels, change: Array) -> Array:
    """(n, steps + 1) score after each step, from none."""
    return np.concatenate((np.zeros((len(x), 1)), np.cumsum(x[:, which] * change, axis=1)), axis=1)


def left_out_likelihood(scores: Array, outcome: Survival, inside: Flags) -> Array:
    """(m,) log partial likelihood of all rows less that of those inside, of each column of scores."""
    part = log_partial_likelihoods(scores[inside], outcome.take(inside))
    return log_partial_likelihoods(scores, outcome) - part


@njit(cache=True, nogil=True, error_model="numpy")
def _boost(columns: Array, event: Flags, closes: Flags, steps: int, rate: float) -> tuple[Labels, Array]:
    """``columns`` (p, n), mean 0 and deviation 1, patients from the longest time to the shortest."""
    p, n = columns.shape
    which, change = np.zeros(steps, np.int64), np.zeros(steps)
    eta, residual, weight = np.zeros(n), np.empty(n), np.empty(n)
    for step in range(steps):
        expand(eta, event, closes, residual, weight)
        best, slope = 0, 0.0
        for j in range(p):
            total = 0.0
            for i in range(n):
                total += columns[j, i] * residual[i]
            if abs(total) > abs(slope):
                best, slope = j, total
        which[step], change[step] = best, rate * slope / n
        for i in range(n):
            eta[i] += change[step] * columns[best, i]
    return which, change
