"""Features of the values alone: statistics, histogram, intensity–volume histogram (IBSI 3.3 to 3.5)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
Features = dict[str, float]


def statistics(values: Array) -> Features:
    """Eighteen statistics of the values of a region, ``stat_…``; NaN where one is not defined.

    Args:
        values: (n,) of the region's voxels [unit of the image], at least one.
    """
    x = np.asarray(values, np.float64)
    found = _moments(x) | {"energy": float(np.square(x).sum()), "rms": float(np.sqrt(np.square(x).mean()))}
    return {f"stat_{name}": value for name, value in found.items()}


def histogram(levels: NDArray[np.int32]) -> Features:
    """Twenty-three features of the histogram of discretised values, ``ih_…``.

    Args:
        levels: (n,) of the region's voxels, 1 …; the histogram ends at the highest.
    """
    x = np.asarray(levels, np.float64)
    counts = np.bincount(np.asarray(levels, np.intp))[1:].astype(np.float64)
    p = counts / counts.sum()
    gradient = np.gradient(counts) if len(counts) > 1 else np.zeros(1)
    often = np.flatnonzero(counts == counts.max()) + 1
    found = _moments(x) | {
        "mode": float(often[np.argmin(np.abs(often - x.mean()))]),
        "entropy": float(-(p * np.log2(np.where(p > 0, p, 1))).sum()),
        "uniformity": float(np.square(p).sum()),
        "max_grad": float(gradient.max()),
        "max_grad_g": float(gradient.argmax() + 1),
        "min_grad": float(gradient.min()),
        "min_grad_g": float(gradient.argmin() + 1),
    }
    return {f"ih_{name}": value for name, value in found.items()}


def intensity_volume(values: Array, axis: Array | None = None) -> Features:
    """Six features of the intensity–volume histogram, ``ivh_…``.

    Args:
        values: (n,) of the region's voxels.
        axis: (m,) values at which the volume that has at least this value is taken, evenly spaced; from
            the lowest to the highest in steps of one if None.
    """
    x = np.sort(np.asarray(values, np.float64))
    axis = np.arange(x[0], x[-1] + 1) if axis is None else axis
    share = 1 - np.searchsorted(x, axis - 1e-9) / len(x)
    along = (axis - axis[0]) / max(float(axis[-1] - axis[0]), 1e-12)
    step = float(axis[1] - axis[0]) if len(axis) > 1 else 1.0
    found: Features = {}
    for part in (10, 90):
        found[f"v{part}"] = float(share[along >= part / 100][0]) if len(axis) > 1 else float(share[0])
        below = axis[share <= part / 100]
        found[f"i{part}"] = float(below[0]) if below.size else float(axis[-1]) + step
    found["diff_v10_v90"] = found["v10"] - found["v90"]
    found["diff_i10_i90"] = found["i10"] - found["i90"]
    return {f"ivh_{name}": value for name, value in found.items()}


def _moments(values: Array) -> Features:
    x = np.sort(values)
    low, quarter, middle, three, high = (_percentile(x, part) for part in (10, 25, 50, 75, 90))
    mean = float(x.mean())
    between = x[np.searchsorted(x, low) : np.searchsorted(x, high, side="right")]
    squares, cubes, fourths, away, from_median = _sums_about(x, mean, middle) / len(x)
    flat = x[0] == x[-1] or squares == 0
    shapeless = flat or squares**2 == 0  # differences whose fourth power is no number any more
    return {
        "mean": mean,
        "var": 0.0 if flat else float(squares),
        "skew": 0.0 if shapeless else float(cubes / squares**1.5),
        "kurt": 0.0 if shapeless else float(fourths / squares**2 - 3),
        "median": middle,
        "min": float(x[0]),
        "p10": low,
        "p90": high,
        "max": float(x[-1]),
        "iqr": three - quarter,
        "range": float(x[-1] - x[0]),
        "mad": float(away),
        "rmad": float(np.abs(between - between.mean()).mean()) if len(between) else float("nan"),
        "medad": float(from_median),
        "cov": float(np.sqrt(squares) / mean) if mean else float("nan"),
        "qcod": (three - quarter) / (three + quarter) if three + quarter else float("nan"),
    }


def _percentile(x: Array, part: float) -> float:
    """Of sorted values, linear between them (numpy's default)."""
    place = (len(x) - 1) * part / 100
    below = int(place)
    above = min(below + 1, len(x) - 1)
    low, high, share = float(x[below]), float(x[above]), place - below
    return low + (high - low) * share if share < 0.5 else high - (high - low) * (1 - share)


@njit(cache=True, nogil=True)
def _sums_about(x: Any, mean: float, median: float) -> Any:
    """Sums of the second to fourth power of x − mean, of its amount, and of the amount of x − median."""
    found = np.zeros(5)
    for value in x:
        away = value - mean
        square = away * away
        found[0] += square
        found[1] += square * away
        found[2] += square * square
        found[3] += abs(away)
        found[4] += abs(value - median)
    return found
