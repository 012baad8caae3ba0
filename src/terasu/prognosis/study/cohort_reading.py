"""A cohort from its tables; what was left out is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from terasu.errors import InputError
from terasu.prognosis.study.cohort import Cohort
from terasu.prognosis.study.endpoints import read_outcome, with_known_label
from terasu.prognosis.study.external import with_external
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


def read_cohort(study: Study) -> Cohort:
    """All patients of the study, those of an external cohort last.

    Raises:
        InputError: a table or an outcome that cannot be read, by row and column.
    """
    own = _read(study, study.says, external=False)
    if study.says.external is None:
        return own
    return with_external(own, _read(study, study.says.external, external=True))


def _read(study: Study, source: Source, *, external: bool) -> Cohort:
    says, path = study.says, study.file(source.clinical.path)
    sheet = read_sheet(path, source.clinical, source.patient_id)
    asked = (*says.sheet_columns, *((source.centre,) if source.centre else ()))
    column = "" if external else says.split.column
    require_columns(sheet, (*source.endpoint.columns, *asked, *((column,) if column else ())), path.name)
    known = with_known_label(sheet, source.endpoint)
    refuse_twice(known, source.patient_id, path.name, source.endpoint.columns)
    known = _without(known, source, path.name)
    left = len(sheet) - len(known)
    notes = [f"{path.name}: {left} patients (another label, none, or by name) were left out."]
    notes = notes if left else []
    features = [_features(study, source, one, asked) for one in source.tables]
    ids = known[source.patient_id]
    for table, one in zip(source.tables, features, strict=True):
        extra = int((~one.index.isin(sheet[source.patient_id])).sum())
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
        says.sheet_columns,
        centre,
        read_outcome(known, source.endpoint, path.name),
        np.full(len(ids), external),
        known[column].astype(str).to_numpy() if column else np.full(len(ids), ""),
        tuple(notes),
    )


def _without(known: pd.DataFrame, source: Source, where: str) -> pd.DataFrame:
    """The sheet without the patients that the study leaves out by name."""
    named = {one.strip().casefold() for one in source.leave_out}
    out = known[source.patient_id].str.casefold().isin(named)
    if out.sum() < len(named):
        raise InputError(
            f"{len(named) - int(out.sum())} patients under leave_out are not in {where}.",
            expected=f"ids as they stand in {source.patient_id}",
        )
    return known[~out]


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
