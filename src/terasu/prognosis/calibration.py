"""Is a predicted probability of a label what happens? Brier score, intercept, slope and groups.

Source: Van Calster et al. 2019, doi 10.1186/s12916-019-1466-7; Cox 1958, doi 10.2307/2333203; Brier 1950, doi
10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2. Equal to R's glm, checked in
tests/papers/test_r_measures.py; survival: calibration_survival.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from terasu.errors import InputError
from terasu.prognosis.confusion import wilson
from terasu.prognosis.kaplan_meier import Estimate
from terasu.prognosis.roc import score_and_calls
from terasu.prognosis.survival_data import Array, Flags, Labels

_CERTAIN = 1e-6  # predictions of 0 and 1 are read as this far from them, so that their log odds are finite


@dataclass(frozen=True)
class CalibrationGroup:
    """Patients with similar predictions: their number, mean prediction, and what was observed.

    ``observed`` is not a number where the follow-up of the group ends before the horizon.
    """

    patients: int
    predicted: float
    observed: Estimate


@dataclass(frozen=True)
class LabelCalibration:
    """Agreement of probability and outcome.

    Attributes:
        brier: mean squared distance; 0 is perfect.
        observed_by_expected: observed share by mean prediction, 1 is perfect.
        intercept: log odds to be added if the slope were 1; 0 is perfect, below 0: predictions too high.
        slope: 1 is perfect, below 1: predictions too extreme; not a number where all predictions are equal.
        groups: from low to high predictions.
    """

    brier: float
    observed_by_expected: float
    intercept: Estimate
    slope: Estimate
    groups: tuple[CalibrationGroup, ...]


def label_calibration(
    probability: ArrayLike, positive: ArrayLike, groups: int = 5, level: float = 0.95
) -> LabelCalibration:
    """Judge the probability (n,) of a label that is there (1) or not (0).

    Raises:
        InputError: no probabilities, or only one class.
    """
    values, flags = score_and_calls(probability, positive)
    require_probabilities(values)
    inside = np.clip(values, _CERTAIN, 1 - _CERTAIN)
    log_odds, truth = np.log(inside / (1 - inside)), flags.astype(np.float64)
    intercept, error = _logistic(np.ones((len(truth), 1)), log_odds, truth)
    slope, slope_error = np.array([np.nan, np.nan]), np.array([np.nan, np.nan])
    if np.ptp(log_odds) > 1e-9:
        slope, slope_error = _logistic(
            np.column_stack((np.ones(len(truth)), log_odds)), np.zeros(len(truth)), truth
        )
    return LabelCalibration(
        float(np.mean((values - truth) ** 2)),
        float(truth.mean() / max(values.mean(), 1e-300)),
        estimate(intercept[0], error[0], level),
        estimate(slope[1], slope_error[1], level),
        tuple(_group(values[rows], flags[rows], level) for rows in by_prediction(values, groups)),
    )


def by_prediction(predicted: Array, groups: int) -> list[Labels]:
    """Rows of each group, about equally many, equal predictions together, empty groups left out."""
    edges = np.quantile(predicted, np.arange(1, groups) / groups)
    place = np.searchsorted(edges, predicted, "left")
    return [np.flatnonzero(place == one) for one in range(groups) if (place == one).any()]


def estimate(value: float, error: float, level: float) -> Estimate:
    """A number with its limits by a normal law."""
    reach = float(norm.ppf(0.5 + level / 2)) * float(error)
    return Estimate(float(value), float(value) - reach, float(value) + reach, level)


def require_probabilities(values: Array) -> None:
    """Refuse numbers outside of 0 … 1."""
    if (values < 0).any() or (values > 1).any():
        raise InputError(
            "Calibration needs probabilities.",
            got=f"numbers from {values.min():g} to {values.max():g}",
            expected="0 to 1",
        )


def _group(predicted: Array, positive: Flags, level: float) -> CalibrationGroup:
    return CalibrationGroup(
        len(predicted), float(predicted.mean()), wilson(int(positive.sum()), len(positive), level)
    )


def _logistic(rows: Array, offset: Array, truth: Array) -> tuple[Array, Array]:
    """Coefficients of ``rows`` beside a fixed offset, and their standard errors (Newton's method).

    Predictions that separate the classes have no finite slope: it is returned as infinite.
    """
    beta = np.zeros(rows.shape[1])
    for _ in range(100):
        chance = 0.5 * (1 + np.tanh(0.5 * (rows @ beta + offset)))
        bend = (rows * (chance * (1 - chance))[:, None]).T @ rows
        size = np.linalg.eigvalsh(bend)
        if size[0] <= 1e-12 * max(size[-1], 1e-300) or size[-1] < 1e-9:
            return np.full(len(beta), np.inf), np.full(len(beta), np.nan)
        step = np.linalg.solve(bend, rows.T @ (truth - chance))
        beta = beta + step * min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-300))
        if float(np.abs(step).max()) < 1e-11:
            break
    return beta, np.sqrt(np.diag(np.linalg.inv(bend)))
