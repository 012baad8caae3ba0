"""Cumulative/dynamic AUC: does the score tell who dies up to t from who lives beyond t?

Source: Heagerty, Lumley and Pepe 2000, doi 10.1111/j.0006-341X.2000.00337.x; weights by the inverse
probability of censoring: Uno et al. 2007, doi 10.1198/016214507000000149; mean over time: Lambert and Chevret
2016, doi 10.1177/0962280213515571
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from terasu.errors import InputError
from terasu.prognosis.censoring import censoring_of, event_weights
from terasu.prognosis.kaplan_meier import kaplan_meier, survival_at
from terasu.prognosis.roc import RocCurve
from terasu.prognosis.survival_data import Array, Flags, Survival, feature_matrix


@dataclass(frozen=True, eq=False)
class TimeDependentAuc:
    """AUC (m,) at each horizon, and its mean weighted by the events between horizons."""

    time_days: Array
    auc: Array
    mean: float


def time_dependent_auc(
    score: ArrayLike,
    survival: Survival,
    horizons_days: ArrayLike,
    censoring_from: Survival | None = None,
) -> TimeDependentAuc:
    """AUC at each horizon; cases: events up to it, weighing 1/G(T−); controls: followed beyond it.

    Args:
        score: (n,), or (n, m) with a score for each horizon; higher: sooner.
        horizons_days: (m,) ascending.
        censoring_from: patients from whom G is estimated; ``survival`` if None.
    Raises:
        InputError: no case or no control at a horizon.
    """
    times = np.atleast_1d(np.asarray(horizons_days, np.float64))
    if (np.diff(times) <= 0).any():
        raise InputError("Horizons are not ascending.", got=", ".join(f"{t:g}" for t in times))
    x = np.broadcast_to(feature_matrix(score, len(survival)), (len(survival), len(times)))
    censoring = censoring_of(censoring_from or survival)
    auc = np.array(
        [
            _auc(x[:, k], survival, t, event_weights(survival, t, censoring))
            for k, t in enumerate(times.tolist())
        ]
    )
    curve = np.concatenate(([1.0], survival_at(kaplan_meier(survival), times)[0]))
    falls = curve[:-1] - curve[1:]
    mean = float(falls @ auc / falls.sum()) if falls.sum() > 0 else float("nan")
    return TimeDependentAuc(times, auc, mean)


def time_dependent_roc(score: ArrayLike, survival: Survival, horizon_days: float) -> RocCurve:
    """The curve whose area is ``time_dependent_auc`` at one horizon.

    Sensitivity: share of the weighted cases with a score of the threshold or more; specificity: share of the
    controls below it.

    Raises:
        InputError: no case or no control at the horizon.
    """
    values = feature_matrix(score, len(survival))[:, 0]
    weight = event_weights(survival, horizon_days, censoring_of(survival))
    control = survival.time_days > horizon_days
    _refuse_one_side(weight > 0, control, horizon_days)
    threshold = np.concatenate(([np.inf], np.unique(values)[::-1]))
    called = values[:, None] >= threshold
    return RocCurve(threshold, weight @ called / weight.sum(), 1 - called[control].mean(axis=0))


def _auc(score: Array, survival: Survival, horizon_days: float, weight: Array) -> float:
    case, control = weight > 0, survival.time_days > horizon_days
    _refuse_one_side(case, control, horizon_days)
    rivals = np.sort(score[control])
    below, upto = (np.searchsorted(rivals, score[case], side) for side in ("left", "right"))
    won = weight[case] @ (below + upto) / 2
    return float(won / (weight[case].sum() * len(rivals)))


def _refuse_one_side(case: Flags, control: Flags, horizon_days: float) -> None:
    if not (case.any() and control.any()):
        raise InputError(
            "The AUC needs patients on both sides of the horizon.",
            got=f"{int(case.sum())} events up to {horizon_days:g} days, {int(control.sum())} patients beyond",
            expected="at least one of each",
        )
