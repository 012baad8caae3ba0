"""Every patient scored by models that have not seen him: the work of one pipeline in one repeat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from terasu.errors import InputError, TerasuError
from terasu.prognosis.models.contract import Outcome
from terasu.prognosis.study.cohort import Cohort
from terasu.prognosis.study.folds import Folds
from terasu.prognosis.study.pairs import whole
from terasu.prognosis.study.pipeline import FittedPipeline, Pipeline
from terasu.prognosis.survival_data import Array, Flags, Labels, Survival

CUTS = {"median": (0.5,), "tertiles": (1 / 3, 2 / 3)}


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Scores of n patients in r repeats.

    Attributes:
        score: (r, n) as the models gave them.
        place: (r, n) share of the model's training patients with a lower score: comparable across models.
        group: (r, n) risk group, cut where the training patients of the fold are cut.
        chance: (n, horizons) survival, or (n, classes) probability; mean over repeats.
        apparent: mean over fits of what each model reached on its own training patients.
        used: name → share of the fits that used it.
    """

    score: Array
    place: Array
    group: Labels
    chance: Array
    apparent: float
    used: dict[str, float]


def one_repeat(
    pipeline: Pipeline,
    cohort: Cohort,
    folds: Labels,
    *,
    horizons_days: tuple[float, ...],
    cut_point: str,
    seed: int,
) -> dict[str, Any]:
    """Fit on all but each fold, score the fold; as JSON.

    Returns:
        ``score, place, group, chance, apparent, used``, or ``reason`` where the pipeline could not be fitted.
    """
    cohort = cohort.narrowed(pipeline.features, pipeline.asked)
    n = len(cohort)
    score, place, group = np.empty(n), np.empty(n), np.empty(n, np.int64)
    chance: list[list[float]] = [[]] * n
    apparent, used = [], list[list[str]]()
    for fold in np.unique(folds):
        out = folds == fold
        try:
            fitted, training = fitted_on(pipeline, cohort, ~out, seed + int(fold))
            here = cohort.take(out)
            score[out] = fitted.score(here.table, here.centres)
            told = chances(fitted, here, within(horizons_days, cohort.outcome.take(~out)))
        except TerasuError as error:
            return {"reason": f"{error.what} {error.got}".strip()}
        if not np.isfinite(score[out]).all():
            return {"reason": "a score is no number"}
        place[out] = places(score[out], training)
        group[out] = groups(place[out], cut_point)
        for row, one in zip(np.flatnonzero(out), told, strict=True):
            chance[row] = one
        apparent.append(whole(training, cohort.outcome.take(~out)).value)
        used.append(sorted(fitted.model.weights()))
    return {
        "score": score.tolist(),
        "place": place.tolist(),
        "group": group.tolist(),
        "chance": chance,
        "apparent": float(np.mean(apparent)),
        "used": used,
    }


def fitted_on(pipeline: Pipeline, cohort: Cohort, rows: Flags, seed: int) -> tuple[FittedPipeline, Array]:
    """The pipeline fitted on some rows, and their own scores."""
    inside = cohort.take(rows)
    fitted = pipeline.fit(inside.table, inside.outcome, inside.centres, seed=seed)
    return fitted, fitted.score(inside.table, inside.centres)


def chances(fitted: FittedPipeline, cohort: Cohort, horizons_days: tuple[float, ...]) -> list[list[float]]:
    """Survival at the horizons, or probability of the classes, row by row."""
    if fitted.classes:
        return list(fitted.probability(cohort.table, cohort.centres).tolist())
    if not horizons_days:
        return [[] for _ in range(len(cohort))]
    return list(fitted.survival(cohort.table, cohort.centres, np.array(horizons_days)).tolist())


def within(horizons_days: tuple[float, ...], outcome: Outcome) -> tuple[float, ...]:
    """Horizons, none beyond the follow-up: a curve is read no further than it goes."""
    if not isinstance(outcome, Survival):
        return ()
    return tuple(min(one, float(outcome.time_days.max())) for one in horizons_days)


def places(score: Array, training: Array) -> Array:
    """Share of training scores below, ties by half; (0, 1) is never left."""
    ordered = np.sort(training)
    below, upto = (np.searchsorted(ordered, score, side) for side in ("left", "right"))
    return np.asarray((below + upto + 1) / 2 / (len(ordered) + 1))


def groups(place: Array, cut_point: str) -> Labels:
    """0 for the lowest risk; a patient at the cut belongs to the lower group."""
    return np.searchsorted(np.array(CUTS[cut_point]), place, side="left").astype(np.int64)


def together(repeats: list[dict[str, Any]]) -> OutOfFold:
    """All repeats of one pipeline.

    Raises:
        InputError: one of them could not be fitted.
    """
    for one in repeats:
        if "reason" in one:
            raise InputError("The model could not be fitted in every fold.", got=one["reason"])
    fits = [names for one in repeats for names in one["used"]]
    counted: dict[str, int] = {}
    for name in (name for names in fits for name in names):
        counted[name] = counted.get(name, 0) + 1
    ordered = sorted(counted, key=lambda name: (-counted[name], name))
    return OutOfFold(
        np.array([one["score"] for one in repeats]),
        np.array([one["place"] for one in repeats]),
        np.array([one["group"] for one in repeats], np.int64),
        np.mean([one["chance"] for one in repeats], axis=0),
        float(np.mean([one["apparent"] for one in repeats])),
        {name: counted[name] / len(fits) for name in ordered},
    )


def comparable(found: OutOfFold, folds: Folds) -> Array:
    """The scores to compare: as given within folds, by their place across folds."""
    return found.place if folds.pooled else found.score
