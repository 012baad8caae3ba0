"""Every way to make a better image of the day, measured side by side."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from terasu.enhance.arms import ARMS
from terasu.enhance.contract import AIR_HU, Enhanced, Enhancer
from terasu.enhance.measure import (
    HuError,
    edge_shift_95_mm,
    gradient_change_hu_per_px,
    hu_error,
    hu_error_by_tissue,
)
from terasu.errors import TerasuError
from terasu.patient.agreement import bounding_box
from terasu.patient.cores import cores
from terasu.patient.resample import resample
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume
from terasu.workflow.align import Alignment
from terasu.workflow.case import Case
from terasu.workflow.settings import Settings

ALIKE_HU = 250.0
"""HU errors by tissue are taken where smoothed image and planning CT differ by less: elsewhere the anatomy
has changed, and the difference is no HU error."""
SMOOTH_MM = 2.0
"""Raw and improved image are smoothed alike before gradients are compared, so that noise does not count."""


@dataclass(frozen=True, eq=False)
class Arm:
    """One improvement and its errors.

    Attributes:
        enhanced: image and what was filled.
        by_tissue: tissue of the reference → error against the registered planning CT where both show it.
        overall: the same over the patient that was seen, changes included.
        true_overall, true_by_tissue: against the true CT of the day, for a made patient only.
    """

    enhanced: Enhanced
    by_tissue: Mapping[str, HuError]
    overall: HuError
    true_overall: HuError | None
    true_by_tissue: Mapping[str, HuError]


@dataclass(frozen=True, eq=False)
class Improvement:
    """All arms on the day's grid.

    Attributes:
        arms: name → arm, those that worked.
        chosen: the one that is delivered.
        reference: what HU errors are taken against, in words.
        gradient_hu_per_voxel, edge_shift_mm: distortion of the delivered image against the raw one.
        truth: the day's true CT on the day's grid, for a made patient only.
        failures: arm → reason.
    """

    arms: Mapping[str, Arm]
    chosen: str
    reference: str
    gradient_hu_per_voxel: float
    edge_shift_mm: float
    truth: Volume | None
    failures: Mapping[str, str]

    @property
    def delivered(self) -> Enhanced:
        """The improved image."""
        return self.arms[self.chosen].enhanced


def improve(case: Case, alignment: Alignment, settings: Settings) -> Improvement:
    """Run every classical arm and measure it.

    Raises:
        EnhanceError: the arm that is to be delivered failed.
    """
    context = alignment.context
    inside = context.view & context.body
    reference = context.deformed or context.planning
    truth = None if case.truth is None else _on_the_day(case.truth, case, alignment)
    arms, failures = dict[str, Arm](), dict[str, str]()

    def arm(enhancer: Enhancer) -> Arm:
        return _measured(enhancer.apply(case.day, context), reference, truth, inside)

    with ThreadPoolExecutor(min(2, cores())) as pool:  # two: each holds several images
        running = {name: pool.submit(arm, enhancer) for name, enhancer in ARMS.items()}
        for name, one in running.items():
            try:
                arms[name] = one.result()
            except TerasuError as error:
                if name == settings.improvement:
                    raise
                failures[name] = error.as_text()
    delivered = arms[settings.improvement].enhanced.volume
    return Improvement(
        arms=arms,
        chosen=settings.improvement,
        reference="registered planning CT, " + ("deformed" if context.deformed else "rigid"),
        gradient_hu_per_voxel=gradient_change_hu_per_px(delivered, case.day, inside, smooth_mm=SMOOTH_MM),
        edge_shift_mm=edge_shift_95_mm(delivered, case.day, inside),
        truth=truth,
        failures=failures,
    )


def _measured(enhanced: Enhanced, reference: Volume, truth: Volume | None, inside: Mask) -> Arm:
    image = enhanced.volume
    return Arm(
        enhanced=enhanced,
        by_tissue=hu_error_by_tissue(image, reference, _alike(image, reference, inside)),
        overall=hu_error(image, reference, inside),
        true_overall=None if truth is None else hu_error(image, truth, inside),
        true_by_tissue={} if truth is None else hu_error_by_tissue(image, truth, inside),
    )


def _alike(image: Volume, reference: Volume, inside: Mask) -> Mask:
    """Inside, where both show the same tissue: means over about 7 mm differ by less than ``ALIKE_HU``."""
    box = bounding_box(inside)
    size = [max(1, round(7.0 / mm)) for mm in image.grid.spacing_zyx_mm]
    difference = image.values[box].astype(np.float32) - reference.values[box].astype(np.float32)
    same = np.zeros_like(inside)
    same[box] = np.abs(ndimage.uniform_filter(difference, size)) < ALIKE_HU
    return same & inside


def _on_the_day(truth: Volume, case: Case, alignment: Alignment) -> Volume:
    """The true CT, which lies in the planning frame, on the day's grid."""
    return resample(truth, case.day.grid, through=alignment.treated, outside=AIR_HU)
