"""Columns that say something of their own: combinations of earlier ones are left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from terasu.prognosis.models.contract import Outcome
from terasu.prognosis.study.steps.columns import Columns, Rows, refuse_missing
from terasu.prognosis.study.steps.filters import Kept

_OWN = 1e-6  # of a column's length that must be its own


@dataclass(frozen=True)
class Independent:
    """For models without a penalty, which refuse a column that is a combination of others."""

    def fit(self, columns: Columns, outcome: Outcome, rows: Rows) -> Kept:
        """Go through the columns in order."""
        del outcome, rows
        refuse_missing(columns, "independent")
        basis = np.empty((len(columns), 0))
        names = []
        for name, column in zip(columns.names, columns.x.T, strict=True):
            centred = column - column.mean()
            rest = centred - basis @ (basis.T @ centred)
            rest = rest - basis @ (basis.T @ rest)
            length = float(np.linalg.norm(rest))
            if length > _OWN * float(np.linalg.norm(centred)) and basis.shape[1] < len(columns) - 1:
                basis = np.column_stack([basis, rest / length])
                names.append(name)
        return Kept(tuple(names))
