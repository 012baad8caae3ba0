"""Brier score of predicted survival under censoring.

Source: Graf et al. 1999, doi 10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5.
Convention: an event up to t weighs 1/G(T−), a patient followed beyond t weighs 1/G(t), one censored up to t
weighs nothing; the sum is divided by all n.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from terasu.errors import InputError
from terasu.prognosis.censoring import censoring_of, event_weights, refuse_without_follow_up
from terasu.prognosis.survival_data import Array, Survival, feature_matrix


def brier_score(
    predicted_survival: ArrayLike,
    survival: Survival,
    times_days: ArrayLike,
    censoring_from: Survival | None = None,
) -> Array:
    """Brier score (m,) at each time: 0 is perfect, 0.25 is a coin.

    Args:
        predicted_survival: (n, m) chance of each patient to live beyond each time.
        times_days: (m,).
        censoring_from: patients from whom G is estimated; ``survival`` if None.
    Raises:
        InputError: predictions outside of 0 … 1 or of another shape; a time at which nobody is followed.
    """
    times = np.atleast_1d(np.asarray(times_days, np.float64))
    predicted = feature_matrix(predicted_survival, len(survival))
    if predicted.shape[1] != len(times) or (predicted < 0).any() or (predicted > 1).any():
        raise InputError(
            "Predicted survival does not fit the times, or is no probability.",
            got=f"{predicted.shape}, from {predicted.min():g} to {predicted.max():g}; {len(times)} times",
            expected="a column of numbers from 0 to 1 for each time",
        )
    censoring = censoring_of(censoring_from or survival)
    scores = np.empty(len(times))
    for k, t in enumerate(times.tolist()):
        beyond = survival.time_days > t
        chance = censoring.at(np.array([t]))
        if beyond.any():
            refuse_without_follow_up(chance, t)
        weight = event_weights(survival, t, censoring) + beyond / np.where(chance > 0, chance, 1.0)
        scores[k] = np.mean(weight * (beyond - predicted[:, k]) ** 2)
    return scores


def integrated_brier_score(scores: ArrayLike, times_days: ArrayLike) -> float:
    """Mean of the Brier score over time, by trapezia between the first time and the last."""
    times, values = np.asarray(times_days, np.float64), np.asarray(scores, np.float64)
    if len(times) < 2 or times.shape != values.shape or (np.diff(times) <= 0).any():
        raise InputError(
            "The Brier score cannot be integrated.",
            got=f"{values.shape} scores at {times.shape} times",
            expected="two or more ascending times with a score each",
        )
    return float(np.trapezoid(values, times) / (times[-1] - times[0]))
