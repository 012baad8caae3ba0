"""Gather what the arms need: the planning CT on the day's grid, outlines, field of view."""

from __future__ import annotations

import numpy as np

from terasu.enhance.body import dark_rim, filled_by_slice, find_body
from terasu.enhance.contract import AIR_HU, Context
from terasu.patient.grid import Grid
from terasu.patient.resample import resample
from terasu.patient.structures import Mask
from terasu.patient.transform import Deformation, Rigid
from terasu.patient.volume import Volume


def make_context(
    cbct: Volume,
    planning: Volume,
    *,
    rigid: Rigid,
    view: Mask,
    deformation: Deformation | None = None,
    body: Mask | None = None,
) -> Context:
    """The planning CT and the outlines on the CBCT's grid.

    Args:
        cbct: the day's image [HU].
        planning: planning CT [HU], on its own grid.
        rigid: day → planning CT.
        view: field of view on the CBCT's grid, by ``find_field_of_view``.
        deformation: day → planning CT, only if its gate accepted it.
        body: the patient on the planning CT's grid; looked for if None.
    Raises:
        EnhanceError: no patient is found in one of the images.
    """
    placed = resample(planning, cbct.grid, through=rigid, outside=AIR_HU)
    outline = Volume(find_body(planning) if body is None else body, planning.grid)
    planned: Mask = resample(outline, cbct.grid, through=rigid, interpolation="nearest", outside=0).values
    seen = find_body(cbct, view=view, beyond=planned)
    view = view & ~dark_rim(seen, view, planned, placed)
    seen = filled_by_slice(seen | (planned & ~view)) & view
    bent = None if deformation is None else resample(planning, cbct.grid, through=deformation, outside=AIR_HU)
    return Context(placed, bent, view, seen | (planned & ~view), _reach(planning.grid, cbct.grid, rigid))


def _reach(planning: Grid, day: Grid, rigid: Rigid) -> Mask:
    """Voxels of the day that land in the planning CT; index by index, since a rigid map is linear."""
    matrix = planning.inverse @ rigid.matrix @ day.affine
    k, j, i = (np.arange(n, dtype=np.float32) for n in day.shape_zyx)
    inside = np.ones(day.shape_zyx, bool)
    for row, size in zip(matrix[:3].astype(np.float32), planning.shape_zyx, strict=True):
        index = (row[0] * k)[:, None, None] + (row[1] * j)[:, None] + (row[2] * i + row[3])
        inside &= (index >= -0.5) & (index <= size - 0.5)
    return inside
