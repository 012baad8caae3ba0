"""The chance of still being followed, for weighting by the inverse probability of censoring.

Convention: Kaplan–Meier of the censoring times, G. At a time with both, events come first: they have left
when the censored are counted, as in R. An event at t weighs 1/G(t−), whoever is followed beyond t weighs
1/G(t) (Graf et al. 1999).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from terasu.errors import InputError
from terasu.prognosis.survival_data import Array, Survival, risk_table


@dataclass(frozen=True, eq=False)
class Censoring:
    """G as a step function: ``steps`` just after each of ``time_days``."""

    time_days: Array
    steps: Array

    def at(self, times_days: Array) -> Array:
        """G(t), the chance of being followed beyond t."""
        return self._read(times_days, "right")

    def before(self, times_days: Array) -> Array:
        """G(t−), the chance of being followed up to t."""
        return self._read(times_days, "left")

    def _read(self, times_days: Array, side: str) -> Array:
        place = np.searchsorted(self.time_days, times_days, side="left" if side == "left" else "right")
        return np.asarray(np.concatenate(([1.0], self.steps))[place])


def censoring_of(survival: Survival) -> Censoring:
    """Estimate G from the patients of ``survival``."""
    table = risk_table(survival)
    left = np.maximum(table.at_risk - table.events, 1)
    return Censoring(table.time_days, np.cumprod(1 - table.censored / left))


def event_weights(survival: Survival, horizon_days: float, censoring: Censoring) -> Array:
    """(n,) 1/G(T−) of patients with an event up to the horizon, 0 of the others.

    Raises:
        InputError: somebody has an event when, by ``censoring``, nobody is followed any longer.
    """
    counted = survival.event & (survival.time_days <= horizon_days)
    chance = censoring.before(survival.time_days)
    refuse_without_follow_up(chance[counted], horizon_days)
    return np.where(counted, 1 / np.where(counted, chance, 1.0), 0.0)


def refuse_without_follow_up(chance: Array, horizon_days: float) -> None:
    """Refuse weights 1/0."""
    if np.any(chance <= 0):
        raise InputError(
            "The horizon lies beyond the follow-up: nobody is left to stand for those who were censored.",
            got=f"{horizon_days:g} days",
            expected="a horizon at which patients are still followed, in training as well",
        )
