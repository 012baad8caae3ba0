"""Net benefit: is acting on the prediction better than treating everybody or nobody?

Source: Vickers and Elkin 2006, doi 10.1177/0272989X06295361; with censoring: Vickers et al. 2008, doi
10.1186/1472-6947-8-53
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from terasu.errors import InputError
from terasu.prognosis.kaplan_meier import kaplan_meier, survival_at
from terasu.prognosis.roc import score_and_calls
from terasu.prognosis.survival_data import Array, Flags, Survival, feature_matrix


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefit in true positives per patient; treating nobody has 0.

    Attributes:
        threshold: (m,) predicted risk from which on one would act.
        model: (m,) acting on the prediction; not a number where too few of those flagged were followed up to
            the horizon.
        treat_all: (m,) acting on everybody.
        flagged: (m,) share of patients with a risk of the threshold or more.
    """

    threshold: Array
    model: Array
    treat_all: Array
    flagged: Array


def decision_curve(risk: ArrayLike, positive: ArrayLike, thresholds: ArrayLike) -> DecisionCurve:
    """For a label.

    Args:
        risk: (n,) predicted probability of the label.
        positive: (n,) 1 or True where it is there.
        thresholds: (m,) above 0 and below 1.
    """
    values, flags = score_and_calls(risk, positive)
    asked = _thresholds(values, thresholds)
    above = values[:, None] >= asked
    odds = asked / (1 - asked)
    model = ((flags[:, None] & above).mean(axis=0)) - odds * (~flags[:, None] & above).mean(axis=0)
    everybody = flags.mean() - odds * (1 - flags.mean())
    return DecisionCurve(asked, model, everybody, above.mean(axis=0))


def survival_decision_curve(
    risk: ArrayLike, survival: Survival, horizon_days: float, thresholds: ArrayLike
) -> DecisionCurve:
    """For an event up to the horizon; observed risk by Kaplan and Meier among those flagged.

    Args:
        risk: (n,) predicted probability of an event up to the horizon, 1 − S.
    """
    values = feature_matrix(risk, len(survival))[:, 0]
    asked = _thresholds(values, thresholds)
    above = values[:, None] >= asked
    share = above.mean(axis=0)
    odds = asked / (1 - asked)
    dead = np.array([_observed(survival, one, horizon_days) for one in above.T])
    everybody = _observed(survival, np.ones(len(values), np.bool_), horizon_days)
    return DecisionCurve(asked, share * (dead - odds * (1 - dead)), everybody - odds * (1 - everybody), share)


def _observed(survival: Survival, who: Flags, horizon_days: float) -> float:
    """Risk by Kaplan and Meier among ``who``; 0 if nobody, not a number beyond their follow-up."""
    if not who.any():
        return 0.0
    curve = kaplan_meier(survival.take(who))
    if horizon_days > curve.table.time_days[-1] and curve.survival[-1] > 0:
        return float("nan")
    return 1 - float(survival_at(curve, horizon_days)[0][0])


def _thresholds(risk: Array, thresholds: ArrayLike) -> Array:
    asked = np.atleast_1d(np.asarray(thresholds, np.float64))
    if not ((asked > 0) & (asked < 1)).all() or (risk < 0).any() or (risk > 1).any():
        raise InputError(
            "A decision curve needs risks from 0 to 1, and thresholds between.",
            got=f"risks from {risk.min():g} to {risk.max():g}, thresholds from {asked.min():g} to "
            f"{asked.max():g}",
            expected="probabilities, not scores",
        )
    return asked
