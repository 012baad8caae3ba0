"""Steps from the study file, and fitted steps from a saved model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from terasu.errors import InputError
from terasu.prognosis.study.nearest import unknown
from terasu.prognosis.study.sheets import require_columns
from terasu.prognosis.study.steps.combat import Combat, harmonised_from
from terasu.prognosis.study.steps.contract import FittedStep, Step
from terasu.prognosis.study.steps.filters import Correlation, Stability, Univariable, Variance, kept_from
from terasu.prognosis.study.steps.impute import Impute, imputed_from
from terasu.prognosis.study.steps.log import Log, logged_from
from terasu.prognosis.study.steps.scale import Scale, scaled_from
from terasu.prognosis.study.study_reading import Study

STEPS: dict[str, type[Any]] = {
    "impute": Impute,
    "log": Log,
    "scale": Scale,
    "combat": Combat,
    "variance": Variance,
    "correlation": Correlation,
    "univariable": Univariable,
}
_GRADES = {"excellent": 0.9, "good": 0.75, "moderate": 0.5}
_FITTED: dict[str, Callable[[dict[str, Any]], FittedStep]] = {
    "impute": imputed_from,
    "log": logged_from,
    "scale": scaled_from,
    "combat": harmonised_from,
    "keep": kept_from,
}


def read_steps(study: Study, said: Sequence[dict[str, Any]]) -> tuple[Step, ...]:
    """The steps of a study or of one of its models, in order.

    Raises:
        InputError: a step or an option that is not known, a value that cannot be, a table without ICC.
    """
    return tuple(_step(study, dict(one)) for one in said)


def step_from_dict(saved: dict[str, Any]) -> FittedStep:
    """A fitted step as it was saved."""
    return _FITTED[saved["step"]](saved)


def _step(study: Study, said: dict[str, Any]) -> Step:
    kind = str(said.pop("step", ""))
    if kind == "stability":
        return _stability(study, said)
    if kind not in STEPS:
        raise unknown("A step of the study is not known.", kind, [*STEPS, "stability"])
    options = [field.name for field in dataclasses.fields(STEPS[kind])]
    for key in said:
        if key not in options:
            raise unknown(f"The step {kind!r} has no such option.", key, options)
    try:
        step: Step = TypeAdapter(STEPS[kind]).validate_python(said)
    except ValidationError as error:
        raise InputError(
            f"An option of the step {kind!r} cannot be.",
            got="; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()),
            expected=", ".join(options),
        ) from error
    return step


def _stability(study: Study, said: dict[str, Any]) -> Step:
    """Names of the features whose lower confidence limit of the ICC (or the ICC itself) is high enough."""
    for key in said:
        if key not in ("table", "least", "by"):
            raise unknown("The step 'stability' has no such option.", key, ("table", "least", "by"))
    if "table" not in said:
        raise InputError("The step 'stability' needs the table of ICC.", expected='table = "reliability.csv"')
    path = study.file(str(said["table"]))
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"The table of ICC cannot be read: {path.name}.", got=str(error)) from error
    by, least = str(said.get("by", "ci_low")), said.get("least", "good")
    require_columns(table, ("feature", by), path.name)
    limit = _GRADES.get(least) if isinstance(least, str) else float(least)
    if limit is None:
        raise unknown("There is no such grade of stability.", str(least), _GRADES)
    stable = frozenset(table.loc[table[by] >= limit, "feature"].astype(str))
    return Stability(stable, ("", *(one.prefix for one in study.says.tables if one.prefix)))
