"""Arms side by side: means with limits by patient, and what a model adds to the best classical arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terasu.enhance.scores import Score
from terasu.errors import EnhanceError

_DRAWS, _LEVEL = 10_000, 0.95
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """One arm on one image of one patient."""

    arm: str
    patient: str
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class Mean:
    """Mean over patients with its limits; a patient with several images counts once, by their mean."""

    value: float
    lower: float
    upper: float
    patients: int


@dataclass(frozen=True)
class ArmMean:
    """One measure of one arm."""

    arm: str
    name: str
    unit: str
    against: str
    mean: Mean


@dataclass(frozen=True)
class ModelGain:
    """What a model gains over the classical arm with the best mean, on the same patients.

    Attributes:
        gain: nearer to a perfect image by so much, above 0 is better; of the measure's unit.
        sentence: whether the model wins, in words.
    """

    model: str
    over: str
    name: str
    unit: str
    against: str
    gain: Mean
    sentence: str


def means(scored: Sequence[Scored], *, seed: int = 1) -> tuple[ArmMean, ...]:
    """Mean of every measure of every arm, limits by drawing patients anew (percentiles).

    Raises:
        EnhanceError: nothing was scored.
    """
    table = _by_patient(scored)
    found = []
    for (arm, name, against), values in table.items():
        unit = next(s.unit for s in _all(scored) if (s.name, s.against) == (name, against))
        found.append(ArmMean(arm, name, unit, against, _mean(np.array(list(values.values())), seed)))
    return tuple(found)


def gain_over_classical(
    scored: Sequence[Scored], model: str, classical: Sequence[str], name: str, against: str, *, seed: int = 1
) -> ModelGain:
    """Compare one model with the best classical arm, patient by patient.

    The best classical arm is chosen on the same patients, which favours it: a model that wins has won.

    Args:
        name, against: the measure.
    Raises:
        EnhanceError: the model or all classical arms are missing, or they share no patient.
    """
    table = _by_patient(scored)
    best = next((s.best for s in _all(scored) if (s.name, s.against) == (name, against)), None)
    own = table.get((model, name, against))
    rivals = {arm: table[arm, name, against] for arm in classical if (arm, name, against) in table}
    if best is None or own is None or not rivals:
        raise EnhanceError(
            f"{name} of {model} cannot be compared.",
            got=f"arms with it: {', '.join(sorted({arm for arm, n, _ in table if n == name})) or 'none'}",
            expected="the model and one classical arm or more, scored alike",
        )
    unit = next(s.unit for s in _all(scored) if (s.name, s.against) == (name, against))
    rival = min(rivals, key=lambda arm: float(np.mean([_away(v, best) for v in rivals[arm].values()])))
    shared = sorted(set(own) & set(rivals[rival]))
    if not shared:
        raise EnhanceError("The two arms share no patient.", got=f"{model} and {rival}")
    won = np.array([_away(rivals[rival][one], best) - _away(own[one], best) for one in shared])
    gain = _mean(won, seed)
    return ModelGain(model, rival, name, unit, against, gain, _sentence(model, rival, gain))


def _sentence(model: str, rival: str, gain: Mean) -> str:
    if gain.patients < 2 or not np.isfinite([gain.lower, gain.upper]).all():
        return f"{gain.patients} patient: whether {model} beats {rival} in others is not known."
    if gain.lower > 0:
        return f"{model} beats {rival}."
    if gain.upper < 0:
        return f"{model} is worse than {rival}."
    return f"{model} is not shown to beat {rival}."


def _away(value: float, best: float) -> float:
    """Distance to perfect; where perfect is infinite, the lower the worse."""
    return -value if np.isinf(best) else abs(value - best)


def _by_patient(scored: Sequence[Scored]) -> dict[tuple[str, str, str], dict[str, float]]:
    """(arm, measure, against) → patient → mean over his images; what is no number is left out."""
    if not scored:
        raise EnhanceError("Nothing was scored.", expected="one image of one patient or more")
    gathered: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    for one in scored:
        for score in one.scores:
            if np.isfinite(score.value):
                key = (one.arm, score.name, score.against)
                gathered.setdefault(key, {}).setdefault(one.patient, []).append(score.value)
    return {key: _means(of) for key, of in gathered.items()}


def _means(of: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {patient: float(np.mean(values)) for patient, values in of.items()}


def _all(scored: Sequence[Scored]) -> list[Score]:
    return [score for one in scored for score in one.scores]


def _mean(values: Values, seed: int) -> Mean:
    """Not a number as limits where there is one patient only."""
    if len(values) < 2:
        return Mean(float(values.mean()), float("nan"), float("nan"), len(values))
    rng = np.random.default_rng(seed)
    drawn = values[rng.integers(0, len(values), (_DRAWS, len(values)))].mean(axis=1)
    low, high = np.quantile(drawn, ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2))
    return Mean(float(values.mean()), float(low), float(high), len(values))
