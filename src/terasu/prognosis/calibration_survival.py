"""Is a predicted risk of an event up to a horizon what happens, with censoring?

Observed risk: Kaplan and Meier in groups; pseudo-values for intercept and slope; a smooth of the prediction
in a Cox model for ICI, E50 and E90.

Source: Austin, Harrell and van Klaveren 2020, doi 10.1002/sim.8570; intercept and slope by pseudo-values:
van Geloven et al. 2022, doi 10.1136/bmj-2021-069249; pseudo-values: Andersen, Klein and Rosthøj 2003, doi
10.1093/biomet/90.1.15. Checked against R in tests/papers/test_r_measures.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from terasu.errors import InputError
from terasu.prognosis.calibration import CalibrationGroup, by_prediction, estimate, require_probabilities
from terasu.prognosis.cox import cox
from terasu.prognosis.cox_prediction import predict_survival
from terasu.prognosis.kaplan_meier import Estimate, kaplan_meier, survival_at
from terasu.prognosis.survival_data import Array, Survival, feature_matrix

_CERTAIN = 1e-6  # risks of 0 and 1 are read as this far from them


@dataclass(frozen=True, eq=False)
class SurvivalCalibration:
    """Agreement of predicted and observed risk at one horizon.

    Attributes:
        observed_by_expected: risk by Kaplan and Meier by mean prediction, 1 is perfect.
        intercept: on the complementary log-log scale if the slope were 1; 0 is perfect, below 0: risks too
            high.
        slope: 1 is perfect, below 1: predictions too extreme.
        groups: from low to high risk.
        smooth: (n,) observed risk of each patient by the smooth of the prediction.
        ici, e50, e90: mean, median and 90 % quantile of the distance of smooth and prediction. Slope, smooth
            and distances are not a number where all predictions are equal.
    """

    horizon_days: float
    observed_by_expected: float
    intercept: Estimate
    slope: Estimate
    groups: tuple[CalibrationGroup, ...]
    smooth: Array
    ici: float
    e50: float
    e90: float


def survival_calibration(
    risk: ArrayLike, survival: Survival, horizon_days: float, groups: int = 5, level: float = 0.95
) -> SurvivalCalibration:
    """Judge predicted risks (n,), 1 − S(horizon).

    Raises:
        InputError: no probabilities, or a horizon beyond the follow-up.
    """
    values = feature_matrix(risk, len(survival))[:, 0]
    require_probabilities(values)
    observed = 1 - pseudo_survival(survival, horizon_days)
    inside = np.clip(values, _CERTAIN, 1 - _CERTAIN)
    scale = np.log(-np.log1p(-inside))
    rows = np.ones((len(values), 1))
    intercept, error = _pseudo_regression(rows, scale, observed)
    slope, slope_error, smooth = (np.full(2, np.nan) for _ in range(3))
    distances, smooth = np.array([np.nan]), np.full(len(values), np.nan)
    if np.ptp(scale) > 1e-9:
        slope, slope_error = _pseudo_regression(np.column_stack((rows, scale)), 0 * scale, observed)
        smooth = _smooth_risk(scale, survival, horizon_days)
        distances = np.abs(smooth - values)
    whole = 1 - float(survival_at(kaplan_meier(survival), horizon_days)[0][0])
    return SurvivalCalibration(
        float(horizon_days),
        whole / max(float(values.mean()), 1e-300),
        estimate(intercept[0], error[0], level),
        estimate(slope[1], slope_error[1], level),
        tuple(
            _group(values[rows], survival.take(rows), horizon_days, level)
            for rows in by_prediction(values, groups)
        ),
        smooth,
        float(distances.mean()),
        *(float(one) for one in np.quantile(distances, (0.5, 0.9))),
    )


def pseudo_survival(survival: Survival, horizon_days: float) -> Array:
    """(n,) what each patient adds to the Kaplan–Meier estimate at the horizon: n S − (n − 1) S without them.

    Raises:
        InputError: the horizon lies beyond the follow-up.
    """
    curve = kaplan_meier(survival)
    whole = float(survival_at(curve, horizon_days)[0][0])
    table, n = curve.table, len(survival)
    before = table.time_days <= horizon_days
    times, at_risk, events = (
        one[before].astype(np.float64) for one in (table.time_days, table.at_risk, table.events)
    )
    place = np.searchsorted(times, survival.time_days, "right")  # this many of the times see the patient
    one_less = np.maximum(at_risk - 1, 0.0)
    without = 1 - np.divide(events, one_less, out=np.zeros_like(events), where=one_less > 0)
    seen = np.concatenate(([1.0], np.cumprod(without)))
    later = 1 - events / at_risk
    rest = np.concatenate((np.cumprod(later[::-1])[::-1], [1.0]))
    left = seen[place] * rest[place]
    own = np.flatnonzero(survival.event & (survival.time_days <= horizon_days))
    last = place[own] - 1  # their own event is not there without them
    kept = np.where(one_less[last] > 0, 1 - (events[last] - 1) / np.maximum(one_less[last], 1.0), 1.0)
    left[own] = seen[last] * kept * rest[place[own]]
    return np.asarray(n * whole - (n - 1) * left)


def _pseudo_regression(rows: Array, offset: Array, observed: Array) -> tuple[Array, Array]:
    """Coefficients of μ = 1 − e^(−e^(rows β + offset)) by least squares, with robust standard errors."""
    beta = np.zeros(rows.shape[1])
    beta[-1] = 1.0 if rows.shape[1] > 1 else 0.0
    for _ in range(200):
        hazard = np.exp(np.clip(rows @ beta + offset, -30, 5))
        slope = (hazard * np.exp(-hazard))[:, None] * rows
        residual = observed + np.expm1(-hazard)
        bend = slope.T @ slope
        step = np.linalg.solve(bend + 1e-12 * np.trace(bend) * np.eye(len(beta)), slope.T @ residual)
        step *= min(1.0, 1.0 / max(float(np.abs(step).max()), 1e-300))
        beta = beta + step
        if float(np.abs(step).max()) < 1e-10:
            break
    turned = np.linalg.inv(bend)
    each = slope * residual[:, None]
    return beta, np.sqrt(np.diag(turned @ (each.T @ each) @ turned))


def _smooth_risk(scale: Array, survival: Survival, horizon_days: float) -> Array:
    """Observed risk as a restricted cubic spline (three knots) of the prediction in a Cox model."""
    fit_on = spline(scale)
    fit = cox(fit_on, survival)
    return np.asarray(1 - predict_survival(fit, fit_on, horizon_days).survival[:, 0])


def spline(values: Array) -> Array:
    """(n, 2) restricted cubic spline with knots at the 10, 50 and 90 % quantiles; (n, 1) if two coincide.

    Source: Harrell, Regression Modeling Strategies (2015), 2.4.5, normed by the squared range of the knots.
    """
    low, middle, high = np.quantile(values, (0.1, 0.5, 0.9))
    if not low < middle < high:
        return values[:, None]
    cubes = [np.maximum(values - knot, 0.0) ** 3 for knot in (low, middle, high)]
    bent = cubes[0] - cubes[1] * (high - low) / (high - middle) + cubes[2] * (middle - low) / (high - middle)
    return np.column_stack((values, bent / (high - low) ** 2))


def _group(predicted: Array, survival: Survival, horizon_days: float, level: float) -> CalibrationGroup:
    try:
        value, low, high = survival_at(kaplan_meier(survival), horizon_days, level)
    except InputError:  # nobody of this group was followed so long
        nothing = float("nan")
        return CalibrationGroup(
            len(predicted), float(predicted.mean()), Estimate(nothing, nothing, nothing, level)
        )
    observed = Estimate(1 - float(value[0]), 1 - float(high[0]), 1 - float(low[0]), level)
    return CalibrationGroup(len(predicted), float(predicted.mean()), observed)
