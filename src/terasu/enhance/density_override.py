"""Every voxel set to the mean of its tissue: what is left when no HU of the day's image can be believed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from terasu.enhance.contract import Context, Enhanced, composed, require_fit
from terasu.enhance.shading_correction import ShadingCorrection
from terasu.enhance.tissue import CLASSES_HU, class_masks
from terasu.patient.agreement import bounding_box
from terasu.patient.volume import Volume

_USUAL_HU = {"air": -1000.0, "lung": -750.0, "fat": -100.0, "soft": 40.0, "bone": 400.0}
_FEWEST_VOXELS = 500


@dataclass(frozen=True)
class DensityOverride:
    """Classes found on the shading-corrected image, their HU taken from the planning CT's class means.

    Attributes:
        smooth_mm: standard deviation of the smoothing before the classes are drawn, against noise.
    """

    smooth_mm: float = 2.5
    before: ShadingCorrection = field(default_factory=ShadingCorrection)

    name = "density_override"

    def apply(self, cbct: Volume, context: Context) -> Enhanced:
        """See ``Enhancer.apply``."""
        require_fit(cbct, context)
        box = bounding_box(context.view)
        corrected = self.before.apply(cbct, context).volume.values[box]
        sigma = self.smooth_mm / np.asarray(cbct.grid.spacing_zyx_mm)
        smooth = ndimage.gaussian_filter(corrected, sigma, mode="nearest", truncate=3)
        means = _class_means(context)
        values = np.full(cbct.grid.shape_zyx, -1000.0, np.float32)
        edges = [low for low, _ in list(CLASSES_HU.values())[1:]]
        values[box] = np.array(list(means.values()), np.float32)[np.digitize(smooth, edges)]
        values[box][~context.body[box]] = -1000.0
        return composed(cbct, values, context, name=self.name, card=dict(means))


def _class_means(context: Context) -> dict[str, float]:
    planned = class_masks(context.matched.values, context.inside)
    return {
        name: float(context.matched.values[mask].mean())
        if np.count_nonzero(mask) >= _FEWEST_VOXELS
        else _USUAL_HU[name]
        for name, mask in planned.items()
    }
