"""Boxes of voxels: grown by mm, cut out, pasted back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.radiomics.regrid import Box

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Triple = tuple[float, float, float]


def grown(
    box: Box, shape: tuple[int, ...], spacing: Triple, far_mm: float, turn_deg: float = 0.0, more: int = 2
) -> Box:
    """``box`` and what lies ``far_mm`` around it or is turned into it, as far as the image goes."""
    sides_mm = [(one.stop - one.start) * step for one, step in zip(box, spacing, strict=True)]
    turned_mm = float(np.hypot(*sides_mm[1:]) * abs(np.sin(np.radians(turn_deg) / 2)))
    found = []
    for axis, (one, n, step) in enumerate(zip(box, shape, spacing, strict=True)):
        reach_mm = far_mm + (turned_mm if axis else 0.0)
        around = int(np.ceil(reach_mm / step)) + more
        found.append(slice(max(one.start - around, 0), min(one.stop + around, n)))
    return found[0], found[1], found[2]


def within(inner: Box, outer: Box) -> Box:
    """``inner`` counted from the start of ``outer``."""
    z, y, x = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(inner, outer, strict=True))
    return z, y, x


def pasted(values: NDArray[Any], part: Array, box: Box) -> NDArray[Any]:
    """A copy of the image, float32 unless it is float64, with ``part`` in it."""
    kind = np.float64 if values.dtype == np.float64 else np.float32
    found = values.astype(kind)
    found[box] = part
    return found


def placed(region: Mask, shape: tuple[int, ...], box: Box) -> Mask:
    """A mask of ``shape`` with ``region`` in ``box`` and nothing elsewhere."""
    found = np.zeros(shape, bool)
    found[box] = region
    return found
