"""Which features survive: concordance of every feature between two images of the same subjects.

The one image is the reference, say the planning CT; the other is judged, say an improved CBCT.

Source: Lin 1989, doi 10.2307/2532051, with the variance as corrected in Lin 2000, doi
10.1111/j.0006-341X.2000.00324.x; Bland and Altman 1986, doi 10.1016/S0140-6736(86)90837-8
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from terasu.errors import InputError

Array = NDArray[np.float64]
COLUMNS = (
    "feature",
    "ccc",
    "ci_low",
    "ci_high",
    "pearson",
    "location_shift",
    "scale_shift",
    "bias",
    "limit_low",
    "limit_high",
    "subjects",
    "reason",
)
_ROUNDING = 1e-12  # of the largest value: what is smaller is rounding
_LIMITS = 1.96  # standard deviations of the differences


@dataclass(frozen=True, eq=False)
class _Moments:
    """Of every feature over the subjects that have both values; variances are divided by n."""

    n: Array
    mean_reference: Array
    mean_judged: Array
    var_reference: Array
    var_judged: Array
    covariance: Array


def concordance_correlation(
    reference: pd.DataFrame, judged: pd.DataFrame, *, confidence: float = 0.95
) -> pd.DataFrame:
    """CCC of every feature with its interval by Fisher's z, and what disagreement is made of.

    Args:
        reference, judged: one row a subject, its name in the index; one column a feature. Subjects and
            features are matched by name, and a subject counts for a feature if both values are finite.
        confidence: of the two-sided interval.
    Returns:
        One row a feature of either table, columns ``COLUMNS``. ``location_shift`` is the difference of the
        means in units of the geometric mean of both standard deviations, ``scale_shift`` the ratio of the
        standard deviations, ``bias`` the mean difference (judged − reference) and the limits are those of
        Bland and Altman. ``reason`` says why a value is missing, else it is empty.
    Raises:
        InputError: a subject or a feature twice, or values that are no numbers.
    """
    if not 0 < confidence < 1:
        raise InputError("A confidence lies between 0 and 1.", got=str(confidence), expected="0.95, say")
    for name, table in (("reference", reference), ("judged", judged)):
        _refuse_table(name, table)
    features: list[Any] = list(dict.fromkeys([*reference.columns, *judged.columns]))
    subjects = reference.index.intersection(judged.index)
    x = reference.reindex(index=subjects, columns=features).to_numpy(np.float64)
    y = judged.reindex(index=subjects, columns=features).to_numpy(np.float64)
    both = np.isfinite(x) & np.isfinite(y)
    x, y = np.where(both, x, 0.0), np.where(both, y, 0.0)
    scale = np.maximum(np.abs(x).max(axis=0, initial=0.0), np.abs(y).max(axis=0, initial=0.0))
    scale = np.where(scale > 0, scale, 1.0)
    moments = _moments(x / scale, y / scale, both)
    found = pd.DataFrame(
        {"feature": features}
        | _concordance(moments, confidence)
        | _differences(moments, scale)
        | {"subjects": moments.n.astype(np.int64)}
    )
    found["reason"] = [_reason(one, reference, judged, moments, at) for at, one in enumerate(features)]
    return found[list(COLUMNS)]


def _moments(x: Array, y: Array, both: NDArray[np.bool_]) -> _Moments:
    n = both.sum(axis=0).astype(np.float64)
    count = np.maximum(n, 1)
    mean_x, mean_y = x.sum(axis=0) / count, y.sum(axis=0) / count
    off_x, off_y = np.where(both, x - mean_x, 0.0), np.where(both, y - mean_y, 0.0)
    var_x, var_y = (np.square(one).sum(axis=0) / count for one in (off_x, off_y))
    var_x, var_y = (np.where(one > _ROUNDING**2, one, 0.0) for one in (var_x, var_y))
    return _Moments(n, mean_x, mean_y, var_x, var_y, (off_x * off_y).sum(axis=0) / count)


def _concordance(of: _Moments, confidence: float) -> dict[str, Array]:
    both_sd = np.sqrt(of.var_reference * of.var_judged)
    apart = of.mean_judged - of.mean_reference
    known = of.n >= 2
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = of.var_reference + of.var_judged + apart**2
        flat = both_sd == 0
        ccc = np.where(known & (whole > _ROUNDING**2), 2 * np.where(flat, 0, of.covariance) / whole, np.nan)
        pearson = np.where(known & ~flat, np.clip(of.covariance / both_sd, -1, 1), np.nan)
        shift = np.where(known & ~flat, apart / np.sqrt(both_sd), np.nan)
        scale = np.where(known & ~flat, np.sqrt(of.var_judged / of.var_reference), np.nan)
    low, high = _interval(ccc, pearson, shift, scale, of.n, confidence)
    return {
        "ccc": ccc,
        "ci_low": low,
        "ci_high": high,
        "pearson": pearson,
        "location_shift": shift,
        "scale_shift": scale,
    }


def _interval(
    ccc: Array, pearson: Array, shift: Array, scale: Array, n: Array, confidence: float
) -> tuple[Array, Array]:
    """Fisher's z with the asymptotic variance of Lin 2000; one point where both images agree fully."""
    p, r, u = ccc, pearson, shift
    with np.errstate(divide="ignore", invalid="ignore"):
        c = 2 / (scale + 1 / scale + u**2)  # p = c · r
        variance = (1 - r**2) * c**2 * (1 - p**2) + 2 * p**2 * c * (1 - p) * u**2 - p**2 * c**2 * u**4 / 2
        error = np.sqrt(np.maximum(variance, 0) / (n - 2)) / (1 - p**2)
        half = NormalDist().inv_cdf((1 + confidence) / 2) * error
        middle = np.arctanh(p)
        low, high = np.tanh(middle - half), np.tanh(middle + half)
    full, usable = 1 - np.abs(p) < _ROUNDING, (n >= 3) & np.isfinite(r)
    low, high = (np.where(usable, np.where(full, p, one), np.nan) for one in (low, high))
    return low, high


def _differences(of: _Moments, scale: Array) -> dict[str, Array]:
    """Bias and limits of agreement, in the feature's own unit."""
    bias = np.where(of.n >= 1, of.mean_judged - of.mean_reference, np.nan)
    spread = of.var_reference + of.var_judged - 2 * of.covariance
    with np.errstate(divide="ignore", invalid="ignore"):
        sd = np.where(of.n >= 2, np.sqrt(np.maximum(spread, 0) * of.n / (of.n - 1)), np.nan)
    return {
        "bias": bias * scale,
        "limit_low": (bias - _LIMITS * sd) * scale,
        "limit_high": (bias + _LIMITS * sd) * scale,
    }


def _reason(feature: Any, reference: pd.DataFrame, judged: pd.DataFrame, of: _Moments, place: int) -> str:
    missing = [
        name for name, table in (("reference", reference), ("judged", judged)) if feature not in table.columns
    ]
    if missing:
        return f"the {missing[0]} image's table has no such feature"
    n, subjects = int(of.n[place]), len(reference.index.union(judged.index))
    if n < 2:
        return f"{n} of {subjects} subjects have a value in both images; at least 2 are needed"
    variances = {"reference": of.var_reference[place], "judged": of.var_judged[place]}
    flat = [name for name, one in variances.items() if one == 0]
    if flat:
        return f"the feature does not vary between subjects in the {' and the '.join(flat)} image"
    return "an interval needs 3 subjects, there are 2" if n == 2 else ""


def _refuse_table(name: str, table: pd.DataFrame) -> None:
    twice = [str(one) for one in table.index[table.index.duplicated()]]
    twice += [str(one) for one in table.columns[table.columns.duplicated()]]
    text = [str(one) for one, kind in table.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
    if twice or text:
        raise InputError(
            f"The table of the {name} image cannot be compared.",
            got=(f"twice: {', '.join(twice[:5])}" if twice else f"not numbers: {', '.join(text[:5])}"),
            expected="every subject and every feature once, numbers only",
            todo="Keep one row a subject, and leave columns out that are no features.",
        )
