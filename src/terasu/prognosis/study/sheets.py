"""Read one table: a row a patient, counted from 1 below the header."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from terasu.errors import InputError
from terasu.prognosis.study.nearest import unknown
from terasu.prognosis.study.study_file import FeatureTable, Sheet

MISSING = ("", "NA", "NaN", "nan")


def read_sheet(path: Path, sheet: Sheet, patient_id: str) -> pd.DataFrame:
    """The rows that the sheet asks for; the index is the row in the file, ``patient_id`` a column of text.

    Raises:
        InputError: not readable, a column is missing or comes twice, no row is left, the same patient twice.
    """
    column = sheet.id or patient_id
    frame = _opened(path, sheet, column)
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    frame = frame.rename(columns=sheet.rename)
    column = sheet.rename.get(column, column)
    require_columns(frame, (column, *sheet.where, *sheet.rename.values()), path.name)
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise InputError(f"{path.name} has the same column twice.", got=str(twice[0]), expected="each once")
    for key, value in sheet.where.items():
        frame = frame[_equals(frame[key], value)]
    if frame.empty:
        raise InputError(
            f"{path.name} has no row to read.",
            got=", ".join(f"{key} = {value}" for key, value in sheet.where.items()) or "an empty table",
            expected="a row for every patient",
        )
    return frame.assign(**{patient_id: _identities(frame[column], path.name, column)})


def require_columns(frame: pd.DataFrame, columns: tuple[str, ...], where: str) -> None:
    """Refuse, by name, a column that is not there."""
    for one in columns:
        if one not in frame.columns:
            raise unknown(f"{where} has no column {one!r}.", one, map(str, frame.columns))


def refuse_twice(frame: pd.DataFrame, patient_id: str, where: str, outcome: tuple[str, ...] = ()) -> None:
    """Refuse a patient with two rows, and say whether the outcomes differ."""
    key = frame[patient_id].str.casefold()
    again = np.flatnonzero(key.duplicated())
    if not again.size:
        return
    both = frame[key == key.iloc[again[0]]]
    differ = bool(outcome) and len(both[list(outcome)].drop_duplicates()) > 1
    raise InputError(
        f"{where} has the same patient twice{', with different outcomes' if differ else ''}.",
        got=f"rows {' and '.join(str(row) for row in both.index[:4])} have the same {patient_id}"
        + (f" ({again.size} such rows in all)" if again.size > 1 else ""),
        expected="one row a patient",
        todo="Remove one of them, or say with `where` which region, fraction or time point is meant.",
    )


def feature_columns(
    frame: pd.DataFrame, table: FeatureTable, not_features: set[str], where: str
) -> list[str]:
    """Names of the columns that the table takes as features, in the order of the file.

    Raises:
        InputError: a named column is missing, an expression is no expression, nothing is left.
    """
    require_columns(frame, table.columns, where)
    said = bool(table.columns or table.starts_with or table.matches)
    try:
        wanted = [str(one) for one in frame.columns if _taken(frame, str(one), table, not_features, said)]
    except re.error as error:
        raise InputError(
            "A regular expression of the study file cannot be read.",
            got=f"{error.pattern!r}: {error}",
            expected="a regular expression of Python",
        ) from error
    if not wanted:
        raise InputError(
            f"{where} has no feature.",
            got=f"{frame.shape[1]} columns, none of them taken",
            expected="columns of numbers",
            todo="Say which with columns, starts_with or matches.",
        )
    return wanted


def _taken(frame: pd.DataFrame, name: str, table: FeatureTable, not_features: set[str], said: bool) -> bool:
    if any(re.search(one, name) for one in table.exclude):
        return False
    if not said:
        return name not in not_features and pd.api.types.is_numeric_dtype(frame[name])
    return (
        name in table.columns
        or any(name.startswith(one) for one in table.starts_with)
        or (bool(table.matches) and re.search(table.matches, name) is not None)
    )


def first_row(wrong: pd.Series) -> int:
    """Row in the file of the first True."""
    return int(wrong.index.to_numpy()[int(np.argmax(wrong.to_numpy(np.bool_)))])


def numbers(frame: pd.DataFrame, columns: list[str], where: str) -> pd.DataFrame:
    """Those columns as numbers; missing stays missing.

    Raises:
        InputError: a word or an infinite value, by row and column.
    """
    text = [one for one in columns if not pd.api.types.is_numeric_dtype(frame[one])]
    for name in text:
        values = pd.to_numeric(frame[name], errors="coerce")
        wrong = values.isna() & frame[name].notna()
        if wrong.any():
            raise InputError(
                f"{where}: feature {name!r} holds a word in row {first_row(wrong)}.",
                got=f"{frame[name][first_row(wrong)]!r} ({int(wrong.sum())} such values in this column)",
                expected="numbers",
                todo="Leave the column out with exclude, or name the word under missing.",
            )
    found: pd.DataFrame = frame[columns].apply(pd.to_numeric).astype(np.float64)
    infinite = np.argwhere(np.isinf(found.to_numpy()))
    if infinite.size:
        row, column = infinite[0]
        raise InputError(
            f"{where}: feature {columns[column]!r} is infinite in row {found.index[row]}.",
            got=f"{len(infinite)} infinite values",
            expected="finite numbers, or empty cells",
            todo='Name "inf" under missing if it stands for a missing value.',
        )
    return found


def _opened(path: Path, sheet: Sheet, column: str) -> pd.DataFrame:
    try:
        if path.suffix.lower() == ".parquet":
            frame: pd.DataFrame = pd.read_parquet(path)
            return frame.replace(list(sheet.missing), np.nan) if sheet.missing else frame
        return pd.read_csv(
            path,
            dtype={column: str},
            na_values=[*MISSING, *sheet.missing],
            keep_default_na=False,
            float_precision="round_trip",
            low_memory=False,
        )
    except (OSError, ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(
            f"A table of the study cannot be read: {path.name}.",
            got=str(error).splitlines()[0] if str(error) else type(error).__name__,
            expected="a CSV file in UTF-8 (also .gz) or a Parquet file, beside the study file",
        ) from error


def _equals(column: pd.Series, value: str | int | float) -> pd.Series:
    if isinstance(value, str):
        return column.astype(str).str.strip() == value
    return pd.to_numeric(column, errors="coerce") == value


def _identities(column: pd.Series, where: str, name: str) -> pd.Series:
    text = column.astype(object).where(column.notna(), "").astype(str).str.strip()
    if (text == "").any():
        raise InputError(
            f"{where} has a row without a patient.",
            got=f"{name} is empty in row {first_row(text == '')}",
            expected="an id in every row",
        )
    return text
