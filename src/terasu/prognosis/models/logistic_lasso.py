"""Logistic regression of many features, under the LASSO or an elastic net."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from terasu.prognosis.models.contract import Labels, checked
from terasu.prognosis.models.elastic_net_logistic import (
    LogisticChoice,
    choose_logistic_penalty,
    inner_label_folds,
)
from terasu.prognosis.models.linear_labels import LinearLabels, linear_labels
from terasu.prognosis.models.settings import at_least, each_share, share
from terasu.prognosis.survival_data import Array


@dataclass(frozen=True)
class LogisticLasso:
    """Elastic net with its penalty chosen by cross-validation within the training rows.

    Attributes:
        l1_ratios: shares of the LASSO to choose among, on the same folds.
        rule: ``best``: smallest deviance; ``one_error``: the largest penalty within one standard error of it.
        folds: fewer where a class has fewer patients.
        n_penalties, smallest: length of the path and its end, as a share of its start.
    """

    name: str = "logistic_lasso"
    l1_ratios: tuple[float, ...] = (1.0, 0.5)
    rule: Literal["best", "one_error"] = "best"
    folds: int = 5
    n_penalties: int = 40
    smallest: float = 0.05

    def __post_init__(self) -> None:
        each_share("l1_ratios", self.l1_ratios)
        at_least(2, {"folds": self.folds, "n_penalties": self.n_penalties})
        share({"smallest": self.smallest})

    def fit(self, x: Array, outcome: Labels, features: Sequence[str], *, seed: int) -> LinearLabels:
        """Choose the penalty, then fit all rows with it."""
        x = checked(x, features, len(outcome))
        folds = inner_label_folds(outcome, self.folds, seed)
        found = [
            choose_logistic_penalty(
                x, outcome, folds, l1_ratio=one, n_penalties=self.n_penalties, smallest=self.smallest
            )
            for one in self.l1_ratios
        ]
        place = min(range(len(found)), key=lambda k: float(found[k].deviance[self._place(found[k])]))
        best, at = found[place], self._place(found[place])
        notes = {
            "l1_ratio": self.l1_ratios[place],
            "penalty": float(best.path.penalties[at]),
            "rule": self.rule,
            "folds": int(folds.max()) + 1,
            "deviance": float(best.deviance[at]),
        }
        beta, base = best.path.coefficients[at], best.path.intercepts[at]
        return linear_labels(self.name, features, outcome.classes, beta, base, notes)

    def _place(self, choice: LogisticChoice) -> int:
        return choice.best if self.rule == "best" else choice.one_error
