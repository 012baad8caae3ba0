"""The models of a study, and the baselines that each of them has to beat."""

from __future__ import annotations

import re
from collections.abc import Sequence

from terasu.errors import InputError
from terasu.prognosis.study.cohort import Cohort
from terasu.prognosis.study.nearest import unknown
from terasu.prognosis.study.pipeline import Pipeline
from terasu.prognosis.study.recipes import is_without_penalty, recipe_of
from terasu.prognosis.study.steps.impute import Impute
from terasu.prognosis.study.steps.independent import Independent
from terasu.prognosis.study.steps.log import Log
from terasu.prognosis.study.steps.reading import read_steps
from terasu.prognosis.study.steps.scale import Scale
from terasu.prognosis.study.study_file import Candidate
from terasu.prognosis.study.study_reading import Study

VOLUME, CLINICAL, CENTRE, BOTH = "volume alone", "clinical alone", "centre alone", "clinical and volume"


def candidates(study: Study, cohort: Cohort) -> tuple[Pipeline, ...]:
    """The pipelines of the study file, in its order.

    Raises:
        InputError: a model, an option, a step or a feature that is not known.
    """
    return tuple(_candidate(study, cohort, one) for one in study.says.models)


def baselines(study: Study, cohort: Cohort) -> tuple[Pipeline, ...]:
    """Volume, clinical columns, centre alone, clinical with volume, others by name: as far as there are any.

    Each is a regression without a penalty on what there is, of the logarithm of the volume; columns that are
    combinations of others are left out.
    """
    volume, clinical = study.says.baselines.volume, study.says.baselines.clinical
    if volume and volume not in cohort.features:
        raise unknown("The volume is not among the features.", volume, cohort.features)
    label = bool(study.says.endpoint.label)
    kind = "logistic" if label else "cox"
    for name in study.says.baselines.others:
        _refuse_own_name(name)
    sets = [
        (VOLUME, (volume,) if volume else (), ()),
        (CLINICAL, (), clinical),
        (BOTH, (volume,) if volume and clinical else (), clinical if volume else ()),
        (CENTRE, (), (cohort.centre,) if cohort.centre else ()),
        *((name, (), columns) for name, columns in study.says.baselines.others.items()),
    ]
    prepared = (Impute(), Log(), Scale())
    return tuple(
        Pipeline(name, features, others, prepared, recipe_of(kind, {}, label=label), kind, (Independent(),))
        for name, features, others in sets
        if features or others
    )


def chosen_features(cohort: Cohort, said: Sequence[str]) -> tuple[str, ...]:
    """Features by name, or by regular expression where no feature has that name; all if nothing is said."""
    if not said:
        return cohort.features
    wanted: set[str] = set()
    for one in said:
        found = {one} if one in cohort.features else _matching(one, cohort.features)
        if not found:
            raise unknown("A model asks for a feature that is not there.", one, cohort.features)
        wanted |= found
    return tuple(name for name in cohort.features if name in wanted)


def _candidate(study: Study, cohort: Cohort, said: Candidate) -> Pipeline:
    _refuse_own_name(said.name)
    steps = read_steps(study, study.says.steps if said.steps is None else said.steps)
    clinical = study.says.baselines.clinical if said.clinical else ()
    last = (Independent(),) if is_without_penalty(said.model) else ()
    features = chosen_features(cohort, said.features)
    recipe = recipe_of(said.model, dict(said.options), label=bool(study.says.endpoint.label))
    return Pipeline(said.name, features, clinical, steps, recipe, said.model, last)


def _refuse_own_name(name: str) -> None:
    if name in (VOLUME, CLINICAL, CENTRE, BOTH):
        raise InputError(
            "A name is that of a baseline which every study has.", got=name, expected="another name"
        )


def _matching(expression: str, names: Sequence[str]) -> set[str]:
    try:
        return {name for name in names if re.search(expression, name)}
    except re.error:
        return set()
