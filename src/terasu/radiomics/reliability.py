"""Which features stay the same when the same tumour is imaged and drawn again: intraclass correlation.

Source: Shrout and Fleiss 1979, doi 10.1037/0033-2909.86.2.420; McGraw and Wong 1996, doi
10.1037/1082-989X.1.1.30; grades after Koo and Li 2016, doi 10.1016/j.jcm.2016.02.012
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from terasu.errors import InputError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Model = Literal["consistency", "agreement"]
GRADES = {"excellent": 0.9, "good": 0.75, "moderate": 0.5, "poor": -np.inf}
"""Least lower end of the interval for each grade."""
COLUMNS = ("feature", "icc", "ci_low", "ci_high", "grade", "subjects", "raters", "f_value", "reason")
_ROUNDING = 1e-12  # of the largest value: what is smaller is rounding


@dataclass(frozen=True, eq=False)
class _Squares:
    """Mean squares of a two-way analysis of variance, one a feature; ``n`` subjects were whole.

    They are of values scaled to a largest deviation of 1, so that a feature of 1e300 has some too.
    """

    between: Array
    raters: Array
    error: Array
    n: Array
    k: int
    varies: Mask


def intraclass_correlation(
    values: Any,
    features: Sequence[str] | None = None,
    *,
    model: Model = "consistency",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """ICC of every feature, two-way, single measurement, with its interval from the F distribution.

    A subject without a finite value from every rater is left out for this feature.

    Args:
        values: (subjects, raters, features), or (subjects, raters) for one feature. A rater is a
            perturbation, an observer or a fraction.
        features: their names, in order; numbers if None.
        model: ``consistency`` is ICC(3,1): what a rater adds to all subjects does not count. ``agreement`` is
            ICC(2,1): it does.
        confidence: of the two-sided interval.
    Returns:
        One row a feature, columns ``COLUMNS``: ``subjects`` is how many were used; ``reason`` says why a
        value is missing, else it is empty.
    Raises:
        InputError: fewer than two raters, another shape, names that do not fit or come twice.
    """
    cube, names = _as_cube(values, features)
    if not 0 < confidence < 1:
        raise InputError("A confidence lies between 0 and 1.", got=str(confidence), expected="0.95, say")
    squares = _mean_squares(cube)
    known = (squares.n >= 2) & squares.varies
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (
            _consistency(squares, confidence) if model == "consistency" else _agreement(squares, confidence)
        )
        ratio = squares.between / squares.error
    icc, low, high = (np.where(known, one, np.nan) for one in found)
    table = {
        "feature": names,
        "icc": icc,
        "ci_low": low,
        "ci_high": high,
        "grade": [_grade(one) for one in low],
        "subjects": squares.n.astype(np.int64),
        "raters": np.full(len(names), squares.k),
        "f_value": np.where(known, ratio, np.nan),
        "reason": [
            _reason(n, varies, len(cube)) for n, varies in zip(squares.n, squares.varies, strict=True)
        ],
    }
    return pd.DataFrame(table, columns=list(COLUMNS))


def stable(table: pd.DataFrame, least: float | str = "good") -> pd.Series:
    """Which features are stable: the lower end of the interval reaches ``least``.

    Args:
        table: from ``intraclass_correlation``.
        least: a grade of ``GRADES`` or a number. A missing interval is not stable.
    Returns:
        Booleans, the features' names as index.
    """
    if isinstance(least, str) and least not in GRADES:
        raise InputError(
            "There is no such grade.",
            got=least,
            expected=", ".join(GRADES) + ", or a number",
            todo="Use one of these; 'good' is 0.75, 'excellent' 0.9.",
        )
    limit = GRADES[least] if isinstance(least, str) else float(least)
    enough = (table["ci_low"] >= limit) & table["ci_low"].notna()
    return pd.Series(enough.to_numpy(bool), index=pd.Index(table["feature"]), name="stable")


def _mean_squares(cube: Array) -> _Squares:
    whole: Mask = np.asarray(np.isfinite(cube).all(axis=1))
    n, k = whole.sum(axis=0).astype(np.float64), cube.shape[1]
    used = np.where(whole[:, None, :], cube, 0.0)
    largest = np.abs(used).max(axis=(0, 1), initial=0.0)
    scaled = used / np.where(largest > 0, largest, 1.0)
    count = np.maximum(n, 1)
    off = np.where(whole[:, None, :], scaled - scaled.sum(axis=(0, 1)) / (count * k), 0.0)
    spread = np.abs(off).max(axis=(0, 1), initial=0.0)
    off /= np.where(spread > 0, spread, 1.0)
    of_rater = off.sum(axis=0) / count
    of_subject = off.mean(axis=1)
    rest = np.where(whole[:, None, :], off - of_rater - of_subject[:, None, :], 0.0)
    freedom = np.maximum(n - 1, 1)
    between = k * np.square(of_subject).sum(axis=0) / freedom
    error = np.square(rest).sum(axis=(0, 1)) / (freedom * (k - 1))
    between, error = (np.where(one > _ROUNDING**2, one, 0.0) for one in (between, error))
    varies = (spread > _ROUNDING) & (between + error > 0)
    return _Squares(between, count * np.square(of_rater).sum(axis=0) / (k - 1), error, n, k, varies)


def _consistency(of: _Squares, confidence: float) -> tuple[Array, Array, Array]:
    """ICC(3,1) = (MSB − MSE) / (MSB + (k − 1) MSE); its interval is that of F = MSB / MSE."""
    freedom = np.maximum(of.n - 1, 1)
    more = freedom * (of.k - 1)
    tail = (1 + confidence) / 2
    low = of.between / stats.f.ppf(tail, freedom, more)
    high = of.between * stats.f.ppf(tail, more, freedom)
    icc, low, high = ((one - of.error) / (one + (of.k - 1) * of.error) for one in (of.between, low, high))
    return np.asarray(icc), np.asarray(low), np.asarray(high)


def _agreement(of: _Squares, confidence: float) -> tuple[Array, Array, Array]:
    """ICC(2,1), with the interval of McGraw and Wong 1996, table 7, case ICC(A,1)."""
    n, k, tail = np.maximum(of.n, 2), of.k, (1 + confidence) / 2
    icc = (of.between - of.error) / (of.between + (k - 1) * of.error + k * (of.raters - of.error) / n)
    a = k * icc / (n * (1 - icc))
    b = 1 + k * icc * (n - 1) / (n * (1 - icc))
    one, two = a * of.raters, b * of.error
    freedom = (one + two) ** 2 / (one**2 / (k - 1) + two**2 / ((n - 1) * (k - 1)))
    left, right = stats.f.ppf(tail, n - 1, freedom), stats.f.ppf(tail, freedom, n - 1)
    both = k * of.raters + (k * n - k - n) * of.error
    low = n * (of.between - left * of.error) / (left * both + n * of.between)
    high = n * (right * of.between - of.error) / (both + n * right * of.between)
    same = (of.error == 0) & (of.raters == 0)
    return np.where(same, 1.0, icc), np.where(same, 1.0, low), np.where(same, 1.0, high)


def _grade(low: float) -> str:
    return next((name for name, least in GRADES.items() if low >= least), "")


def _reason(n: float, varies: bool, subjects: int) -> str:
    if n < 2:
        return f"{int(n)} of {subjects} subjects have a value from every rater; at least 2 are needed"
    return "" if varies else "the feature does not vary between subjects"


def _as_cube(values: Any, features: Sequence[str] | None) -> tuple[Array, list[str]]:
    cube = np.asarray(values, dtype=np.float64)
    cube = cube[:, :, None] if cube.ndim == 2 else cube
    if cube.ndim != 3 or cube.shape[1] < 2:
        raise InputError(
            "A reliability needs every subject measured twice or more.",
            got=f"values of shape {np.shape(values)}",
            expected="(subjects, raters, features), two raters or more",
            todo="Stack the feature tables of the perturbations along the second axis.",
        )
    names = [str(n) for n in range(cube.shape[2])] if features is None else [str(one) for one in features]
    if len(names) != cube.shape[2] or len(set(names)) != len(names):
        raise InputError(
            "The names do not fit the features.",
            got=f"{len(names)} names, {len(set(names))} of them different, {cube.shape[2]} features",
            expected="one name a feature, each once",
            todo="Take names and values from the same table.",
        )
    return cube, names
