"""The optimum of an elastic-net logistic model at each penalty, compiled; two classes or more.

Each class in turn: quadratic approximation of the log-likelihood in its coefficients, solved by coordinate
descent over the features in play, with step halving; a penalty ends when the conditions of the optimum hold.

Source: Friedman, Hastie and Tibshirani 2010, doi 10.18637/jss.v033.i01
"""

from __future__ import annotations

import numpy as np
from numba import njit

from terasu.prognosis.survival_data import Array, Flags, Labels


@njit(cache=True, nogil=True, error_model="numpy")
def descend_logistic(
    columns: Array, member: Array, lambdas: Array, l1_ratio: float, tolerance: float
) -> tuple[Array, Array, Flags]:
    """Path of coefficients (m, classes, p) and intercepts (m, classes).

    Args:
        columns: (p, n) standardised features.
        member: (classes, n) 1 where the patient belongs to the class; one row of two classes.
    """
    p, n = columns.shape
    k = len(member)
    found, intercepts = np.zeros((len(lambdas), k, p)), np.zeros((len(lambdas), k))
    settled = np.zeros(len(lambdas), np.bool_)
    beta, base, eta = np.zeros((k, p)), np.zeros(k), np.zeros((k, n))
    for c in range(k):
        share = member[c].mean()
        base[c] = np.log(share / (1 - share)) if k == 1 else np.log(share)
        eta[c] += base[c]
    chance = np.empty((k, n))
    _chances(eta, chance)
    for step in range(len(lambdas)):
        lasso, ridge = lambdas[step] * l1_ratio, lambdas[step] * (1 - l1_ratio)
        for _ in range(300):
            worst = 0.0
            for c in range(k):
                worst = max(
                    worst, _improve(c, columns, member, eta, chance, beta, base, lasso, ridge, tolerance)
                )
            if worst <= tolerance:
                settled[step] = True
                break
        found[step], intercepts[step] = beta, base
    return found, intercepts, settled


@njit(cache=True, nogil=True, error_model="numpy")
def _chances(eta: Array, chance: Array) -> None:
    k, n = eta.shape
    for i in range(n):
        top = 0.0 if k == 1 else eta[0, i]
        for c in range(k):
            top = max(top, eta[c, i])
        total = np.exp(-top) if k == 1 else 0.0
        for c in range(k):
            chance[c, i] = np.exp(eta[c, i] - top)
            total += chance[c, i]
        for c in range(k):
            chance[c, i] /= total


@njit(cache=True, nogil=True, error_model="numpy")
def _loss(eta: Array, member: Array) -> float:
    """Mean negative log-likelihood."""
    k, n = eta.shape
    total = 0.0
    for i in range(n):
        top = 0.0 if k == 1 else eta[0, i]
        for c in range(k):
            top = max(top, eta[c, i])
        scale = np.exp(-top) if k == 1 else 0.0
        for c in range(k):
            scale += np.exp(eta[c, i] - top)
            total -= member[c, i] * eta[c, i]
        total += np.log(scale) + top
    return float(total / n)


@njit(cache=True, nogil=True, error_model="numpy")
def _improve(
    c: int,
    columns: Array,
    member: Array,
    eta: Array,
    chance: Array,
    beta: Array,
    base: Array,
    lasso: float,
    ridge: float,
    tolerance: float,
) -> float:
    """One approximation of class ``c`` solved and walked to; returns how far the optimum was before."""
    p, n = columns.shape
    weight, pull = chance[c] * (1 - chance[c]), member[c] - chance[c]
    worst = abs(pull.mean())
    playing = np.zeros(p, np.bool_)
    for j in range(p):
        slope = _dot(columns[j], pull) / n
        if beta[c, j] == 0:
            off = max(abs(slope) - lasso, 0.0)
        else:
            off = abs(slope - ridge * beta[c, j] - lasso * np.sign(beta[c, j]))
        playing[j] = off > 0 or beta[c, j] != 0
        worst = max(worst, off)
    if worst <= tolerance:
        return float(worst)
    working = np.flatnonzero(playing)
    now, shift, along = beta[c, working], 0.0, np.zeros(n)
    bends = np.empty(len(working))
    for a in range(len(working)):
        column = columns[working[a]]
        bends[a] = _dot(weight * column, column) / n
    heft = max(weight.sum(), 1e-10 * n)
    for _ in range(1000):
        change = pull.sum() / heft
        shift += change
        along += change
        pull -= change * weight
        largest = abs(change) * heft / n
        for a in range(len(working)):
            column, old = columns[working[a]], now[a]
            if bends[a] <= 1e-14:
                continue
            target = _dot(column, pull) / n + bends[a] * old
            now[a] = np.sign(target) * max(abs(target) - lasso, 0.0) / (bends[a] + ridge)
            change = now[a] - old
            if change != 0:
                largest = max(largest, (bends[a] + ridge) * abs(change))
                for i in range(n):
                    pull[i] -= change * weight[i] * column[i]
                    along[i] += change * column[i]
        if largest <= max(0.03 * worst, 0.3 * tolerance):
            break
    _walk(c, working, now, shift, along, member, eta, chance, beta, base, lasso, ridge)
    return float(worst)


@njit(cache=True, nogil=True, error_model="numpy")
def _walk(
    c: int,
    working: Labels,
    wanted: Array,
    shift: float,
    along: Array,
    member: Array,
    eta: Array,
    chance: Array,
    beta: Array,
    base: Array,
    lasso: float,
    ridge: float,
) -> None:
    """Take the step, or the first of its halves that does not lose."""
    old, eta_old = beta[c, working], eta[c].copy()
    before = _loss(eta, member) + lasso * np.abs(old).sum() + ridge / 2 * (old * old).sum()
    part = 1.0
    for _ in range(30):
        new = old + part * (wanted - old)
        eta[c] = eta_old + part * along
        after = _loss(eta, member) + lasso * np.abs(new).sum() + ridge / 2 * (new * new).sum()
        if after <= before + 1e-13 * abs(before):
            for a in range(len(working)):
                beta[c, working[a]] = new[a]
            base[c] += part * shift
            _chances(eta, chance)
            return
        part /= 2
    eta[c] = eta_old


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _dot(a: Array, b: Array) -> float:
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total
