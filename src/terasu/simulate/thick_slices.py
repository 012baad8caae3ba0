"""A CT as a machine with thicker slices and other pixels would have averaged it."""

from __future__ import annotations

import numpy as np

from terasu.patient.grid import Grid
from terasu.patient.resample import resample
from terasu.patient.volume import Volume

AIR_HU = -1000.0


def averaged_onto(ct: Volume, grid: Grid) -> Volume:
    """A CT on another grid, averaged over the thickness of its slices [HU, float32].

    Args:
        ct: never changed.
        grid: of the result; −1000 HU beyond the CT.
    """
    if grid.agrees_with(ct.grid):
        return Volume(ct.values.astype(np.float32), grid, ct.unit, ct.source)
    parts = max(1, round(grid.spacing_zyx_mm[0] / ct.grid.spacing_zyx_mm[0]))
    total = np.zeros(grid.shape_zyx, np.float32)
    image = Volume(ct.values.astype(np.float32), ct.grid, ct.unit, ct.source)
    for part in range(parts):
        affine = grid.affine.copy()
        affine[:3, 3] = grid.to_lps_mm(((part + 0.5) / parts - 0.5, 0, 0))
        level = Grid(grid.shape_zyx, affine, grid.frame_of_reference_uid)
        total += resample(image, onto=level, outside=AIR_HU).values
    return Volume(total / np.float32(parts), grid, ct.unit, ct.source)
