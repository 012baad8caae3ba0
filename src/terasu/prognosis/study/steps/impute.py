"""Missing values become the median of the training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from terasu.errors import InputError
from terasu.prognosis.models.contract import Outcome
from terasu.prognosis.study.steps.columns import Columns, Rows
from terasu.prognosis.survival_data import Array


@dataclass(frozen=True)
class Impute:
    """Median imputation; with ``flag``, a column that was missing in training gets a column that says where.

    A column that has no value in training at all is dropped.
    """

    flag: bool = False

    def fit(self, columns: Columns, outcome: Outcome, rows: Rows) -> Imputed:
        """Learn the medians."""
        del outcome, rows
        there = np.asarray(~np.isnan(columns.x).all(axis=0), np.bool_)
        if not there.any():
            raise InputError("No feature has a value in the training rows.", expected="measured features")
        kept = columns.keep(there)
        missing = np.asarray(np.isnan(kept.x).any(axis=0) & self.flag, np.bool_)
        flagged = tuple(name for name, one in zip(kept.names, missing, strict=True) if one)
        return Imputed(kept.names, np.nanmedian(kept.x, axis=0), flagged)


@dataclass(frozen=True, eq=False)
class Imputed:
    """Medians (p,) of the columns kept, and which of them have a flag."""

    names: tuple[str, ...]
    medians: Array
    flagged: tuple[str, ...]

    def apply(self, columns: Columns, rows: Rows) -> Columns:
        """Fill in, and say where."""
        del rows
        kept = columns.pick(self.names)
        filled = Columns(self.names, np.where(np.isnan(kept.x), self.medians, kept.x))
        if not self.flagged:
            return filled
        flags = np.isnan(kept.pick(self.flagged).x).astype(np.float64)
        return filled.beside(Columns(tuple(f"{name} missing" for name in self.flagged), flags))

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "step": "impute",
            "names": list(self.names),
            "medians": self.medians.tolist(),
            "flagged": list(self.flagged),
        }


def imputed_from(saved: dict[str, Any]) -> Imputed:
    """Read again."""
    return Imputed(tuple(saved["names"]), np.array(saved["medians"], np.float64), tuple(saved["flagged"]))
