"""Contour Slab Thickness: the height that one contour stands for, where the planes do not tell it.

Source: DICOM PS3.3 C.8.8.6, (3006,0044). The standard has retired it, so it is written only where
nothing else says how high an ROI is; an ordinary structure set stays free of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from terasu.dicom import elements
from terasu.errors import GeometryError
from terasu.patient.planes import planes_of

Polygon = NDArray[np.float64]

THICKEST_MM = 50.0
"""No slice is thicker: a larger value is damage."""
_ALIKE = 1.1
"""Gaps that differ by less than this factor are one spacing."""


def slab_of(items: Iterable[Dataset], contours_lps_mm: Sequence[Polygon]) -> float:
    """The slab of an ROI [mm]; 0 where nothing is said, or where the contours tell their spacing themselves.

    One or two planes do not tell theirs, and neither do planes at unequal distances. A slab that is thinner
    than the closest two of several planes would leave gaps everywhere: it says how the image was sliced and
    not how the ROI was drawn, and is not taken.

    Args:
        items: of the Contour Sequence.
        contours_lps_mm: what was read from them, each (n, 3) LPS [mm].
    """
    said = [values[0] for one in items if (values := elements.numbers(one, "ContourSlabThickness")).size == 1]
    usable = [value for value in said if np.isfinite(value) and 0 < value <= THICKEST_MM]
    if not usable or not contours_lps_mm:
        return 0.0
    slab_mm = float(np.median(usable))
    return slab_mm if is_needed(contours_lps_mm, slab_mm) else 0.0


def is_needed(contours_lps_mm: Sequence[Polygon], slab_mm: float) -> bool:
    """Whether a slab of this thickness [mm] says what the planes of the contours leave open."""
    try:
        gaps_mm = np.diff(planes_of(contours_lps_mm).offsets_mm)
    except GeometryError:
        return False
    if gaps_mm.size < 2:
        return slab_mm > 0
    unequal = gaps_mm.max() > _ALIKE * gaps_mm.min()
    return bool(unequal and slab_mm * _ALIKE >= gaps_mm.min())
