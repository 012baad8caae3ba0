"""Random forest and gradient boosting of classes: grown by scikit-learn, kept and read as arrays.

Source: Breiman 2001, doi 10.1023/A:1010933404324; Friedman 2001, doi 10.1214/aos/1013203451
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from terasu.prognosis.models.contract import Labels, checked
from terasu.prognosis.models.elastic_net_logistic import inner_label_folds, require_each_class
from terasu.prognosis.models.flat_trees import FlatTrees, from_sklearn, importance, joined, split_gains
from terasu.prognosis.models.linear_labels import last_of_two, softmax
from terasu.prognosis.models.settings import at_least, share
from terasu.prognosis.survival_data import Array

Way = Literal["mean", "log-odds"]


@dataclass(frozen=True, eq=False)
class TreeLabels:
    """Trees with numbers in their leaves.

    Attributes:
        way: ``mean``: leaves hold the classes' shares, averaged over trees; ``log-odds``: leaves add up,
            with ``start``, to log odds (of the last class where there are two).
        trees: none where not one was worth it.
        values: (nodes, k); start: (k,).
        gains: (nodes,) what each split saves.
    """

    name: str
    features: tuple[str, ...]
    classes: tuple[str, ...]
    way: Way
    trees: FlatTrees | None
    values: Array
    start: Array
    gains: Array

    def probability(self, x: Array) -> Array:
        """(n, classes)."""
        x = checked(x, self.features)
        total = np.zeros((len(x), len(self.start)))
        count = 0
        if self.trees is not None:
            leaves = self.trees.leaves(x)
            total, count = self.values[leaves].sum(axis=1), leaves.shape[1]
        if self.way == "mean":
            return np.asarray(total / max(count, 1))
        return softmax(total + self.start)

    def score(self, x: Array) -> Array:
        """(n,) probability of the last of two classes."""
        return last_of_two(self.probability(x), self.classes)

    def weights(self) -> dict[str, float]:
        """Share of each feature asked in what all splits save."""
        return {} if self.trees is None else importance(self.gains, self.trees.feature, self.features)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "kind": "tree-labels",
            "version": 1,
            "name": self.name,
            "features": list(self.features),
            "classes": list(self.classes),
            "way": self.way,
            "trees": None if self.trees is None else self.trees.as_dict(),
            "values": self.values.tolist(),
            "start": self.start.tolist(),
            "gains": self.gains.tolist(),
        }

    @staticmethod
    def from_dict(stored: dict[str, Any]) -> TreeLabels:
        """The inverse of ``as_dict``."""
        features, classes, trees = tuple(stored["features"]), tuple(stored["classes"]), None
        if stored["trees"] is not None:
            trees = FlatTrees.from_dict(stored["trees"], len(features))
        start, gains = (np.array(stored[key], np.float64) for key in ("start", "gains"))
        way: Way = "mean" if stored["way"] == "mean" else "log-odds"
        k = len(classes) if way == "mean" or len(classes) > 2 else 1
        nodes = 0 if trees is None else len(trees.feature)
        values = np.array(stored["values"], np.float64).reshape(nodes, k)
        if start.shape != (k,) or gains.shape != (nodes,) or (trees is None and way == "mean"):
            raise ValueError("trees, their values and the classes do not fit together")
        return TreeLabels(stored["name"], features, classes, way, trees, values, start, gains)


@dataclass(frozen=True)
class RandomForest:
    """Recipe of a random forest.

    Attributes:
        least_patients: of a leaf.
        workers: threads; the result does not depend on it.
    """

    name: str = "random_forest"
    n_trees: int = 300
    least_patients: int = 3
    workers: int = 1

    def __post_init__(self) -> None:
        at_least(1, {"n_trees": self.n_trees, "least_patients": self.least_patients})

    def fit(self, x: Array, outcome: Labels, features: Sequence[str], *, seed: int) -> TreeLabels:
        """Grow the trees on bootstrap samples, the root of the number of features tried at each node."""
        from sklearn.ensemble import RandomForestClassifier

        x = checked(x, features, len(outcome))
        require_each_class(outcome, 1)
        fit = RandomForestClassifier(
            n_estimators=self.n_trees,
            min_samples_leaf=self.least_patients,
            random_state=seed,
            n_jobs=self.workers,
        ).fit(x, outcome.codes)
        grown = [one.tree_ for one in fit.estimators_]
        trees = joined([from_sklearn(one) for one in grown])
        shares = np.concatenate([one.value[:, 0, :] for one in grown])
        shares = shares / shares.sum(axis=1, keepdims=True)
        gains = np.concatenate([split_gains(one) for one in grown])
        none = np.zeros(len(outcome.classes))
        return TreeLabels(self.name, tuple(features), outcome.classes, "mean", trees, shares, none, gains)


@dataclass(frozen=True)
class GradientBoosting:
    """Recipe of boosted trees.

    Attributes:
        most_rounds: cross-validation within the training rows chooses 1 to this many rounds.
        depth, least_patients: of a tree and of its leaves.
        share: of the patients that a tree sees; it sees the root of the number of features.
        folds: fewer where a class has fewer patients.
    """

    name: str = "gradient_boosting"
    most_rounds: int = 150
    depth: int = 2
    least_patients: int = 5
    rate: float = 0.05
    share: float = 0.632
    folds: int = 5

    def __post_init__(self) -> None:
        at_least(
            1, {"most_rounds": self.most_rounds, "depth": self.depth, "least_patients": self.least_patients}
        )
        at_least(2, {"folds": self.folds})
        share({"rate": self.rate, "share": self.share})

    def fit(self, x: Array, outcome: Labels, features: Sequence[str], *, seed: int) -> TreeLabels:
        """Choose the number of rounds by left-out log loss, then boost all rows so far."""
        x = checked(x, features, len(outcome))
        folds = inner_label_folds(outcome, self.folds, seed)
        loss = np.zeros(self.most_rounds)
        for fold in range(int(folds.max()) + 1):
            inside, out = folds != fold, np.flatnonzero(folds == fold)
            fit = self._boost(x[inside], outcome.take(inside), self.most_rounds, seed)
            for k, chance in enumerate(fit.staged_predict_proba(x[out])):
                right = np.clip(chance[np.arange(len(out)), outcome.codes[out]], 1e-12, 1.0)
                loss[k] -= np.log(right).sum()
        fit = self._boost(x, outcome, int(np.argmin(loss)) + 1, seed)
        grown = [one.tree_ for one in fit.estimators_.ravel()]
        k = fit.estimators_.shape[1]
        values = np.concatenate(
            [self.rate * one.value[:, 0, :] * (np.arange(k) == place % k) for place, one in enumerate(grown)]
        )
        gains = np.concatenate([split_gains(one) for one in grown])
        shares = outcome.counts / len(outcome)
        start = np.log(shares[1:] / shares[:1]) if k == 1 else np.log(shares)
        trees = joined([from_sklearn(one) for one in grown])
        return TreeLabels(
            self.name, tuple(features), outcome.classes, "log-odds", trees, values, start, gains
        )

    def _boost(self, x: Array, outcome: Labels, rounds: int, seed: int) -> Any:
        from sklearn.ensemble import GradientBoostingClassifier

        return GradientBoostingClassifier(
            n_estimators=rounds,
            learning_rate=self.rate,
            max_depth=self.depth,
            min_samples_leaf=self.least_patients,
            subsample=self.share,
            max_features="sqrt",
            random_state=seed,
        ).fit(x, outcome.codes)
