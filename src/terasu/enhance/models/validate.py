"""The final calibration and the figures of a card, on validation patients and on nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.enhance.measure import gradient_change_hu_per_px, hu_error
from terasu.enhance.models.apply import F32, improved_values, with_calibration
from terasu.enhance.models.calibration import Calibration, fit_to_others, fit_to_truth
from terasu.enhance.models.trained import Applied
from terasu.learn.prepared import PreparedCase
from terasu.patient.grid import Grid
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume
from terasu.steps import Listener, Nobody


@dataclass(frozen=True, eq=False)
class Validation:
    """What came of it; ``measured`` is empty without truth."""

    calibration: Calibration
    measured: dict[str, float]


def validate(
    applied: Applied,
    sources: Sequence[PreparedCase],
    targets: Sequence[PreparedCase] = (),
    *,
    listener: Listener | None = None,
) -> Validation:
    """Apply the model to validation patients, fit the last line, and measure.

    Args:
        sources: validation patients; where all have a ``truth``, the line is fitted to it and the errors are
            measured against it (on the patients that the line of two numbers was fitted on).
        targets: validation patients of the target modality, for an offset where there is no truth.
    """
    listener = listener or Nobody()
    made = []
    for number, case in enumerate(sources, start=1):
        made.append(
            improved_values(case.array("image"), case.facts.spacing_zyx_mm[1:], body_of(case), applied)
        )
        listener.advance(number, len(sources))
    calibration = _calibration(sources, made, targets)
    if not sources or not all("truth" in case.facts.sha256 for case in sources):
        return Validation(calibration, {})
    rows = [
        _errors(case, with_calibration(one, body_of(case), calibration))
        for case, one in zip(sources, made, strict=True)
    ]
    return Validation(calibration, {name: float(np.mean([row[name] for row in rows])) for name in rows[0]})


def body_of(case: PreparedCase) -> Mask:
    """Where a model may change a prepared case: the patient that the machine has seen."""
    body: Mask = np.asarray(case.array("body")) > 0
    return body & (np.asarray(case.array("seen")) > 0) if "seen" in case.facts.sha256 else body


def _calibration(
    sources: Sequence[PreparedCase], made: Sequence[F32], targets: Sequence[PreparedCase]
) -> Calibration:
    if not sources:
        return Calibration()
    own = [one[body_of(case)] for case, one in zip(sources, made, strict=True)]
    if all("truth" in case.facts.sha256 for case in sources):
        return fit_to_truth(own, [case.array("truth")[body_of(case)] for case in sources])
    if not targets:
        return Calibration()
    return fit_to_others(own, [case.array("image")[body_of(case)] for case in targets])


def _errors(case: PreparedCase, made: F32) -> dict[str, float]:
    """One patient, against the truth."""
    grid = Grid.from_axes(case.facts.shape_zyx, spacing_zyx_mm=case.facts.spacing_zyx_mm)
    body = body_of(case)
    volumes = {name: Volume(_values(case, name), grid) for name in ("image", "truth")}
    raw, truth, now = volumes["image"], volumes["truth"], Volume(made, grid)
    before, after = hu_error(raw, truth, body), hu_error(now, truth, body)
    return {
        "raw MAE [HU]": before.mean_absolute_hu,
        "MAE [HU]": after.mean_absolute_hu,
        "raw ME [HU]": before.mean_hu,
        "ME [HU]": after.mean_hu,
        "raw DIG against truth [HU/px]": gradient_change_hu_per_px(raw, truth, body),
        "DIG against truth [HU/px]": gradient_change_hu_per_px(now, truth, body),
    }


def _values(case: PreparedCase, name: str) -> NDArray[Any]:
    return np.asarray(case.array(name), np.float32)
