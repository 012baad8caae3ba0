"""Logistic regression under an elastic net: the path of penalties, and the penalty that folds choose.

Minimises −ℓ/n + λ (α Σ|β| + (1 − α)/2 Σβ²) on standardised features, intercepts free, as glmnet does; more
than two classes: each has coefficients of its own (softmax).

Source: Friedman, Hastie and Tibshirani 2010, doi 10.18637/jss.v033.i01
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from terasu.errors import InputError
from terasu.prognosis.cox_univariable import standardised
from terasu.prognosis.models.contract import Labels
from terasu.prognosis.models.logistic_descent import descend_logistic
from terasu.prognosis.survival_data import Array, Flags
from terasu.prognosis.survival_data import Labels as Codes

_ENOUGH = 1e-4  # of the tolerance while penalties are compared


@dataclass(frozen=True, eq=False)
class LogisticPath:
    """Coefficients along the path, per unit of the features.

    Attributes:
        penalties: (m,) λ, descending.
        coefficients: (m, k, p); k is 1 for two classes (log odds of the last), else one a class.
        intercepts: (m, k).
        settled: (m,) False where the descent ended before it had converged.
    """

    penalties: Array
    coefficients: Array
    intercepts: Array
    settled: Flags


@dataclass(frozen=True, eq=False)
class LogisticChoice:
    """A path with its deviance (m,) −2ℓ/n of rows left out, its standard error, and the two rules' places."""

    path: LogisticPath
    deviance: Array
    deviance_error: Array
    best: int
    one_error: int


def logistic_path(
    x: Array,
    labels: Labels,
    *,
    l1_ratio: float = 1.0,
    penalties: Array | None = None,
    n_penalties: int = 50,
    smallest: float = 0.05,
    tolerance: float = 1e-6,
) -> LogisticPath:
    """Fit the path, each penalty starting from the one before; every class needs a patient."""
    require_each_class(labels, 1)
    scaled, deviation = standardised(x, ddof=0)
    columns = np.ascontiguousarray(scaled.T)
    member = members(labels)
    start = np.abs(columns @ (member - member.mean(axis=1, keepdims=True)).T / len(x)).max()
    if penalties is None:
        penalties = max(float(start) / l1_ratio, 1e-12) * np.geomspace(1, smallest, n_penalties)
    beta, base, settled = descend_logistic(
        columns, member, penalties, float(l1_ratio), tolerance * max(float(start), 1e-12)
    )
    beta /= np.where(deviation > 0, deviation, 1.0)
    return LogisticPath(penalties, beta, base - beta @ x.mean(axis=0), settled)


def choose_logistic_penalty(
    x: Array, labels: Labels, folds: Codes, *, l1_ratio: float, n_penalties: int, smallest: float
) -> LogisticChoice:
    """Judge each penalty by the deviance of the rows that were left out."""
    path = logistic_path(
        x, labels, l1_ratio=l1_ratio, n_penalties=n_penalties, smallest=smallest, tolerance=_ENOUGH
    )
    member = members(labels)
    each = np.empty((len(path.penalties), len(x)))
    for fold in range(int(folds.max()) + 1):
        inside = folds != fold
        part = logistic_path(
            x[inside], labels.take(inside), l1_ratio=l1_ratio, penalties=path.penalties, tolerance=_ENOUGH
        )
        eta = np.einsum("mkp,np->mkn", part.coefficients, x[~inside]) + part.intercepts[:, :, None]
        each[:, ~inside] = _deviance(eta, member[:, ~inside])
    by_fold = np.stack([each[:, folds == fold].mean(axis=1) for fold in range(int(folds.max()) + 1)])
    sizes = np.bincount(folds)
    mean = np.average(by_fold, axis=0, weights=sizes)
    error = np.sqrt(np.average((by_fold - mean) ** 2, axis=0, weights=sizes) / (len(sizes) - 1))
    best = int(np.argmin(mean))
    within = int(np.argmax(mean <= mean[best] + error[best]))
    return LogisticChoice(path, mean, error, best, within)


def members(labels: Labels) -> Array:
    """(k, n) 1 where the patient belongs to the class; of two classes the last only."""
    each = (labels.codes == np.arange(len(labels.classes))[:, None]).astype(np.float64)
    return np.asarray(each[1:] if len(labels.classes) == 2 else each)


def inner_label_folds(labels: Labels, folds: int, seed: int) -> Codes:
    """Folds within the training rows, each class dealt evenly; as many as the smallest class has patients.

    Raises:
        InputError: a class with fewer than 3 patients.
    """
    require_each_class(labels, 3)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels.codes[order], kind="stable")]
    found = np.empty(len(labels), np.int64)
    found[order] = np.arange(len(labels)) % min(folds, int(labels.counts.min()))
    return found


def require_each_class(labels: Labels, least: int) -> None:
    """Refuse a class with fewer than ``least`` patients."""
    if labels.counts.min() < least:
        raise InputError(
            "Too few patients in a class.",
            got=", ".join(f"{name}: {n}" for name, n in zip(labels.classes, labels.counts, strict=True)),
            expected=f"at least {least} in each",
            todo="Join classes, or leave the rare one out.",
        )


def _deviance(eta: Array, member: Array) -> Array:
    """(m, n) −2 log-likelihood of (m, k, n) scores."""
    every = np.concatenate((np.zeros_like(eta), eta), axis=1) if len(member) == 1 else eta
    top = every.max(axis=1)
    scale = top + np.log(np.exp(every - top[:, None]).sum(axis=1))
    return np.asarray(2 * (scale - (eta * member).sum(axis=1)))
