"""What a score adds to what is known already: likelihood-ratio test of baseline + score against baseline.

The law of the test holds for a score that was not fitted to these patients (a test set, or scores of
patients left out); for one that was, it is far too kind.

Source: Wilks 1938, doi 10.1214/aoms/1177732360
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2 as chi2_law

from terasu.prognosis.cox import ChiSquare, cox
from terasu.prognosis.models.contract import Labels, Outcome
from terasu.prognosis.models.linear_survival import varying
from terasu.prognosis.models.logistic_model import Logistic
from terasu.prognosis.partial_likelihood import likelihood_terms, sweep_of
from terasu.prognosis.survival_data import Array, Survival, feature_matrix


@dataclass(frozen=True)
class Gain:
    """Log-likelihoods of the two models, and the test of their difference."""

    baseline: float
    together: float
    test: ChiSquare


def gain_over_baseline(baseline: ArrayLike, added: ArrayLike, outcome: Outcome) -> Gain:
    """Fit both models (Cox, or logistic regression for labels) and compare.

    Args:
        baseline: (n, p) columns known already; constant ones are left out.
        added: (n,) score or (n, q) columns; if all are constant nothing is gained and p = 1.
    Raises:
        InputError: columns that are combinations of each other, or a coefficient that is infinite.
    """
    before, after = (feature_matrix(one, len(outcome)) for one in (baseline, added))
    before, after = before[:, varying(before)], after[:, varying(after)]
    fit = _cox_likelihood if isinstance(outcome, Survival) else _logistic_likelihood
    low = fit(before, outcome)
    high = fit(np.concatenate((before, after), axis=1), outcome) if after.shape[1] else low
    classes = len(outcome.classes) - 1 if isinstance(outcome, Labels) else 1
    degrees = after.shape[1] * classes
    chi2 = max(0.0, 2 * (high - low))
    p = float(chi2_law.sf(chi2, degrees)) if degrees else 1.0
    return Gain(low, high, ChiSquare(chi2, degrees, p))


def _cox_likelihood(x: Array, outcome: Outcome) -> float:
    assert isinstance(outcome, Survival)
    if x.shape[1]:
        return cox(x, outcome).log_likelihood
    none = np.zeros((len(outcome), 1))
    return float(likelihood_terms(none, none[:, 0], sweep_of(outcome), "efron").log_likelihood.sum())


def _logistic_likelihood(x: Array, outcome: Outcome) -> float:
    assert isinstance(outcome, Labels)
    x = x if x.shape[1] else np.zeros((len(outcome), 1))
    fit = Logistic().fit(x, outcome, [f"x{i + 1}" for i in range(x.shape[1])], seed=0)
    return float(np.log(fit.probability(x)[np.arange(len(outcome)), outcome.codes]).sum())
