"""The planning CT bent to the day, with the day's gas copied in: planning HU on the day's anatomy."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from terasu.enhance.contract import Context, Enhanced, composed, require_fit
from terasu.enhance.shading_correction import ShadingCorrection
from terasu.patient.volume import Volume

_GAS_HU = -500.0
_TISSUE_HU = -250.0
_FILL_HU = 30.0
_LEAST_GAS_CC = 1.0


@dataclass(frozen=True)
class VirtualCt:
    """In the field of view gas follows the day's image: gas that came is set in, gas that went is filled.

    Lung is left alone: both images show it, and breathing moves its edge. Gas is looked for in the smoothed
    image and only in pieces of 1 cm³ or more, because dark streaks read like gas.

    Attributes:
        smooth_mm: standard deviation of that smoothing.
    """

    before: ShadingCorrection = field(default_factory=ShadingCorrection)
    smooth_mm: float = 3.0

    name = "virtual_ct"

    def apply(self, cbct: Volume, context: Context) -> Enhanced:
        """See ``Enhancer.apply``."""
        require_fit(cbct, context)
        bent = context.matched if context.deformed is None else context.deformed
        today = self.before.apply(cbct, context).volume.values
        inside = _eroded(context.inside)
        spacing = np.asarray(cbct.grid.spacing_zyx_mm)
        smooth = ndimage.gaussian_filter(today, self.smooth_mm / spacing, truncate=2.5)
        least = _LEAST_GAS_CC * 1000 / cbct.grid.voxel_volume_mm3
        came = _pieces(inside & (smooth < _GAS_HU) & (bent.values > _TISSUE_HU), least)
        went = _pieces(inside & (bent.values < -850.0) & (smooth > _TISSUE_HU), least)
        values = bent.values.astype(np.float32)
        values[came] = today[came]
        values[went] = _FILL_HU
        notes = (
            ()
            if context.deformed is not None
            else ("No deformation passed its gate: the rigid match is used.",)
        )
        card = {
            "gas that came, cc": _cc(came, cbct),
            "gas that went, cc": _cc(went, cbct),
            "planning CT": "rigid" if context.deformed is None else "deformed",
        }
        return composed(cbct, values, context, name=self.name, card=card, notes=notes)


def _eroded(mask: np.ndarray) -> np.ndarray:
    """Without the rim, where half a voxel of air makes gas."""
    return np.asarray(ndimage.binary_erosion(mask, np.ones((1, 3, 3), bool), iterations=3))


def _pieces(mask: np.ndarray, least_voxels: float) -> np.ndarray:
    """Connected pieces of at least so many voxels."""
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= least_voxels)[labels])


def _cc(mask: np.ndarray, image: Volume) -> float:
    return float(np.count_nonzero(mask)) * image.grid.voxel_volume_mm3 / 1000
