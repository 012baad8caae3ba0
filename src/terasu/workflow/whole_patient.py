"""The patient beyond the field of view: the day inside, the planning CT outside, in the planning frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from terasu.patient.agreement import bounding_box
from terasu.patient.grid import Grid
from terasu.patient.resample import resample
from terasu.patient.structures import Mask
from terasu.patient.transform import Rigid
from terasu.patient.volume import Volume


@dataclass(frozen=True, eq=False)
class WholePatient:
    """An image that a beam can pass through from skin to skin.

    Attributes:
        image: HU on the planning CT's grid, in the planning frame; air beyond the patient's outline.
        body: that outline.
        filled: True where the day was not imaged and the planning CT stands in.
    """

    image: Volume
    body: Mask
    filled: Mask


def on_the_day(mask: Mask, planning: Grid, day: Grid, through: Rigid) -> Mask:
    """A mask of the planning CT on the day's grid.

    Args:
        through: points of the day → points of the planning CT.
    """
    return resample(Volume(mask, planning), day, through=through, interpolation="nearest", outside=0).values


def in_planning_frame(mask: Mask, day: Grid, planning: Grid, treated: Rigid) -> Mask:
    """A mask of the day on the planning CT's grid, in the treated position."""
    whole = Volume(mask, day)
    return resample(whole, planning, through=treated.inverse(), interpolation="nearest", outside=0).values


def patient_around(planning: Volume, body: Mask, treated: Rigid, matched: Rigid) -> WholePatient:
    """The planning CT moved to where the rigid match found the patient, in the planning frame.

    Args:
        planning, body: planning CT and its outline.
        treated, matched: points of the day → points of the planning CT.
    """
    residual = Rigid(np.asarray(matched.matrix @ treated.inverse().matrix, dtype=np.float64))
    moved = resample(planning, planning.grid, through=residual, outside=-1000.0)
    outline = on_the_day(body, planning.grid, planning.grid, residual)
    return WholePatient(in_air(moved, outline), outline, np.ones_like(outline))


def in_air(image: Volume, body: Mask) -> Volume:
    """The image inside of the patient's outline, air beyond it.

    Couch, clothes and the haze around a cone-beam image would each take some per cent of the dose, and differ
    from image to image; so none of them is calculated.
    """
    return image.with_values(np.where(body, image.values, -1000.0).astype(np.float32))


def continue_patient(
    image: Volume, view: Mask, body: Mask, around: WholePatient, treated: Rigid
) -> WholePatient:
    """The day's image where it was seen, the planning CT everywhere else.

    Args:
        image: the day's image, raw or improved, on the day's grid [HU].
        view, body: what was seen, and the patient's outline, on the same grid.
        around: what stands in elsewhere, on the planning CT's grid; see ``patient_around``.
        treated: points of the day → points of the planning CT.
    """
    grid = around.image.grid
    placed = resample(image, grid, through=treated.inverse(), outside=-1000.0)
    seen = in_planning_frame(view, image.grid, grid, treated)
    outline = np.where(seen, in_planning_frame(body, image.grid, grid, treated), around.body)
    values = np.where(seen, placed.values, around.image.values).astype(np.float32)
    return WholePatient(in_air(Volume(values, grid, "HU", image.source), outline), outline, ~seen)


def dose_grid(
    planning: Volume, body: Mask, target: Mask, *, spacing_mm: float, beyond_mm: float = 100.0
) -> Grid:
    """Grid of the dose: the patient's box, along his length the target and ``beyond_mm`` on both sides."""
    around = bounding_box(body)
    along = bounding_box(target)[0]
    slices = int(np.ceil(beyond_mm / planning.grid.spacing_zyx_mm[0]))
    start = max(along.start - slices, 0), around[1].start, around[2].start
    stop = min(along.stop + slices, planning.grid.shape_zyx[0]), around[1].stop, around[2].stop
    return planning.grid.crop(start, stop).with_spacing((spacing_mm,) * 3)
