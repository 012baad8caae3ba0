"""From the numbers of a study to what its conclusion rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from terasu.prognosis.models.contract import Outcome
from terasu.prognosis.study.cohort import Cohort
from terasu.prognosis.study.cohort_check import lives_on
from terasu.prognosis.study.conclusion import Evidence
from terasu.prognosis.study.evaluate import Nested, Role
from terasu.prognosis.study.events_per_variable import EventsPerVariable, events_per_variable
from terasu.prognosis.study.family import Family
from terasu.prognosis.study.gain import Gain
from terasu.prognosis.study.null import Null
from terasu.prognosis.study.pairs import Interval
from terasu.prognosis.study.pipeline import Pipeline
from terasu.prognosis.study.records import ModelResult
from terasu.prognosis.survival_data import Survival


def measure_of(outcome: Outcome) -> str:
    """What the share of pairs is called."""
    if isinstance(outcome, Survival):
        return "C-index"
    return "AUC" if len(outcome.classes) == 2 else "ordinal C-index"


def outcome_record(outcome: Outcome) -> dict[str, Any]:
    """The outcome of the rows that scores belong to, as JSON."""
    if isinstance(outcome, Survival):
        return {"time_days": outcome.time_days.tolist(), "event": outcome.event.tolist()}
    return {"code": outcome.codes.tolist(), "classes": list(outcome.classes)}


def best_of(judged: Sequence[Nested], role: Role) -> str:
    """The name with the highest nested value, the first of equals; empty if none could be judged."""
    known = [(one.nested.value, one.name) for one in judged if one.role == role and one.nested is not None]
    return max(known, key=lambda one: one[0])[1] if known else ""


def training_evidence(
    training: Cohort,
    models: Sequence[ModelResult],
    chosen: Pipeline | None,
    added: Sequence[Gain],
    rival: str,
    null: Null | None,
    family: Family | None,
) -> Evidence | None:
    """What the training part says of the chosen candidate; None if there is none."""
    result = next((one for one in models if chosen is not None and one.name == chosen.name), None)
    if chosen is None or result is None or result.nested is None or result.apparent is None:
        return None
    return Evidence(
        measure_of(training.outcome),
        chosen.name,
        sum(one.role == "candidate" for one in models),
        result.apparent,
        result.nested,
        tuple(one for one in added if one.model == chosen.name),
        rival,
        null.p if null else None,
        len(null.reached) if null else 0,
        float(family.adjusted_p[family.best]) if family else None,
        null.leaks if null else (),
        _lives_on(chosen, training, len(result.weights)),
        tuple(f"{one.name} ({one.reason})" for one in models if one.role == "baseline" and one.reason),
    )


def _lives_on(chosen: Pipeline, training: Cohort, used: int) -> EventsPerVariable:
    """Of a model that chooses, what it has for each of the variables that it chose."""
    before = lives_on(chosen, training)
    if not before.penalised:
        return before
    return events_per_variable(chosen.name, max(used, 1), before.counted, penalised=True)


def with_test(of: Evidence, test: Interval, over: Interval | None, openings: int) -> Evidence:
    """The same with what the test set says."""
    return replace(of, test=test, test_gain=over, openings=openings)
