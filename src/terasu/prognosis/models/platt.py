"""From a decision value to a probability: Platt's sigmoid.

Source: Platt 1999, Advances in Large Margin Classifiers, 61; targets and Newton's method: Lin, Lin and Weng
2007, doi 10.1007/s10994-007-5018-6
"""

from __future__ import annotations

import numpy as np

from terasu.prognosis.survival_data import Array, Flags


def sigmoid(decision: Array, slope: float, shift: float) -> Array:
    """1 / (1 + e^−(slope × decision + shift))."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * (slope * decision + shift))))


def fit_sigmoid(decision: Array, member: Flags) -> tuple[float, float]:
    """Slope and shift from decision values of rows that the decision had not seen.

    A slope below 0 would turn the decision round; it means that nothing was learned, and becomes 0.
    """
    size = max(float(np.abs(decision).max(initial=0.0)), 1e-300)
    inside, outside = int(member.sum()), int((~member).sum())
    target = np.where(member, (inside + 1) / (inside + 2), 1 / (outside + 2))
    rows = np.column_stack((decision / size, np.ones(len(decision))))
    found = np.array([0.0, np.log((inside + 1) / (outside + 1))])
    value = _loss(rows @ found, target)
    for _ in range(100):
        chance = sigmoid(rows @ found, 1.0, 0.0)
        slope = rows.T @ (target - chance)
        bend = (rows * (chance * (1 - chance))[:, None]).T @ rows + 1e-12 * np.eye(2)
        step = np.linalg.solve(bend, slope)
        part = 1.0
        while (
            part > 1e-10 and _loss(rows @ (found + part * step), target) > value - 1e-4 * part * slope @ step
        ):
            part /= 2
        found = found + part * step
        value = _loss(rows @ found, target)
        if float(np.abs(slope).max()) < 1e-9 * len(decision) or part <= 1e-10:
            break
    if found[0] <= 0:
        return 0.0, float(np.log(target.mean() / (1 - target.mean())))
    return float(found[0] / size), float(found[1])


def _loss(log_odds: Array, target: Array) -> float:
    return float(np.sum(np.logaddexp(0, log_odds) - target * log_odds))
