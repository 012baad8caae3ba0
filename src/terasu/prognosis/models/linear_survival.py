"""A fitted survival model whose score is a weighted sum of features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from terasu.prognosis.models.baseline_hazard import BaselineHazard, breslow
from terasu.prognosis.models.contract import checked
from terasu.prognosis.survival_data import Array, Survival


@dataclass(frozen=True, eq=False)
class LinearSurvival:
    """Score: Σ coefficient × (feature − centre).

    Attributes:
        features: all columns that the fit was given, in order.
        used: names of the k that have a coefficient.
        coefficients, centres: (k,) log hazard ratio per unit, and the mean of the training patients.
        baseline: of a patient with a score of 0.
        notes: how it was made (penalty, frequencies, …), plain JSON.
    """

    name: str
    features: tuple[str, ...]
    used: tuple[str, ...]
    coefficients: Array
    centres: Array
    baseline: BaselineHazard
    notes: dict[str, Any]

    def score(self, x: Array) -> Array:
        """(n,) log hazard ratio against a patient with mean features."""
        columns = checked(x, self.features)[:, [self.features.index(one) for one in self.used]]
        return np.asarray((columns - self.centres) @ self.coefficients)

    def survival(self, x: Array, times_days: ArrayLike) -> Array:
        """(n, times) chance to live beyond each time."""
        return self.baseline.survival(self.score(x), times_days)

    def weights(self) -> dict[str, float]:
        """Coefficient of each feature used."""
        return dict(zip(self.used, self.coefficients.tolist(), strict=True))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "kind": "linear-survival",
            "version": 1,
            "name": self.name,
            "features": list(self.features),
            "used": list(self.used),
            "coefficients": self.coefficients.tolist(),
            "centres": self.centres.tolist(),
            "baseline": self.baseline.as_dict(),
            "notes": self.notes,
        }

    @staticmethod
    def from_dict(stored: dict[str, Any]) -> LinearSurvival:
        """The inverse of ``as_dict``."""
        used = tuple(stored["used"])
        coefficients, centres = (np.array(stored[key], np.float64) for key in ("coefficients", "centres"))
        if not coefficients.shape == centres.shape == (len(used),) or not set(used) <= set(
            stored["features"]
        ):
            raise ValueError("coefficients and features do not fit together")
        return LinearSurvival(
            stored["name"],
            tuple(stored["features"]),
            used,
            coefficients,
            centres,
            BaselineHazard.from_dict(stored["baseline"]),
            dict(stored["notes"]),
        )


def linear_survival(
    name: str,
    features: Sequence[str],
    coefficients: Array,
    x: Array,
    outcome: Survival,
    notes: dict[str, Any],
) -> LinearSurvival:
    """Keep the features with a coefficient (p,), and learn the baseline hazard from the training rows.

    None left is a model as well: everybody has the same survival.
    """
    kept = np.flatnonzero(coefficients)
    centres, chosen = x[:, kept].mean(axis=0), coefficients[kept]
    baseline = breslow((x[:, kept] - centres) @ chosen, outcome)
    used = tuple(features[i] for i in kept.tolist())
    return LinearSurvival(name, tuple(features), used, chosen, centres, baseline, notes)


def varying(x: Array) -> Array:
    """(p,) True where a column is not the same in every row, but for rounding."""
    spread, size = np.ptp(x, axis=0), np.abs(x).max(axis=0)
    return np.asarray(spread > 1e-12 * size)
