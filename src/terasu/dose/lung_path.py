"""How much lung the beams pass on their way to the target.

The engine's kernels are those of water, so behind and in lung it reads some per cent high. A report has
to say so when it matters, and this tells when.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terasu.dose.density import DensityTable, default_density_table
from terasu.dose.path import STEP_MM, density_on_path, source_lps_mm
from terasu.dose.segments import group_by_gantry, to_segments
from terasu.errors import DoseError
from terasu.patient.delivery import Delivery
from terasu.patient.volume import Volume

LUNG = (0.10, 0.60)
"""Relative electron density of lung: ICRU 44 gives 0.26 inflated, 0.50 deflated; below is gas."""


@dataclass(frozen=True)
class LungPath:
    """MU-weighted means over the delivery.

    Attributes:
        share: of the path between skin and target that runs in lung, 0 … 1.
        lung_mm: length of it.
        path_mm: the whole path between skin and target.
    """

    share: float
    lung_mm: float
    path_mm: float


def path_through_lung(
    image_hu: Volume,
    delivery: Delivery,
    target_lps_mm: ArrayLike,
    *,
    density: DensityTable | None = None,
) -> LungPath:
    """Lung on the rays from the source to the target.

    Args:
        image_hu: the image of the day or the planning CT.
        delivery: the plan.
        target_lps_mm: points (n, 3) in the target, or its centre (3,).
        density: HU → electron density; the generic table if left out.
    Raises:
        DoseError: no ray meets the patient before the target.
    """
    table = density or default_density_table()
    targets = np.asarray(target_lps_mm, float).reshape(-1, 3)
    sums = np.zeros(3)
    for group in group_by_gantry(to_segments(delivery)):
        source = source_lps_mm(group.gantry_deg, group.isocentre_lps_mm, delivery.beams[0].sad_mm)
        for target in targets:
            lung_mm, path_mm = _along(density_on_path(image_hu, table, source, target))
            sums += group.mu * np.array([lung_mm, path_mm, 1.0])
    if sums[1] == 0:
        raise DoseError(
            "No beam meets the patient in front of the target.",
            got=f"{len(targets)} target points",
            expected="points inside of the patient that the image shows",
            todo="Check that plan, image and target belong to one frame of reference.",
        )
    return LungPath(float(sums[0] / sums[1]), float(sums[0] / sums[2]), float(sums[1] / sums[2]))


def _along(density: NDArray[np.float64]) -> tuple[float, float]:
    """Lung and whole path [mm] from the skin, the first solid step, to the target."""
    solid = np.flatnonzero(density > LUNG[1])
    if not len(solid):
        return 0.0, 0.0
    path = density[solid[0] :]
    lung = np.count_nonzero((path > LUNG[0]) & (path < LUNG[1]))
    return lung * STEP_MM, len(path) * STEP_MM
