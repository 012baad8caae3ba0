"""Discrimination as a share of pairs of patients, and its uncertainty by drawing patients anew.

One measure for both endpoints: of the pairs whose order is known, how often has the patient with the higher
score the event first (Harrell's C), or the higher class (AUC; with more than two classes the ordinal C)?
Scores of different folds come from different models; so only pairs within one fold of one repeat count,
unless the folds are too small for that.

Source: within-fold pairs: LeDell, Petersen and van der Laan 2015, doi 10.1214/15-EJS1035; pooling across
folds misleads: Airola et al. 2011, doi 10.1016/j.csda.2010.11.023
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from terasu.errors import InputError
from terasu.prognosis.models.contract import Outcome
from terasu.prognosis.study.folds import Folds
from terasu.prognosis.survival_data import Array, Flags, Survival


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of n patients: how often each was compared, and how often won.

    Attributes:
        compared, won: (n, n) row before column; sums over repeats. A tied score wins one half.
    """

    compared: Array
    won: Array

    @property
    def value(self) -> float:
        """C or AUC."""
        return float(self.won.sum() / self.compared.sum())

    def drawn(self, weights: Array) -> Array:
        """(b,) the same where patient i stands ``weights[b, i]`` times in the cohort."""
        return np.asarray(_sums(weights, self.won) / np.maximum(_sums(weights, self.compared), 1e-300))


@dataclass(frozen=True)
class Interval:
    """A number with its 95 % limits."""

    value: float
    lower: float
    upper: float


def known_order(outcome: Outcome) -> Flags:
    """(n, n) True where the row has its event before the column, or belongs to a higher class."""
    if not isinstance(outcome, Survival):
        return np.asarray(outcome.codes[:, None] > outcome.codes)
    time, event = outcome.time_days, outcome.event
    earlier = time[:, None] < time
    at_once = (time[:, None] == time) & ~event
    return np.asarray(event[:, None] & (earlier | at_once))


def pairs_of(scores: Array, folds: Folds, outcome: Outcome) -> Pairs:
    """Compare scores (repeats, n), each patient scored by a model that had not seen him.

    Raises:
        InputError: nobody can be compared.
    """
    order = known_order(outcome)
    compared, won = np.zeros(order.shape), np.zeros(order.shape)
    for score, fold in zip(scores, folds.of, strict=True):
        here = order if folds.pooled else order & (fold[:, None] == fold)
        compared += here
        won += np.where(here, (score[:, None] > score) + 0.5 * (score[:, None] == score), 0.0)
    if not compared.any():
        raise InputError(
            "No two patients can be compared.", expected="events before others' end of follow-up"
        )
    return Pairs(compared, won)


def whole(score: Array, outcome: Outcome) -> Pairs:
    """Pairs of one score (n,) of one model: the test set, or the apparent value."""
    return pairs_of(score[None], Folds(np.zeros((1, len(score)), np.int64), pooled=True), outcome)


def draw_patients(patients: int, draws: int, seed: int) -> Array:
    """(draws, patients) how often each patient is drawn, with replacement."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(patients, np.full(patients, 1 / patients), size=draws).astype(np.float64)


def interval(value: float, drawn: Array) -> Interval:
    """The value with the 2.5 and 97.5 % points of what was drawn."""
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(value, float(low), float(high))


def _sums(weights: Array, matrix: Array) -> Array:
    return np.asarray(np.einsum("bi,bi->b", weights @ matrix, weights))
