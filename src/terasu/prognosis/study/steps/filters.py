"""Steps that leave columns out: constant, unstable, redundant, or of little use by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import rankdata

from terasu.errors import InputError
from terasu.prognosis.models.contract import Outcome
from terasu.prognosis.study.steps.columns import Columns, Rows, refuse_missing
from terasu.prognosis.study.univariable import univariable_chi2
from terasu.prognosis.survival_data import Flags
from terasu.prognosis.survival_data import Labels as Codes


@dataclass(frozen=True, eq=False)
class Kept:
    """Columns that are left, by name."""

    names: tuple[str, ...]

    def apply(self, columns: Columns, rows: Rows) -> Columns:
        """Leave out the others."""
        del rows
        return columns.pick(self.names)

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"step": "keep", "names": list(self.names)}


def kept_from(saved: dict[str, Any]) -> Kept:
    """Read again."""
    return Kept(tuple(saved["names"]))


@dataclass(frozen=True)
class Variance:
    """Leave out columns whose deviation is ``least`` or below (by default: constant but for rounding)."""

    least: float = 0.0

    def fit(self, columns: Columns, outcome: Outcome, rows: Rows) -> Kept:
        """Learn which vary."""
        del outcome, rows
        known = np.isfinite(columns.x)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, columns.x, 0.0).sum(axis=0) / count
        away = np.where(known, columns.x - mean, 0.0)
        size = np.abs(np.where(known, columns.x, 0.0)).max(axis=0)
        return _kept(columns, np.sqrt((away**2).sum(axis=0) / count) > self.least + 1e-13 * size, "variance")


@dataclass(frozen=True)
class Stability:
    """Keep columns that were shown to be stable.

    Attributes:
        stable: names in the reliability table whose ICC reaches the limit.
        prefixes: of the study's tables; the reliability table may know features without them.
    """

    stable: frozenset[str]
    prefixes: tuple[str, ...] = ("",)

    def fit(self, columns: Columns, outcome: Outcome, rows: Rows) -> Kept:
        """Learn nothing: stability was measured elsewhere, without outcomes."""
        del outcome, rows
        shown = [
            any(name.removeprefix(one) in self.stable for one in self.prefixes) for name in columns.names
        ]
        return _kept(columns, np.array(shown, np.bool_), "stability")


@dataclass(frozen=True)
class Correlation:
    """Of columns that go together, keep one.

    Attributes:
        limit: of the absolute value of Spearman's rho.
        prefer: the column that tells more of the outcome by itself (in the training rows), or the first.
    """

    limit: float = 0.9
    prefer: Literal["score", "first"] = "score"

    def fit(self, columns: Columns, outcome: Outcome, rows: Rows) -> Kept:
        """Go from the most wanted column to the least, and keep what is not yet said."""
        del rows
        refuse_missing(columns, "correlation")
        ranks = rankdata(columns.x, axis=0)
        ranks -= ranks.mean(axis=0)
        size = np.sqrt((ranks**2).sum(axis=0))
        unit = ranks / np.where(size > 0, size, 1.0)
        alike = np.abs(unit.T @ unit) > self.limit
        order = np.arange(len(columns.names))
        if self.prefer == "score":
            order = np.argsort(-univariable_chi2(columns.x, outcome), kind="stable")
        return _kept(columns, _greedy(alike, order), "correlation")


@dataclass(frozen=True)
class Univariable:
    """Keep the ``most`` columns that tell most of the outcome by themselves (Cox's score test, or F)."""

    most: int = 10

    def fit(self, columns: Columns, outcome: Outcome, rows: Rows) -> Kept:
        """Rank them on the training rows."""
        del rows
        refuse_missing(columns, "univariable")
        if self.most < 1:
            raise InputError(
                "A selection keeps at least one column.", got=f"most = {self.most}", expected="1 or more"
            )
        order = np.argsort(-univariable_chi2(columns.x, outcome), kind="stable")
        best = np.zeros(len(columns.names), np.bool_)
        best[order[: self.most]] = True
        return _kept(columns, best, "univariable")


def _greedy(alike: Flags, order: Codes) -> Flags:
    free, kept = np.ones(len(alike), np.bool_), np.zeros(len(alike), np.bool_)
    for one in order:
        if free[one]:
            kept[one] = True
            free &= ~alike[one]
    return kept


def _kept(columns: Columns, which: Flags, step: str) -> Kept:
    if not which.any():
        raise InputError(
            f"The step {step!r} leaves no feature.",
            got=f"{len(columns.names)} features before it, none after",
            expected="at least one",
            todo="Relax the step, or check that names and tables fit together.",
        )
    return Kept(columns.keep(which).names)
