"""The test set opened: the saved models, as they are, on patients that nothing has seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from terasu import __version__
from terasu.errors import InputError, TerasuError
from terasu.prognosis.study.cohort import Cohort
from terasu.prognosis.study.conclusion import Evidence, conclude
from terasu.prognosis.study.evidence import measure_of, outcome_record, with_test
from terasu.prognosis.study.final import FinalModel, read_model
from terasu.prognosis.study.gain import Gain, gain
from terasu.prognosis.study.lock import Opening
from terasu.prognosis.study.out_of_fold import chances, groups, places, within
from terasu.prognosis.study.pairs import draw_patients, interval, whole
from terasu.prognosis.study.records import ModelResult, StudyFit, TestedModel, TestResult
from terasu.prognosis.study.study_file import StudyFile
from terasu.prognosis.survival_data import Array, Flags


def refuse_without_test(test: Flags) -> None:
    """Refuse to open what is not there."""
    if not test.any():
        raise InputError(
            "The study has no test set.",
            expected="test_fraction above 0, a split column, or [external]",
            todo="Say so in the study file before the study is locked.",
        )


def examine(says: StudyFile, fit: StudyFit, test: Cohort, opening: Opening, out: Path) -> TestResult:
    """Every saved model on the test patients.

    Args:
        fit: what ``read_fit`` gave.
        test: test patients.
    """
    weights = draw_patients(len(test), says.resampling.bootstraps, says.resampling.seed)
    tested = tuple(_tested(one, test, weights, out) for one in fit.models)
    added = _gains(tested, test, weights)
    return TestResult(
        says.name,
        opening.lock_sha256,
        __version__,
        opening.number,
        opening.opened_at,
        measure_of(test.outcome),
        len(test),
        fit.horizons_days,
        outcome_record(test.outcome),
        tested,
        added,
        {one.name: _optimism(one, now) for one, now in zip(fit.models, tested, strict=True)},
        conclude(_evidence(fit, tested, added, opening)),
    )


def _tested(saved: ModelResult, test: Cohort, weights: Array, out: Path) -> TestedModel:
    name, role = saved.name, saved.role
    if not saved.file:
        return TestedModel(name, role, None, saved.reason, None, None, None, None)
    try:
        model = read_model(out / saved.file)
        score = model.pipeline.score(test.table, test.centres)
        pairs = whole(score, test.outcome)
        told = chances(model.pipeline, test, _horizons(model, test))
    except TerasuError as error:
        return TestedModel(name, role, None, f"{error.what} {error.got}".strip(), None, None, None, None)
    place = places(score, model.training_scores)
    value = interval(pairs.value, pairs.drawn(weights))
    group, cautions = groups(place, model.cut_point), _cautions(model, test)
    return TestedModel(name, role, value, "", score, place, group, np.array(told), cautions)


def _cautions(model: FinalModel, test: Cohort) -> tuple[str, ...]:
    columns = model.pipeline.columns(test.table, test.centres)
    outside = sum(refused for refused, _ in model.seen.judge(columns))
    words = [f"{outside} of {len(test)} patients lie outside of what the model has seen"] if outside else []
    words += [f"{one}: words that training has not" for one in model.pipeline.strangers(test.table)]
    return (*words, *model.pipeline.cautions(test.centres))


def _optimism(saved: ModelResult, now: TestedModel) -> dict[str, float | None]:
    return {
        "apparent": saved.apparent,
        "nested": saved.nested.value if saved.nested else None,
        "test": now.value.value if now.value else None,
    }


def _horizons(model: FinalModel, test: Cohort) -> tuple[float, ...]:
    """Those of the study, none beyond what the model has followed."""
    return tuple(min(one, model.follow_up_days) for one in within(model.horizons_days, test.outcome))


def _gains(tested: tuple[TestedModel, ...], test: Cohort, weights: Array) -> tuple[Gain, ...]:
    known = [one for one in tested if one.value is not None]
    return tuple(
        gain(
            (a.name, b.name),
            (whole(a.score, test.outcome), whole(b.score, test.outcome)),
            (a.place, b.place),
            test.outcome,
            weights,
        )
        for a in known
        for b in known
        if a.role == "candidate" and b.role == "baseline"
    )


def _evidence(
    fit: StudyFit, tested: tuple[TestedModel, ...], added: tuple[Gain, ...], opening: Opening
) -> Evidence | None:
    before = fit.evidence
    now = next((one.value for one in tested if before is not None and one.name == before.model), None)
    if before is None or now is None:
        return before
    over = next(
        (g.difference for g in added if g.model == before.model and g.over == before.best_baseline), None
    )
    return with_test(before, now, over, opening.number)
