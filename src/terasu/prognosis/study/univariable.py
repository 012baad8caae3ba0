"""How much every column tells of the outcome by itself, as χ² or F, all columns in one pass."""

from __future__ import annotations

import numpy as np

from terasu.prognosis.cox_univariable import standardised
from terasu.prognosis.models.contract import Outcome
from terasu.prognosis.partial_likelihood import sweep_of
from terasu.prognosis.score_scan import score_scan
from terasu.prognosis.survival_data import Array, Survival
from terasu.prognosis.survival_data import Labels as Codes


def univariable_chi2(x: Array, outcome: Outcome) -> Array:
    """(p,) Cox's score test (Efron's ties), or F of the classes; 0 for a column that does not vary."""
    scaled = np.ascontiguousarray(standardised(x, ddof=0)[0])
    if not isinstance(outcome, Survival):
        return np.asarray(f_of(scaled, outcome.codes[None])[0])
    sweep = sweep_of(outcome)
    slope, variance = score_scan(scaled, sweep.order[None], sweep, without_return=False)
    testable = variance[0] > 1e-10
    return np.where(testable, slope[0] ** 2 / np.where(testable, variance[0], 1.0), 0.0)


def f_of(scaled: Array, codes: Codes) -> Array:
    """F (k, p) of one-way analyses of variance, for k ways (k, n) to deal the classes.

    Args:
        scaled: (n, p) columns of mean 0 and deviation 1; 0 throughout where constant.
    """
    n, classes = codes.shape[1], int(codes.max()) + 1
    between = np.zeros((len(codes), scaled.shape[1]))
    for code in range(classes):
        mine = (codes == code).astype(np.float64)
        between += (mine @ scaled) ** 2 / np.maximum(mine.sum(axis=1), 1)[:, None]
    within = np.maximum((scaled**2).sum(axis=0) - between, 1e-12 * n)
    return np.asarray(between / (classes - 1) / (within / max(n - classes, 1)))
