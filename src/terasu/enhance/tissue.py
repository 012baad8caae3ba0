"""Tissue classes by HU."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.patient.grid import Grid
from terasu.patient.structures import Mask

# Limits are ours; they lie in the valleys of a body CT's histogram. From (inclusive), to (exclusive) [HU].
TISSUES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "air": (-np.inf, -850.0),
        "lung": (-850.0, -250.0),
        "fat": (-250.0, -20.0),
        "soft": (-20.0, 150.0),
        "bone": (150.0, np.inf),
    }
)


def is_tissue(values_hu: NDArray[np.floating], tissue: str) -> Mask:
    """True where the value lies in the class's range."""
    low, high = TISSUES[tissue]
    return np.asarray((values_hu >= low) & (values_hu < high))


def core_of(mask: Mask) -> Mask:
    """Voxels whose four neighbours in the slice belong to the mask too: free of partial volume."""
    core = mask.copy()
    core[:, 1:, :] &= mask[:, :-1, :]
    core[:, :-1, :] &= mask[:, 1:, :]
    core[:, :, 1:] &= mask[:, :, :-1]
    core[:, :, :-1] &= mask[:, :, 1:]
    return core


def find_lungs(values_hu: NDArray[np.floating], body: Mask, grid: Grid, *, least_cc: float = 50.0) -> Mask:
    """Large connected regions below −250 HU inside of the body; gas in bowel is smaller.

    Found on every other row and column, and grown by one voxel there.
    """
    low = (values_hu[:, ::2, ::2] < TISSUES["lung"][1]) & body[:, ::2, ::2]
    labels, count = ndimage.label(ndimage.binary_opening(low))
    sizes_cc = np.bincount(labels.ravel(), minlength=count + 1) * grid.voxel_volume_mm3 * 4 / 1000
    large = sizes_cc >= least_cc
    large[0] = False
    lungs = ndimage.binary_dilation(large[labels], iterations=2)
    full = np.repeat(np.repeat(lungs, 2, axis=1), 2, axis=2)
    return np.asarray(full[:, : values_hu.shape[1], : values_hu.shape[2]])
