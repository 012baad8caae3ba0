"""The patients of a study: features, clinical columns, centre and outcome, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from terasu.prognosis.models.contract import Outcome
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
