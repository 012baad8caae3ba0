"""What a contour holds on the CT: tissue, fluid, fat, gas, bone; and whether its edge is one.

Source: the HU of tissues follow ICRU 44 and Schneider et al. 2000, doi 10.1088/0031-9155/45/2/314.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from terasu.patient.agreement import bounding_box
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume

GAS_BELOW_HU = -200.0
FAT_BELOW_HU = -30.0
BONE_ABOVE_HU = 150.0
SAME_HU = 10.0
SHELL_MM = (3.0, 6.0)
BLUR_MM = 2.0


@dataclass(frozen=True)
class Content:
    """HU inside of a contour.

    Attributes:
        median_hu: of its voxels.
        gas_percent, fat_percent, bone_percent: below -200 HU; from there to -30 HU; above 150 HU.
        open_edge_percent: share of a shell 3 to 6 mm outside of the contour that looks like its inside
            (smoothed, within 10 HU of the median). For an organ full of fluid that is fluid left out.
    """

    median_hu: float
    gas_percent: float
    fat_percent: float
    bone_percent: float
    open_edge_percent: float


def content_of(mask: Mask, image: Volume) -> Content:
    """Measure what a mask that is not empty holds; image and mask lie on one grid."""
    spacing_mm = image.grid.spacing_zyx_mm
    reach = int(np.ceil((SHELL_MM[1] + 3 * BLUR_MM) / min(spacing_mm)))
    box = bounding_box(mask, margin=reach)
    inside, values = mask[box], np.asarray(image.values[box], dtype=np.float32)
    hu = values[inside]
    median_hu = float(np.median(hu))
    return Content(
        median_hu,
        _percent(hu < GAS_BELOW_HU),
        _percent((hu >= GAS_BELOW_HU) & (hu < FAT_BELOW_HU)),
        _percent(hu > BONE_ABOVE_HU),
        _percent(np.abs(_shell_hu(inside, values, spacing_mm) - median_hu) <= SAME_HU),
    )


def _shell_hu(inside: Mask, values: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    away_mm = ndimage.distance_transform_edt(~inside, sampling=spacing_mm)
    shell = (away_mm >= SHELL_MM[0]) & (away_mm <= SHELL_MM[1])
    sigma = [BLUR_MM / step for step in spacing_mm]
    return np.asarray(ndimage.gaussian_filter(values, sigma, truncate=3.0)[shell])


def _percent(hits: np.ndarray) -> float:
    return 100.0 * float(np.mean(hits)) if hits.size else 0.0
