"""Elastic-net Cox regression, its penalty chosen by cross-validation within the training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from terasu.errors import InputError
from terasu.prognosis.coxnet_choice import LEAST_EVENTS, CoxnetChoice, choose_penalty, folds_by_event
from terasu.prognosis.models.contract import checked
from terasu.prognosis.models.linear_survival import LinearSurvival, linear_survival, varying
from terasu.prognosis.models.settings import at_least, each_share, share
from terasu.prognosis.survival_data import Array, Labels, Survival

Rule = Literal["best", "one_error"]


@dataclass(frozen=True)
class Coxnet:
    """Elastic net.

    Attributes:
        l1_ratios: shares of the LASSO to choose among by the cross-validated deviance, on the same folds.
        rule: ``best``: smallest deviance; ``one_error``: the largest penalty within one standard error of it,
            which often leaves no feature at all.
        folds: fewer where a fold would have less than 5 events.
        n_penalties, smallest: length of the path and its end, as a share of its start.
        workers: folds fitted side by side; the result does not depend on it.
    """

    name: str = "coxnet"
    l1_ratios: tuple[float, ...] = (1.0, 0.5)
    rule: Rule = "best"
    folds: int = 5
    n_penalties: int = 50
    smallest: float = 0.05
    workers: int = 1

    def __post_init__(self) -> None:
        each_share("l1_ratios", self.l1_ratios)
        at_least(2, {"folds": self.folds, "n_penalties": self.n_penalties})
        share({"smallest": self.smallest})

    def fit(self, x: Array, outcome: Survival, features: Sequence[str], *, seed: int) -> LinearSurvival:
        """Choose the penalty, then fit all rows with it."""
        x = checked(x, features, len(outcome))
        folds = inner_event_folds(outcome, self.folds, seed)
        if not varying(x).any():
            return linear_survival(self.name, features, np.zeros(x.shape[1]), x, outcome, {})
        found = [self._choose(x, outcome, folds, one) for one in self.l1_ratios]
        best = min(found, key=lambda one: float(one.deviance[self._place(one)]))
        at = self._place(best)
        notes = {
            "l1_ratio": best.path.l1_ratio,
            "penalty": float(best.path.penalties[at]),
            "rule": self.rule,
            "folds": int(folds.max()) + 1,
            "deviance": float(best.deviance[at]),
        }
        return linear_survival(self.name, features, best.path.coefficients[at], x, outcome, notes)

    def _choose(self, x: Array, outcome: Survival, folds: Labels, l1_ratio: float) -> CoxnetChoice:
        return choose_penalty(
            x,
            outcome,
            folds,
            l1_ratio=l1_ratio,
            n_penalties=self.n_penalties,
            smallest=self.smallest,
            workers=self.workers,
        )

    def _place(self, choice: CoxnetChoice) -> int:
        return choice.best if self.rule == "best" else choice.one_error


def inner_event_folds(outcome: Survival, folds: int, seed: int) -> Labels:
    """Folds within the training rows, as many of ``folds`` as leave 5 events in each.

    Raises:
        InputError: not even two folds have 5 events each.
    """
    possible = min(folds, outcome.events // LEAST_EVENTS)
    if possible < 2:
        raise InputError(
            "Too few events to choose a penalty within the training rows.",
            got=f"{outcome.events} events among {len(outcome)} patients",
            expected=f"at least {2 * LEAST_EVENTS}",
            todo="Use cox with one feature that was chosen beforehand.",
        )
    return folds_by_event(outcome, possible, seed)
