"""The planning CT bent to the day, with the day's gas.

Its outline stays the (bent) planned one on purpose: where the CBCT's own skin is doubtful, this image differs
from the other arms, and the dose bracket shows it.

Source: Veiga et al., Med Phys 2014;41:031703, doi 10.1118/1.4864240 (dose of the day by deforming the
planning CT to the CBCT).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from terasu.enhance.contract import Context, Enhanced, finish, require_fit
from terasu.enhance.shading_correction import ShadingCorrection
from terasu.enhance.tissue import find_lungs, is_tissue
from terasu.patient.grid import Grid
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume

_GAS_HU = -400.0


@dataclass(frozen=True)
class VirtualCt:
    """Every value is the planning CT's but for gas, which no deformation can carry.

    Attributes:
        shading: how the CBCT is corrected before gas is looked for.
        gas_depth_mm: gas lies at least this deep in the patient; shallower it is shadow at the rim.
    """

    shading: ShadingCorrection = field(default_factory=ShadingCorrection)
    gas_depth_mm: float = 10.0
    name: str = "virtual_ct"
    version: str = "1"

    def apply(self, cbct: Volume, context: Context) -> Enhanced:
        """Bend, take planned gas out, put the day's gas in."""
        require_fit(cbct, context)
        base = context.deformed or context.planning
        corrected = self.shading.apply(cbct, context).volume.values
        virtual = base.values.astype(np.float32)
        lungs = find_lungs(base.values, context.body, base.grid)
        inside = _deep(context.view & context.body, cbct.grid, self.gas_depth_mm) & ~lungs
        planned_gas = inside & (virtual < _GAS_HU)
        day_gas = inside & (corrected < _GAS_HU)
        soft = virtual[context.view & context.body & is_tissue(virtual, "soft")]
        virtual[planned_gas] = float(np.median(soft)) if soft.size else 40.0
        virtual[day_gas] = corrected[day_gas]
        voxel_cc = cbct.grid.voxel_volume_mm3 / 1000
        card = {
            "deformed": "yes" if context.deformed is not None else "no",
            "planned_gas_cc": float(np.count_nonzero(planned_gas)) * voxel_cc,
            "day_gas_cc": float(np.count_nonzero(day_gas)) * voxel_cc,
        }
        notes = () if context.deformed is not None else ("No deformation was accepted: bent rigidly only.",)
        return finish(self, cbct, virtual[context.view], context, card, notes, beyond=base)


def _deep(mask: Mask, grid: Grid, depth_mm: float) -> Mask:
    """The part of a mask that lies deeper than this in its slice; found on every other row and column."""
    _, row_mm, column_mm = grid.spacing_zyx_mm
    coarse = np.pad(mask[:, ::2, ::2], ((0, 0), (1, 1), (1, 1)))
    spacing = (2 * row_mm, 2 * column_mm)
    depth = np.stack([ndimage.distance_transform_edt(plane, sampling=spacing) for plane in coarse])
    deep = np.repeat(np.repeat(depth[:, 1:-1, 1:-1] > depth_mm, 2, axis=1), 2, axis=2)
    return np.asarray(deep[:, : mask.shape[1], : mask.shape[2]] & mask)
