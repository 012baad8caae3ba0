"""What is read off two surfaces: Hausdorff distance, its 95th percentile, the mean, the surface Dice.

Every point counts as much as the area that it stands for. The percentile is the smallest distance that at
least 95 % of a surface's area does not exceed; of the two directions the larger is taken. The mean distance
is the mean of the two directed means.

Source: Nikolov et al. 2021, doi 10.2196/26151; Taha and Hanbury 2015, doi 10.1186/s12880-015-0068-x.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.segment.engines import SurfaceDistances

Floats = NDArray[np.float64]


def hausdorff_mm(distances: SurfaceDistances, percent: float = 100.0) -> float:
    """The distance that ``percent`` of a surface's area does not exceed, the larger of both ways [mm]."""
    if not 0 < percent <= 100:
        raise InputError("A percentile that there is not.", got=f"{percent}", expected="above 0, at most 100")
    return max(
        _percentile(distances.there_mm, distances.there_mm2, percent),
        _percentile(distances.back_mm, distances.back_mm2, percent),
    )


def mean_distances_mm(distances: SurfaceDistances) -> tuple[float, float]:
    """Mean distance from the reference's surface to the test's, and back [mm]."""
    return (
        float(np.average(distances.there_mm, weights=distances.there_mm2)),
        float(np.average(distances.back_mm, weights=distances.back_mm2)),
    )


def mean_distance_mm(distances: SurfaceDistances) -> float:
    """The mean of both directed means [mm]."""
    return float(np.mean(mean_distances_mm(distances)))


def surface_dice(distances: SurfaceDistances, tolerance_mm: float) -> float:
    """Share of both surfaces' area that lies within the tolerance of the other, 0 to 1.

    Raises:
        InputError: a tolerance below 0.
    """
    if not tolerance_mm >= 0:
        raise InputError("A tolerance below nothing.", got=f"{tolerance_mm} mm", expected="0 mm or more")
    near = distances.there_mm2[distances.there_mm <= tolerance_mm].sum()
    near += distances.back_mm2[distances.back_mm <= tolerance_mm].sum()
    return float(near / (distances.there_mm2.sum() + distances.back_mm2.sum()))


def _percentile(values_mm: Floats, areas_mm2: Floats, percent: float) -> float:
    order = np.argsort(values_mm, kind="stable")
    share = np.cumsum(areas_mm2[order])
    at = int(np.searchsorted(share / share[-1], percent / 100.0))
    return float(values_mm[order[min(at, len(order) - 1)]])
