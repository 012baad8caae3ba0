"""What the predictions of a label are worth on patients whom the model had not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from terasu.errors import TerasuError
from terasu.prognosis.calibration import LabelCalibration, label_calibration
from terasu.prognosis.confusion import Confusion, confusion
from terasu.prognosis.decision_curve import DecisionCurve, decision_curve
from terasu.prognosis.models.contract import Labels
from terasu.prognosis.roc import Auc, RocCurve, auc, roc_curve
from terasu.prognosis.study.survival_reading import THRESHOLDS
from terasu.prognosis.study.voices import Part, Voice


@dataclass(frozen=True, eq=False)
class LabelReading:
    """One model on one part; of more than two classes, the last against all others.

    Attributes:
        positive: the class looked for.
        auc: over all patients, with DeLong's limits, of the places of the scores.
        confusion: of the class with the highest probability.
        missing: what could not be judged, with the reason.
    """

    model: str
    part: str
    positive: str
    auc: Auc
    roc: RocCurve
    calibration: LabelCalibration | None
    decision: DecisionCurve | None
    confusion: Confusion
    missing: tuple[str, ...]


def read_label(part: Part, voice: Voice) -> LabelReading:
    """Judge one model by its probabilities."""
    outcome = part.outcome
    if not isinstance(outcome, Labels):
        raise TypeError("the outcome of this part is survival")
    positive = outcome.codes == len(outcome.classes) - 1
    chance = np.clip(voice.chance[:, -1], 0.0, 1.0)
    missing: list[str] = []
    try:
        calibrated = label_calibration(chance, positive)
    except TerasuError as error:
        calibrated = None
        missing.append(f"calibration: {error.what} {error.got}".strip())
    return LabelReading(
        voice.name,
        part.name,
        outcome.classes[-1],
        auc(voice.place, positive),
        roc_curve(voice.place, positive),
        calibrated,
        decision_curve(chance, positive, THRESHOLDS),
        confusion(outcome.codes, voice.chance.argmax(axis=1), outcome.classes),
        tuple(missing),
    )
