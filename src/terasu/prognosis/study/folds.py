"""Who is left out when: folds by patient, events or classes dealt evenly, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.prognosis.models.contract import Outcome
from terasu.prognosis.study.outcomes import counted_as, strata
from terasu.prognosis.study.study_file import Resampling
from terasu.prognosis.survival_data import Flags
from terasu.prognosis.survival_data import Labels as Codes

LEAST_EVENTS = 5


@dataclass(frozen=True, eq=False)
class Folds:
    """Fold (repeats, n) of every patient in every repeat.

    Attributes:
        pooled: True if a fold is too small to be judged by itself, so that scores of different folds are
            compared (leave-one-out).
    """

    of: Codes
    pooled: bool

    def __iter__(self) -> Iterator[tuple[int, int, Flags]]:
        """Repeat, fold, and who is left out (n,)."""
        for repeat, folds in enumerate(self.of):
            for fold in np.unique(folds):
                yield repeat, int(fold), folds == fold

    def first(self) -> Folds:
        """The first repeat alone."""
        return Folds(self.of[:1], self.pooled)


def deal(outcome: Outcome, plan: Resampling) -> Folds:
    """The folds that the study file asks for.

    Raises:
        InputError: fewer than 5 events, or patients of a class, in a fold.
    """
    n = len(outcome)
    if plan.leave_one_out:
        return Folds(np.arange(n)[None], pooled=True)
    groups = strata(outcome)
    counts = np.bincount(groups, minlength=2)
    least = int(counts[1]) if counted_as(outcome) == "events" else int(counts.min())
    if least // plan.folds < LEAST_EVENTS:
        raise InputError(
            f"Fewer than {LEAST_EVENTS} {counted_as(outcome)} in a fold.",
            got=f"{least} among {n} training patients, {plan.folds} folds",
            expected=f"at least {LEAST_EVENTS} in every fold",
            todo=f"Take {max(least // LEAST_EVENTS, 1)} folds or leave_one_out = true under [resampling]."
            if least >= 2 * LEAST_EVENTS
            else "Say leave_one_out = true under [resampling], or wait for more patients.",
        )
    rng = np.random.default_rng(plan.seed)
    return Folds(np.stack([_dealt(groups, plan.folds, rng) for _ in range(plan.repeats)]), pooled=False)


def leave_centre_out(centres: NDArray[Any]) -> Folds:
    """One fold a centre."""
    names, codes = np.unique(centres, return_inverse=True)
    if len(names) < 2:
        raise InputError("There is one centre only; none can be left out.", got=str(names[0]))
    return Folds(codes.astype(np.int64)[None], pooled=False)


def _dealt(groups: Codes, folds: int, rng: np.random.Generator) -> Codes:
    """Shuffled, sorted by group, and dealt like cards."""
    order = rng.permutation(len(groups))
    order = order[np.argsort(groups[order], kind="stable")]
    found = np.empty(len(groups), np.int64)
    found[order] = np.arange(len(groups)) % folds
    return found
