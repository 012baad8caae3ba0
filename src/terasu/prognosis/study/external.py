"""A second cohort beside the first: nobody in both, the same columns, the same coding."""

from __future__ import annotations

import numpy as np
import pandas as pd

from terasu.errors import InputError
from terasu.prognosis.study.cohort import Cohort
from terasu.prognosis.study.nearest import listed
from terasu.prognosis.study.outcomes import joined


def with_external(own: Cohort, other: Cohort) -> Cohort:
    """Both cohorts as one, the external patients last.

    Raises:
        InputError: a patient is in both, or columns are missing or coded otherwise.
    """
    _refuse_shared(own, other)
    _refuse_other_features(own, other)
    _refuse_other_kinds(own, other)
    return _side_by_side(own, other)


def _refuse_shared(own: Cohort, other: Cohort) -> None:
    mine = {name.casefold(): row for name, row in zip(own.patients, own.rows, strict=True)}
    both = [(mine[name.casefold()], row) for name, row in zip(other.patients, other.rows, strict=True)
            if name.casefold() in mine]  # fmt: skip
    if both:
        raise InputError(
            "Patients of the external cohort are in the training cohort as well.",
            got=f"row {both[0][1]} of the external sheet is row {both[0][0]} ({len(both)} such patients)",
            expected="no patient in both",
            todo="Leave them out of one of the two.",
        )


def _refuse_other_features(own: Cohort, other: Cohort) -> None:
    missing = [one for one in own.table.columns if one not in other.table.columns and one != own.centre]
    if missing:
        raise InputError(
            "The external cohort lacks columns of the study.",
            got=f"no {listed(missing)}",
            expected="the same features and clinical columns",
            todo="Use rename in the tables of [external].",
        )


def _refuse_other_kinds(own: Cohort, other: Cohort) -> None:
    for name in own.clinical:
        kinds = [pd.api.types.is_numeric_dtype(one.table[name]) for one in (own, other)]
        if kinds[0] != kinds[1]:
            raise InputError(
                f"Clinical column {name!r} holds numbers in one cohort and words in the other.",
                got=f"for example {other.table[name].dropna().iloc[0]!r} in the external cohort",
                expected="the same coding in both",
            )


def _side_by_side(own: Cohort, other: Cohort) -> Cohort:
    theirs = other.table.rename(columns={other.centre: own.centre} if own.centre and other.centre else {})
    if own.centre and own.centre not in theirs.columns:
        theirs = theirs.assign(**{own.centre: "external"})
    return Cohort(
        own.patients + other.patients,
        own.rows + other.rows,
        pd.concat([own.table, theirs[list(own.table.columns)]], ignore_index=True),
        own.features,
        own.clinical,
        own.centre,
        joined(own.outcome, other.outcome),
        np.concatenate([own.external, other.external]),
        np.concatenate([own.split, np.full(len(other), "")]),
        own.notes + other.notes,
    )
