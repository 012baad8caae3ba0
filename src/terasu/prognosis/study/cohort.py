"""The patients of a study: features, clinical columns, centre and outcome, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.prognosis.models.contract import Outcome
from terasu.prognosis.study.endpoints import read_outcome, with_known_label
from terasu.prognosis.study.nearest import listed
from terasu.prognosis.study.outcomes import joined
from terasu.prognosis.study.sheets import (
    feature_columns,
    first_row,
    numbers,
    read_sheet,
    refuse_twice,
    require_columns,
)
from terasu.prognosis.study.study_file import FeatureTable, Source
from terasu.prognosis.study.study_reading import Study
from terasu.prognosis.survival_data import Flags


@dataclass(frozen=True, eq=False)
class Cohort:
    """n patients.

    Attributes:
        patients: (n,) ids.
        rows: (n,) row in the clinical sheet, from 1.
        table: features, clinical columns and the centre, (n, …), index 0 … n − 1.
        features, clinical: which columns of the table these are.
        centre: name of the centre's column, empty if there is none.
        outcome: of the n patients.
        external: (n,) True for patients of the external cohort.
        split: (n,) what the split column says, empty text if there is none.
        notes: what was left out, and why.
    """

    patients: tuple[str, ...]
    rows: tuple[int, ...]
    table: pd.DataFrame
    features: tuple[str, ...]
    clinical: tuple[str, ...]
    centre: str
    outcome: Outcome
    external: Flags
    split: NDArray[Any]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.patients)

    @property
    def centres(self) -> NDArray[Any] | None:
        """(n,) names of the centres, if there are any."""
        return self.table[self.centre].to_numpy(str) if self.centre else None

    def take(self, rows: Sequence[int] | NDArray[Any]) -> Cohort:
        """Those patients, by position or by a mask."""
        at = np.arange(len(self))[np.asarray(rows)]
        return Cohort(
            tuple(self.patients[i] for i in at),
            tuple(self.rows[i] for i in at),
            self.table.iloc[at].reset_index(drop=True),
            self.features,
            self.clinical,
            self.centre,
            self.outcome.take(at),
            self.external[at],
            self.split[at],
            self.notes,
        )

    def narrowed(self, features: Sequence[str], others: Sequence[str]) -> Cohort:
        """The same patients with these columns and the centre only; taking rows of it is quicker."""
        names = list(dict.fromkeys([*features, *others, *([self.centre] if self.centre else [])]))
        return replace(self, table=self.table[names], features=tuple(features))

    def with_outcome(self, outcome: Outcome) -> Cohort:
        """The same patients with another outcome."""
        return replace(self, outcome=outcome)


def read_cohort(study: Study) -> Cohort:
    """All patients of the study, those of an external cohort last.

    Raises:
        InputError: a table or an outcome that cannot be read, by row and column.
    """
    own = _read(study, study.says, external=False)
    if study.says.external is None:
        return own
    other = _read(study, study.says.external, external=True)
    _refuse_shared(own, other)
    _refuse_other_features(own, other)
    _refuse_other_kinds(own, other)
    return _joined(own, other)


def _read(study: Study, source: Source, *, external: bool) -> Cohort:
    says, path = study.says, study.file(source.clinical.path)
    sheet = read_sheet(path, source.clinical, source.patient_id)
    asked = (*says.baselines.clinical, *((source.centre,) if source.centre else ()))
    column = "" if external else says.split.column
    require_columns(sheet, (*source.endpoint.columns, *asked, *((column,) if column else ())), path.name)
    known = with_known_label(sheet, source.endpoint)
    refuse_twice(known, source.patient_id, path.name, source.endpoint.columns)
    notes = [f"{path.name}: {len(sheet) - len(known)} patients with another label or none were left out."]
    notes = notes if len(known) < len(sheet) else []
    features = [_features(study, source, one, asked) for one in source.tables]
    ids = known[source.patient_id]
    for table, one in zip(source.tables, features, strict=True):
        extra = int((~one.index.isin(ids)).sum())
        if extra:
            notes.append(f"{Path(table.path).name}: {extra} patients are not in {path.name}.")
        kept = ids[ids.isin(one.index)]
        if len(kept) < len(ids):
            notes.append(
                f"{Path(table.path).name}: {len(ids) - len(kept)} patients of {path.name} are not in it."
            )
        ids = kept
    if ids.empty:
        raise InputError(
            "No patient is in every table.",
            got=", ".join(one.path for one in source.tables),
            expected=f"the same {source.patient_id} as in {path.name}",
        )
    known = known.loc[ids.index]
    matrix = pd.concat([one.loc[ids] for one in features], axis=1).reset_index(drop=True)
    _refuse_same_names(matrix, asked)
    clinical = known[list(asked)].reset_index(drop=True)
    centre = source.centre
    if centre:
        clinical[centre] = _centre(known[centre], path.name)
    return Cohort(
        tuple(ids),
        tuple(int(row) for row in ids.index),
        pd.concat([matrix, clinical], axis=1),
        tuple(str(one) for one in matrix.columns),
        says.baselines.clinical,
        centre,
        read_outcome(known, source.endpoint, path.name),
        np.full(len(ids), external),
        known[column].astype(str).to_numpy() if column else np.full(len(ids), ""),
        tuple(notes),
    )


def _features(study: Study, source: Source, table: FeatureTable, asked: tuple[str, ...]) -> pd.DataFrame:
    """Features of one table by patient."""
    path = study.file(table.path)
    frame = read_sheet(path, table, source.patient_id)
    refuse_twice(frame, source.patient_id, path.name)
    no_feature = {source.patient_id, table.id, *asked, *table.where, study.says.split.column}
    columns = feature_columns(frame, table, no_feature, path.name)
    found = numbers(frame, columns, path.name).rename(columns=lambda name: table.prefix + str(name))
    found.index = pd.Index(frame[source.patient_id])
    return found


def _centre(column: pd.Series, where: str) -> list[str]:
    if column.isna().any():
        raise InputError(
            f"{where}: the centre {column.name!r} is missing in row {first_row(column.isna())}.",
            expected="a centre or scanner for every patient",
        )
    return column.astype(str).str.strip().to_list()


def _refuse_same_names(matrix: pd.DataFrame, asked: tuple[str, ...]) -> None:
    names = [*matrix.columns, *asked]
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        raise InputError(
            "Two columns of the study have the same name.",
            got=", ".join(twice[:5]),
            expected="each name once",
            todo="Give the tables different prefixes, or take the column as feature or clinical, not both.",
        )


def _refuse_shared(own: Cohort, other: Cohort) -> None:
    mine = {name.casefold(): row for name, row in zip(own.patients, own.rows, strict=True)}
    both = [(mine[name.casefold()], row) for name, row in zip(other.patients, other.rows, strict=True)
            if name.casefold() in mine]  # fmt: skip
    if both:
        raise InputError(
            "Patients of the external cohort are in the training cohort as well.",
            got=f"row {both[0][1]} of the external sheet is row {both[0][0]} ({len(both)} such patients)",
            expected="no patient in both",
            todo="Leave them out of one of the two.",
        )


def _refuse_other_features(own: Cohort, other: Cohort) -> None:
    missing = [one for one in own.table.columns if one not in other.table.columns and one != own.centre]
    if missing:
        raise InputError(
            "The external cohort lacks columns of the study.",
            got=f"no {listed(missing)}",
            expected="the same features and clinical columns",
            todo="Use rename in the tables of [external].",
        )


def _refuse_other_kinds(own: Cohort, other: Cohort) -> None:
    for name in own.clinical:
        kinds = [pd.api.types.is_numeric_dtype(one.table[name]) for one in (own, other)]
        if kinds[0] != kinds[1]:
            raise InputError(
                f"Clinical column {name!r} holds numbers in one cohort and words in the other.",
                got=f"for example {other.table[name].dropna().iloc[0]!r} in the external cohort",
                expected="the same coding in both",
            )


def _joined(own: Cohort, other: Cohort) -> Cohort:
    theirs = other.table.rename(columns={other.centre: own.centre} if own.centre and other.centre else {})
    if own.centre and own.centre not in theirs.columns:
        theirs = theirs.assign(**{own.centre: "external"})
    return Cohort(
        own.patients + other.patients,
        own.rows + other.rows,
        pd.concat([own.table, theirs[list(own.table.columns)]], ignore_index=True),
        own.features,
        own.clinical,
        own.centre,
        joined(own.outcome, other.outcome),
        np.concatenate([own.external, other.external]),
        np.concatenate([own.split, np.full(len(other), "")]),
        own.notes + other.notes,
    )
