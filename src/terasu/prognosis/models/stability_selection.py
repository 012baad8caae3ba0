"""Features that a LASSO picks from most halves of the patients, then a ridge Cox model of those.

Complementary pairs of halves are drawn; on each half the LASSO path is followed until ``q`` features have
entered. A feature that enters in more than a share ``threshold`` of the halves is kept. q is the most that
bounds the expected number of features kept by chance by ``most_false``.

Source: Meinshausen and Bühlmann 2010, doi 10.1111/j.1467-9868.2010.00740.x; complementary pairs and the
bound for unimodal frequencies: Shah and Samworth 2013, doi 10.1111/j.1467-9868.2011.01034.x, equation 7
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, sqrt

import numpy as np

from terasu.errors import InputError
from terasu.prognosis.coxnet import coxnet
from terasu.prognosis.coxnet_choice import choose_penalty
from terasu.prognosis.models.contract import checked
from terasu.prognosis.models.coxnet_model import inner_event_folds
from terasu.prognosis.models.linear_survival import LinearSurvival, linear_survival, varying
from terasu.prognosis.models.settings import at_least
from terasu.prognosis.survival_data import Array, Flags, Survival

_NEARLY_RIDGE = 1e-3  # share of the LASSO


@dataclass(frozen=True)
class StabilitySelection:
    """Recipe of stability selection.

    Attributes:
        pairs: of complementary halves.
        threshold: share of the halves, above 1/2.
        most_false: expected number of features kept by chance, at most; the bound holds if chance features
            are exchangeable and the frequencies of each are unimodal.
    """

    name: str = "stability_selection"
    pairs: int = 50
    threshold: float = 0.7
    most_false: float = 1.0
    folds: int = 5

    def __post_init__(self) -> None:
        at_least(2, {"folds": self.folds})
        at_least(1, {"pairs": self.pairs})
        features_per_half(1, self.threshold, self.pairs, self.most_false)

    def fit(self, x: Array, outcome: Survival, features: Sequence[str], *, seed: int) -> LinearSurvival:
        """Select, then choose the ridge penalty by cross-validation and fit all rows."""
        x = checked(x, features, len(outcome))
        folds = inner_event_folds(outcome, self.folds, seed)
        candidates = int(varying(x).sum())
        q = features_per_half(candidates, self.threshold, self.pairs, self.most_false)
        share = selection_frequency(x, outcome, q, self.pairs, seed) if candidates else np.zeros(x.shape[1])
        kept = np.flatnonzero(share >= self.threshold)
        coefficients = np.zeros(x.shape[1])
        if len(kept):
            choice = choose_penalty(
                x[:, kept], outcome, folds, l1_ratio=_NEARLY_RIDGE, n_penalties=30, smallest=1e-5
            )
            coefficients[kept] = choice.path.coefficients[choice.best]
        notes = {
            "frequency": {features[j]: float(share[j]) for j in np.flatnonzero(share).tolist()},
            "threshold": self.threshold,
            "features_per_half": q,
            "expected_false": expected_false(q, candidates, self.threshold, self.pairs),
        }
        return linear_survival(self.name, features, coefficients, x, outcome, notes)


def selection_frequency(x: Array, outcome: Survival, q: int, pairs: int, seed: int) -> Array:
    """(p,) share of the 2 × ``pairs`` halves in which each feature is among the first ``q`` of the path.

    Halves share the events evenly, so that none is left without.
    """
    rng = np.random.default_rng(seed)
    counts = np.zeros(x.shape[1])
    for _ in range(pairs):
        order = rng.permutation(len(outcome))
        order = order[np.argsort(~outcome.event[order], kind="stable")]
        for half in (order[::2], order[1::2]):
            counts += _first_on_path(x[half], outcome.take(half), q)
    return counts / (2 * pairs)


def _first_on_path(x: Array, outcome: Survival, q: int) -> Flags:
    """(p,) True for features that have entered before more than q have."""
    entered = np.zeros(x.shape[1], np.bool_)
    if not varying(x).any():
        return entered
    for beta in coxnet(x, outcome, n_penalties=30, smallest=0.3).coefficients:
        wider = entered | (beta != 0)
        if wider.sum() > q:
            break
        entered = wider
    return entered


def expected_false(q: int, candidates: int, threshold: float, pairs: int) -> float:
    """Bound of the expected number of features that are kept by chance."""
    return q**2 / max(candidates, 1) * _constant(threshold, pairs)


def features_per_half(candidates: int, threshold: float, pairs: int, most_false: float) -> int:
    """The largest q whose bound is ``most_false``, at least 1.

    Raises:
        InputError: a threshold for which there is no bound.
    """
    if not 0.5 + 1 / (2 * pairs) <= threshold <= 1 or most_false <= 0:
        raise InputError(
            "This threshold of the selection frequency promises nothing.",
            got=f"{threshold:g} with {pairs} pairs, at most {most_false:g} by chance",
            expected=f"a threshold from {0.5 + 1 / (2 * pairs):g} to 1, and a positive number by chance",
        )
    return max(1, floor(sqrt(most_false * candidates / _constant(threshold, pairs))))


def _constant(threshold: float, pairs: int) -> float:
    if threshold <= 0.75:
        return 1 / (2 * (2 * threshold - 1 - 1 / (2 * pairs)))
    return 4 * (1 - threshold + 1 / (2 * pairs)) / (1 + 1 / pairs)
