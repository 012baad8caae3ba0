"""What a model adds to a baseline: difference of discrimination, and a likelihood-ratio test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from scipy.stats import chi2 as chi2_law
from scipy.stats import norm

from terasu.errors import InputError
from terasu.prognosis.cox import cox
from terasu.prognosis.models.contract import Labels, Outcome
from terasu.prognosis.study.pairs import Interval, Pairs, interval
from terasu.prognosis.survival_data import Array, Survival


@dataclass(frozen=True)
class Gain:
    """One model over one baseline, on the same patients.

    Attributes:
        difference: of C or AUC, limits by drawing patients anew, the same for both.
        chi2, p: likelihood-ratio test (1 degree of freedom) of the model's score beside the baseline's, both
            out of fold; not a number where it cannot be calculated.
    """

    model: str
    over: str
    difference: Interval
    chi2: float
    p: float


def gain(
    names: tuple[str, str],
    pairs: tuple[Pairs, Pairs],
    places: tuple[Array, Array],
    outcome: Outcome,
    weights: Array,
) -> Gain:
    """Compare a model with a baseline.

    Args:
        names, pairs, places: of the model and of the baseline; places (n,) out of fold, within (0, 1).
        weights: (b, n) draws of patients.
    """
    difference = interval(pairs[0].value - pairs[1].value, pairs[0].drawn(weights) - pairs[1].drawn(weights))
    model, base = (np.asarray(norm.ppf(one)) for one in places)
    chi2 = likelihood_ratio(base, model, outcome)
    return Gain(names[0], names[1], difference, chi2, float(chi2_law.sf(chi2, 1)))


def likelihood_ratio(base: Array, model: Array, outcome: Outcome) -> float:
    """χ² of adding one score to another; 0 where it adds nothing, not a number where it cannot be told."""
    if np.ptp(model) == 0:
        return 0.0
    both = np.column_stack([base, model]) if np.ptp(base) > 0 else model[:, None]
    if both.shape[1] == 2 and abs(float(np.corrcoef(base, model).ravel()[1])) > 1 - 1e-9:
        return 0.0
    return max(2 * (_fit(both, outcome) - _fit(both[:, :-1], outcome)), 0.0)


def _fit(x: Array, outcome: Outcome) -> float:
    """Log-likelihood reached by these columns."""
    if isinstance(outcome, Survival):
        if not x.shape[1]:
            return cox(np.arange(len(outcome))[:, None], outcome).null_log_likelihood
        try:
            return cox(x, outcome).log_likelihood
        except InputError:
            return float("nan")
    return _logistic(x, outcome)


def _logistic(x: Array, outcome: Labels) -> float:
    """Of more than two classes: sum over cumulative splits (a composite likelihood)."""
    total = 0.0
    for code in range(1, len(outcome.classes)):
        total += _logistic_split(x, (outcome.codes >= code).astype(np.float64))
    return total / max(len(outcome.classes) - 1, 1)


def _logistic_split(x: Array, y: Array) -> float:
    """Newton's method; where the classes are separated the likelihood ends near 0."""
    design = np.column_stack([np.ones(len(x)), x])
    beta = np.zeros(design.shape[1])
    value = -np.inf
    for _ in range(50):
        eta = np.clip(design @ beta, -30, 30)
        p = expit(eta)
        new = float((y * eta - np.logaddexp(0, eta)).sum())
        if abs(new - value) < 1e-10:
            break
        value = new
        bend = (design * (p * (1 - p))[:, None]).T @ design + 1e-9 * np.eye(design.shape[1])
        beta = beta + np.clip(np.linalg.solve(bend, design.T @ (y - p)), -5, 5)
    return value
