"""Who is put aside for the test."""

from __future__ import annotations

import numpy as np

from terasu.errors import InputError
from terasu.prognosis.study.cohort import Cohort
from terasu.prognosis.study.outcomes import strata
from terasu.prognosis.study.study_file import Split
from terasu.prognosis.survival_data import Flags


def split_of(cohort: Cohort, split: Split) -> Flags:
    """(n,) True for test patients: the external cohort, or what the column says, or a share drawn by seed.

    The draw deals events (or classes) evenly and depends on ids, seed and outcome only, not on the order of
    rows.

    Raises:
        InputError: the column names nobody for the test, or nobody is left for one of the sides.
    """
    if cohort.external.any():
        return cohort.external
    if split.column:
        test = np.asarray(cohort.split == split.test, np.bool_)
        if not test.any() or len(np.unique(cohort.split)) != 2:
            raise InputError(
                f"The split column {split.column!r} does not say who is on which side.",
                got=", ".join(
                    f"{one}: {int((cohort.split == one).sum())}" for one in np.unique(cohort.split)
                ),
                expected=f"{split.test!r} for test patients, one other word for training, no empty cell",
            )
        return test
    test = np.zeros(len(cohort), np.bool_)
    rng = np.random.default_rng(split.seed)
    order = np.argsort(np.array([one.casefold() for one in cohort.patients]), kind="stable")
    groups = strata(cohort.outcome)
    for group in np.unique(groups):
        mine = order[groups[order] == group]
        test[rng.permutation(mine)[: round(split.test_fraction * len(mine))]] = True
    return test
