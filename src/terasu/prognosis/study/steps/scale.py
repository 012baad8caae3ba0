"""Columns on one scale: by mean and deviation, by median and quartiles, or after Yeo and Johnson.

Source: Yeo and Johnson 2000, doi 10.1093/biomet/87.4.954
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from terasu.prognosis.models.contract import Outcome
from terasu.prognosis.study.steps.columns import Columns, Rows, refuse_missing
from terasu.prognosis.survival_data import Array

Method = Literal["z-score", "robust", "yeo-johnson"]
_GOLDEN = (np.sqrt(5) - 1) / 2
_POWERS = (-3.0, 5.0)


@dataclass(frozen=True)
class Scale:
    """How columns are scaled; a constant one becomes 0."""

    method: Method = "z-score"

    def fit(self, columns: Columns, outcome: Outcome, rows: Rows) -> Scaled:
        """Learn middle, width and power of every column."""
        del outcome, rows
        refuse_missing(columns, "scale")
        x = columns.x
        if self.method == "robust":
            low, middle, high = np.percentile(x, (25, 50, 75), axis=0)
            width = np.where(high > low, (high - low) / 1.349, x.std(axis=0))
            return Scaled(columns.names, middle, _safe(width, x), np.empty(0), np.empty(0), np.empty(0))
        if self.method == "z-score":
            return Scaled(
                columns.names,
                x.mean(axis=0),
                _safe(x.std(axis=0), x),
                np.empty(0),
                np.empty(0),
                np.empty(0),
            )
        before, size = x.mean(axis=0), _safe(x.std(axis=0), x)
        unit = (x - before) / size
        power = _best_powers(unit)
        bent = _bend(unit, power)
        return Scaled(columns.names, bent.mean(axis=0), _safe(bent.std(axis=0), bent), power, before, size)


@dataclass(frozen=True, eq=False)
class Scaled:
    """(x − middle) / width; where there are powers (p,), of the bent (x − before) / size."""

    names: tuple[str, ...]
    middle: Array
    width: Array
    power: Array
    before: Array
    size: Array

    def apply(self, columns: Columns, rows: Rows) -> Columns:
        """Scale."""
        del rows
        x = columns.pick(self.names).x
        if self.power.size:
            x = _bend((x - self.before) / self.size, self.power)
        return Columns(self.names, (x - self.middle) / self.width)

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        arrays = {key: [one if np.isfinite(one) else None for one in getattr(self, key)] for key in _ARRAYS}
        return {"step": "scale", "names": list(self.names), **arrays}


_ARRAYS = ("middle", "width", "power", "before", "size")


def scaled_from(saved: dict[str, Any]) -> Scaled:
    """Read again."""
    arrays = [np.array([np.inf if one is None else one for one in saved[key]]) for key in _ARRAYS]
    return Scaled(tuple(saved["names"]), *arrays)


def _safe(width: Array, x: Array) -> Array:
    """A width by which may be divided; infinite for a column that is constant but for rounding."""
    return np.asarray(np.where(width > 1e-13 * np.abs(x).max(axis=0), width, np.inf))


def _bend(x: Array, power: Array) -> Array:
    """Yeo and Johnson's transformation of each column by its power."""
    up, down = np.log1p(np.maximum(x, 0)), np.log1p(np.maximum(-x, 0))
    straight, mirrored = np.where(power == 0, 1.0, power), np.where(power == 2, 1.0, 2 - power)
    above = np.where(power == 0, up, np.expm1(straight * up) / straight)
    below = np.where(power == 2, down, np.expm1(mirrored * down) / mirrored)
    return np.asarray(np.where(x >= 0, above, -below), np.float64)


def _likelihood(x: Array, power: Array) -> Array:
    spread = np.maximum(_bend(x, power).var(axis=0), 1e-300)
    return np.asarray(
        -len(x) / 2 * np.log(spread) + (power - 1) * (np.sign(x) * np.log1p(np.abs(x))).sum(axis=0)
    )


def _best_powers(x: Array) -> Array:
    """Power of the greatest likelihood of each column, by golden section, to 1e-4."""
    low, high = (np.full(x.shape[1], end) for end in _POWERS)
    for _ in range(24):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        better_left = _likelihood(x, left) > _likelihood(x, right)
        low, high = np.where(better_left, low, left), np.where(better_left, right, high)
    return np.asarray((low + high) / 2, np.float64)
