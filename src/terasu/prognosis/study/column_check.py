"""Columns that must not go into a study as they are."""

from __future__ import annotations

import numpy as np
import pandas as pd

from terasu.errors import InputError
from terasu.prognosis.study.cohort import Cohort
from terasu.prognosis.study.nearest import listed
from terasu.prognosis.study.outcome_leaks import leaks_by_content, leaks_by_name
from terasu.prognosis.study.steps.clinical import words_of
from terasu.prognosis.study.study_reading import Study

_MOST_WORDS = 15


def refuse_outcome(study: Study, cohort: Cohort) -> list[str]:
    """Refuse columns that are the outcome, unless the study allows them by name; tell of those in doubt."""
    allowed = set(study.says.allow)
    ends = study.says.endpoint.columns
    plain = {name.removeprefix(one.prefix): name for one in study.says.tables for name in cohort.features}
    named = [*leaks_by_name(tuple(plain), ends), *leaks_by_name(cohort.clinical, ends)]
    table = cohort.table[[*cohort.features, *cohort.clinical]]
    held = leaks_by_content(table, cohort.outcome)
    found = {one.column: one.why for one in held if one.certain}
    for leak in named:
        name = plain.get(leak.column, leak.column)
        found[name] = f"{found[name]}; {leak.why}" if name in found else leak.why
    left = {name: why for name, why in found.items() if name not in allowed}
    if left:
        raise InputError(
            "Columns of the outcome are among the features.",
            got=listed((f"{name}: {why}" for name, why in left.items()), 8),
            expected="features that were known before the outcome",
            todo="Leave them out (exclude, or another choice of columns); a column that is truly no outcome "
            "may stay if its name stands under allow.",
        )
    return [
        f"{one.column} is suspiciously close to the outcome: {one.why}." for one in held if not one.certain
    ]


def refuse_single_level(cohort: Cohort) -> None:
    """Refuse a clinical column or a centre with one value only."""
    for name in (*cohort.clinical, *((cohort.centre,) if cohort.centre else ())):
        column = cohort.table[name]
        if column.nunique(dropna=False) < 2:
            value = str(words_of(column)[0])
            raise InputError(
                f"Column {name!r} has one value only.",
                got=f"{value!r} in every row",
                expected="a column that tells patients apart",
                todo="Leave it out of the study file.",
            )


def refuse_odd_words(cohort: Cohort) -> None:
    """Refuse numbers with a word among them, and words that are no categories (dates, free text)."""
    for name in cohort.clinical:
        column = cohort.table[name]
        if pd.api.types.is_numeric_dtype(column):
            continue
        known = column.notna().to_numpy()
        words = known & pd.to_numeric(column, errors="coerce").isna().to_numpy()
        row = cohort.rows[int(np.argmax(words))]
        if words.sum() < 0.5 * known.sum():
            raise InputError(
                f"Clinical column {name!r} holds numbers, but a word in row {row}.",
                got=f"{str(column.iloc[int(np.argmax(words))])!r} ({int(words.sum())} such rows)",
                expected="numbers, or empty cells",
                todo="Mend the row, or name the word under missing.",
            )
        if column.nunique() > max(_MOST_WORDS, 0.1 * len(cohort)):
            raise InputError(
                f"Clinical column {name!r} has too many different words to be categories.",
                got=f"{column.nunique()} in {len(cohort)} patients, the first in row {row}",
                expected=f"at most {_MOST_WORDS}, or a column of numbers (days, not dates)",
            )


def telling_centre(cohort: Cohort) -> list[str]:
    """Warn where the centre is the outcome, more or less."""
    if not cohort.centre or not leaks_by_content(cohort.table[[cohort.centre]], cohort.outcome):
        return []
    return [
        f"The centre ({cohort.centre}) tells the outcome by itself: what any model finds may be the scanner."
    ]
