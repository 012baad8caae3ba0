"""Support vector machines, linear and RBF, with probabilities.

More than two classes: one against the rest each. Cost and width are those whose probabilities, by Platt's
sigmoid on the decisions of inner cross-validation, have the smallest log loss.

Source: Cortes and Vapnik 1995, doi 10.1007/BF00994018
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from terasu.prognosis.models.contract import Labels, checked
from terasu.prognosis.models.elastic_net_logistic import inner_label_folds, members
from terasu.prognosis.models.linear_labels import last_of_two
from terasu.prognosis.models.linear_survival import varying
from terasu.prognosis.models.platt import fit_sigmoid, sigmoid
from terasu.prognosis.models.settings import at_least, some
from terasu.prognosis.survival_data import Array
from terasu.prognosis.survival_data import Labels as Codes

Kernel = Literal["linear", "rbf"]


@dataclass(frozen=True, eq=False)
class Machine:
    """One class against the rest.

    Attributes:
        vectors: (s, used) support vectors; one weight vector for the linear kernel.
        duals: (s,) their weight; 1 for the linear kernel.
        shift: of the decision.
        gamma: of the RBF kernel e^(−γ d²), 0: linear.
        cost: C that was chosen.
        slope, at: Platt's sigmoid.
    """

    vectors: Array
    duals: Array
    shift: float
    gamma: float
    cost: float
    slope: float
    at: float

    def decision(self, x: Array) -> Array:
        """(n,) distance from the boundary."""
        return kernel_values(x, self.vectors, self.gamma) @ self.duals + self.shift

    def steepness(self) -> Array:
        """(used,) slope of the decision; for RBF its mean size at the support vectors."""
        if self.gamma == 0:
            return np.asarray(self.duals @ self.vectors)
        near = kernel_values(self.vectors, self.vectors, self.gamma) * self.duals
        slopes = 2 * self.gamma * (near @ self.vectors - near.sum(axis=1, keepdims=True) * self.vectors)
        return np.asarray(np.abs(slopes).mean(axis=0))


@dataclass(frozen=True, eq=False)
class FittedMachines:
    """One machine for two classes, else one a class; ``used``: the columns that vary in training."""

    name: str
    features: tuple[str, ...]
    classes: tuple[str, ...]
    used: tuple[str, ...]
    machines: tuple[Machine, ...]

    def probability(self, x: Array) -> Array:
        """(n, classes)."""
        columns = checked(x, self.features)[:, [self.features.index(one) for one in self.used]]
        each = np.column_stack([sigmoid(one.decision(columns), one.slope, one.at) for one in self.machines])
        if len(self.classes) == 2:
            return np.concatenate((1 - each, each), axis=1)
        return np.asarray(each / np.maximum(each.sum(axis=1, keepdims=True), 1e-300))

    def score(self, x: Array) -> Array:
        """(n,) probability of the last of two classes."""
        return last_of_two(self.probability(x), self.classes)

    def weights(self) -> dict[str, float]:
        """Slope of the log odds by feature; for RBF, and for more than two classes, the mean of its size."""
        slopes = np.stack([one.slope * one.steepness() for one in self.machines])
        size = slopes[0] if len(slopes) == 1 else np.abs(slopes).mean(axis=0)
        return {name: float(one) for name, one in zip(self.used, size, strict=True) if one != 0}

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "kind": "support-vectors",
            "version": 1,
            "name": self.name,
            "features": list(self.features),
            "classes": list(self.classes),
            "used": list(self.used),
            "machines": [
                {
                    "vectors": one.vectors.tolist(),
                    "duals": one.duals.tolist(),
                    **{key: getattr(one, key) for key in _NUMBERS},
                }
                for one in self.machines
            ],
        }

    @staticmethod
    def from_dict(stored: dict[str, Any]) -> FittedMachines:
        """The inverse of ``as_dict``."""
        used, classes = tuple(stored["used"]), tuple(stored["classes"])
        machines = tuple(_machine(one, len(used)) for one in stored["machines"])
        if len(machines) != (1 if len(classes) == 2 else len(classes)) or not set(used) <= set(
            stored["features"]
        ):
            raise ValueError("machines, classes and features do not fit together")
        return FittedMachines(stored["name"], tuple(stored["features"]), classes, used, machines)


_NUMBERS = ("shift", "gamma", "cost", "slope", "at")


@dataclass(frozen=True)
class SupportVectors:
    """Recipe of a machine.

    Attributes:
        costs: C to choose among.
        widths: γ to choose among, as multiples of 1 / (columns × their mean variance); RBF only.
        folds: fewer where a class has fewer patients.
    """

    name: str = "linear_svm"
    kernel: Kernel = "linear"
    costs: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    widths: tuple[float, ...] = (0.3, 1.0, 3.0)
    folds: int = 5

    def __post_init__(self) -> None:
        some("costs", self.costs)
        some("widths", self.widths)
        at_least(2, {"folds": self.folds})

    def fit(self, x: Array, outcome: Labels, features: Sequence[str], *, seed: int) -> FittedMachines:
        """Choose cost and width by class, then fit all rows."""
        x = checked(x, features, len(outcome))
        folds = inner_label_folds(outcome, self.folds, seed)
        kept = np.flatnonzero(varying(x))
        used = tuple(features[i] for i in kept.tolist())
        columns = x[:, kept] if len(kept) else np.zeros((len(x), 0))
        machines = tuple(self._fit_one(columns, member, folds) for member in members(outcome))
        return FittedMachines(self.name, tuple(features), outcome.classes, used, machines)

    def _fit_one(self, x: Array, member: Array, folds: Codes) -> Machine:
        belongs = member == 1
        if not x.shape[1]:
            odds = float(np.log(belongs.mean() / (1 - belongs.mean())))
            return Machine(np.zeros((1, 0)), np.ones(1), 0.0, 0.0, 1.0, 0.0, odds)
        scale = 1 / (x.shape[1] * max(float(x.var(axis=0).mean()), 1e-300))
        gammas = [one * scale for one in self.widths] if self.kernel == "rbf" else [0.0]
        best, found = np.inf, (0.0, 1.0, 0.0, 0.0)
        for gamma in gammas:
            kernel = kernel_values(x, x, gamma)
            for cost in self.costs:
                decision = _left_out(kernel, belongs, folds, cost)
                slope, at = fit_sigmoid(decision, belongs)
                chance = np.clip(sigmoid(decision, slope, at), 1e-12, 1 - 1e-12)
                loss = float(-np.log(np.where(belongs, chance, 1 - chance)).mean())
                if loss < best - 1e-12:
                    best, found = loss, (gamma, cost, slope, at)
        gamma, cost, slope, at = found
        rows, duals, shift = _solve(kernel_values(x, x, gamma), belongs, cost)
        if gamma == 0:
            return Machine(duals[None, :] @ x[rows], np.ones(1), shift, 0.0, cost, slope, at)
        return Machine(x[rows], duals, shift, gamma, cost, slope, at)


def kernel_values(x: Array, vectors: Array, gamma: float) -> Array:
    """(n, s) inner products, or e^(−γ d²) where γ is above 0."""
    inner = x @ vectors.T
    if gamma == 0:
        return np.asarray(inner)
    square = (x**2).sum(axis=1)[:, None] + (vectors**2).sum(axis=1) - 2 * inner
    return np.asarray(np.exp(-gamma * np.maximum(square, 0.0)))


def _left_out(kernel: Array, belongs: Array, folds: Codes, cost: float) -> Array:
    decision = np.empty(len(kernel))
    for fold in range(int(folds.max()) + 1):
        inside, out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        rows, duals, shift = _solve(kernel[np.ix_(inside, inside)], belongs[inside], cost)
        decision[out] = kernel[np.ix_(out, inside[rows])] @ duals + shift
    return decision


def _solve(kernel: Array, belongs: Array, cost: float) -> tuple[Codes, Array, float]:
    """Support vectors' positions, their weights and the shift."""
    from sklearn.svm import SVC

    fit = SVC(C=cost, kernel="precomputed", tol=1e-5).fit(kernel, belongs)
    return fit.support_.astype(np.int64), np.asarray(fit.dual_coef_[0]), float(fit.intercept_[0])


def _machine(stored: dict[str, Any], columns: int) -> Machine:
    vectors, duals = (np.array(stored[key], np.float64) for key in ("vectors", "duals"))
    vectors = vectors.reshape(len(duals), columns)
    return Machine(vectors, duals, *(float(stored[key]) for key in _NUMBERS))
