"""Everything that can be seen to be wrong before a model is fitted, and what the study has to live on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from terasu.errors import InputError
from terasu.prognosis.study.cohort import Cohort
from terasu.prognosis.study.events_per_variable import EventsPerVariable, events_per_variable
from terasu.prognosis.study.folds import deal
from terasu.prognosis.study.follow_up import follow_up_warnings
from terasu.prognosis.study.nearest import listed
from terasu.prognosis.study.outcome_leaks import leaks_by_content, leaks_by_name
from terasu.prognosis.study.outcomes import counted_as, least_counted
from terasu.prognosis.study.pipeline import Pipeline
from terasu.prognosis.study.recipes import is_without_penalty
from terasu.prognosis.study.steps.clinical import words_of
from terasu.prognosis.study.study_reading import Study
from terasu.prognosis.study.twins import twins
from terasu.prognosis.survival_data import Flags, Survival

_VOLUME_RHO = 0.9
_MOST_WORDS = 15
_ENOUGH_TO_TEST = 20


@dataclass(frozen=True)
class CheckReport:
    """What the check found; a study that must not go on never gets one.

    Attributes:
        counted: events and censored, or patients of each class, in all, training and test.
        constant, empty: features without variation and without any value in the training part; they are
            dropped there.
        missing: feature → patients without a value, the worst first.
        volume_followers: features whose |Spearman's rho| with the volume is above 0.9; None without a volume.
        models: what each model has to live on.
        warnings: what the reader must know, in sentences.
    """

    study: str
    patients: int
    training: int
    test: int
    counted: dict[str, dict[str, int]]
    features: int
    constant: tuple[str, ...]
    empty: tuple[str, ...]
    missing: dict[str, int]
    volume_followers: int | None
    models: tuple[EventsPerVariable, ...]
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def check_cohort(
    study: Study, cohort: Cohort, test: Flags, models: Sequence[Pipeline], others: Sequence[Pipeline]
) -> CheckReport:
    """Look at everything before anything is fitted.

    Args:
        models, others: candidates and baselines.
    Raises:
        InputError: the outcome among the features, a patient twice, a column of one word, all features
            constant, too few events in a fold, too few events for a model.
    """
    doubts = _refuse_outcome(study, cohort)
    _refuse_single_level(cohort)
    _refuse_odd_words(cohort)
    warnings = [*cohort.notes, *doubts, *_twins(cohort, test), *_telling_centre(cohort)]
    training = cohort.take(~test)
    deal(training.outcome, study.says.resampling)
    warnings += follow_up_warnings(study.says, training.outcome)
    warnings += _small_test(cohort, test)
    values = training.table[list(cohort.features)]
    empty = tuple(str(one) for one in values.columns[values.isna().all()])
    constant = tuple(str(one) for one in values.columns[values.nunique() == 1])
    if len(empty) + len(constant) == len(cohort.features):
        raise InputError(
            "No feature varies in the training part.",
            got=f"{len(constant)} constant, {len(empty)} without a value",
            expected="features that differ between patients",
        )
    if constant or empty:
        warnings.append(f"Constant or without a value in training, dropped: {listed(constant + empty)}.")
    lived = tuple(lives_on(one, training) for one in (*models, *others))
    _refuse_too_few(lived[: len(models)])
    warnings += _sparse(lived)
    lost = values.isna().sum().sort_values(ascending=False, kind="stable")
    return CheckReport(
        study.says.name,
        len(cohort),
        int((~test).sum()),
        int(test.sum()),
        {"all": _counts(cohort), "training": _counts(training), "test": _counts(cohort.take(test))},
        len(cohort.features),
        constant,
        empty,
        {str(name): int(one) for name, one in lost.items() if one > 0},
        _followers(values, study.says.baselines.volume),
        lived,
        tuple(warnings),
    )


def _refuse_outcome(study: Study, cohort: Cohort) -> list[str]:
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


def _refuse_single_level(cohort: Cohort) -> None:
    for name in (*cohort.clinical, *((cohort.centre,) if cohort.centre else ())):
        column = cohort.table[name]
        if column.nunique(dropna=False) < 2:
            value = words_of(column)[0]
            raise InputError(
                f"Column {name!r} has one value only.",
                got=f"{value!r} in every row",
                expected="a column that tells patients apart",
                todo="Leave it out of the study file.",
            )


def _refuse_odd_words(cohort: Cohort) -> None:
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
                got=f"{column.iloc[int(np.argmax(words))]!r} ({int(words.sum())} such rows)",
                expected="numbers, or empty cells",
                todo="Mend the row, or name the word under missing.",
            )
        if column.nunique() > max(_MOST_WORDS, 0.1 * len(cohort)):
            raise InputError(
                f"Clinical column {name!r} has too many different words to be categories.",
                got=f"{column.nunique()} in {len(cohort)} patients, the first in row {row}",
                expected=f"at most {_MOST_WORDS}, or a column of numbers (days, not dates)",
            )


def _telling_centre(cohort: Cohort) -> list[str]:
    if not cohort.centre or not leaks_by_content(cohort.table[[cohort.centre]], cohort.outcome):
        return []
    return [
        f"The centre ({cohort.centre}) tells the outcome by itself: what any model finds may be the scanner."
    ]


def _twins(cohort: Cohort, test: Flags) -> list[str]:
    """Refuse the same features on both sides of the split; warn of them on one side."""
    pairs = twins(cohort.table[list(cohort.features)])
    across = [(i, j) for i, j in pairs if test[i] != test[j]]
    if across:
        i, j = across[0]
        raise InputError(
            "A test patient is in the training part under another id: the features are the same.",
            got=f"rows {cohort.rows[i]} and {cohort.rows[j]}"
            + (f" ({len(across)} such pairs)" if len(across) > 1 else ""),
            expected="every patient on one side of the split",
            todo="Find out who they are; leave one out of the sheet.",
        )
    if not pairs:
        return []
    shown = listed(f"{cohort.rows[i]} and {cohort.rows[j]}" for i, j in pairs)
    return [f"Patients with the same features under different ids, in rows {shown}: one patient twice?"]


def lives_on(pipeline: Pipeline, training: Cohort) -> EventsPerVariable:
    """What one model has to live on: the columns that reach it when its steps see the training part."""
    columns = pipeline.prepare(training.table, training.outcome, training.centres).columns
    penalised = not is_without_penalty(pipeline.kind)
    counted = least_counted(training.outcome)
    return events_per_variable(pipeline.name, len(columns.names), counted, penalised=penalised)


def _refuse_too_few(lived: Sequence[EventsPerVariable]) -> None:
    for one in lived:
        if one.verdict == "refused":
            raise InputError(
                f"Model {one.model!r} has too few events for its variables.",
                got=f"{one.counted} for {one.variables} variables ({one.per_variable:.1f} each)",
                expected="3 or more for each variable, better 10",
                todo="Choose fewer features, put a selection step before it, or take a penalised model.",
            )


def _sparse(lived: Sequence[EventsPerVariable]) -> list[str]:
    few = [one for one in lived if one.verdict != "enough"]
    return [
        f"{one.model}: {one.per_variable:.2g} events for each of {one.variables} variables"
        f" ({'it chooses among them' if one.penalised else 'fewer than 10'})."
        for one in few
    ]


def _small_test(cohort: Cohort, test: Flags) -> list[str]:
    counted = least_counted(cohort.outcome.take(test)) if test.any() else _ENOUGH_TO_TEST
    if counted >= _ENOUGH_TO_TEST:
        return []
    return [f"The test set has {counted} {counted_as(cohort.outcome)}: its limits will be wide."]


def _counts(cohort: Cohort) -> dict[str, int]:
    if isinstance(cohort.outcome, Survival):
        return {"events": cohort.outcome.events, "censored": len(cohort) - cohort.outcome.events}
    return dict(zip(cohort.outcome.classes, cohort.outcome.counts.tolist(), strict=True))


def _followers(values: pd.DataFrame, volume: str) -> int | None:
    if not volume:
        return None
    known = values[volume].notna()
    filled = values[known].fillna(values[known].median()).to_numpy(np.float64)
    filled = np.where(np.isnan(filled), 0.0, filled)
    ranks = rankdata(filled, axis=0)
    ranks -= ranks.mean(axis=0)
    size = np.sqrt((ranks**2).sum(axis=0))
    unit = ranks / np.where(size > 0, size, 1.0)
    rho = np.abs(unit.T @ unit[:, list(values.columns).index(volume)])
    return int((rho > _VOLUME_RHO).sum()) - 1
