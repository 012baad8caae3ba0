"""Cox regression under an elastic net: the whole path of penalties, by cyclic coordinate descent.

Minimises −ℓ(β)/n + λ (α Σ|β| + (1 − α)/2 Σβ²) on standardised features (deviation with n), ℓ: Breslow's log
partial likelihood, as glmnet does.

Source: Simon et al. 2011, doi 10.18637/jss.v039.i05; strong rules: Tibshirani et al. 2012,
doi 10.1111/j.1467-9868.2011.01004.x. Where we depart: coordinate weights are e^η Λ, without the part that
glmnet takes off, so that a step never overshoots. Checked in tests/papers/test_r_survival.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike

from terasu.errors import InputError
from terasu.prognosis.cox_univariable import standardised
from terasu.prognosis.partial_likelihood import sweep_of
from terasu.prognosis.survival_data import Array, Flags, Labels, Survival, feature_matrix


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
    tolerance: float = 1e-9,
) -> CoxnetPath:
    """Fit the path, each penalty starting from the one before.

    Args:
        features: (n, p) finite; a constant one gets 0.
        l1_ratio: α, from just above 0 (ridge) to 1 (LASSO).
        penalties: λ in descending order; by default ``n_penalties`` from the least that leaves every
            coefficient 0, in equal ratios, down to ``smallest`` of it.
        tolerance: of a step, as what it adds to −ℓ/n.
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
    found, value, settled = _descend(columns, sweep.event, sweep.closes, lambdas, l1_ratio, tolerance)
    per_unit = found / np.where(deviation > 0, deviation, 1.0)
    return CoxnetPath(lambdas, per_unit, value, l1_ratio, settled)


def log_partial_likelihoods(linear_predictors: Array, survival: Survival) -> Array:
    """Breslow's log partial likelihood (m,) of each column of (n, m) risk scores."""
    sweep = sweep_of(survival)
    values: Array = _likelihoods(
        np.ascontiguousarray(linear_predictors[sweep.order].T), sweep.event, sweep.closes
    )
    return values


def _largest_penalty(columns: Array, event: Flags, closes: Flags, l1_ratio: float) -> float:
    n = columns.shape[1]
    residual = np.empty(n)
    _expand(np.zeros(n), event, closes, residual, np.empty(n))
    largest = float(np.abs(columns @ residual).max()) / n / l1_ratio
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


@njit(cache=True, nogil=True, error_model="numpy")
def _expand(eta: Array, event: Flags, closes: Flags, residual: Array, weight: Array) -> float:
    """Log-likelihood; fills the martingale residuals (its slope in η) and the weights e^η Λ.

    Patients stand from the longest time to the shortest.
    """
    n = len(eta)
    top = eta.max()
    value, risk, tied, before = 0.0, 0.0, 0, 0
    for i in range(n):
        weight[i] = np.exp(eta[i] - top)
        risk += weight[i]
        if event[i]:
            tied += 1
            value += eta[i] - top
        if closes[i]:
            step = tied / risk
            if tied:
                value -= tied * np.log(risk)
            for k in range(before, i + 1):
                residual[k] = step
            before, tied = i + 1, 0
    hazard, i = 0.0, n - 1
    while i >= 0:
        hazard += residual[i]
        k = i
        while True:
            weight[k] *= hazard
            residual[k] = event[k] - weight[k]
            k -= 1
            if k < 0 or closes[k]:
                break
        i = k
    return value


@njit(cache=True, nogil=True, error_model="numpy")
def _likelihoods(etas: Array, event: Flags, closes: Flags) -> Array:
    m, n = etas.shape
    values, residual, weight = np.empty(m), np.empty(n), np.empty(n)
    for k in range(m):
        values[k] = _expand(etas[k], event, closes, residual, weight)
    return values


@njit(cache=True, nogil=True, error_model="numpy")
def _descend(
    columns: Array, event: Flags, closes: Flags, lambdas: Array, l1_ratio: float, tolerance: float
) -> tuple[Array, Array, Flags]:
    """Path of coefficients (m, p) of ``columns`` (p, n)."""
    p, n = columns.shape
    found, values = np.zeros((len(lambdas), p)), np.zeros(len(lambdas))
    settled = np.zeros(len(lambdas), np.bool_)
    beta, eta, slope = np.zeros(p), np.zeros(n), np.zeros(p)
    residual, weight, used = np.empty(n), np.empty(n), np.zeros(p, np.bool_)
    values_now = _expand(eta, event, closes, residual, weight)
    for j in range(p):
        slope[j] = _dot(columns[j], residual) / n
    previous = np.abs(slope).max() / l1_ratio
    for k in range(len(lambdas)):
        lasso, ridge = lambdas[k] * l1_ratio, lambdas[k] * (1 - l1_ratio)
        bound = l1_ratio * (2 * lambdas[k] - previous)
        for j in range(p):
            used[j] = beta[j] != 0 or abs(slope[j]) >= bound
        for _ in range(50):
            values_now, settled[k] = _settle(
                columns, event, closes, lasso, ridge, tolerance, used, beta, eta, residual, weight, values_now
            )
            missed = False
            for j in range(p):  # did the strong rule leave somebody out?
                slope[j] = _dot(columns[j], residual) / n
                if not used[j] and abs(slope[j]) > lasso:
                    used[j] = missed = True
            if not missed:
                break
        found[k], values[k], previous = beta, values_now, lambdas[k]
    return found, values, settled


@njit(cache=True, nogil=True, error_model="numpy")
def _settle(
    columns: Array,
    event: Flags,
    closes: Flags,
    lasso: float,
    ridge: float,
    tolerance: float,
    used: Flags,
    beta: Array,
    eta: Array,
    residual: Array,
    weight: Array,
    value: float,
) -> tuple[float, bool]:
    """One penalty: quadratic approximations, each solved over the used features, until nothing moves."""
    p, n = columns.shape
    places = np.flatnonzero(used)
    bend, old, eta_old = np.empty(p), np.empty(p), np.empty(n)
    for _ in range(500):
        old[:] = beta
        eta_old[:] = eta
        before = -value / n + _penalty(beta, places, lasso, ridge)
        for j in places:
            bend[j] = _weighted_square(columns[j], weight) / n
        _solve_quadratic(columns, weight, residual, bend, places, lasso, ridge, tolerance, beta, eta)
        for _ in range(20):  # the approximation is local: halve a step that climbs
            value = _expand(eta, event, closes, residual, weight)
            if -value / n + _penalty(beta, places, lasso, ridge) <= before + 1e-12 * abs(before):
                break
            for j in places:
                beta[j] = (beta[j] + old[j]) / 2
            eta[:] = (eta + eta_old) / 2
        largest = 0.0
        for j in places:
            largest = max(largest, bend[j] * (beta[j] - old[j]) ** 2)
        if largest < tolerance:
            return value, True
    return value, False


@njit(cache=True, nogil=True, error_model="numpy")
def _solve_quadratic(
    columns: Array,
    weight: Array,
    residual: Array,
    bend: Array,
    places: Labels,
    lasso: float,
    ridge: float,
    tolerance: float,
    beta: Array,
    eta: Array,
) -> None:
    """Coordinate descent; ``residual`` and ``eta`` follow. All places first, then those that are not 0."""
    n = columns.shape[1]
    every = True
    for _ in range(1000):
        largest = 0.0
        for j in places:
            if bend[j] <= 0 or not (every or beta[j] != 0):
                continue
            column = columns[j]
            pull = _dot(column, residual) / n + bend[j] * beta[j]
            value = np.sign(pull) * max(abs(pull) - lasso, 0.0) / (bend[j] + ridge)
            change = value - beta[j]
            if change == 0:
                continue
            beta[j] = value
            largest = max(largest, bend[j] * change * change)
            for i in range(n):
                eta[i] += change * column[i]
                residual[i] -= change * weight[i] * column[i]
        if largest < tolerance:
            if every:
                return
            every = True
        else:
            every = False


@njit(cache=True, nogil=True, error_model="numpy")
def _penalty(beta: Array, places: Labels, lasso: float, ridge: float) -> float:
    total = 0.0
    for j in places:
        total += lasso * abs(beta[j]) + ridge / 2 * beta[j] * beta[j]
    return total


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _dot(a: Array, b: Array) -> float:
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _weighted_square(a: Array, weight: Array) -> float:
    total = 0.0
    for i in range(len(a)):
        total += weight[i] * a[i] * a[i]
    return total
