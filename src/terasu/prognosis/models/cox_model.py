"""Cox regression of all columns given: for few features that were chosen beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from terasu.errors import InputError
from terasu.prognosis.cox import cox
from terasu.prognosis.models.baseline_hazard import BaselineHazard
from terasu.prognosis.models.contract import checked
from terasu.prognosis.models.linear_survival import LinearSurvival, linear_survival, varying
from terasu.prognosis.partial_likelihood import Ties
from terasu.prognosis.study.events_per_variable import REFUSED_BELOW
from terasu.prognosis.survival_data import Array, Survival


@dataclass(frozen=True)
class Cox:
    """Maximum partial likelihood; refuses where fewer than 3 events are seen for each column.

    Source of the rule: study/events_per_variable.py
    """

    name: str = "cox"
    ties: Ties = "efron"

    def fit(self, x: Array, outcome: Survival, features: Sequence[str], *, seed: int) -> LinearSurvival:
        """Fit every column that varies; ``seed`` plays no part."""
        del seed
        x = checked(x, features, len(outcome))
        kept = np.flatnonzero(varying(x))
        outcome.require_events(1, "a Cox model")
        require_events_per_variable(outcome.events, len(kept))
        if not len(kept):
            return linear_survival(self.name, features, np.zeros(x.shape[1]), x, outcome, {})
        used = tuple(features[i] for i in kept.tolist())
        fit = cox(x[:, kept], outcome, ties=self.ties, names=used)
        if fit.reason:
            raise InputError(
                "This Cox model cannot be used.",
                got=fit.reason,
                expected="coefficients that the data can tell",
                todo="Leave that column out, or use coxnet, which shrinks it.",
            )
        base = fit.baselines[0]
        baseline = BaselineHazard(base.time_days, base.hazard, base.last_days)
        notes = {
            "ties": self.ties,
            "p": dict(zip(used, fit.p.tolist(), strict=True)),
            "events_per_variable": outcome.events / len(used),
        }
        return LinearSurvival(self.name, tuple(features), used, fit.coefficients, fit.means, baseline, notes)


def require_events_per_variable(events: int, variables: int) -> None:
    """Refuse a model without a penalty where fewer than 3 events (patients of a class) come on a column."""
    if variables and events / variables < REFUSED_BELOW:
        raise InputError(
            "Too few events for so many columns without a penalty.",
            got=f"{events} events (or patients of the smallest class) for {variables} columns",
            expected=f"at least {REFUSED_BELOW:g} for each column, better 10",
            todo="Choose fewer beforehand, or take a model that selects (coxnet, logistic_lasso).",
        )
