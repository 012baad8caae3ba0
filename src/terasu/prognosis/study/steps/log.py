"""Logarithm of columns that are positive throughout, as sizes and energies are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from terasu.prognosis.models.contract import Outcome
from terasu.prognosis.study.steps.columns import Columns, Rows, refuse_missing
from terasu.prognosis.survival_data import Array


@dataclass(frozen=True)
class Log:
    """Natural logarithm where every training value is above 0; other columns stay as they are."""

    def fit(self, columns: Columns, outcome: Outcome, rows: Rows) -> Logged:
        """Learn which are, and the smallest value of each."""
        del outcome, rows
        refuse_missing(columns, "log")
        smallest = columns.x.min(axis=0)
        return Logged(columns.names, np.where(smallest > 0, smallest, 0.0))


@dataclass(frozen=True, eq=False)
class Logged:
    """Smallest training value (p,) of columns that become logarithms, 0 of the others.

    A new value of 0 or below becomes half of the smallest, so that it is low but a number.
    """

    names: tuple[str, ...]
    smallest: Array

    def apply(self, columns: Columns, rows: Rows) -> Columns:
        """Take logarithms."""
        del rows
        x = columns.pick(self.names).x
        taken = self.smallest > 0
        floor = np.where(x > 0, x, np.where(np.isnan(x), x, self.smallest / 2))
        return Columns(self.names, np.where(taken, np.log(np.where(taken, floor, 1.0)), x))

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"step": "log", "names": list(self.names), "smallest": self.smallest.tolist()}


def logged_from(saved: dict[str, Any]) -> Logged:
    """Read again."""
    return Logged(tuple(saved["names"]), np.array(saved["smallest"], np.float64))
