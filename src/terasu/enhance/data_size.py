"""How many images does a model need? Results of many trainings, by model and number of slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terasu.errors import EnhanceError

_DRAWS, _LEVEL = 4000, 0.95


@dataclass(frozen=True)
class Trained:
    """What one training reached on one patient whom it had not seen.

    Attributes:
        model: arm of the study; slices: of each side that it was trained on; seed: of training and subset.
        name, against, unit: the measure, as in ``scores``.
    """

    model: str
    slices: int
    seed: int
    patient: str
    name: str
    against: str
    unit: str
    value: float


@dataclass(frozen=True)
class Point:
    """One model at one number of slices: mean over seeds and patients with its limits."""

    model: str
    slices: int
    value: float
    lower: float
    upper: float
    seeds: int
    patients: int


def points(trained: Sequence[Trained], name: str, against: str, *, seed: int = 1) -> tuple[Point, ...]:
    """Means by model and number of slices; limits by drawing patients and seeds anew, both at once.

    Raises:
        EnhanceError: nobody has that measure.
    """
    rows = [one for one in trained if (one.name, one.against) == (name, against)]
    if not rows:
        raise EnhanceError(
            f"No training has {name} against {against}.",
            got=", ".join(sorted({f"{one.name} against {one.against}" for one in trained})) or "nothing",
        )
    groups = sorted({(one.model, one.slices) for one in rows})
    return tuple(_point(model, slices, _table(rows, model, slices), seed) for model, slices in groups)


def levels_off(curve: Sequence[Point], *, within: float = 0.1) -> int | None:
    """The smallest number of slices from which every value lies within a share of that at the largest number.

    None where only the largest number itself does.
    """
    ordered = sorted(curve, key=lambda one: one.slices)
    last = ordered[-1].value
    enough = ordered[-1].slices
    for one in reversed(ordered[:-1]):
        if abs(one.value - last) > within * abs(last):
            break
        enough = one.slices
    return enough if enough < ordered[-1].slices else None


def sentences(curve: Sequence[Point], measure: str, *, within: float = 0.1) -> tuple[str, ...]:
    """What may be said of each model, one sentence each."""
    found = []
    for model in dict.fromkeys(one.model for one in curve):
        own = sorted((one for one in curve if one.model == model), key=lambda one: one.slices)
        enough = levels_off(own, within=within)
        most = own[-1]
        if enough is None:
            found.append(f"{model}: {measure} has not levelled off at {most.slices} slices.")
            continue
        at = next(one for one in own if one.slices == enough)
        found.append(
            f"{model}: from {enough} slices on {measure} ({at.value:.3g}) stays within "
            f"{100 * within:.0f} % of that at {most.slices} ({most.value:.3g})."
        )
    return tuple(found)


def _table(rows: Sequence[Trained], model: str, slices: int) -> NDArray[np.float64]:
    """(seeds, patients), not a number where one is missing."""
    own = [one for one in rows if (one.model, one.slices) == (model, slices)]
    seeds, patients = (sorted({getattr(one, key) for one in own}) for key in ("seed", "patient"))
    found = np.full((len(seeds), len(patients)), np.nan)
    for one in own:
        found[seeds.index(one.seed), patients.index(one.patient)] = one.value
    return found


def _point(model: str, slices: int, table: NDArray[np.float64], seed: int) -> Point:
    rng = np.random.default_rng(seed)
    seeds, patients = table.shape
    means = np.empty(_DRAWS)
    for draw in range(_DRAWS):
        taken = table[rng.integers(0, seeds, seeds)][:, rng.integers(0, patients, patients)]
        means[draw] = np.nanmean(taken) if np.isfinite(taken).any() else np.nan
    known = means[np.isfinite(means)]
    low, high = np.quantile(known, ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2)) if len(known) else (np.nan, np.nan)
    if table.size == 1:
        low = high = np.nan
    return Point(model, slices, float(np.nanmean(table)), float(low), float(high), seeds, patients)
