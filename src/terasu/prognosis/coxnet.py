"""Cox regression under an elastic net: the whole path of penalties, each exact.

Minimises −ℓ(β)/n + λ (α Σ|β| + (1 − α)/2 Σβ²) on standardised features (deviation with n), ℓ: Breslow's log
partial likelihood, as glmnet does.

Source: Simon et al. 2011, doi 10.18637/jss.v039.i05. Checked in tests/papers/test_r_survival.py; how the
optimum is reached: coxnet_descent.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from terasu.errors import InputError
from terasu.prognosis.cox_univariable import standardised
from terasu.prognosis.coxnet_descent import descend, expand, likelihoods
from terasu.prognosis.partial_likelihood import sweep_of
from terasu.prognosis.survival_data import Array, Flags, Survival, feature_matrix


@dataclass(frozen=True, eq=False)
class CoxnetPath:
    """Coefficients along the path.

    Attributes:
        penalties: (m,) λ, descending.
        coefficients: (m, p) log hazard ratio per unit of the feature.
        log_likelihood: (m,) of the patients fitted.
        l1_ratio: α, 1: LASSO.
        settled: (m,) False where the descent ended before it had converged.
    """

    penalties: Array
    coefficients: Array
    log_likelihood: Array
    l1_ratio: float
    settled: Flags

    def linear_predictors(self, features: ArrayLike) -> Array:
        """(n, m) risk score of each patient at each penalty."""
        return feature_matrix(features) @ self.coefficients.T


def coxnet(
    features: ArrayLike,
    survival: Survival,
    *,
    l1_ratio: float = 1.0,
    penalties: ArrayLike | None = None,
    n_penalties: int = 100,
    smallest: float = 0.01,
    tolerance: float = 1e-6,
) -> CoxnetPath:
    """Fit the path, each penalty starting from the one before.

    Args:
        features: (n, p) finite; a constant one gets 0.
        l1_ratio: α, from just above 0 (ridge) to 1 (LASSO).
        penalties: λ in descending order; by default ``n_penalties`` from the least that leaves every
            coefficient 0, in equal ratios, down to ``smallest`` of it.
        tolerance: how far the slope of a coefficient may be from its optimum's, as a share of the largest
            slope at 0.
    Raises:
        InputError: a value is missing, no event, α outside of (0, 1], penalties not descending.
    """
    x = feature_matrix(features, len(survival))
    survival.require_events(1, "a Cox model")
    if not 0 < l1_ratio <= 1:
        raise InputError(
            "The share of the LASSO is impossible.", got=f"{l1_ratio:g}", expected="above 0, up to 1"
        )
    scaled, deviation = standardised(x, ddof=0)
    sweep = sweep_of(survival)
    columns = np.ascontiguousarray(scaled[sweep.order].T)
    if penalties is None:
        largest = _largest_penalty(columns, sweep.event, sweep.closes, l1_ratio)
        penalties = largest * np.geomspace(1, smallest, n_penalties)
    lambdas = np.atleast_1d(np.asarray(penalties, np.float64))
    _refuse_penalties(lambdas)
    found, value, settled = descend(
        columns, sweep.event, sweep.closes, lambdas, float(l1_ratio), float(tolerance)
    )
    per_unit = found / np.where(deviation > 0, deviation, 1.0)
    return CoxnetPath(lambdas, per_unit, value, l1_ratio, settled)


def log_partial_likelihoods(linear_predictors: Array, survival: Survival) -> Array:
    """Breslow's log partial likelihood (m,) of each column of (n, m) risk scores."""
    sweep = sweep_of(survival)
    values: Array = likelihoods(
        np.ascontiguousarray(linear_predictors[sweep.order].T), sweep.event, sweep.closes
    )
    return values


def _largest_penalty(columns: Array, event: Flags, closes: Flags, l1_ratio: float) -> float:
    n = columns.shape[1]
    residual = np.empty(n)
    expand(np.zeros(n), event, closes, residual, np.empty(n))
    largest = float(np.abs(columns @ residual).max() / n / l1_ratio)
    if largest <= 0:
        raise InputError("No feature differs between patients at risk.", expected="features that vary")
    return largest


def _refuse_penalties(lambdas: Array) -> None:
    if (
        not lambdas.size
        or (lambdas < 0).any()
        or (np.diff(lambdas) >= 0).any()
        or not np.isfinite(lambdas).all()
    ):
        raise InputError(
            "Penalties are not in descending order.",
            got=", ".join(f"{one:g}" for one in lambdas[:5]),
            expected="numbers of 0 or more, each smaller than the one before",
        )
