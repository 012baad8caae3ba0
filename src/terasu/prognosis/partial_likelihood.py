"""Cox's partial likelihood with its slope, its curvature and the baseline hazard, time by time.

Source: Cox 1972, doi 10.1111/j.2517-6161.1972.tb00899.x; ties: Efron 1977, doi
10.1080/01621459.1977.10480613, and Breslow 1974, doi 10.2307/2529620.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit

from terasu.prognosis.survival_data import Array, Flags, Labels, Survival

Ties = Literal["efron", "breslow"]


@dataclass(frozen=True, eq=False)
class Sweep:
    """Patients in the order in which risk sets grow: by stratum, from the longest time to the shortest.

    Attributes:
        order: (n,) rows of the table in this order.
        event: (n,) in this order.
        opens: (n,) True where a stratum begins.
        closes: (n,) True at the last patient of each distinct time: the risk set is complete here.
        stratum: (n,) code in this order.
    """

    order: Labels
    event: Flags
    opens: Flags
    closes: Flags
    stratum: Labels


@dataclass(frozen=True, eq=False)
class Terms:
    """What each time with events adds, m of them in the order of the sweep.

    Attributes:
        at: (m,) position in the sweep.
        log_likelihood: (m,).
        slope: (m, p) Schoenfeld residuals, summed over tied events.
        information: (k, p, p) negative second derivative, weighted k ways and summed over time.
        hazard, hazard_variance: (m,) steps of the cumulative baseline hazard and of its variance.
        hazard_mean: (m, p) steps of the hazard-weighted covariate means.
    """

    at: Labels
    log_likelihood: Array
    slope: Array
    information: Array
    hazard: Array
    hazard_variance: Array
    hazard_mean: Array


def sweep_of(survival: Survival, stratum: Labels | None = None) -> Sweep:
    """Order patients for one pass over all risk sets."""
    codes = np.zeros(len(survival), np.int64) if stratum is None else stratum
    order = np.lexsort((-survival.time_days, codes))
    time, code = survival.time_days[order], codes[order]
    other = code[1:] != code[:-1]
    opens = np.concatenate(([True], other))
    closes = np.concatenate((other | (time[1:] != time[:-1]), [True]))
    return Sweep(order.astype(np.int64), survival.event[order], opens, closes, code)


def likelihood_terms(
    x: Array, linear_predictor: Array, sweep: Sweep, ties: Ties, weights: Array | None = None
) -> Terms:
    """One pass over all risk sets.

    Args:
        x: (n, p) covariates, rows of the table.
        linear_predictor: (n,) rows of the table.
        weights: (k, n) k weights of the information at each patient's time; one weight of 1 if None.
    """
    weights = np.ones((1, len(x))) if weights is None else weights
    eta = linear_predictor[sweep.order]
    found = _scan(
        np.ascontiguousarray(x[sweep.order]),
        eta,
        sweep.event,
        sweep.opens,
        sweep.closes,
        ties == "efron",
        np.ascontiguousarray(weights[:, sweep.order]),
    )
    return Terms(*found)


@njit(cache=True, nogil=True, error_model="numpy")
def _scan(
    x: Array, eta: Array, event: Flags, opens: Flags, closes: Flags, efron: bool, weights: Array
) -> tuple[Labels, Array, Array, Array, Array, Array, Array]:
    n, p = x.shape
    m = 0
    tied = 0
    for i in range(n):
        tied += event[i]
        if closes[i]:
            m += tied > 0
            tied = 0
    at = np.empty(m, np.int64)
    log_likelihood, hazard, hazard_variance = np.zeros(m), np.zeros(m), np.zeros(m)
    slope, hazard_mean = np.zeros((m, p)), np.zeros((m, p))
    information = np.zeros((len(weights), p, p))
    s1, s2, d1, d2 = np.zeros(p), np.zeros((p, p)), np.zeros(p), np.zeros((p, p))
    mean, spread = np.zeros(p), np.zeros((p, p))
    s0, d0, top, tied, k = 0.0, 0.0, -np.inf, 0, 0
    for i in range(n):
        if opens[i]:
            s0, top = 0.0, -np.inf
            s1[:] = 0
            s2[:] = 0
        if eta[i] > top:  # sums are kept in units of the greatest risk so far, so that none vanishes
            unit = np.exp(top - eta[i])
            top = eta[i]
            s0, d0 = s0 * unit, d0 * unit
            s1 *= unit
            d1 *= unit
            s2 *= unit
            d2 *= unit
        risk = np.exp(eta[i] - top)
        s0 += risk
        for a in range(p):
            s1[a] += risk * x[i, a]
            for b in range(a + 1):
                s2[a, b] += risk * x[i, a] * x[i, b]
        if event[i]:
            tied += 1
            d0 += risk
            log_likelihood[k] += eta[i]
            for a in range(p):
                slope[k, a] += x[i, a]
                d1[a] += risk * x[i, a]
                for b in range(a + 1):
                    d2[a, b] += risk * x[i, a] * x[i, b]
        if not (closes[i] and tied > 0):
            continue
        spread[:] = 0
        for step in range(tied if efron else 1):
            part = step / tied
            times = 1.0 if efron else float(tied)
            left = s0 - part * d0
            log_likelihood[k] -= times * (np.log(left) + top)
            hazard[k] += times / left * np.exp(-top)
            hazard_variance[k] += times / left**2 * np.exp(-2 * top)
            for a in range(p):
                mean[a] = (s1[a] - part * d1[a]) / left
                slope[k, a] -= times * mean[a]
                hazard_mean[k, a] += times * mean[a] / left * np.exp(-top)
                for b in range(a + 1):
                    spread[a, b] += times * ((s2[a, b] - part * d2[a, b]) / left - mean[a] * mean[b])
        for w in range(len(weights)):
            for a in range(p):
                for b in range(a + 1):
                    information[w, a, b] += weights[w, i] * spread[a, b]
        at[k] = i
        k += 1
        tied, d0 = 0, 0.0
        d1[:] = 0
        d2[:] = 0
    for w in range(len(weights)):
        for a in range(p):
            for b in range(a):
                information[w, b, a] = information[w, a, b]
    return at, log_likelihood, slope, information, hazard, hazard_variance, hazard_mean
