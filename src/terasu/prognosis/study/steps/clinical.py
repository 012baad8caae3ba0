"""Clinical columns as numbers: words one-hot, missing values filled in, all on one scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from terasu.errors import InputError
from terasu.prognosis.study.nearest import listed
from terasu.prognosis.study.steps.columns import Columns
from terasu.prognosis.survival_data import Array

MISSING = "(missing)"


@dataclass(frozen=True, eq=False)
class Clinical:
    """Clinical columns, prepared as the training rows say.

    Attributes:
        numeric: names with median and mean and deviation (k,) of the filled-in column.
        levels: words of each column of words but its most frequent one, which all others are held against.
            A missing word is a level of its own; a word not seen in training is none of them.
        most_frequent: that one.
    """

    numeric: tuple[str, ...]
    median: Array
    mean: Array
    deviation: Array
    levels: dict[str, tuple[str, ...]]
    most_frequent: dict[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns that come out."""
        words = tuple(f"{name} = {one}" for name, levels in self.levels.items() for one in levels)
        return self.numeric + words

    def apply(self, table: pd.DataFrame) -> Columns:
        """Numbers (n, k)."""
        x = _numbers(table, self.numeric)
        x = (np.where(np.isnan(x), self.median, x) - self.mean) / self.deviation
        hot = [
            (words_of(table[name]) == one).astype(np.float64)
            for name, levels in self.levels.items()
            for one in levels
        ]
        return Columns(self.names, np.column_stack([x, *hot]) if hot else x)

    def strangers(self, table: pd.DataFrame) -> tuple[str, ...]:
        """Columns in which a word stands that training has not seen."""
        seen = {name: {*levels, self.most_frequent[name]} for name, levels in self.levels.items()}
        return tuple(name for name, known in seen.items() if not set(words_of(table[name])) <= known)

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "numeric": list(self.numeric),
            "median": self.median.tolist(),
            "mean": self.mean.tolist(),
            "deviation": self.deviation.tolist(),
            "levels": {name: list(one) for name, one in self.levels.items()},
            "most_frequent": self.most_frequent,
        }


def fit_clinical(table: pd.DataFrame, names: tuple[str, ...]) -> Clinical:
    """Learn from training rows; a column that does not vary there is left out."""
    if not names:
        return Clinical((), np.empty(0), np.empty(0), np.empty(0), {}, {})
    varying = [name for name in names if table[name].nunique(dropna=False) > 1]
    numeric = tuple(n for n in varying if pd.api.types.is_numeric_dtype(table[n]) and table[n].nunique() > 1)
    x = table[list(numeric)].to_numpy(np.float64)
    median = np.nanmedian(x, axis=0) if numeric else np.empty(0)
    filled = np.where(np.isnan(x), median, x)
    levels: dict[str, tuple[str, ...]] = {}
    most: dict[str, str] = {}
    for name in varying:
        if not pd.api.types.is_numeric_dtype(table[name]):
            words, counts = np.unique(words_of(table[name]), return_counts=True)
            most[name] = str(words[np.argmax(counts)])
            levels[name] = tuple(str(one) for one in words if one != most[name])
    return Clinical(numeric, median, filled.mean(axis=0), filled.std(axis=0), levels, most)


def clinical_from(saved: dict[str, Any]) -> Clinical:
    """Read again."""
    median, mean, deviation = (np.array(saved[key], np.float64) for key in ("median", "mean", "deviation"))
    levels = {name: tuple(one) for name, one in saved["levels"].items()}
    return Clinical(tuple(saved["numeric"]), median, mean, deviation, levels, dict(saved["most_frequent"]))


def words_of(column: pd.Series) -> np.ndarray[Any, np.dtype[np.str_]]:
    """A column of words, the missing one named."""
    return np.char.strip(column.astype(object).where(column.notna(), MISSING).astype(str).to_numpy(str))


def _numbers(table: pd.DataFrame, names: tuple[str, ...]) -> Array:
    try:
        return table[list(names)].to_numpy(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            "A clinical column does not hold numbers, as it did in training.",
            got=f"{error} in {listed(names)}",
            expected="numbers, or empty cells",
        ) from error
