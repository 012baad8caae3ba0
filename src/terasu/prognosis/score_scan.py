"""Score test at no effect for all features at once, for one order of patients or many.

Source: Cox 1972; without ties and for a split into two it is the log-rank test (Mantel 1966).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from terasu.prognosis.partial_likelihood import Sweep
from terasu.prognosis.survival_data import Array, Flags, Labels


def score_scan(rows: Array, orders: Labels, sweep: Sweep, *, without_return: bool) -> tuple[Array, Array]:
    """Slope of the log partial likelihood at 0, and its variance.

    Args:
        rows: (n, p) features of the patients.
        orders: (k, n) which patient stands at each place of the sweep; ``sweep.order`` for the real outcome.
        sweep: follow-up, in one stratum.
        without_return: variance of tied events as in the log-rank test (hypergeometric); Efron's otherwise.
    Returns:
        Two arrays (k, p): Σ over events of the feature minus its mean at risk, and the variance.
    """
    return _scan(
        np.ascontiguousarray(rows), orders.astype(np.int64), sweep.event, sweep.closes, without_return
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _scan(
    rows: Array, orders: Labels, event: Flags, closes: Flags, without_return: bool
) -> tuple[Array, Array]:
    n, p = rows.shape
    slopes, variances = np.zeros((len(orders), p)), np.zeros((len(orders), p))
    s1, s2, d1, d2 = np.empty(p), np.empty(p), np.empty(p), np.empty(p)
    for b in range(len(orders)):
        slope, variance = slopes[b], variances[b]
        for sums in (s1, s2, d1, d2):
            sums[:] = 0
        tied = 0
        for i in range(n):
            row = rows[orders[b, i]]
            _add(row, s1, s2)
            if event[i]:
                tied += 1
                _add(row, d1, d2)
            if not closes[i] or tied == 0:
                continue
            risk = i + 1.0
            if without_return or tied == 1:
                spread = tied * (risk - tied) / max(risk - 1, 1.0) if without_return else 1.0
                for j in range(p):
                    mean = s1[j] / risk
                    slope[j] += d1[j] - tied * mean
                    variance[j] += spread * (s2[j] / risk - mean * mean)
            else:
                for step in range(tied):
                    part = step / tied
                    for j in range(p):
                        mean = (s1[j] - part * d1[j]) / (risk - step)
                        slope[j] += d1[j] / tied - mean
                        variance[j] += (s2[j] - part * d2[j]) / (risk - step) - mean * mean
            tied = 0
            d1[:] = 0
            d2[:] = 0
    return slopes, variances


@njit(cache=True, nogil=True)
def _add(row: Array, first: Array, second: Array) -> None:
    for j in range(len(row)):
        first[j] += row[j]
        second[j] += row[j] * row[j]
