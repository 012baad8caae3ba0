"""Right-censored follow-up: time and event of every patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terasu.errors import InputError

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Survival:
    """Follow-up of n patients, one row each.

    Times are equal only where the numbers are: follow-up counted in days has ties, and they are treated as
    such. An event and a censoring at the same time: the event comes first.

    Attributes:
        time_days: (n,) from the start of follow-up to the event or the last contact, 0 or more. The kernels
            do not mind another unit, as long as it is one.
        event: (n,) True where the event was seen, False where follow-up ended without it.
    Raises:
        InputError: lengths differ, a time is missing, infinite or negative, an event is not 0 or 1. Rows are
            counted from 1.
    """

    time_days: Array
    event: Flags

    def __post_init__(self) -> None:
        time = _numbers(self.time_days, "time")
        event = _numbers(self.event, "event")
        if time.shape != event.shape or time.ndim != 1:
            raise InputError(
                "Follow-up needs one time and one event for every patient.",
                got=f"times {time.shape}, events {event.shape}",
                expected="two columns of one length",
            )
        _refuse_rows(
            ~np.isfinite(time), time, "The time of follow-up is missing", "a number of days in every row"
        )
        _refuse_rows(
            time < 0, time, "The time of follow-up is negative", "days from the start of follow-up, 0 or more"
        )
        _refuse_rows(~np.isin(event, (0, 1)), event, "The event is not 0 or 1", "1: event, 0: censored")
        object.__setattr__(self, "time_days", _sealed(time))
        object.__setattr__(self, "event", _sealed(event == 1))

    def __len__(self) -> int:
        return len(self.time_days)

    @property
    def events(self) -> int:
        """Number of events."""
        return int(self.event.sum())

    def take(self, rows: ArrayLike) -> Survival:
        """Those patients, by position or by a mask of True and False."""
        rows = np.asarray(rows)
        return Survival(self.time_days[rows], self.event[rows])

    def require_events(self, least: int, purpose: str) -> None:
        """Refuse where fewer events were seen than ``purpose`` needs."""
        if self.events < least:
            raise InputError(
                f"Too few events for {purpose}.",
                got=f"{self.events} events among {len(self)} patients",
                expected=f"at least {least}",
                todo="Check the event column, or wait for a longer follow-up.",
            )


@dataclass(frozen=True, eq=False)
class RiskTable:
    """Who is at risk and what happens at each distinct time, ascending.

    Attributes:
        time_days: (m,) distinct times.
        at_risk: (m,) followed up to this time or longer.
        events: (m,) events at this time.
        censored: (m,) follow-up that ends at this time without the event.
    """

    time_days: Array
    at_risk: Labels
    events: Labels
    censored: Labels


def risk_table(survival: Survival) -> RiskTable:
    """Count patients at risk, events and censorings at each distinct time."""
    times, place = np.unique(survival.time_days, return_inverse=True)
    ending = np.bincount(place, minlength=len(times))
    events = np.bincount(place, weights=survival.event, minlength=len(times)).astype(np.int64)
    at_risk = len(survival) - np.concatenate(([0], np.cumsum(ending)[:-1])) if len(times) else ending
    return RiskTable(times, at_risk.astype(np.int64), events, ending - events)


def feature_matrix(features: ArrayLike, patients: int | None = None) -> Array:
    """Features as finite numbers, (patients, p); one column may come as (patients,).

    Raises:
        InputError: another number of rows, no column, or a value that is not finite, named by row and column.
    """
    x = _numbers(features, "features")
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or x.shape[1] == 0 or patients not in (None, len(x)):
        raise InputError(
            "Features and patients do not fit together.",
            got=f"features {x.shape}, patients: {len(x) if patients is None else patients}",
            expected="a row of features for every patient, and at least one column",
        )
    bad = np.argwhere(~np.isfinite(x))
    if bad.size:
        row, column = (int(i) + 1 for i in bad[0])
        raise InputError(
            "A feature is missing or infinite.",
            got=f"{x[row - 1, column - 1]} in row {row}, feature {column} ({len(bad)} such values)",
            expected="finite numbers",
            todo="Impute inside the fold, or leave the feature or the patient out.",
        )
    return x


def label_codes(labels: ArrayLike, survival: Survival, what: str) -> tuple[Labels, tuple[str, ...]]:
    """Labels (groups, strata) as 0, 1, … and their names in sorted order."""
    names, codes = np.unique(np.asarray(labels), return_inverse=True)
    if codes.shape != (len(survival),):
        raise InputError(
            f"The {what} and the follow-up do not fit together.",
            got=f"{what} {codes.shape}, follow-up of {len(survival)} patients",
            expected="one label for every patient",
        )
    return codes.astype(np.int64), tuple(str(name) for name in names)


def _numbers(values: ArrayLike, what: str) -> Array:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"What was given as {what} does not hold numbers.",
            got=str(error),
            expected="numbers (days, not dates; 0 and 1, not words)",
        ) from None


def _refuse_rows(bad: Flags, values: Array, what: str, expected: str) -> None:
    rows = np.flatnonzero(bad)
    if rows.size:
        more = f" (and in {rows.size - 1} more)" if rows.size > 1 else ""
        raise InputError(
            f"{what} in row {rows[0] + 1}.",
            got=f"{values[rows[0]]:g} in row {rows[0] + 1}{more}",
            expected=expected,
        )


def _sealed(values: NDArray[Any]) -> NDArray[Any]:
    values.setflags(write=False)
    return values
