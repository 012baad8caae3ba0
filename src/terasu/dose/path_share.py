"""How much of the beams' way through the patient runs through a region, e.g. one that was not imaged."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terasu.dose.path import STEP_MM, source_lps_mm
from terasu.dose.segments import group_by_gantry, to_segments
from terasu.errors import DoseError
from terasu.patient.delivery import Delivery
from terasu.patient.grid import Grid
from terasu.patient.structures import Mask


def share_of_path(
    region: Mask, body: Mask, grid: Grid, delivery: Delivery, target_lps_mm: ArrayLike
) -> float:
    """MU-weighted share of the path from the skin to the target that runs through a region, 0 … 1.

    Args:
        region, body: (z, y, x) on ``grid``.
        delivery: the plan.
        target_lps_mm: points (n, 3) in the target.
    Raises:
        DoseError: no ray meets the patient before the target.
    """
    in_region = in_body = 0.0
    for group in group_by_gantry(to_segments(delivery)):
        source = source_lps_mm(group.gantry_deg, group.isocentre_lps_mm, delivery.beams[0].sad_mm)
        for target in np.asarray(target_lps_mm, float).reshape(-1, 3):
            index = _steps_kji(source, target, grid)
            inside = body[index]
            in_body += group.mu * np.count_nonzero(inside)
            in_region += group.mu * np.count_nonzero(inside & region[index])
    if in_body == 0:
        raise DoseError(
            "No beam meets the patient in front of the target.",
            got=f"{np.asarray(target_lps_mm, float).size // 3} target points",
            expected="a target inside of the patient, on the image's grid",
            todo="Check that plan, image and target belong to one frame of reference.",
        )
    return in_region / in_body


def _steps_kji(
    source: NDArray[np.float64], target: NDArray[np.float64], grid: Grid
) -> tuple[NDArray[np.intp], ...]:
    """Voxels met every STEP_MM on the way, those outside of the grid left out."""
    length = float(np.linalg.norm(target - source))
    part = (np.arange(int(length / STEP_MM)) + 0.5) * STEP_MM / length
    index = np.rint(grid.to_index_kji(source + part[:, None] * (target - source))).astype(np.intp)
    inside = np.all((index >= 0) & (index < np.asarray(grid.shape_zyx)), axis=1)
    return tuple(index[inside].T)
