"""What a study file says: tables, endpoint, baselines, models, split, and how it is judged.

A key that is not known is refused, with the nearest that is. Paths are relative to the file.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Unit = Literal["days", "months", "years"]
DAYS_OF: dict[str, float] = {"days": 1.0, "months": 30.4375, "years": 365.25}


class Part(BaseModel):
    """A part of the file: nothing unknown, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sheet(Part):
    """A CSV or Parquet file with one row a patient.

    Attributes:
        id: its patient id column; the study's if empty.
        where: column = value; other rows are not read (one fraction, one region, one time point).
        rename: column in the file = what it is called here.
        missing: words that stand for a missing value, beside the empty cell, NA and NaN.
    """

    path: str
    id: str = ""
    where: dict[str, str | int | float] = Field(default_factory=dict)
    rename: dict[str, str] = Field(default_factory=dict)
    missing: tuple[str, ...] = ()


class FeatureTable(Sheet):
    """A table of features; which of its columns are features is said here. All numeric ones if nothing is.

    Attributes:
        columns, starts_with, matches: names, beginnings, a regular expression; any of them takes a column.
        exclude: regular expressions; a column that one of them finds is no feature.
        prefix: put before the names of its features, so that two sequences can stand side by side.
    """

    columns: tuple[str, ...] = ()
    starts_with: tuple[str, ...] = ()
    matches: str = ""
    exclude: tuple[str, ...] = ()
    prefix: str = ""


class Endpoint(Part):
    """Time and event, or a label.

    Attributes:
        time, event, unit: columns of follow-up; the event is 1, censoring 0.
        label, classes: a column and its classes in ascending order; the last is the one looked for.
        others: what happens to patients with another label or none.
    """

    time: str = ""
    event: str = ""
    unit: Unit = "days"
    label: str = ""
    classes: tuple[str, ...] = ()
    others: Literal["refuse", "leave out"] = "refuse"

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Endpoint:
        survival, label = bool(self.time and self.event), bool(self.label)
        if survival == label or bool(self.time) != bool(self.event):
            raise ValueError("name either time and event, or a label")
        if label and (len(self.classes) < 2 or len(set(self.classes)) != len(self.classes)):
            raise ValueError("a label needs its classes, two or more, ascending, each once")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that hold the outcome."""
        return (self.label,) if self.label else (self.time, self.event)


class Source(Part):
    """Where one cohort is read from.

    Attributes:
        clinical: sheet with the endpoint, clinical columns, centre and split.
        centre: column of the centre or scanner; empty where there is one only.
        leave_out: ids of patients who do not belong to the study.
    """

    patient_id: str = "patient_id"
    tables: tuple[FeatureTable, ...] = Field(min_length=1)
    clinical: Sheet
    endpoint: Endpoint
    centre: str = ""
    leave_out: tuple[str, ...] = ()


class Baselines(Part):
    """What every model has to beat.

    Attributes:
        volume: feature column of the tumour's volume.
        clinical: columns of the clinical sheet.
        others: name = columns of the clinical sheet; each is a baseline of its own (another volume, a score).
            Candidates do not get these columns.
    """

    volume: str = ""
    clinical: tuple[str, ...] = ()
    others: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """All that are asked of the clinical sheet, each once."""
        others = (name for columns in self.others.values() for name in columns)
        return tuple(dict.fromkeys((*self.clinical, *others)))

    @model_validator(mode="after")
    def _have_columns(self) -> Baselines:
        empty = [name for name, columns in self.others.items() if not (name.strip() and columns)]
        if empty:
            raise ValueError(f"a baseline of others needs a name and columns: {empty[0]!r}")
        return self


class Candidate(Part):
    """A model that is tried.

    Attributes:
        model: kind, as models/registry.py lists them; options go to it.
        features: names or regular expressions of the features that it may use; all if empty.
        clinical: whether it gets the clinical columns as well.
        steps: its own steps; the study's if not said.
    """

    name: str = Field(min_length=1)
    model: str
    options: dict[str, Any] = Field(default_factory=dict)
    features: tuple[str, ...] = ()
    clinical: bool = False
    steps: tuple[dict[str, Any], ...] | None = None


class Split(Part):
    """Who is put aside for the test: a share drawn by seed, or a column of the clinical sheet."""

    seed: int = 1
    test_fraction: float = Field(default=0.3, ge=0.0, lt=1.0)
    column: str = ""
    test: str = "test"


class Resampling(Part):
    """How models are judged on the training part."""

    folds: int = Field(default=5, ge=2)
    repeats: int = Field(default=10, ge=1)
    leave_one_out: bool = False
    seed: int = 1
    bootstraps: int = Field(default=1000, ge=100)


class Permutations(Part):
    """How much is due to chance.

    Attributes:
        pipeline: permuted outcomes on which the whole study is repeated; 0: none.
        family: permutations of max-T over all features; 0: none.
        statistic: what the family is searched by; for labels it is always the F of the classes.
        adjust_for_volume: whether features are first freed from what the volume explains of them.
    """

    pipeline: int = Field(default=100, ge=0)
    family: int = Field(default=1000, ge=0)
    statistic: Literal["median split", "cox score"] = "median split"
    adjust_for_volume: bool = False
    seed: int = 1


class Reporting(Part):
    """Horizons [the endpoint's unit], the rule for risk groups, and refits behind the interval of S(t)."""

    horizons: tuple[float, ...] = ()
    cut_point: Literal["median", "tertiles"] = "median"
    refits: int = Field(default=25, ge=0)


def file_name(name: str) -> str:
    """A model's name as a file is called."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "model"


class StudyFile(Source):
    """The whole file.

    Attributes:
        external: a second cohort, which is then the test set; the split is not used.
        allow: features that were looked at and may be used although they resemble the outcome.
    """

    name: str = Field(min_length=1)
    allow: tuple[str, ...] = ()
    external: Source | None = None
    baselines: Baselines = Field(default_factory=Baselines)
    models: tuple[Candidate, ...] = Field(min_length=1)
    steps: tuple[dict[str, Any], ...] = ({"step": "impute"}, {"step": "variance"}, {"step": "scale"})
    split: Split = Field(default_factory=Split)
    resampling: Resampling = Field(default_factory=Resampling)
    permutations: Permutations = Field(default_factory=Permutations)
    report: Reporting = Field(default_factory=Reporting)

    @property
    def sheet_columns(self) -> tuple[str, ...]:
        """Columns asked of the clinical sheet: of the baselines, and covariates of steps; each once."""
        steps = (*self.steps, *(one for model in self.models for one in model.steps or ()))
        said = [one["covariates"] for one in steps if isinstance(one.get("covariates"), list | tuple)]
        return tuple(dict.fromkeys((*self.baselines.columns, *(str(name) for one in said for name in one))))

    @model_validator(mode="after")
    def _fits_together(self) -> StudyFile:
        names = [file_name(one) for one in (*(one.name for one in self.models), *self.baselines.others)]
        if len(set(names)) != len(names):
            raise ValueError("two models or baselines have the same name (letters and digits count)")
        if self.report.horizons and self.endpoint.label:
            raise ValueError("horizons belong to survival; this endpoint is a label")
        if self.external and self.external.endpoint.classes != self.endpoint.classes:
            raise ValueError("the external cohort has other classes than the study")
        return self
