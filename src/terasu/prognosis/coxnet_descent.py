"""The optimum of an elastic-net Cox model at each penalty, compiled.

Where we depart from glmnet (Simon et al. 2011): the quadratic approximation has the whole second derivative
of the features in play, not its diagonal in η, and a penalty ends when the conditions of the optimum hold,
not when steps are small (proximal Newton: Lee, Sun and Saunders 2014, doi 10.1137/130921428). Each
approximation is solved by coordinate descent and, as correlated features creep there, for all signs at once
(feature-sign search: Lee et al. 2007, Advances in Neural Information Processing Systems 19, 801).

``columns`` is (p, n): standardised features, patients from the longest time to the shortest.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from terasu.prognosis.survival_data import Array, Flags, Labels


@njit(cache=True, nogil=True, error_model="numpy")
def expand(eta: Array, event: Flags, closes: Flags, residual: Array, weight: Array) -> float:
    """Log-likelihood; fills the martingale residuals (its slope in η) and the weights e^η Λ.

    Patients stand from the longest time to the shortest.
    """
    n = len(eta)
    top = eta.max()
    value, risk, tied, before = 0.0, 0.0, 0, 0
    for i in range(n):
        weight[i] = np.exp(max(eta[i] - top, -600.0))  # never 0: somebody is at risk
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
def likelihoods(etas: Array, event: Flags, closes: Flags) -> Array:
    m, n = etas.shape
    values, residual, weight = np.empty(m), np.empty(n), np.empty(n)
    for k in range(m):
        values[k] = expand(etas[k], event, closes, residual, weight)
    return values


@njit(cache=True, nogil=True, error_model="numpy")
def descend(
    columns: Array, event: Flags, closes: Flags, lambdas: Array, l1_ratio: float, tolerance: float
) -> tuple[Array, Array, Flags]:
    """Path of coefficients (m, p) of ``columns`` (p, n)."""
    p, n = columns.shape
    found, values = np.zeros((len(lambdas), p)), np.zeros(len(lambdas))
    settled = np.zeros(len(lambdas), np.bool_)
    beta, eta, residual, weight = np.zeros(p), np.zeros(n), np.empty(n), np.empty(n)
    value = expand(eta, event, closes, residual, weight)
    slope = _slopes(columns, residual)
    allowed = tolerance * np.abs(slope).max()
    for k in range(len(lambdas)):
        lasso, ridge = lambdas[k] * l1_ratio, lambdas[k] * (1 - l1_ratio)
        for _ in range(100):
            wrong = _off(beta, slope, lasso, ridge)
            worst = wrong.max()
            if worst <= allowed:
                settled[k] = True
                break
            working = np.flatnonzero((beta != 0) | (wrong > 0))
            gram = _curvature(columns[working], eta, event, closes, weight)
            step = _solve_quadratic(
                gram, slope[working], beta[working], lasso, ridge, max(0.03 * worst, 0.3 * allowed)
            )
            value = _walk(
                columns, event, closes, working, step, lasso, ridge, beta, eta, residual, weight, value
            )
            slope = _slopes(columns, residual)
        found[k], values[k] = beta, value
    return found, values, settled


@njit(cache=True, nogil=True, error_model="numpy")
def _off(beta: Array, slope: Array, lasso: float, ridge: float) -> Array:
    """How far each coefficient is from its condition for an optimum (Karush, Kuhn and Tucker)."""
    wrong = np.empty(len(beta))
    for j in range(len(beta)):
        if beta[j] == 0:
            wrong[j] = max(abs(slope[j]) - lasso, 0.0)
        else:
            wrong[j] = abs(slope[j] - ridge * beta[j] - lasso * np.sign(beta[j]))
    return wrong


@njit(cache=True, nogil=True, error_model="numpy")
def _curvature(columns: Array, eta: Array, event: Flags, closes: Flags, weight: Array) -> Array:
    """Second derivative (a, a) of −ℓ/n: Σ e^η Λ x xᵀ less Σ d m mᵀ, m: means of those at risk."""
    a, n = columns.shape
    risk = np.exp(eta - eta.max())
    spread, means = columns * np.sqrt(weight), np.empty((a, n))
    for j in range(a):
        s0, s1, tied, m = 0.0, 0.0, 0, 0
        for i in range(n):
            s0 += risk[i]
            s1 += risk[i] * columns[j, i]
            tied += event[i]
            if closes[i] and tied > 0:
                means[j, m] = np.sqrt(tied) * s1 / s0
                tied, m = 0, m + 1
    found = np.empty((a, a))
    for j in range(a):
        for k in range(j + 1):
            found[j, k] = (_dot(spread[j], spread[k], n) - _dot(means[j], means[k], m)) / n
            found[k, j] = found[j, k]
    return found


# Sums of our own: a threaded BLAS costs more than it gives at these sizes, and with folds side by side.
@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _dot(a: Array, b: Array, n: int) -> float:
    total = 0.0
    for i in range(n):
        total += a[i] * b[i]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _slopes(columns: Array, residual: Array) -> Array:
    n = len(residual)
    found = np.empty(len(columns))
    for j in range(len(columns)):
        found[j] = _dot(columns[j], residual, n) / n
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _solved(matrix: Array, right: Array) -> Array:
    """x of ``matrix`` x = ``right``, the matrix positive definite (Cholesky)."""
    n = len(right)
    low, x = np.zeros((n, n)), right.copy()
    for i in range(n):
        for j in range(i):
            low[i, j] = (matrix[i, j] - _dot(low[i], low[j], j)) / low[j, j]
        low[i, i] = np.sqrt(max(matrix[i, i] - _dot(low[i], low[i], i), 1e-14 * matrix[i, i]))
        x[i] = (x[i] - _dot(low[i], x, i)) / low[i, i]
    for i in range(n - 1, -1, -1):
        x[i] /= low[i, i]
        for j in range(i):
            x[j] -= low[i, j] * x[i]
    return x


@njit(cache=True, nogil=True, error_model="numpy")
def _solve_quadratic(
    gram: Array, slope: Array, beta: Array, lasso: float, ridge: float, enough: float
) -> Array:
    """Change of the working coefficients that solves the quadratic approximation.

    A round of coordinate descent says which are not 0 and of which sign; correlated features creep there, so
    that between rounds those are solved for at once, as far as no sign changes.
    """
    pull, now = slope.copy(), beta.copy()
    for _ in range(200):
        if _descent_round(gram, pull, now, lasso, ridge) < enough:
            break
        for _ in range(10):
            _descent_round(gram, pull, now, lasso, ridge)
        while not _leap(gram, pull, now, lasso, ridge):
            pass
    return now - beta


@njit(cache=True, nogil=True, error_model="numpy")
def _descent_round(gram: Array, pull: Array, now: Array, lasso: float, ridge: float) -> float:
    """Each coefficient to its optimum in turn; the largest slope that a change has taken away."""
    largest = 0.0
    for j in range(len(now)):
        if gram[j, j] <= 0:
            continue
        target = pull[j] + gram[j, j] * now[j]
        value = np.sign(target) * max(abs(target) - lasso, 0.0) / (gram[j, j] + ridge)
        change = value - now[j]
        if change != 0:
            now[j] = value
            largest = max(largest, (gram[j, j] + ridge) * abs(change))
            row = gram[j]
            for i in range(len(now)):
                pull[i] -= change * row[i]
    return largest


@njit(cache=True, nogil=True, error_model="numpy")
def _leap(gram: Array, pull: Array, now: Array, lasso: float, ridge: float) -> bool:
    """Solve for the active coefficients with their signs, and go there as far as the first change of sign.

    True if no sign was in the way; else that coefficient is 0 now, and one fewer is active.
    """
    active = np.flatnonzero(now != 0)
    if len(active) == 0:
        return True
    inner = gram[active][:, active]
    slack = 1e-10 * np.trace(inner) / len(active)  # more features than the follow-up can tell apart
    held = now[active]
    wanted = pull[active] - ridge * held - lasso * np.sign(held)
    step = _solved(inner + (ridge + slack) * np.eye(len(active)), wanted)
    part, first = 1.0, -1
    for k in range(len(active)):
        if (held[k] + step[k]) * held[k] < 0 and -held[k] / step[k] < part:
            part, first = -held[k] / step[k], k
    for k in range(len(active)):
        value = 0.0 if k == first else held[k] + part * step[k]
        change = value - held[k]
        now[active[k]] = value
        row = gram[active[k]]
        for i in range(len(now)):
            pull[i] -= change * row[i]
    return first < 0


@njit(cache=True, nogil=True, error_model="numpy")
def _walk(
    columns: Array,
    event: Flags,
    closes: Flags,
    working: Labels,
    step: Array,
    lasso: float,
    ridge: float,
    beta: Array,
    eta: Array,
    residual: Array,
    weight: Array,
    value: float,
) -> float:
    """Take the step, or the first of its halves that does not climb, or none."""
    n = len(eta)
    old, eta_old, along = beta[working], eta.copy(), np.zeros(n)
    for k in range(len(working)):
        for i in range(n):
            along[i] += step[k] * columns[working[k], i]
    before = -value / n + _penalty(old, lasso, ridge)
    part = 1.0
    for _ in range(30):
        for k in range(len(working)):
            beta[working[k]] = old[k] + part * step[k]
        eta[:] = eta_old + part * along
        value = expand(eta, event, closes, residual, weight)
        if -value / n + _penalty(beta[working], lasso, ridge) <= before + 1e-13 * abs(before):
            return value
        part /= 2
    beta[working], eta[:] = old, eta_old
    return expand(eta, event, closes, residual, weight)


@njit(cache=True, nogil=True, error_model="numpy")
def _penalty(beta: Array, lasso: float, ridge: float) -> float:
    return float(lasso * np.abs(beta).sum() + ridge / 2 * np.square(beta).sum())
