"""A matrix whose columns have names, and what stands beside its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.prognosis.study.nearest import listed
from terasu.prognosis.survival_data import Array, Flags


@dataclass(frozen=True, eq=False)
class Columns:
    """Features (n, p) with p names; a missing value is not a number."""

    names: tuple[str, ...]
    x: Array

    def __len__(self) -> int:
        return len(self.x)

    def keep(self, which: Flags) -> Columns:
        """Those columns, by a mask."""
        return Columns(tuple(n for n, one in zip(self.names, which, strict=True) if one), self.x[:, which])

    def pick(self, names: Sequence[str]) -> Columns:
        """Those columns, by name and in this order."""
        if tuple(names) == self.names:
            return self
        place = {name: i for i, name in enumerate(self.names)}
        missing = [one for one in names if one not in place]
        if missing:
            raise InputError(
                "Columns that the model was fitted with are not there.",
                got=f"no {listed(missing)}",
                expected="the features of the study, under the same names",
            )
        return Columns(tuple(names), self.x[:, [place[one] for one in names]])

    def beside(self, other: Columns) -> Columns:
        """Both, side by side."""
        return Columns(self.names + other.names, np.concatenate([self.x, other.x], axis=1))


@dataclass(frozen=True, eq=False)
class Rows:
    """What is known of the rows beside their features.

    Attributes:
        centres: (n,) names, or None.
        table: (n, …) columns of the clinical sheet among others, or None.
    """

    centres: NDArray[Any] | None = None
    table: pd.DataFrame | None = None


def columns_of(table: pd.DataFrame, names: Sequence[str]) -> Columns:
    """Columns of a table as numbers."""
    if tuple(table.columns) == tuple(names):
        return Columns(tuple(names), table.to_numpy(np.float64))
    absent = [one for one in names if one not in table.columns]
    if absent:
        raise InputError(
            "Columns that the study needs are not in the table.",
            got=f"no {listed(absent)}",
            expected="the features of the study, under the same names",
        )
    return Columns(tuple(names), table[list(names)].to_numpy(np.float64))


def refuse_missing(columns: Columns, step: str) -> None:
    """Refuse a missing value where a step cannot work with one."""
    missing = np.asarray(np.isnan(columns.x).any(axis=0))
    if missing.any():
        names = [name for name, one in zip(columns.names, missing, strict=True) if one]
        raise InputError(
            f"The step {step!r} needs complete features.",
            got=f"missing values in {listed(names)}",
            expected="an impute step before it",
            todo='Put { step = "impute" } first under [[steps]].',
        )
