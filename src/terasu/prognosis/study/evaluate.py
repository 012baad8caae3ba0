"""Every candidate and every baseline judged on the training part, by patients they had not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from terasu.errors import TerasuError
from terasu.prognosis.models.contract import Outcome
from terasu.prognosis.study.cohort import Cohort
from terasu.prognosis.study.folds import Folds, leave_centre_out
from terasu.prognosis.study.gain import Gain, gain
from terasu.prognosis.study.ledger import Ledger
from terasu.prognosis.study.out_of_fold import OutOfFold, comparable, one_repeat, together
from terasu.prognosis.study.pairs import Interval, Pairs, draw_patients, interval, pairs_of, whole
from terasu.prognosis.study.pipeline import Pipeline
from terasu.prognosis.study.study_file import Reporting, Resampling
from terasu.prognosis.survival_data import Array

Role = Literal["candidate", "baseline"]


@dataclass(frozen=True, eq=False)
class Nested:
    """One pipeline, judged.

    Attributes:
        nested: C or AUC by patients not seen, with limits; None where ``reason`` says why.
        found: scores, groups and chances out of fold.
        pairs: what ``nested`` counts.
    """

    name: str
    role: Role
    nested: Interval | None
    found: OutOfFold | None
    pairs: Pairs | None
    reason: str


@dataclass(frozen=True)
class CentreOut:
    """One pipeline on one centre that it was not trained with; None where nothing can be compared."""

    model: str
    centre: str
    patients: int
    value: float | None
    reason: str


def judge(
    pipelines: Sequence[tuple[Pipeline, Role]],
    training: Cohort,
    folds: Folds,
    resampling: Resampling,
    report: tuple[tuple[float, ...], Reporting],
    *,
    path: Path | None,
    key: str,
    workers: int,
    advance: Callable[[int, int], None],
) -> tuple[Nested, ...]:
    """Nested, repeated cross-validation of all pipelines on the same folds.

    Args:
        report: horizons [days] and what else is reported.
        path: ledger; what it holds is not done again. key: what the results depend on.
    """
    by_name = {pipeline.name: pipeline for pipeline, _ in pipelines}

    def work(task: tuple[str, int]) -> dict[str, Any]:
        name, repeat = task
        return one_repeat(
            by_name[name],
            training,
            folds.of[repeat],
            horizons_days=report[0],
            cut_point=report[1].cut_point,
            seed=resampling.seed + 1000 * repeat,
        )

    tasks = [(name, repeat) for repeat in range(len(folds.of)) for name in by_name]
    results = dict(zip(tasks, Ledger(path, key).fill(tasks, work, workers, advance), strict=True))
    weights = draw_patients(len(training), resampling.bootstraps, resampling.seed)
    return tuple(
        _nested(
            pipeline.name,
            role,
            [results[pipeline.name, r] for r in range(len(folds.of))],
            folds,
            training.outcome,
            weights,
        )
        for pipeline, role in pipelines
    )


def gains(judged: Sequence[Nested], outcome: Outcome, resampling: Resampling) -> tuple[Gain, ...]:
    """Every candidate over every baseline, by the same draws of patients for all."""
    weights = draw_patients(len(outcome), resampling.bootstraps, resampling.seed)
    known = [one for one in judged if one.pairs is not None and one.found is not None]
    return tuple(
        gain((a.name, b.name), (a.pairs, b.pairs), (_place(a.found), _place(b.found)), outcome, weights)
        for a in known
        for b in known
        if a.role == "candidate" and b.role == "baseline" and a.pairs and b.pairs and a.found and b.found
    )


def centre_by_centre(
    pipelines: Sequence[Pipeline],
    training: Cohort,
    seed: int,
    *,
    path: Path | None,
    key: str,
    workers: int,
    advance: Callable[[int, int], None],
) -> tuple[CentreOut, ...]:
    """Leave one centre out at a time; nothing where there is one only."""
    centres = training.centres
    if centres is None or len(np.unique(centres)) < 2:
        return ()
    folds = leave_centre_out(centres)
    by_name = {one.name: one for one in pipelines}

    def work(name: str) -> dict[str, Any]:
        return one_repeat(
            by_name[name], training, folds.of[0], horizons_days=(), cut_point="median", seed=seed
        )

    found = Ledger(path, key).fill(list(by_name), work, workers, advance)
    return tuple(
        _at(name, str(centre), told, training, centres == centre)
        for name, told in zip(by_name, found, strict=True)
        for centre in np.unique(centres)
    )


def _at(name: str, centre: str, told: dict[str, Any], training: Cohort, rows: Any) -> CentreOut:
    here = training.take(rows)
    if "reason" in told:
        return CentreOut(name, centre, len(here), None, told["reason"])
    try:
        value = whole(np.array(told["score"])[rows], here.outcome).value
    except TerasuError as error:
        return CentreOut(name, centre, len(here), None, error.what)
    return CentreOut(name, centre, len(here), value, "")


def _nested(
    name: str, role: Role, repeats: list[dict[str, Any]], folds: Folds, outcome: Outcome, weights: Array
) -> Nested:
    try:
        found = together(repeats)
        pairs = pairs_of(comparable(found, folds), folds, outcome)
    except TerasuError as error:
        return Nested(name, role, None, None, None, error.got or error.what)
    return Nested(name, role, interval(pairs.value, pairs.drawn(weights)), found, pairs, "")


def _place(found: OutOfFold) -> Array:
    """(n,) mean over repeats."""
    return np.asarray(found.place.mean(axis=0))
