"""Tissue classes by HU, as everything here bins them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from terasu.patient.structures import Mask

CLASSES_HU: Mapping[str, tuple[float, float]] = {
    "air": (-2000.0, -800.0),
    "lung": (-800.0, -250.0),
    "fat": (-250.0, -30.0),
    "soft": (-30.0, 150.0),
    "bone": (150.0, 4000.0),
}
"""Class → HU from, up to (not included). Bounds lie midway between the classes' means in ICRU Report 46."""


def class_masks(values_hu: NDArray[np.floating], inside: Mask) -> dict[str, Mask]:
    """(z, y, x) masks by class, inside of a region."""
    return {
        name: inside & (values_hu >= low) & (values_hu < high) for name, (low, high) in CLASSES_HU.items()
    }
