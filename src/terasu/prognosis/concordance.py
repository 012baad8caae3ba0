"""How often the patient with the higher risk score has the event first: Harrell's and Uno's C.

Source: Harrell et al. 1982, doi 10.1001/jama.1982.03320430047030; Uno et al. 2011, doi 10.1002/sim.4154;
standard error by the infinitesimal jackknife, as in R's concordance; checked in
tests/papers/test_r_survival.py

Convention, R's: a pair counts if the shorter time is an event; an event and a censoring at one time count as
the event first; two events at one time do not count; equal scores count one half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike
from scipy.stats import norm

from terasu.errors import InputError
from terasu.prognosis.censoring import censoring_of, event_weights
from terasu.prognosis.kaplan_meier import Estimate
from terasu.prognosis.survival_data import Array, Flags, Labels, Survival, feature_matrix


@dataclass(frozen=True, eq=False)
class Concordance:
    """C and the pairs behind it.

    Attributes:
        c: 1 where the higher score always has the event first, 0.5 for a score that knows nothing.
        standard_error: of c, follow-up weights taken as known.
        concordant, discordant, tied_score: (weighted) pairs that count.
        tied_time: pairs of events at one time, which do not count.
        influence: (n,) of each patient on c; differences of two scores of the same patients come from it.
    """

    c: float
    standard_error: float
    concordant: float
    discordant: float
    tied_score: float
    tied_time: int
    influence: Array


def harrell_c(score: ArrayLike, survival: Survival) -> Concordance:
    """Harrell's C of a risk score (n,), higher: sooner."""
    return _concordance(_score_of(score, survival), survival, survival.event.astype(np.float64))


def uno_c(
    score: ArrayLike, survival: Survival, horizon_days: float, censoring_from: Survival | None = None
) -> Concordance:
    """Uno's C: a pair weighs 1/G(T−)² of its event, events before the horizon; independent of the censoring.

    Args:
        score: (n,) higher: sooner.
        horizon_days: τ; choose it where patients are still followed.
        censoring_from: patients from whom G is estimated (a training cohort); ``survival`` if None.
    """
    early = survival.event & (survival.time_days < horizon_days)
    weight = event_weights(survival, horizon_days, censoring_of(censoring_from or survival)) ** 2
    return _concordance(_score_of(score, survival), survival, np.where(early, weight, 0.0))


def difference_of_c(first: Concordance, second: Concordance, level: float = 0.95) -> Estimate:
    """c of the first minus c of the second on the same patients, with its confidence limits.

    Source: the jackknife of R's concordance for several fits.
    """
    if first.influence.shape != second.influence.shape:
        raise InputError(
            "Two C can be compared on the same patients only.",
            got=f"{len(first.influence)} and {len(second.influence)} patients",
        )
    difference = first.c - second.c
    reach = float(norm.ppf(0.5 + level / 2) * np.linalg.norm(first.influence - second.influence))
    return Estimate(difference, difference - reach, difference + reach, level)


def _score_of(score: ArrayLike, survival: Survival) -> Array:
    x = feature_matrix(score, len(survival))
    if x.shape[1] != 1:
        raise InputError(
            "C needs one risk score.", got=f"{x.shape[1]} columns", expected="one number a patient"
        )
    return x[:, 0]


def _concordance(score: Array, survival: Survival, weight: Array) -> Concordance:
    ranks = np.unique(score, return_inverse=True)[1].astype(np.int64)
    # from the longest time to the shortest; at one time the censored first, since they outlive its events
    order = np.lexsort((survival.event, -survival.time_days))
    time = survival.time_days[order]
    sums = _pairs(ranks[order], time, survival.event[order], weight[order])
    for_pairs, against_pairs, tied_pairs, counted = sums
    concordant, discordant, tied = (float(one.sum()) / 2 for one in (for_pairs, against_pairs, tied_pairs))
    comparable = concordant + discordant + tied
    if comparable <= 0:
        raise InputError(
            "C has no pair of patients to compare.",
            got=f"{survival.events} events among {len(survival)} patients",
            expected="an event before somebody else's end of follow-up",
        )
    c = (concordant + tied / 2) / comparable
    influence = np.empty(len(score))
    influence[order] = (
        for_pairs + tied_pairs / 2 - c * (for_pairs + against_pairs + tied_pairs)
    ) / comparable
    return Concordance(
        c, float(np.linalg.norm(influence)), concordant, discordant, tied, int(counted), influence
    )


@njit(cache=True, nogil=True)
def _pairs(ranks: Labels, time: Array, event: Flags, weight: Array) -> tuple[Array, Array, Array, int]:
    """Weighted concordant, discordant and score-tied pairs of each patient, in O(n log n); tied events."""
    n = len(ranks)
    right, wrong, even = np.zeros(n), np.zeros(n), np.zeros(n)
    size = ranks.max() + 1
    longer, shorter = np.zeros(size + 1), np.zeros(size + 1)
    tied_time = 0
    i, kept = 0, 0.0
    while i < n:  # each event against those who outlive it
        j = i
        while j < n and time[j] == time[i] and event[j] == event[i]:
            j += 1
        if event[i]:
            tied_time += (j - i) * (j - i - 1) // 2
            for k in range(i, j):
                below, upto = _sum_to(longer, ranks[k]), _sum_to(longer, ranks[k] + 1)
                right[k] += weight[k] * below
                even[k] += weight[k] * (upto - below)
                wrong[k] += weight[k] * (kept - upto)
        for k in range(i, j):
            _add(longer, ranks[k], 1.0)
        kept += j - i
        i = j
    i, kept = n - 1, 0.0
    while i >= 0:  # each patient against the events before
        j = i
        while j >= 0 and time[j] == time[i] and event[j] == event[i]:
            j -= 1
        for k in range(j + 1, i + 1):
            below, upto = _sum_to(shorter, ranks[k]), _sum_to(shorter, ranks[k] + 1)
            wrong[k] += below
            even[k] += upto - below
            right[k] += kept - upto
        for k in range(j + 1, i + 1):
            if weight[k] > 0:
                _add(shorter, ranks[k], weight[k])
                kept += weight[k]
        i = j
    return right, wrong, even, tied_time


@njit(cache=True, nogil=True)
def _add(tree: Array, place: int, value: float) -> None:
    """Add at a place of a Fenwick tree (Fenwick 1994, doi 10.1002/spe.4380240306)."""
    i = place + 1
    while i < len(tree):
        tree[i] += value
        i += i & -i


@njit(cache=True, nogil=True)
def _sum_to(tree: Array, place: int) -> float:
    """Sum of all places below ``place``."""
    total, i = 0.0, place
    while i > 0:
        total += tree[i]
        i -= i & -i
    return total
