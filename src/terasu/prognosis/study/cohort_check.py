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
from terasu.prognosis.study.column_check import (
    refuse_odd_words,
    refuse_outcome,
    refuse_single_level,
    telling_centre,
)
from terasu.prognosis.study.events_per_variable import EventsPerVariable, events_per_variable
from terasu.prognosis.study.folds import deal
from terasu.prognosis.study.follow_up import follow_up_warnings
from terasu.prognosis.study.nearest import listed
from terasu.prognosis.study.outcomes import counted_as, least_counted
from terasu.prognosis.study.pipeline import Pipeline
from terasu.prognosis.study.recipes import is_without_penalty
from terasu.prognosis.study.study_reading import Study
from terasu.prognosis.study.twins import twins
from terasu.prognosis.survival_data import Flags, Survival

_VOLUME_RHO = 0.9
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
    doubts = refuse_outcome(study, cohort)
    refuse_single_level(cohort)
    refuse_odd_words(cohort)
    warnings = [*cohort.notes, *doubts, *_twins(cohort, test), *telling_centre(cohort)]
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
            todo="Find out who they are; name one of the two under leave_out.",
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
