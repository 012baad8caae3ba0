"""How features change over the fractions of a treatment: one row a case and region, for prognosis to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from terasu.errors import InputError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
KEYS = ("case", "roi")
KINDS = ("delta_abs", "delta_rel", "slope_per_fraction", "slope_per_day", "delta_early_mid")
_ROUNDING = 1e-12  # of the largest value of a feature: what is smaller counts as 0


@dataclass(frozen=True, eq=False)
class _Course:
    """One case and region: fractions in order, days from the first, values (fractions, features)."""

    fractions: NDArray[np.int64]
    days: Array
    values: Array


@dataclass(frozen=True, eq=False)
class _Change:
    """One number a feature, and why it is missing where it is."""

    values: Array
    reasons: list[str]


def fraction_changes(
    table: pd.DataFrame,
    features: Sequence[str],
    *,
    early: int = 3,
    planned: Sequence[int] | None = None,
) -> pd.DataFrame:
    """The change of every feature from fraction to fraction.

    Nothing is filled in: where a value is missing, what needs it is missing and the reason says so.

    Args:
        table: one row a case, region and fraction: columns ``case``, ``roi``, ``fraction`` (whole numbers)
            and ``day`` (numbers or dates), or one of the last two, and a column for every feature. Without
            ``fraction``, fractions are counted in the order of their days.
        features: columns to follow.
        early: how many fractions make the early mean, and as many around the middle the mid mean; none may
            belong to both.
        planned: the fractions that should be there; all that occur in the table if None.
    Returns:
        One row a case and region: ``fractions`` (``1 2 5``), ``fractions_missing``, and for every feature

        - ``delta_abs__F``: last − first, and ``delta_abs_fraction_N__F``: fraction N − first
        - ``delta_rel__F``: (last − first) / |first|
        - ``slope_per_fraction__F``, ``slope_per_day__F``: least squares over the fractions with a value
        - ``delta_early_mid__F``: mean of the middle fractions − mean of the early ones

        For each kind a column ``reason__KIND`` names features and reasons where a value is missing, as
        ``F, G: reason; H: reason``; empty where all is there.
    Raises:
        InputError: a column is missing or holds no numbers, or a fraction of a region comes twice.
    """
    ordered = _checked(table, features, early)
    numbers = sorted({int(one) for one in ordered["fraction"]})
    wanted = numbers if planned is None else sorted({int(one) for one in planned})
    kinds = [*KINDS, *(f"delta_abs_fraction_{number}" for number in numbers[1:])]
    keys, texts, values = [], [], []
    for key, part in ordered.groupby(list(KEYS), sort=True):
        course = _course(part, features)
        changes = _changes(course, early, numbers)
        there = [int(one) for one in course.fractions]
        absent = [one for one in wanted if one not in there]
        keys.append((*(key if isinstance(key, tuple) else (key,)), _listed(there), _listed(absent)))
        values.append(np.concatenate([one.values for one in changes]))
        texts.append([_told(features, one.reasons) for one in changes])
    parts = (
        pd.DataFrame(keys, columns=[*KEYS, "fractions", "fractions_missing"]),
        pd.DataFrame(np.array(values), columns=[f"{kind}__{one}" for kind in kinds for one in features]),
        pd.DataFrame(texts, columns=[f"reason__{kind}" for kind in kinds]),
    )
    return pd.concat(parts, axis=1)


def _changes(course: _Course, early: int, numbers: list[int]) -> list[_Change]:
    """In the order of ``KINDS``, then fraction by fraction since the first."""
    return [
        _difference(course, -1),
        _relative(course),
        _slope(course.fractions.astype(np.float64), course.values, "fractions"),
        _slope(course.days, course.values, "days"),
        _early_mid(course, early),
        *(_since_first(course, number) for number in numbers[1:]),
    ]


def _difference(course: _Course, place: int) -> _Change:
    """A fraction − the first one."""
    if len(course.fractions) < 2:
        return _nothing(course, "there is only one fraction")
    return _Change(course.values[place] - course.values[0], _without(course, [0, place]))


def _since_first(course: _Course, number: int) -> _Change:
    places = np.flatnonzero(course.fractions == number)
    if not places.size:
        return _nothing(course, f"there is no fraction {number}")
    if places[0] == 0:
        return _nothing(course, f"fraction {number} is the first one")
    return _difference(course, int(places[0]))


def _relative(course: _Course) -> _Change:
    change = _difference(course, -1)
    first = course.values[0]
    largest = np.nan_to_num(np.abs(course.values)).max(axis=0)
    zero = np.abs(first) <= _ROUNDING * largest
    with np.errstate(
        all="ignore"
    ):  # beside a first value of nothing but rounding, which gets a reason instead
        values = np.where(zero, np.nan, change.values / np.abs(first))
    reasons = [
        why or ("the first value is 0" if none else "")
        for why, none in zip(change.reasons, zero, strict=True)
    ]
    return _Change(values, reasons)


def _slope(x: Array, values: Array, what: str) -> _Change:
    """Least squares through the values that are there; two of them at different places are needed."""
    if not np.isfinite(x).all():
        return _Change(np.full(values.shape[1], np.nan), [f"{what} are not known"] * values.shape[1])
    there = np.isfinite(values)
    n = np.maximum(there.sum(axis=0), 1)
    away = np.where(there, x[:, None] - np.where(there, x[:, None], 0).sum(axis=0) / n, 0.0)
    square = np.square(away).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(square > 0, (away * np.where(there, values, 0.0)).sum(axis=0) / square, np.nan)
    few = f"fewer than 2 different {what} have a value"
    return _Change(slope, ["" if one > 0 else few for one in square])


def _early_mid(course: _Course, early: int) -> _Change:
    n = len(course.fractions)
    start = (n - early) // 2
    if start < early:
        return _nothing(
            course, f"{n} fractions are too few for {early} early and {early} middle ones apart from them"
        )
    middle = course.values[start : start + early].mean(axis=0)
    rows = [*range(early), *range(start, start + early)]
    return _Change(middle - course.values[:early].mean(axis=0), _without(course, rows))


def _nothing(course: _Course, why: str) -> _Change:
    n = course.values.shape[1]
    return _Change(np.full(n, np.nan), [why] * n)


def _without(course: _Course, rows: list[int]) -> list[str]:
    """Which of the fractions in ``rows`` have no value, feature by feature."""
    empty = ~np.isfinite(course.values[rows])
    reasons = [""] * empty.shape[1]
    for place in np.flatnonzero(empty.any(axis=0)):
        named = course.fractions[rows][empty[:, place]]
        reasons[int(place)] = f"no value in fraction {_listed([int(one) for one in named])}"
    return reasons


def _told(features: Sequence[str], reasons: list[str]) -> str:
    """``F, G: reason; H: reason``; ``all features: reason`` if it is one reason for all of several."""
    if len(features) > 1 and reasons[0] and len(set(reasons)) == 1:
        return f"all features: {reasons[0]}"
    by_reason: dict[str, list[str]] = {}
    for name, reason in zip(features, reasons, strict=True):
        if reason:
            by_reason.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in by_reason.items())


def _listed(numbers: Sequence[int]) -> str:
    return " ".join(str(one) for one in numbers)


def _course(part: pd.DataFrame, features: Sequence[str]) -> _Course:
    values = part[list(features)].to_numpy(np.float64, na_value=np.nan)
    values = np.where(np.isfinite(values), values, np.nan)
    days = part["day"].to_numpy(np.float64)
    return _Course(part["fraction"].to_numpy(np.int64), days - days[0], values)


def _checked(table: pd.DataFrame, features: Sequence[str], early: int) -> pd.DataFrame:
    """The table in order, with ``fraction`` and ``day`` as numbers."""
    named = [*KEYS, *features]
    lost = [one for one in named if one not in table.columns]
    if not {"fraction", "day"} & set(table.columns):
        lost.append("fraction or day")
    text = [one for one in features if one in table.columns and not _numeric(table[one])]
    nameless = 0 if lost else int(table[list(KEYS)].isna().any(axis=1).sum())
    if (
        lost
        or text
        or nameless
        or early < 1
        or len(set(named)) != len(named)
        or not features
        or not len(table)
    ):
        raise InputError(
            "This table of fractions cannot be followed.",
            got=f"{len(table)} rows; missing columns: {', '.join(lost[:5]) or 'none'}; not numbers: "
            f"{', '.join(text[:5]) or 'none'}; {nameless} rows without case or roi; "
            f"{len(features)} features; early {early}",
            expected="a row a case, region and fraction; case, roi, fraction or day, and features, each once",
            todo="Correct the names of the columns, or the list of features.",
        )
    ordered = table.assign(day=_days(table))
    ordered["fraction"] = _numbers(ordered)
    _refuse_twice(ordered)
    return ordered.sort_values([*KEYS, "fraction"], kind="stable")


def _numeric(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column.dtype))


def _days(table: pd.DataFrame) -> pd.Series:
    """Days as numbers; NaN where the table has none."""
    if "day" not in table.columns:
        return pd.Series(np.nan, index=table.index)
    if _numeric(table["day"]):
        return table["day"].astype(np.float64)
    try:
        dates = pd.to_datetime(table["day"], format="ISO8601")
    except (ValueError, TypeError) as error:
        raise InputError(
            "A day cannot be read.",
            got=str(error).splitlines()[0][:120],
            expected="numbers of days, or dates such as 2026-03-31",
            todo="Write dates as year-month-day.",
        ) from error
    return (dates - pd.Timestamp(0, tz=dates.dt.tz)) / pd.Timedelta(days=1)


def _numbers(table: pd.DataFrame) -> pd.Series:
    """Fraction numbers, counted in the order of days where the table has none."""
    if "fraction" in table.columns:
        fraction = pd.to_numeric(table["fraction"], errors="coerce")
        good = fraction.notna() & (fraction % 1 == 0)
    else:
        fraction = table.groupby(list(KEYS))["day"].rank(method="min")
        good = table["day"].notna()
    if not good.all():
        rows = [str(one) for one in table.index[~good]]
        raise InputError(
            "A fraction has no whole number, or no day to count it by.",
            got=f"{len(rows)} rows: {', '.join(rows[:5])}",
            expected="a fraction number in every row, or a day",
            todo="Complete the table; a fraction that was not imaged has no row.",
        )
    return fraction.astype(np.int64)


def _refuse_twice(table: pd.DataFrame) -> None:
    again = table.duplicated([*KEYS, "fraction"], keep=False)
    if again.any():
        rows = [str(one) for one in table.index[again]]
        raise InputError(
            "A fraction of a region comes twice.",
            got=f"rows {', '.join(rows[:6])}",
            expected="one row a case, region and fraction",
            todo="Keep the image that was treated on, or number a second image of the day on its own.",
        )
