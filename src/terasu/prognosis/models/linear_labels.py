"""A fitted model of classes whose log odds are weighted sums of features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from terasu.errors import InputError
from terasu.prognosis.models.contract import checked
from terasu.prognosis.survival_data import Array


@dataclass(frozen=True, eq=False)
class LinearLabels:
    """Softmax of Σ coefficient × feature + intercept.

    Attributes:
        features: all columns that the fit was given, in order.
        used: names of those with a coefficient in any class.
        coefficients: (k, used); k is 1 for two classes (log odds of the last), else one a class.
        intercepts: (k,).
        notes: how it was made, plain JSON.
    """

    name: str
    features: tuple[str, ...]
    classes: tuple[str, ...]
    used: tuple[str, ...]
    coefficients: Array
    intercepts: Array
    notes: dict[str, Any]

    def probability(self, x: Array) -> Array:
        """(n, classes)."""
        columns = checked(x, self.features)[:, [self.features.index(one) for one in self.used]]
        return softmax(columns @ self.coefficients.T + self.intercepts)

    def score(self, x: Array) -> Array:
        """(n,) probability of the last of two classes."""
        return last_of_two(self.probability(x), self.classes)

    def weights(self) -> dict[str, float]:
        """Log odds per unit; of more than two classes the greatest distance between classes."""
        size = self.coefficients[0] if len(self.classes) == 2 else np.ptp(self.coefficients, axis=0)
        return dict(zip(self.used, size.tolist(), strict=True))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "kind": "linear-labels",
            "version": 1,
            "name": self.name,
            "features": list(self.features),
            "classes": list(self.classes),
            "used": list(self.used),
            "coefficients": self.coefficients.tolist(),
            "intercepts": self.intercepts.tolist(),
            "notes": self.notes,
        }

    @staticmethod
    def from_dict(stored: dict[str, Any]) -> LinearLabels:
        """The inverse of ``as_dict``."""
        used, classes = tuple(stored["used"]), tuple(stored["classes"])
        k = 1 if len(classes) == 2 else len(classes)
        coefficients = np.array(stored["coefficients"], np.float64)
        intercepts = np.array(stored["intercepts"], np.float64)
        if coefficients.shape != (k, len(used)) or intercepts.shape != (k,):
            raise ValueError("coefficients, classes and features do not fit together")
        if not set(used) <= set(stored["features"]):
            raise ValueError("a coefficient belongs to no feature")
        features = tuple(stored["features"])
        return LinearLabels(
            stored["name"], features, classes, used, coefficients, intercepts, dict(stored["notes"])
        )


def linear_labels(
    name: str,
    features: Sequence[str],
    classes: tuple[str, ...],
    coefficients: Array,
    intercepts: Array,
    notes: dict[str, Any],
) -> LinearLabels:
    """Keep the features with a coefficient in (k, p)."""
    kept = np.flatnonzero((coefficients != 0).any(axis=0))
    used = tuple(features[i] for i in kept.tolist())
    return LinearLabels(name, tuple(features), classes, used, coefficients[:, kept], intercepts, notes)


def softmax(log_odds: Array) -> Array:
    """(n, classes) probabilities of (n, k) log odds; k = 1: of the last of two classes."""
    every = log_odds
    if log_odds.shape[1] == 1:
        every = np.concatenate((np.zeros_like(log_odds), log_odds), axis=1)
    risen = np.exp(every - every.max(axis=1, keepdims=True))
    return np.asarray(risen / risen.sum(axis=1, keepdims=True))


def last_of_two(probability: Array, classes: tuple[str, ...]) -> Array:
    """(n,) the last column; refuses where there are more than two classes."""
    if len(classes) != 2:
        raise InputError(
            "Only two classes have one score.",
            got=", ".join(classes),
            expected="two classes; of more, take the probability of each",
        )
    return np.asarray(probability[:, 1])
