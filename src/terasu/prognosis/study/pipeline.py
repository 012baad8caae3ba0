"""Steps and a model as one thing that is fitted, saved and applied as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.prognosis.models.contract import (
    FittedLabel,
    FittedSurvival,
    LabelModel,
    Labels,
    Outcome,
    SurvivalModel,
)
from terasu.prognosis.study.steps.clinical import Clinical, clinical_from, fit_clinical
from terasu.prognosis.study.steps.columns import Columns, Rows, columns_of
from terasu.prognosis.study.steps.combat import Combat, Harmonised
from terasu.prognosis.study.steps.contract import FittedStep, Step
from terasu.prognosis.study.steps.reading import step_from_dict
from terasu.prognosis.survival_data import Array, Survival

FittedModel = FittedSurvival | FittedLabel
Recipe = SurvivalModel | LabelModel


@dataclass(frozen=True)
class Pipeline:
    """A candidate or a baseline before it has seen anything.

    Attributes:
        features, clinical: columns that it is given.
        steps: on the features, in order; the clinical columns are prepared by themselves and join after.
        last: on both together.
        recipe: the model; kind: what the study file calls it.
    """

    name: str
    features: tuple[str, ...]
    clinical: tuple[str, ...]
    steps: tuple[Step, ...]
    recipe: Recipe
    kind: str
    last: tuple[Step, ...] = ()

    @property
    def asked(self) -> tuple[str, ...]:
        """Columns of the clinical sheet that model or steps look at."""
        return _asked(self.clinical, self.steps)

    def fit(
        self, table: pd.DataFrame, outcome: Outcome, centres: NDArray[Any] | None, *, seed: int
    ) -> FittedPipeline:
        """Fit every step and the model on these rows, and on nothing else.

        Args:
            table: (n, …) training rows with at least the columns that the pipeline is given.
        Raises:
            TerasuError: a step or the model cannot be fitted on these rows.
        """
        found = self.prepare(table, outcome, centres)
        model = _fitted(self.recipe, found.columns, outcome, seed)
        return FittedPipeline(
            self.name, self.kind, self.features, self.clinical, found.steps, found.clinical, found.last, model
        )

    def prepare(self, table: pd.DataFrame, outcome: Outcome, centres: NDArray[Any] | None) -> Prepared:
        """Fit the steps alone."""
        rows, fitted = Rows(centres, table), list[FittedStep]()
        columns = columns_of(table, self.features)
        for step in self.steps if self.features else ():
            fitted.append(step.fit(columns, outcome, rows))
            columns = fitted[-1].apply(columns, rows)
        clinical = fit_clinical(table, self.clinical)
        if self.clinical:
            columns = columns.beside(clinical.apply(table))
        if not columns.names:
            raise InputError(f"{self.name}: no column varies in the training rows.", expected="one that does")
        last = list[FittedStep]()
        for step in self.last:
            last.append(step.fit(columns, outcome, rows))
            columns = last[-1].apply(columns, rows)
        return Prepared(tuple(fitted), clinical, tuple(last), columns)


@dataclass(frozen=True, eq=False)
class Prepared:
    """Fitted steps, and the training rows as the model will see them."""

    steps: tuple[FittedStep, ...]
    clinical: Clinical
    last: tuple[FittedStep, ...]
    columns: Columns


@dataclass(frozen=True, eq=False)
class FittedPipeline:
    """Steps and model as fitted: all that is needed to score anybody."""

    name: str
    kind: str
    features: tuple[str, ...]
    clinical_columns: tuple[str, ...]
    steps: tuple[FittedStep, ...]
    clinical: Clinical
    last: tuple[FittedStep, ...]
    model: FittedModel

    def columns(self, table: pd.DataFrame, centres: NDArray[Any] | None) -> Columns:
        """What the model sees of these rows."""
        rows, columns = Rows(centres, table), columns_of(table, self.features)
        for step in self.steps:
            columns = step.apply(columns, rows)
        if self.clinical_columns:
            columns = columns.beside(self.clinical.apply(table))
        for step in self.last:
            columns = step.apply(columns, rows)
        return columns

    def score(self, table: pd.DataFrame, centres: NDArray[Any] | None) -> Array:
        """(n,) higher: sooner, or of a higher class (of more than two, the expected position)."""
        x = self.columns(table, centres).x
        if len(self.classes) < 3:
            return self.model.score(x)
        return np.asarray(self.probability(table, centres) @ np.arange(len(self.classes)))

    @property
    def asked(self) -> tuple[str, ...]:
        """Columns of the clinical sheet that model or steps look at."""
        return _asked(self.clinical_columns, self.steps)

    def strangers(self, table: pd.DataFrame) -> tuple[str, ...]:
        """Those of them in which a word stands that training has not seen."""
        steps = (one.clinical for one in self.steps if isinstance(one, Harmonised))
        found = (name for one in (self.clinical, *steps) for name in one.strangers(table))
        return tuple(dict.fromkeys(found))

    @property
    def classes(self) -> tuple[str, ...]:
        """Of a model of labels; none of a survival model."""
        return tuple(getattr(self.model, "classes", ()))

    def probability(self, table: pd.DataFrame, centres: NDArray[Any] | None) -> Array:
        """(n, classes) of a model of labels."""
        model: FittedLabel = self.model  # type: ignore[assignment]
        return model.probability(self.columns(table, centres).x)

    def survival(self, table: pd.DataFrame, centres: NDArray[Any] | None, times_days: Array) -> Array:
        """(n, times) of a survival model."""
        model: FittedSurvival = self.model  # type: ignore[assignment]
        return model.survival(self.columns(table, centres).x, times_days)

    def cautions(self, centres: NDArray[Any] | None) -> tuple[str, ...]:
        """What could not be done to these rows."""
        rows = Rows(centres)
        return tuple(word for one in self.steps if isinstance(one, Harmonised) for word in one.cautions(rows))

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name,
            "kind": self.kind,
            "features": list(self.features),
            "clinical_columns": list(self.clinical_columns),
            "steps": [one.as_dict() for one in self.steps],
            "clinical": self.clinical.as_dict(),
            "last": [one.as_dict() for one in self.last],
            "model": self.model.as_dict(),
        }


def pipeline_from_dict(saved: dict[str, Any]) -> FittedPipeline:
    """Read again; scores are the same to the last bit."""
    from terasu.prognosis.models.stored import model_from_dict

    return FittedPipeline(
        saved["name"],
        saved["kind"],
        tuple(saved["features"]),
        tuple(saved["clinical_columns"]),
        tuple(step_from_dict(one) for one in saved["steps"]),
        clinical_from(saved["clinical"]),
        tuple(step_from_dict(one) for one in saved["last"]),
        model_from_dict(saved["model"]),
    )


def _asked(clinical: tuple[str, ...], steps: Sequence[Step | FittedStep]) -> tuple[str, ...]:
    covariates = (name for one in steps if isinstance(one, Combat | Harmonised) for name in one.covariates)
    return tuple(dict.fromkeys((*clinical, *covariates)))


def _fitted(recipe: Recipe, columns: Columns, outcome: Outcome, seed: int) -> FittedModel:
    x = np.ascontiguousarray(columns.x)
    if isinstance(outcome, Survival):
        return recipe.fit(x, outcome, columns.names, seed=seed)  # type: ignore[arg-type]
    assert isinstance(outcome, Labels)
    return recipe.fit(x, outcome, columns.names, seed=seed)  # type: ignore[arg-type]
