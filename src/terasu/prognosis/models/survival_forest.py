"""Random survival forest.

Source: Ishwaran et al. 2008, doi 10.1214/08-AOAS169. As in its authors' later software, a tree sees 63.2 % of
the patients, drawn without replacement, in place of a bootstrap sample. Every cut between two patients is
tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from terasu.errors import InputError
from terasu.prognosis.concordance import harrell_c
from terasu.prognosis.models.baseline_hazard import known_times
from terasu.prognosis.models.contract import checked
from terasu.prognosis.models.flat_trees import FlatTrees, importance, joined
from terasu.prognosis.models.forest_growing import grow
from terasu.prognosis.models.settings import at_least, share
from terasu.prognosis.survival_data import Array, Flags, Labels, Survival


@dataclass(frozen=True, eq=False)
class FittedForest:
    """Trees with a cumulative hazard in each leaf.

    Attributes:
        time_days: (m,) distinct event times of the training patients.
        starts, steps_at, steps: the leaf of node k adds steps[i] at time_days[steps_at[i]], i from starts[k]
            to starts[k + 1].
        gains: (nodes,) log-rank χ² of each split.
        out_of_bag_c: Harrell's C of each training patient's score by the trees that had not seen the patient.
    """

    name: str
    features: tuple[str, ...]
    trees: FlatTrees
    time_days: Array
    starts: Labels
    steps_at: Labels
    steps: Array
    gains: Array
    last_days: float
    out_of_bag_c: float

    def score(self, x: Array) -> Array:
        """(n,) ensemble mortality: cumulative hazard summed over the event times."""
        leaves = self.trees.leaves(checked(x, self.features))
        return np.asarray(self.leaf_mortality()[leaves].mean(axis=1))

    def leaf_mortality(self) -> Array:
        """(nodes,) cumulative hazard of each leaf, summed over the event times."""
        lasting = self.steps * (len(self.time_days) - self.steps_at)
        return _sums(self._node_of_steps(), lasting, len(self.gains))

    def survival(self, x: Array, times_days: ArrayLike) -> Array:
        """(n, times) e^(−ensemble cumulative hazard)."""
        times = known_times(times_days, self.last_days)
        leaves = self.trees.leaves(checked(x, self.features))
        nodes = self._node_of_steps()
        hazard = np.empty((len(leaves), len(times)))
        for k, upto in enumerate(np.searchsorted(self.time_days, times, "right")):
            by_leaf = _sums(nodes, self.steps * (self.steps_at < upto), len(self.gains))
            hazard[:, k] = by_leaf[leaves].mean(axis=1)
        return np.exp(-hazard)

    def weights(self) -> dict[str, float]:
        """Share of each feature asked in the sum of the splits' log-rank χ²."""
        return importance(self.gains, self.trees.feature, self.features)

    def _node_of_steps(self) -> Labels:
        return np.repeat(np.arange(len(self.gains)), np.diff(self.starts))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        arrays = ("time_days", "starts", "steps_at", "steps", "gains")
        return {
            "kind": "survival-forest",
            "version": 1,
            "name": self.name,
            "features": list(self.features),
            "trees": self.trees.as_dict(),
            **{key: getattr(self, key).tolist() for key in arrays},
            "last_days": self.last_days,
            "out_of_bag_c": self.out_of_bag_c,
        }

    @staticmethod
    def from_dict(stored: dict[str, Any]) -> FittedForest:
        """The inverse of ``as_dict``."""
        features = tuple(stored["features"])
        trees = FlatTrees.from_dict(stored["trees"], len(features))
        time, steps, gains = (np.array(stored[key], np.float64) for key in ("time_days", "steps", "gains"))
        starts, at = (np.array(stored[key], np.int64) for key in ("starts", "steps_at"))
        nodes = len(trees.feature)
        if len(starts) != nodes + 1 or len(gains) != nodes or len(steps) != len(at) or starts[-1] != len(at):
            raise ValueError("leaves and their hazards do not fit together")
        if (np.diff(starts) < 0).any() or (len(at) and (at.min() < 0 or at.max() >= len(time))):
            raise ValueError("a leaf's hazard lies at a time that there is not")
        last, c = float(stored["last_days"]), float(stored["out_of_bag_c"])
        return FittedForest(stored["name"], features, trees, time, starts, at, steps, gains, last, c)


@dataclass(frozen=True)
class SurvivalForest:
    """Recipe of a forest.

    Attributes:
        tries: features that are tried at each node; the root of their number if None.
        share: of the patients that a tree sees.
        least_patients, least_events: of each child of a split.
        workers: threads; the result does not depend on it.
    """

    name: str = "survival_forest"
    n_trees: int = 200
    tries: int | None = None
    share: float = 0.632
    least_patients: int = 8
    least_events: int = 1
    workers: int = 1

    def __post_init__(self) -> None:
        at_least(1, {"n_trees": self.n_trees, "tries": 1 if self.tries is None else self.tries})
        at_least(1, {"least_patients": self.least_patients, "least_events": self.least_events})
        share({"share": self.share})

    def fit(self, x: Array, outcome: Survival, features: Sequence[str], *, seed: int) -> FittedForest:
        """Grow the trees. The order of the rows does not matter."""
        x = checked(x, features, len(outcome))
        outcome.require_events(1, "a survival forest")
        order = np.lexsort((*x.T[::-1], outcome.event, outcome.time_days))
        x, outcome = x[order], outcome.take(order)
        times = np.unique(outcome.time_days[outcome.event])
        grown = self._grow_all(x, outcome, times, seed)
        counts = np.concatenate([one.leaf_steps for one in grown])
        forest = FittedForest(
            self.name,
            tuple(features),
            joined([one.tree for one in grown]),
            times,
            np.concatenate(([0], np.cumsum(counts))),
            np.concatenate([one.steps_at for one in grown]),
            np.concatenate([one.steps for one in grown]),
            np.concatenate([one.gain for one in grown]),
            float(outcome.time_days.max()),
            float("nan"),
        )
        bags = np.stack([one.bag for one in grown], axis=1)
        return replace(forest, out_of_bag_c=_out_of_bag_c(forest, x, outcome, bags))

    def _grow_all(self, x: Array, outcome: Survival, times: Array, seed: int) -> list[_Grown]:
        columns = np.ascontiguousarray(x.T)
        ranked = np.argsort(columns, axis=1, kind="stable")
        when = np.searchsorted(times, outcome.time_days, "right")
        in_bag = max(1, round(self.share * len(x)))
        tries = min(self.tries or ceil(sqrt(len(columns))), len(columns))

        def one(tree_seed: int) -> _Grown:
            nodes, bag, feature, threshold, left, right, gain, hazard = grow(
                columns, ranked, when, outcome.event, len(times),
                in_bag, tries, self.least_patients, self.least_events, tree_seed,
            )  # fmt: skip
            feature, left, right = (one[:nodes] for one in (feature, left, right))
            gain, hazard = gain[:nodes], hazard[:nodes]
            tree = FlatTrees(np.zeros(1, np.int64), feature, threshold[:nodes], left, right)
            node, at = np.nonzero(hazard)
            return _Grown(bag, tree, gain, np.bincount(node, minlength=len(gain)), at, hazard[node, at])

        seeds = np.random.SeedSequence(seed).generate_state(self.n_trees, np.uint32).tolist()
        with ThreadPoolExecutor(max(self.workers, 1)) as pool:
            return list(pool.map(one, seeds))


@dataclass(frozen=True, eq=False)
class _Grown:
    """One tree, who was drawn for it (n,), and how many hazard steps each of its nodes has."""

    bag: Flags
    tree: FlatTrees
    gain: Array
    leaf_steps: Labels
    steps_at: Labels
    steps: Array


def _out_of_bag_c(forest: FittedForest, x: Array, outcome: Survival, bags: Flags) -> float:
    """C of the patients that a tree or more had not seen, by those trees; 1/2 if they cannot tell."""
    left_out = ~bags
    judged = left_out.any(axis=1)
    mortality = np.where(left_out, forest.leaf_mortality()[forest.trees.leaves(x)], 0.0)
    score = mortality.sum(axis=1)[judged] / left_out.sum(axis=1)[judged]
    try:
        return harrell_c(score, outcome.take(judged)).c if judged.any() else 0.5
    except InputError:  # no pair to compare among them
        return 0.5


def _sums(place: Labels, values: Array, size: int) -> Array:
    return np.asarray(np.bincount(place, weights=values, minlength=size), np.float64)
