"""Does a new patient lie within what the model has seen?

Two rules, on the columns that the model uses: each value within the training range, widened by its own
width; and Mahalanobis' distance no larger than that of any training patient left out of its own estimate.
No training patient's values are kept.

Source: covariance drawn to its diagonal: Schäfer and Strimmer 2005, doi 10.2202/1544-6115.1175 (target D),
here with the share set by the number of patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from terasu.prognosis.study.nearest import listed
from terasu.prognosis.study.steps.columns import Columns
from terasu.prognosis.survival_data import Array

_PARTS = 5
_UNUSUAL = 0.95  # of the training patients' distances
_MOST_TOGETHER = 100  # columns whose covariances are estimated; of more, the variances only


@dataclass(frozen=True, eq=False)
class Applicability:
    """What was seen.

    Attributes:
        names: (q,) columns that the model uses.
        lowest, highest, mean: (q,) of the training patients.
        precision: (q, q) inverse covariance, or (q,) inverse variances where q is above 100.
        unusual, farthest: distances that 95 % and all training patients stayed within.
    """

    names: tuple[str, ...]
    lowest: Array
    highest: Array
    mean: Array
    precision: Array
    unusual: float
    farthest: float

    def judge(self, columns: Columns) -> tuple[tuple[bool, str], ...]:
        """For each row: whether it must be refused, and what is to be said (nothing if all is well)."""
        x = columns.pick(self.names).x
        if not x.shape[1]:
            return ((False, ""),) * len(columns)
        width = self.highest - self.lowest
        outside = (x < self.lowest) | (x > self.highest)
        beyond = (x < self.lowest - width) | (x > self.highest + width)
        distance = _distance(x, self.mean, self.precision)
        return tuple(self._one(beyond[i], outside[i], float(distance[i])) for i in range(len(x)))

    def _one(self, beyond: Array, outside: Array, distance: float) -> tuple[bool, str]:
        if beyond.any():
            names = [name for name, one in zip(self.names, beyond, strict=True) if one]
            return True, f"far outside of what was seen in training: {listed(names)}"
        if not distance <= self.farthest:
            return True, (
                "unlike any training patient in the combination of features "
                f"(distance {distance:.1f}, at most {self.farthest:.1f} in training)"
            )
        words = []
        if outside.any():
            names = [name for name, one in zip(self.names, outside, strict=True) if one]
            words.append(f"outside of the training range: {listed(names)}")
        if distance > self.unusual:
            words.append("more unusual than 95 % of the training patients")
        return False, "; ".join(words)

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        arrays = {key: getattr(self, key).tolist() for key in _ARRAYS}
        return {"names": list(self.names), "unusual": self.unusual, "farthest": self.farthest, **arrays}


_ARRAYS = ("lowest", "highest", "mean", "precision")


def fit_applicability(columns: Columns, used: Sequence[str]) -> Applicability:
    """Learn from training rows.

    Args:
        used: names that the model uses; nobody lies outside of a model that uses nothing.
    """
    seen = columns.pick([name for name in columns.names if name in set(used)])
    x = seen.x
    if not seen.names:
        return Applicability((), *(np.empty(0),) * 3, np.empty((0, 0)), 0.0, 0.0)
    part = np.arange(len(x)) % _PARTS
    left_out = np.empty(len(x))
    for one in range(min(_PARTS, len(x))):
        mean, precision = _estimate(x[part != one] if (part != one).any() else x)
        left_out[part == one] = _distance(x[part == one], mean, precision)
    mean, precision = _estimate(x)
    return Applicability(
        seen.names,
        x.min(axis=0),
        x.max(axis=0),
        mean,
        precision,
        float(np.quantile(left_out, _UNUSUAL)),
        float(left_out.max()),
    )


def applicability_from(saved: dict[str, Any]) -> Applicability:
    """Read again."""
    names = tuple(saved["names"])
    lowest, highest, mean, precision = (np.array(saved[key], np.float64) for key in _ARRAYS)
    return Applicability(names, lowest, highest, mean, precision, saved["unusual"], saved["farthest"])


def _estimate(x: Array) -> tuple[Array, Array]:
    """Mean and inverse covariance; the more columns for a patient, the more it is drawn to the diagonal."""
    n, q = x.shape
    centred = x - x.mean(axis=0)
    covariance = centred.T @ centred / max(n - 1, 1)
    variances = np.diag(covariance)
    floor = 1e-6 * max(float(variances.mean()), 1e-12)
    if q > _MOST_TOGETHER:
        return x.mean(axis=0), 1 / (variances + floor)
    share = q / (q + n)
    drawn = (1 - share) * covariance + np.diag(share * variances + floor)
    return x.mean(axis=0), np.asarray(np.linalg.inv(drawn))


def _distance(x: Array, mean: Array, precision: Array) -> Array:
    away = x - mean
    if precision.ndim == 1:
        return np.asarray(np.sqrt((away**2 * precision).sum(axis=1)))
    return np.asarray(np.sqrt(np.maximum(np.einsum("nq,qr,nr->n", away, precision, away), 0.0)))
