"""Decision trees as flat arrays: kept as JSON, read by a loop of a few lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from terasu.prognosis.survival_data import Array, Labels

_LEAF = -1


@dataclass(frozen=True, eq=False)
class FlatTrees:
    """Nodes of all trees, one tree after the other, each child after its parent.

    Attributes:
        roots: (trees,) position of each tree's first node.
        feature: (nodes,) column that is asked, −1 at a leaf.
        threshold: (nodes,) to the left where the column is not greater.
        left, right: (nodes,) positions of the children, −1 at a leaf.
        single: columns are compared as float32, as scikit-learn's trees were grown.
    Raises:
        ValueError: arrays that are no trees.
    """

    roots: Labels
    feature: Labels
    threshold: Array
    left: Labels
    right: Labels
    single: bool = False

    def __post_init__(self) -> None:
        n, inner = len(self.feature), self.feature >= 0
        here = np.arange(n)
        fits = len(self.threshold) == len(self.left) == len(self.right) == n
        if not fits or not len(self.roots) or self.roots[0] != 0 or (np.diff(self.roots) <= 0).any():
            raise ValueError("the arrays of the trees do not fit together")
        ends = np.append(self.roots[1:], n)[np.searchsorted(self.roots, here, "right") - 1]
        for child in (self.left, self.right):
            if (child[inner] <= here[inner]).any() or (child[inner] >= ends[inner]).any():
                raise ValueError("a child of a tree does not follow its parent")

    def leaves(self, x: Array) -> Labels:
        """(n, trees) position of the leaf in which each row of ``x`` ends."""
        columns = x.astype(np.float32).astype(np.float64) if self.single else x
        found: Labels = _walk(
            np.ascontiguousarray(columns), self.roots, self.feature, self.threshold, self.left, self.right
        )
        return found

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "roots": self.roots.tolist(),
            "feature": self.feature.tolist(),
            "threshold": self.threshold.tolist(),
            "left": self.left.tolist(),
            "right": self.right.tolist(),
            "single": self.single,
        }

    @staticmethod
    def from_dict(stored: dict[str, Any], columns: int) -> FlatTrees:
        """The inverse of ``as_dict``, for ``columns`` features."""
        roots, feature, left, right = (
            np.array(stored[key], np.int64) for key in ("roots", "feature", "left", "right")
        )
        if len(feature) and feature.max() >= columns:
            raise ValueError("a tree asks for a feature that there is not")
        threshold = np.array(stored["threshold"], np.float64)
        return FlatTrees(roots, feature, threshold, left, right, bool(stored["single"]))


def joined(trees: list[FlatTrees]) -> FlatTrees:
    """One after the other."""
    sizes = np.array([len(one.feature) for one in trees])
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)
    moved = [
        [np.where(child == _LEAF, _LEAF, child + start) for child in (one.left, one.right)]
        for one, start in zip(trees, starts, strict=True)
    ]
    return FlatTrees(
        np.concatenate([one.roots + start for one, start in zip(trees, starts, strict=True)]),
        np.concatenate([one.feature for one in trees]),
        np.concatenate([one.threshold for one in trees]),
        np.concatenate([left for left, _ in moved]),
        np.concatenate([right for _, right in moved]),
        trees[0].single,
    )


def from_sklearn(tree: Any) -> FlatTrees:
    """A tree of scikit-learn (``estimator.tree_``)."""
    inner = tree.children_left >= 0
    return FlatTrees(
        np.zeros(1, np.int64),
        np.where(inner, tree.feature, _LEAF).astype(np.int64),
        np.where(inner, tree.threshold, 0.0).astype(np.float64),
        tree.children_left.astype(np.int64),
        tree.children_right.astype(np.int64),
        True,
    )


def split_gains(tree: Any) -> Array:
    """(nodes,) impurity that each split of a tree of scikit-learn saves, 0 in leaves."""
    error = tree.weighted_n_node_samples * tree.impurity
    inner = tree.children_left >= 0
    left, right = tree.children_left[inner], tree.children_right[inner]
    gains = np.zeros(len(error))
    gains[inner] = np.maximum(error[inner] - error[left] - error[right], 0.0)
    return gains


def importance(gains: Array, asked: Labels, features: tuple[str, ...]) -> dict[str, float]:
    """Share of all gain that came from each feature asked, of the features with any."""
    inner = asked >= 0
    total = np.asarray(np.bincount(asked[inner], gains[inner], len(features)), np.float64)
    share = total / max(float(total.sum()), 1e-300)
    return {name: float(one) for name, one in zip(features, share, strict=True) if one > 0}


@njit(cache=True, nogil=True)
def _walk(x: Array, roots: Labels, feature: Labels, threshold: Array, left: Labels, right: Labels) -> Labels:
    found = np.empty((len(x), len(roots)), np.int64)
    for tree in range(len(roots)):
        for i in range(len(x)):
            node = roots[tree]
            while feature[node] >= 0:
                node = left[node] if x[i, feature[node]] <= threshold[node] else right[node]
            found[i, tree] = node
    return found
