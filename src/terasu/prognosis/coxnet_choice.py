"""The penalty of an elastic net, chosen by cross-validation.

Source: cross-validated partial likelihood: Verweij and van Houwelingen 1993, doi 10.1002/sim.4780122407, as
glmnet's ``grouped`` deviance; one-standard-error rule: Breiman et al. 1984.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from terasu.errors import InputError
from terasu.prognosis.coxnet import CoxnetPath, coxnet, log_partial_likelihoods
from terasu.prognosis.survival_data import Array, Labels, Survival, feature_matrix, label_codes

LEAST_EVENTS = 5


@dataclass(frozen=True, eq=False)
class CoxnetChoice:
    """A path with its cross-validated deviance.

    Attributes:
        path: fitted on all patients given.
        deviance, deviance_error: (m,) −2 (ℓ of all − ℓ of the training part) per event left out, mean over
            folds and its standard error.
        best: position of the smallest deviance.
        one_error: position of the largest penalty within one standard error of it.
    """

    path: CoxnetPath
    deviance: Array
    deviance_error: Array
    best: int
    one_error: int


def folds_by_event(survival: Survival, folds: int, seed: int) -> Labels:
    """A fold (0, 1, …) for every row, events and censored dealt evenly.

    For one row a patient; a patient with more rows must be dealt whole.

    Raises:
        InputError: fewer than 5 events in a fold.
    """
    if folds < 2 or survival.events // folds < LEAST_EVENTS:
        raise InputError(
            "Too few events in a fold.",
            got=f"{survival.events} events in {folds} folds",
            expected=f"two or more folds with at least {LEAST_EVENTS} events in each",
            todo="Take fewer folds.",
        )
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(survival))
    order = order[np.argsort(~survival.event[order], kind="stable")]  # events first, shuffled within
    found = np.empty(len(survival), np.int64)
    found[order] = np.arange(len(survival)) % folds
    return found


def choose_penalty(
    features: ArrayLike,
    survival: Survival,
    folds: ArrayLike,
    *,
    l1_ratio: float = 1.0,
    penalties: ArrayLike | None = None,
    n_penalties: int = 100,
    smallest: float = 0.01,
    tolerance: float = 1e-6,
    workers: int = 1,
) -> CoxnetChoice:
    """Fit the path on all patients and on all but each fold, and judge each penalty by who was left out.

    Args:
        folds: (n,) label of each patient's fold.
        workers: folds fitted side by side; the result does not depend on it.
    Raises:
        InputError: a fold without events, or without events outside of it; as coxnet.
    """
    x = feature_matrix(features, len(survival))
    codes, names = label_codes(folds, survival, "folds")
    path = coxnet(
        x,
        survival,
        l1_ratio=l1_ratio,
        penalties=penalties,
        n_penalties=n_penalties,
        smallest=smallest,
        tolerance=tolerance,
    )
    left_out = np.bincount(codes, weights=survival.event, minlength=len(names))
    if len(names) < 2 or (left_out == 0).any():
        raise InputError("Every fold needs events.", got=f"{left_out.astype(int).tolist()} events by fold")

    def judged(fold: int) -> Array:
        inside = codes != fold
        some = coxnet(
            x[inside], survival.take(inside), l1_ratio=l1_ratio, penalties=path.penalties, tolerance=tolerance
        )
        scores = some.linear_predictors(x)
        gained = log_partial_likelihoods(scores, survival) - some.log_likelihood
        return np.asarray(-2 * gained / left_out[fold])

    by_fold = np.stack(_each(judged, range(len(names)), workers))
    mean = np.average(by_fold, axis=0, weights=left_out)
    error = np.sqrt(np.average((by_fold - mean) ** 2, axis=0, weights=left_out) / (len(names) - 1))
    best = int(np.argmin(mean))
    within = int(np.argmax(mean <= mean[best] + error[best]))
    return CoxnetChoice(path, mean, error, best, within)


def _each(work: Callable[[int], Array], folds: Iterable[int], workers: int) -> list[Array]:
    if workers <= 1:
        return [work(fold) for fold in folds]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, folds))
