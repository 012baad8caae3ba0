"""Every measure of one improved image in one record, names saying what they are measured against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from terasu.enhance.measure import (
    edge_shift_95_mm,
    gradient_change_hu_per_px,
    hu_error,
    hu_error_by_tissue,
    psnr_db,
    ssim,
)
from terasu.enhance.multi_scale_ssim import ms_ssim
from terasu.enhance.tissue import is_tissue
from terasu.errors import EnhanceError
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume

# SynthRAD names −1024…3000 in one place and …3071 in another; an index belongs to the range it was taken on.
RANGES_HU = ((-1024.0, 3000.0), (-1024.0, 3071.0))
SMOOTH_MM = 2.0
_SHADING_MM = 15.0


@dataclass(frozen=True)
class Score:
    """One number.

    Attributes:
        name: measure, and after a dot what it is taken on: ``me.soft``, ``ssim.-1024…3000``.
        unit: ``HU``, ``dB``, ``mm``, ``HU/px`` or empty.
        against: ``input``, ``reference``.
        best: the value that a perfect image would have.
    """

    name: str
    value: float
    unit: str
    against: str
    best: float


def scores_of(image: Volume, raw: Volume, reference: Volume, where: Mask) -> tuple[Score, ...]:
    """All measures of one image.

    Args:
        image: improved [HU]; raw: what it was made from; reference: true CT of the day, or the registered
            planning CT, all on one grid.
        where: patient in the field of view.
    Raises:
        EnhanceError: ``where`` is empty.
        GeometryError: the grids differ.
    """
    if not where.any():
        raise EnhanceError("There is no voxel to compare.", expected="a patient in the field of view")
    return (
        *_errors(image, reference, where),
        *_indices(image, reference, where),
        Score("shading", shading_hu(image, reference, where), "HU", "reference", 0.0),
        *_distortion(image, raw, "input", where),
        *_distortion(image, reference, "reference", where),
    )


def shading_hu(image: Volume, reference: Volume, where: Mask) -> float:
    """How far image − reference wanders within soft tissue: 5th to 95th percentile of its local means.

    Local means are weighted by a Gaussian of 15 mm over soft tissue only. Not a number without soft tissue.
    """
    soft = where & is_tissue(reference.values, "soft")
    if not soft.any():
        return float("nan")
    widths = [_SHADING_MM / mm for mm in reference.grid.spacing_zyx_mm]
    error = np.where(soft, image.values.astype(np.float64) - reference.values, 0.0).astype(np.float32)
    above = ndimage.gaussian_filter(error, widths, truncate=3.0)
    below = ndimage.gaussian_filter(soft.astype(np.float32), widths, truncate=3.0)
    low, high = np.percentile(above[soft] / below[soft], (5, 95))
    return float(high - low)


def _errors(image: Volume, reference: Volume, where: Mask) -> list[Score]:
    whole = hu_error(image, reference, where)
    found = [
        Score("me", whole.mean_hu, "HU", "reference", 0.0),
        Score("mae", whole.mean_absolute_hu, "HU", "reference", 0.0),
    ]
    for tissue, error in hu_error_by_tissue(image, reference, where).items():
        found.append(Score(f"me.{tissue}", error.mean_hu, "HU", "reference", 0.0))
        found.append(Score(f"mae.{tissue}", error.mean_absolute_hu, "HU", "reference", 0.0))
    return found


def _indices(image: Volume, reference: Volume, where: Mask) -> list[Score]:
    found = []
    for low, high in RANGES_HU:
        on = f"{low:g}…{high:g}"
        asked = (low, high)
        several = ms_ssim(image, reference, where, hu_range=asked)
        found += [
            Score(f"psnr.{on}", psnr_db(image, reference, where, hu_range=asked), "dB", "reference", np.inf),
            Score(f"ssim.{on}", ssim(image, reference, where, hu_range=asked), "", "reference", 1.0),
            Score(f"ms_ssim_{several.scales}.{on}", several.value, "", "reference", 1.0),
        ]
    return found


def _distortion(image: Volume, other: Volume, against: str, where: Mask) -> list[Score]:
    """Change of gradients as it is and after equal smoothing, and how far edges moved."""
    plain = gradient_change_hu_per_px(image, other, where)
    smooth = gradient_change_hu_per_px(image, other, where, smooth_mm=SMOOTH_MM)
    return [
        Score("dig", plain, "HU/px", against, 0.0),
        Score(f"dig.smoothed_{SMOOTH_MM:g}_mm", smooth, "HU/px", against, 0.0),
        Score("edge_shift_95", _edges(image, other, where), "mm", against, 0.0),
    ]


def _edges(image: Volume, other: Volume, where: Mask) -> float:
    try:
        return edge_shift_95_mm(image, other, where)
    except EnhanceError:
        return float("nan")
