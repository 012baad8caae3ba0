"""What each model said of the patients of one part: the training part out of fold, or the test set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from terasu.prognosis.models.contract import Outcome
from terasu.prognosis.study.records import StudyFit, TestResult
from terasu.prognosis.study.results import outcome_from
from terasu.prognosis.survival_data import Array, Labels

TRAINING, TEST = "training, out of fold", "test set"


@dataclass(frozen=True, eq=False)
class Voice:
    """One model on n patients whom it had not seen.

    Attributes:
        place: (n,) share of the model's training patients with a lower score, mean over repeats.
        group: (n,) risk group, the one of most repeats; 0 is the lowest risk.
        chance: (n, horizons) survival, or (n, classes) probability.
    """

    name: str
    role: str
    place: Array
    group: Labels
    chance: Array


@dataclass(frozen=True, eq=False)
class Part:
    """Patients, their outcome, and what the models said of them."""

    name: str
    outcome: Outcome
    voices: tuple[Voice, ...]

    def voice(self, name: str) -> Voice | None:
        """The model of this name, if it spoke."""
        return next((one for one in self.voices if one.name == name), None)


def training_part(fit: StudyFit) -> Part:
    """Out of fold; models that could not be fitted are silent."""
    return Part(TRAINING, outcome_from(fit.outcome), _voices(fit.models))


def opened_part(tested: TestResult) -> Part:
    """The test set."""
    return Part(TEST, outcome_from(tested.outcome), _voices(tested.models))


def _voices(models: Any) -> tuple[Voice, ...]:
    return tuple(_voice(one) for one in models if one.place is not None)


def _voice(one: Any) -> Voice:
    place = np.atleast_2d(np.asarray(one.place, np.float64))
    group = np.atleast_2d(np.asarray(one.group, np.float64))
    chance = np.asarray(one.chance, np.float64).reshape(place.shape[1], -1)
    return Voice(one.name, one.role, place.mean(axis=0), np.rint(group.mean(axis=0)).astype(np.int64), chance)
