"""Every measured voxel gets the planning CT's mean HU of its tissue class: wrong in detail, never far off.

Source: override with the planning CT's mean HU is one of the ways compared by Fotina et al., Radiother Oncol
2012;104:249 (PMID 22809588).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from terasu.enhance.contract import AIR_HU, Context, Enhanced, finish, require_fit
from terasu.enhance.shading_correction import ShadingCorrection
from terasu.enhance.tissue import TISSUES, core_of, is_tissue
from terasu.patient.agreement import bounding_box
from terasu.patient.grid import Grid
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume

# What a class reads if the planning CT shows none of it in view (ours: ICRU 46 tissues at 120 kV, rounded).
_BONE = list(TISSUES).index("bone")
_USUAL_HU = {"air": AIR_HU, "lung": -750.0, "fat": -100.0, "soft": 40.0, "bone": 400.0}


@dataclass(frozen=True)
class DensityOverride:
    """Classes are drawn on the CBCT after shading correction and some smoothing.

    Attributes:
        smooth_mm: Gaussian in the slice plane before the classes are drawn, against noise.
        bone_within_mm: bone is drawn only this near to the planning CT's; other streaks are soft tissue.
        shading: how the CBCT is corrected first.
    """

    smooth_mm: float = 2.0
    bone_within_mm: float = 10.0
    shading: ShadingCorrection = field(default_factory=ShadingCorrection)
    name: str = "density_override"
    version: str = "1"

    def apply(self, cbct: Volume, context: Context) -> Enhanced:
        """Draw classes, override."""
        require_fit(cbct, context)
        corrected = self.shading.apply(cbct, context).volume.values
        means = _class_means(context)
        box = bounding_box(context.view)
        _, row_mm, column_mm = cbct.grid.spacing_zyx_mm
        sigma = (0.0, self.smooth_mm / row_mm, self.smooth_mm / column_mm)
        smooth = ndimage.gaussian_filter(corrected[box], sigma, truncate=3.0)[context.view[box]]
        edges = [TISSUES[tissue][1] for tissue in ("air", "lung", "fat", "soft")]
        classes = np.searchsorted(edges, smooth, side="right")
        near = _near_bone(context, cbct.grid, self.bone_within_mm)[context.view]
        classes[(classes == _BONE) & ~near] = _BONE - 1
        values = np.array([means[tissue] for tissue in TISSUES], np.float32)[classes]
        shares = np.bincount(classes, minlength=len(TISSUES)) / max(1, classes.size)
        card = {f"{tissue}_hu": means[tissue] for tissue in TISSUES}
        card |= {
            f"{tissue}_percent": 100.0 * float(share) for tissue, share in zip(TISSUES, shares, strict=True)
        }
        return finish(self, cbct, values, context, card)


def _class_means(context: Context) -> dict[str, float]:
    """Mean HU by class of the planning CT where the day looks, away from the classes' borders."""
    where = context.view & context.body & context.reach
    means = dict(_USUAL_HU)
    for tissue in ("lung", "fat", "soft", "bone"):
        core = core_of(is_tissue(context.planning.values, tissue)) & where
        if np.count_nonzero(core) >= 500:
            means[tissue] = float(context.planning.values[core].mean())
    return means


def _near_bone(context: Context, grid: Grid, within_mm: float) -> Mask:
    """Near to compact bone of the planning CT, in the slice; found on every other row and column."""
    _, row_mm, column_mm = grid.spacing_zyx_mm
    bone = core_of(is_tissue(context.planning.values, "bone"))[:, ::2, ::2]
    spacing = (2 * row_mm, 2 * column_mm)
    near = np.stack([_within(plane, spacing, within_mm) for plane in bone])
    full = np.repeat(np.repeat(near, 2, axis=1), 2, axis=2)
    return np.asarray(full[:, : grid.shape_zyx[1], : grid.shape_zyx[2]])


def _within(plane: Mask, spacing_mm: tuple[float, float], distance_mm: float) -> Mask:
    if not plane.any():
        return plane
    return np.asarray(ndimage.distance_transform_edt(~plane, sampling=spacing_mm) <= distance_mm)
