"""Survival of new patients by a Cox model, with its confidence limits.

Source: Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data (2002), 4.3; variance:
Tsiatis 1981, doi 10.1214/aos/1176345324, with Efron's steps as in R's survfit.coxph, checked in
tests/papers/test_r_survival.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from terasu.errors import InputError
from terasu.prognosis.cox import Baseline, CoxFit
from terasu.prognosis.kaplan_meier import Band, limits
from terasu.prognosis.survival_data import Array


@dataclass(frozen=True, eq=False)
class Prediction:
    """Survival (n, m) of n patients at m times, its confidence limits and standard error of its logarithm."""

    time_days: Array
    survival: Array
    lower: Array
    upper: Array
    error_of_log: Array


def predict_survival(
    fit: CoxFit,
    features: ArrayLike,
    times_days: ArrayLike,
    *,
    stratum: str = "",
    level: float = 0.95,
    kind: Band = "log-log",
) -> Prediction:
    """Survival of each patient at each time.

    The limits say how well the model's survival is known, if the model is right; they are no limits for the
    time that one patient will live.

    Args:
        features: (n, p) covariates as in the fit.
        stratum: whose baseline hazard is taken; empty if there is one only.
    Raises:
        InputError: other columns than in the fit, a stratum that was not fitted, a time beyond the follow-up,
            a fit that must not be used.
    """
    if fit.reason:
        raise InputError("This Cox model cannot predict.", got=fit.reason, todo="Leave that covariate out.")
    times = np.atleast_1d(np.asarray(times_days, np.float64))
    baseline = _baseline(fit, stratum)
    if times.max(initial=0.0) > baseline.last_days:
        raise InputError(
            "The time lies beyond the follow-up that the model was fitted with.",
            got=f"{times.max():g} days",
            expected=f"at most {baseline.last_days:g} days",
        )
    x = fit._covariates(features) - fit.means
    risk = np.exp(x @ fit.coefficients)[:, None]
    place = np.searchsorted(baseline.time_days, times, "right")
    hazard, variance = (np.concatenate(([0.0], one))[place] for one in (baseline.hazard, baseline.variance))
    mean = np.concatenate((np.zeros((1, x.shape[1])), baseline.mean))[place]
    away = hazard[None, :, None] * x[:, None, :] - mean[None]
    error = risk * np.sqrt(variance + np.einsum("nma,ab,nmb->nm", away, fit.covariance, away))
    survival = np.exp(-risk * hazard)
    lower, upper = limits(survival, error, level, kind)
    return Prediction(times, survival, lower, upper, error)


def _baseline(fit: CoxFit, stratum: str) -> Baseline:
    for one in fit.baselines:
        if one.stratum == stratum:
            return one
    raise InputError(
        "The model has no such stratum.",
        got=stratum or "none named",
        expected=", ".join(one.stratum or "(one only)" for one in fit.baselines),
    )
