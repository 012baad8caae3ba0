"""Features of the values alone: statistics, histogram, intensity–volume histogram (IBSI 3.3 to 3.5)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Features = dict[str, float]


def statistics(values: Array) -> Features:
    """Eighteen statistics of the values of a region, ``stat_…``.

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


def _moments(x: Array) -> Features:
    mean, variance = float(x.mean()), float(x.var())
    from_mean = x - mean
    low, quarter, middle, three, high = (float(v) for v in np.percentile(x, (10, 25, 50, 75, 90)))
    robust = x[(x >= low) & (x <= high)]
    flat = variance == 0
    return {
        "mean": mean,
        "var": variance,
        "skew": 0.0 if flat else float((from_mean**3).mean() / variance**1.5),
        "kurt": 0.0 if flat else float((from_mean**4).mean() / variance**2 - 3),
        "median": middle,
        "min": float(x.min()),
        "p10": low,
        "p90": high,
        "max": float(x.max()),
        "iqr": three - quarter,
        "range": float(np.ptp(x)),
        "mad": float(np.abs(from_mean).mean()),
        "rmad": float(np.abs(robust - robust.mean()).mean()),
        "medad": float(np.abs(x - middle).mean()),
        "cov": float(np.sqrt(variance) / mean) if mean else float("nan"),
        "qcod": (three - quarter) / (three + quarter) if three + quarter else float("nan"),
    }
