"""ROC curve and the area under it, with DeLong's variance and his test of two scores of the same patients.

Source: DeLong, DeLong and Clarke-Pearson 1988, doi 10.2307/2531595, by midranks as Sun and Xu 2014, doi
10.1109/LSP.2014.2337313; more than two classes: Hand and Till 2001, doi 10.1023/A:1010920819831. Equal to R's
pROC, checked in tests/papers/test_r_measures.py
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm, rankdata

from terasu.errors import InputError
from terasu.prognosis.kaplan_meier import Estimate
from terasu.prognosis.survival_data import Array, Flags, Labels, feature_matrix


@dataclass(frozen=True, eq=False)
class RocCurve:
    """From nobody called positive to everybody.

    Attributes:
        threshold: (m,) positive is called who scores this much or more; infinite first.
        sensitivity, specificity: (m,).
    """

    threshold: Array
    sensitivity: Array
    specificity: Array


@dataclass(frozen=True, eq=False)
class Auc:
    """Chance that a positive patient scores higher than a negative one; equal scores count one half.

    Attributes:
        variance: after DeLong.
        lower, upper: limits, kept within 0 … 1.
        influence: (n,) of each patient; differences of two scores of the same patients come from it.
    """

    auc: float
    variance: float
    lower: float
    upper: float
    level: float
    positives: int
    negatives: int
    influence: Array


@dataclass(frozen=True)
class AucDifference:
    """First less second, with DeLong's test that they are equal."""

    difference: Estimate
    z: float
    p: float


def roc_curve(score: ArrayLike, positive: ArrayLike) -> RocCurve:
    """Every threshold at which a call changes."""
    values, flags = score_and_calls(score, positive)
    order = np.argsort(-values, kind="stable")
    last = np.append(np.flatnonzero(np.diff(values[order])), len(order) - 1)  # of equal scores
    found, called = np.cumsum(flags[order])[last], last + 1
    ends = np.concatenate(([0], found / flags.sum()))
    false = np.concatenate(([0], (called - found) / (~flags).sum()))
    return RocCurve(np.concatenate(([np.inf], values[order][last])), ends, 1 - false)


def auc(score: ArrayLike, positive: ArrayLike, level: float = 0.95) -> Auc:
    """Area under the curve with its confidence limits.

    Args:
        score: (n,) higher: rather positive.
        positive: (n,) 1 or True for positive patients.
    Raises:
        InputError: a score is missing, a call is not 0 or 1, only positive or only negative patients.
    """
    values, flags = score_and_calls(score, positive)
    m, k = int(flags.sum()), int((~flags).sum())
    together = rankdata(values)
    above = (together[flags] - rankdata(values[flags])) / k  # share of negatives below each positive
    below = 1 - (together[~flags] - rankdata(values[~flags])) / m
    area = float(above.mean())
    influence = np.empty(len(values))
    influence[flags], influence[~flags] = (above - area) / m, (below - area) / k
    variance = _variance(influence, flags)
    reach = float(norm.ppf(0.5 + level / 2)) * np.sqrt(variance)
    low, high = max(0.0, area - float(reach)), min(1.0, area + float(reach))
    return Auc(area, variance, low, high, level, m, k, influence)


def delong_test(
    first: ArrayLike, second: ArrayLike, positive: ArrayLike, level: float = 0.95
) -> AucDifference:
    """Compare two scores (n,) of the same patients. Equal scores: z = 0, p = 1."""
    one, other = auc(first, positive, level), auc(second, positive, level)
    flags = score_and_calls(first, positive)[1]
    apart = one.influence - other.influence
    error, difference = np.sqrt(_variance(apart, flags)), one.auc - other.auc
    z = float(difference / error) if error > 0 else 0.0
    if error == 0 and difference != 0:
        raise InputError(
            "Two perfect opposites cannot be tested: their difference has no variance.",
            got=f"areas {one.auc:g} and {other.auc:g}",
        )
    reach = float(norm.ppf(0.5 + level / 2) * error)
    estimate = Estimate(difference, difference - reach, difference + reach, level)
    return AucDifference(estimate, z, float(2 * norm.sf(abs(z))))


def hand_till(probability: ArrayLike, codes: ArrayLike) -> float:
    """Mean over all pairs of classes of the areas by either class's probability, chance 0.5.

    Args:
        probability: (n, classes).
        codes: (n,) class of each patient, from 0.
    """
    chance, truth = feature_matrix(probability), np.asarray(codes)
    if truth.shape != (len(chance),) or not np.isin(truth, np.arange(chance.shape[1])).all():
        raise InputError(
            "Classes and probabilities do not fit together.", got=f"{truth.shape}, {chance.shape}"
        )
    areas = []
    for a, b in combinations(range(chance.shape[1]), 2):
        pair = np.isin(truth, (a, b))
        areas += [auc(chance[pair, one], truth[pair] == one).auc for one in (a, b)]
    return float(np.mean(areas))


def score_and_calls(score: ArrayLike, positive: ArrayLike) -> tuple[Array, Flags]:
    """Scores (n,) and who is positive (n,), both kinds present."""
    values, calls = feature_matrix(score), np.asarray(positive)
    if values.shape[1] != 1 or calls.shape != (len(values),) or not np.isin(calls, (0, 1)).all():
        raise InputError(
            "Scores and classes do not fit together.",
            got=f"scores {values.shape}, classes {calls.shape}",
            expected="one score, and 0 or 1, for every patient",
        )
    flags = calls == 1
    if flags.all() or not flags.any():
        raise InputError(
            "Only one of the two classes is there, so that nothing can be told apart.",
            got=f"{int(flags.sum())} positive of {len(flags)} patients",
            expected="at least one of each",
        )
    return values[:, 0], flags


def _variance(influence: Array, flags: Flags) -> float:
    """Sum over both classes of the sample variance of the mean; 0 from a class of one patient."""
    parts: Labels = np.array([flags.sum(), (~flags).sum()])
    squares = np.array([(influence[flags] ** 2).sum(), (influence[~flags] ** 2).sum()])
    return float((squares * parts / np.maximum(parts - 1, 1)).sum())
