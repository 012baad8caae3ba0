"""From a risk score to survival: the hazard of a patient whose score is 0.

Source: Breslow 1974, doi 10.2307/2529620
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from terasu.errors import InputError
from terasu.prognosis.partial_likelihood import likelihood_terms, sweep_of
from terasu.prognosis.survival_data import Array, Survival

_LARGEST = 600.0  # of a score in an exponential; beyond it everybody's survival is 0 or 1 to the last digit


@dataclass(frozen=True, eq=False)
class BaselineHazard:
    """Cumulative hazard at a score of 0.

    Attributes:
        time_days: (m,) times with events, ascending.
        hazard: (m,) cumulative, just after each of them.
        last_days: end of the follow-up that it was learned from.
    """

    time_days: Array
    hazard: Array
    last_days: float

    def survival(self, score: Array, times_days: ArrayLike) -> Array:
        """(n, times) under proportional hazards."""
        times = known_times(times_days, self.last_days)
        place = np.searchsorted(self.time_days, times, "right")
        hazard = np.concatenate(([0.0], self.hazard))[place]
        risk = np.exp(np.clip(score, -_LARGEST, _LARGEST))[:, None]
        return np.asarray(np.exp(-risk * hazard))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "time_days": self.time_days.tolist(),
            "hazard": self.hazard.tolist(),
            "last_days": self.last_days,
        }

    @staticmethod
    def from_dict(stored: dict[str, Any]) -> BaselineHazard:
        """The inverse of ``as_dict``."""
        time, hazard = (np.array(stored[key], np.float64) for key in ("time_days", "hazard"))
        if time.shape != hazard.shape or (np.diff(time) <= 0).any() or (np.diff(hazard) < 0).any():
            raise ValueError("the baseline hazard does not rise with time")
        return BaselineHazard(time, hazard, float(stored["last_days"]))


def breslow(score: Array, survival: Survival) -> BaselineHazard:
    """Learn the hazard from patients with known scores (n,)."""
    sweep = sweep_of(survival)
    terms = likelihood_terms(np.zeros((len(score), 1)), score, sweep, "breslow")
    at = terms.at[::-1]
    last = float(survival.time_days.max())
    return BaselineHazard(survival.time_days[sweep.order[at]], np.cumsum(terms.hazard[::-1]), last)


def known_times(times_days: ArrayLike, last_days: float) -> Array:
    """Times (m,) as numbers.

    Raises:
        InputError: a time is missing, negative or beyond the follow-up that the model was fitted with.
    """
    times = np.atleast_1d(np.asarray(times_days, np.float64))
    if not np.isfinite(times).all() or (times < 0).any() or (times > last_days).any():
        raise InputError(
            "A time is missing, negative or beyond the follow-up that the model was fitted with.",
            got=", ".join(f"{t:g}" for t in times[:5]) + " days",
            expected=f"0 to {last_days:g} days",
        )
    return times
