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
        share = _total(member[c]) / n
        base[c] = np.log(share / (1 - share)) if k == 1 else np.log(share)
        for i in range(n):
            eta[c, i] = base[c]
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
        for c in range(k):
            intercepts[step, c] = base[c]
            for j in range(p):
                found[step, c, j] = beta[c, j]
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
    weight, pull, along = np.empty(n), np.empty(n), np.zeros(n)
    heft, worst = 0.0, 0.0
    for i in range(n):
        weight[i] = chance[c, i] * (1 - chance[c, i])
        pull[i] = member[c, i] - chance[c, i]
        heft += weight[i]
        worst += pull[i] / n
    worst = abs(worst)
    working, bends, now, playing = np.empty(p, np.int64), np.empty(p), np.empty(p), 0
    for j in range(p):
        off = _off(_dot(columns[j], pull) / n, beta[c, j], lasso, ridge)
        if off > 0 or beta[c, j] != 0:
            working[playing], now[playing] = j, beta[c, j]
            playing += 1
        worst = max(worst, off)
    if worst <= tolerance:
        return worst
    heft, shift = max(heft, 1e-10 * n), 0.0
    for a in range(playing):
        bends[a] = _bend(columns[working[a]], weight) / n
    for _ in range(1000):
        change = _total(pull) / heft
        shift += change
        for i in range(n):
            along[i] += change
            pull[i] -= change * weight[i]
        largest = abs(change) * heft / n
        for a in range(playing):
            column, old = columns[working[a]], now[a]
            if bends[a] <= 1e-14:
                continue
            target = _dot(column, pull) / n + bends[a] * old
            size = max(abs(target) - lasso, 0.0) / (bends[a] + ridge)
            now[a] = size if target > 0 else -size
            change = now[a] - old
            if change != 0:
                largest = max(largest, (bends[a] + ridge) * abs(change))
                for i in range(n):
                    pull[i] -= change * weight[i] * column[i]
                    along[i] += change * column[i]
        if largest <= max(0.03 * worst, 0.3 * tolerance):
            break
    _walk(c, working, now, playing, shift, along, member, eta, chance, beta, base, lasso, ridge)
    return worst


@njit(cache=True, nogil=True, error_model="numpy")
def _off(slope: float, beta: float, lasso: float, ridge: float) -> float:
    """How far a coefficient is from its condition for an optimum."""
    if beta == 0:
        return max(abs(slope) - lasso, 0.0)
    return abs(slope - ridge * beta - (lasso if beta > 0 else -lasso))


@njit(cache=True, nogil=True, error_model="numpy")
def _walk(
    c: int,
    working: Labels,
    wanted: Array,
    playing: int,
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
    n = len(along)
    before, part, taken = _loss(eta, member), 1.0, 0.0
    for a in range(playing):
        before += _penalty(beta[c, working[a]], lasso, ridge)
    for _ in range(31):
        for i in range(n):
            eta[c, i] += (part - taken) * along[i]
        taken, after = part, _loss(eta, member)
        for a in range(playing):
            old = beta[c, working[a]]
            after += _penalty(old + part * (wanted[a] - old), lasso, ridge)
        if after <= before + 1e-13 * abs(before):
            break
        part = part / 2 if part > 1e-9 else 0.0
    for a in range(playing):
        beta[c, working[a]] += part * (wanted[a] - beta[c, working[a]])
    base[c] += part * shift
    _chances(eta, chance)


@njit(cache=True, nogil=True, error_model="numpy")
def _penalty(beta: float, lasso: float, ridge: float) -> float:
    return lasso * abs(beta) + ridge / 2 * beta * beta


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _bend(column: Array, weight: Array) -> float:
    total = 0.0
    for i in range(len(column)):
        total += weight[i] * column[i] * column[i]
    return total


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _total(values: Array) -> float:
    total = 0.0
    for i in range(len(values)):
        total += values[i]
    return total


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _dot(a: Array, b: Array) -> float:
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total
