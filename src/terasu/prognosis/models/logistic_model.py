"""Logistic regression of all columns given: for few features that were chosen beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from terasu.errors import InputError
from terasu.prognosis.cox_univariable import standardised
from terasu.prognosis.models.contract import Labels, checked
from terasu.prognosis.models.cox_model import require_events_per_variable
from terasu.prognosis.models.linear_labels import LinearLabels, linear_labels, softmax
from terasu.prognosis.models.linear_survival import varying
from terasu.prognosis.survival_data import Array

_ENDLESS = 15.0  # log odds per standard deviation: classes that the columns separate ask for ever more
_ALIKE = 1e-9  # of the smallest to the largest curvature: columns that say the same


@dataclass(frozen=True)
class Logistic:
    """Maximum likelihood by Newton's method; refuses fewer than 3 patients of the smallest class a column."""

    name: str = "logistic"

    def fit(self, x: Array, outcome: Labels, features: Sequence[str], *, seed: int) -> LinearLabels:
        """Fit every column that varies; ``seed`` plays no part."""
        del seed
        x = checked(x, features, len(outcome))
        kept = np.flatnonzero(varying(x))
        smallest = int(outcome.counts.min())
        require_events_per_variable(smallest, max(len(kept), 1))
        used = tuple(features[i] for i in kept.tolist())
        scaled, deviation = standardised(x[:, kept], ddof=0)
        theta = _newton(np.column_stack((np.ones(len(x)), scaled)), outcome, used)
        coefficients = np.zeros((len(theta), x.shape[1]))
        coefficients[:, kept] = theta[:, 1:] / deviation
        intercepts = theta[:, 0] - coefficients[:, kept] @ x[:, kept].mean(axis=0)
        if len(outcome.classes) > 2:
            coefficients, intercepts = (
                np.concatenate((np.zeros_like(one[:1]), one)) for one in (coefficients, intercepts)
            )
        notes = {"patients_per_variable": smallest / max(len(kept), 1)}
        return linear_labels(self.name, features, outcome.classes, coefficients, intercepts, notes)


def _newton(rows: Array, outcome: Labels, used: tuple[str, ...]) -> Array:
    """(classes − 1, columns) log odds of each class but the first against the first."""
    k, m = len(outcome.classes) - 1, rows.shape[1]
    member = (outcome.codes[:, None] == np.arange(1, k + 1)).astype(np.float64)
    theta = np.zeros((k, m))
    for _ in range(60):
        chance = _chances(rows, theta)
        slope = (member - chance).T @ rows
        spread = chance[:, :, None] * np.eye(k) - chance[:, :, None] * chance[:, None, :]
        bend = np.einsum("ni,nab,nj->aibj", rows, spread, rows).reshape(k * m, k * m)
        sizes = np.linalg.eigvalsh(bend)
        if np.abs(theta[:, 1:]).max(initial=0.0) > _ENDLESS or sizes[0] < _ALIKE * sizes[-1]:
            raise _no_coefficients(theta, used)
        step = np.linalg.solve(bend, slope.ravel()).reshape(k, m)
        theta = theta + step * min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-300))
        if float(np.abs(step).max()) < 1e-10:
            return theta
    raise _no_coefficients(theta, used)


def _chances(rows: Array, theta: Array) -> Array:
    return softmax(np.column_stack((np.zeros(len(rows)), rows @ theta.T)))[:, 1:]


def _no_coefficients(theta: Array, used: tuple[str, ...]) -> InputError:
    largest = np.abs(theta[:, 1:]).max(axis=0)
    steep = [name for name, one in zip(used, largest, strict=True) if one > _ENDLESS / 3]
    return InputError(
        "The columns separate the classes, or say the same: there are no finite coefficients.",
        got=", ".join(steep or used),
        expected="classes that overlap, and columns that say something of their own",
        todo="Leave one of them out, or use logistic_lasso, which shrinks them.",
    )
