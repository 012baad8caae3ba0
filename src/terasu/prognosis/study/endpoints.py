"""The outcome of every patient, read from its columns; what cannot be is refused by row and column."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from terasu.errors import InputError
from terasu.prognosis.models.contract import Labels, Outcome
from terasu.prognosis.study.sheets import first_row
from terasu.prognosis.study.study_file import DAYS_OF, Endpoint
from terasu.prognosis.survival_data import Array, Flags, Survival

_LONGEST_YEARS = 120.0


def with_known_label(frame: pd.DataFrame, endpoint: Endpoint) -> pd.DataFrame:
    """Rows whose label is one of the classes, if the endpoint leaves out others; all rows otherwise."""
    if not endpoint.label or endpoint.others == "refuse":
        return frame
    return frame[_words(frame[endpoint.label]).isin(endpoint.classes)]


def read_outcome(frame: pd.DataFrame, endpoint: Endpoint, where: str) -> Outcome:
    """Follow-up in days, or labels.

    Args:
        frame: clinical sheet; the index is the row in the file.
        where: name of the file.
    Raises:
        InputError: a value is missing or impossible, or nothing happened to anybody.
    """
    if endpoint.label:
        return _labels(frame[endpoint.label], endpoint, where)
    time = _time(frame[endpoint.time], endpoint, where)
    event = _event(frame[endpoint.event], where)
    outcome = Survival(time, event)
    outcome.require_events(1, "a study of survival")
    return outcome


def _labels(column: pd.Series, endpoint: Endpoint, where: str) -> Labels:
    words = _words(column)
    wrong = ~words.isin(endpoint.classes)
    if wrong.any():
        row = first_row(wrong)
        raise InputError(
            f"{where}: {column.name!r} is not one of the classes in row {row}.",
            got=f"{words[row] or 'nothing'!r} ({int(wrong.sum())} such rows)",
            expected=", ".join(endpoint.classes),
            todo='Mend the row, or say others = "leave out" under [endpoint].',
        )
    codes = words.map({name: code for code, name in enumerate(endpoint.classes)}).to_numpy().astype(np.int64)
    missing = [name for code, name in enumerate(endpoint.classes) if not (codes == code).any()]
    if missing:
        raise InputError(f"{where}: nobody is {missing[0]!r}.", expected="patients of every class")
    return Labels(codes, endpoint.classes)


def _words(column: pd.Series) -> pd.Series:
    """Labels as text; 1.0 is read as 1, so that whole numbers may be classes."""
    if pd.api.types.is_bool_dtype(column):
        column = column.astype(int)
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    return column.astype(object).where(column.notna(), "").astype(str).str.strip()


def _time(column: pd.Series, endpoint: Endpoint, where: str) -> Array:
    if not pd.api.types.is_numeric_dtype(column):
        raise _no_number(column, endpoint, where)
    _refuse(column.isna(), column, "is missing", f"{endpoint.unit} in every row", where)
    _refuse(np.isinf(column), column, "is infinite", f"a number of {endpoint.unit}", where)
    _refuse(column < 0, column, "is negative", "0 or more, from the start of follow-up", where)
    days = column.to_numpy(np.float64) * DAYS_OF[endpoint.unit]
    if float(np.median(days)) > _LONGEST_YEARS * 365.25:
        raise InputError(
            f"{where}: {column.name!r} cannot be {endpoint.unit}.",
            got=f"a median of {float(np.median(days)) / 365.25:.0f} years",
            expected="follow-up that fits into a life",
            todo="Check unit under [endpoint]; dates as numbers are no follow-up.",
        )
    return days


def _no_number(column: pd.Series, endpoint: Endpoint, where: str) -> InputError:
    wrong = pd.to_numeric(column, errors="coerce").isna() & column.notna()
    if pd.api.types.is_datetime64_any_dtype(column):
        wrong = column.notna()
    row = first_row(wrong) if wrong.any() else 1
    is_date = _is_date(str(column[row]))
    return InputError(
        f"{where}: {column.name!r} holds {'a date' if is_date else 'a word'} in row {row}.",
        got=f"{column[row]} ({int(wrong.sum())} such rows)",
        expected=f"a number of {endpoint.unit} from the start of follow-up",
        todo="Subtract the date on which follow-up began." if is_date else "",
    )


def _is_date(word: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the day or the month coming first
        return bool(pd.notna(pd.to_datetime(pd.Series([word]), errors="coerce").iloc[0]))


def _event(column: pd.Series, where: str) -> Flags:
    values = column.astype(int) if pd.api.types.is_bool_dtype(column) else column
    found = pd.to_numeric(values, errors="coerce")
    _refuse(column.isna(), column, "is missing", "1: event, 0: censored", where)
    _refuse(~found.isin((0, 1)), column, "is not 0 or 1", "1: event, 0: censored", where)
    return np.asarray(found == 1)


def _refuse(wrong: pd.Series, column: pd.Series, what: str, expected: str, where: str) -> None:
    if wrong.any():
        row = first_row(wrong)
        raise InputError(
            f"{where}: {column.name!r} {what} in row {row}.",
            got=f"{column[row]} ({int(wrong.sum())} such rows)",
            expected=expected,
            todo="Mend the row or leave the patient out of the sheet, and say so in the report.",
        )
