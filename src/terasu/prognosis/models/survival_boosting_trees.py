"""Boosting of Cox's partial likelihood by shallow regression trees.

Each tree fits the martingale residuals; the value of a leaf is one Newton step there, by the diagonal of the
second derivative. Each tree looks at a random part of the features and of the patients.

Source: Friedman 2001, doi 10.1214/aos/1013203451, and 2002, doi 10.1016/S0167-9473(01)00065-2; Cox loss:
Ridgeway 1999, Computing Science and Statistics 31, 172
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from terasu.prognosis.coxnet_descent import expand
from terasu.prognosis.models.baseline_hazard import BaselineHazard, breslow
from terasu.prognosis.models.contract import checked
from terasu.prognosis.models.coxnet_model import inner_event_folds
from terasu.prognosis.models.flat_trees import FlatTrees, from_sklearn, importance, joined, split_gains
from terasu.prognosis.models.settings import at_least, share
from terasu.prognosis.models.survival_boosting import left_out_likelihood
from terasu.prognosis.partial_likelihood import sweep_of
from terasu.prognosis.survival_data import Array, Survival

_LONGEST = 0.5  # of one tree's step, in log hazard: a leaf of early deaths among low risks asks for any


@dataclass(frozen=True, eq=False)
class BoostedSurvival:
    """Score: sum of the values of the leaves.

    Attributes:
        values: (nodes,) log hazard that a leaf adds.
        gains: (nodes,) squared error that a split saves.
    """

    name: str
    features: tuple[str, ...]
    trees: FlatTrees | None
    values: Array
    gains: Array
    baseline: BaselineHazard

    def score(self, x: Array) -> Array:
        """(n,) log hazard ratio."""
        x = checked(x, self.features)
        if self.trees is None:  # not one tree was worth it
            return np.zeros(len(x))
        return np.asarray(self.values[self.trees.leaves(x)].sum(axis=1))

    def survival(self, x: Array, times_days: ArrayLike) -> Array:
        """(n, times) chance to live beyond each time."""
        return self.baseline.survival(self.score(x), times_days)

    def weights(self) -> dict[str, float]:
        """Share of each feature asked in what all splits gain."""
        return {} if self.trees is None else importance(self.gains, self.trees.feature, self.features)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "kind": "boosted-survival",
            "version": 1,
            "name": self.name,
            "features": list(self.features),
            "trees": None if self.trees is None else self.trees.as_dict(),
            "values": self.values.tolist(),
            "gains": self.gains.tolist(),
            "baseline": self.baseline.as_dict(),
        }

    @staticmethod
    def from_dict(stored: dict[str, Any]) -> BoostedSurvival:
        """The inverse of ``as_dict``."""
        features, trees = tuple(stored["features"]), None
        if stored["trees"] is not None:
            trees = FlatTrees.from_dict(stored["trees"], len(features))
        values, gains = (np.array(stored[key], np.float64) for key in ("values", "gains"))
        if not len(values) == len(gains) == (0 if trees is None else len(trees.feature)):
            raise ValueError("trees and their values do not fit together")
        return BoostedSurvival(
            stored["name"], features, trees, values, gains, BaselineHazard.from_dict(stored["baseline"])
        )


@dataclass(frozen=True)
class SurvivalBoostingTrees:
    """Recipe of boosted trees.

    Attributes:
        most_trees: cross-validation within the training rows chooses 0 to this many.
        depth, least_patients: of a tree and of its leaves.
        rate: share of a leaf's Newton step that is taken.
        share: of the patients that a tree sees; it sees the root of the number of features.
        folds: fewer where a fold would have less than 5 events.
    """

    name: str = "survival_boosting_trees"
    most_trees: int = 100
    depth: int = 2
    least_patients: int = 10
    rate: float = 0.05
    share: float = 0.632
    folds: int = 10

    def __post_init__(self) -> None:
        at_least(
            1, {"most_trees": self.most_trees, "depth": self.depth, "least_patients": self.least_patients}
        )
        at_least(2, {"folds": self.folds})
        share({"rate": self.rate, "share": self.share})

    def fit(self, x: Array, outcome: Survival, features: Sequence[str], *, seed: int) -> BoostedSurvival:
        """Choose the number of trees, then grow so many on all rows."""
        x = checked(x, features, len(outcome))
        folds = inner_event_folds(outcome, self.folds, seed)
        gained = np.zeros(self.most_trees + 1)
        for fold in range(int(folds.max()) + 1):
            inside = folds != fold
            grown = self.grow(x[inside], outcome.take(inside), self.most_trees, seed)
            values = np.concatenate([one.values for one in grown])
            added = values[joined([one.tree for one in grown]).leaves(x)]
            scores = np.concatenate((np.zeros((len(x), 1)), np.cumsum(added, axis=1)), axis=1)
            gained += left_out_likelihood(scores, outcome, inside)
        return self._kept(x, outcome, tuple(features), self.grow(x, outcome, int(np.argmax(gained)), seed))

    def _kept(
        self, x: Array, outcome: Survival, features: tuple[str, ...], grown: list[GrownTree]
    ) -> BoostedSurvival:
        if not grown:
            none = np.empty(0)
            return BoostedSurvival(self.name, features, None, none, none, breslow(np.zeros(len(x)), outcome))
        trees = joined([one.tree for one in grown])
        values, gains = (
            np.concatenate(one) for one in zip(*((g.values, g.gains) for g in grown), strict=True)
        )
        score = values[trees.leaves(x)].sum(axis=1)
        return BoostedSurvival(self.name, features, trees, values, gains, breslow(score, outcome))

    def grow(self, x: Array, outcome: Survival, n_trees: int, seed: int) -> list[GrownTree]:
        """So many trees, one after the other, on all rows."""
        from sklearn.tree import DecisionTreeRegressor

        sweep, rng = sweep_of(outcome), np.random.default_rng(seed)
        x = x[sweep.order]
        single = x.astype(np.float32)
        eta, residual, weight = np.zeros(len(x)), np.empty(len(x)), np.empty(len(x))
        grown = []
        for _ in range(n_trees):
            expand(eta, sweep.event, sweep.closes, residual, weight)
            bag = rng.permutation(len(x))[: max(2, round(self.share * len(x)))]
            fit = DecisionTreeRegressor(
                max_depth=self.depth,
                min_samples_leaf=self.least_patients,
                max_features="sqrt",
                random_state=int(rng.integers(2**31)),
            ).fit(np.ascontiguousarray(single[bag]), residual[bag], check_input=False)
            tree = from_sklearn(fit.tree_)
            leaf = fit.tree_.apply(single)
            slope, bend = (np.bincount(leaf[bag], one[bag], len(tree.feature)) for one in (residual, weight))
            values = self.rate * np.where(bend > 0, slope / np.where(bend > 0, bend, 1.0), 0.0)
            values = np.clip(values, -_LONGEST, _LONGEST)
            eta += values[leaf]
            grown.append(GrownTree(tree, values, split_gains(fit.tree_)))
        return grown


@dataclass(frozen=True, eq=False)
class GrownTree:
    """One tree with what its leaves add (nodes,) and its splits gain (nodes,)."""

    tree: FlatTrees
    values: Array
    gains: Array
