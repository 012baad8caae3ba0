"""A fitted pipeline that leaves the study: with its cuts, its limits, and refits for its uncertainty."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm

from terasu import __version__
from terasu.errors import InputError, TerasuError
from terasu.prognosis.models.contract import Outcome
from terasu.prognosis.study.applicability import Applicability, applicability_from, fit_applicability
from terasu.prognosis.study.cohort import Cohort
from terasu.prognosis.study.ledger import Ledger, write_json
from terasu.prognosis.study.out_of_fold import fitted_on
from terasu.prognosis.study.pipeline import FittedPipeline, Pipeline, pipeline_from_dict
from terasu.prognosis.survival_data import Array, Survival

_FORMAT = 1
_PLACES = np.linspace(0, 1, 201)
_LEAST_REFITS = 10


@dataclass(frozen=True, eq=False)
class Refit:
    """The pipeline on patients drawn anew, and how long the longest of them was followed."""

    pipeline: FittedPipeline
    follow_up_days: float

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"pipeline": self.pipeline.as_dict(), "follow_up_days": self.follow_up_days}


def refit_from(saved: dict[str, Any]) -> Refit:
    """Read again."""
    return Refit(pipeline_from_dict(saved["pipeline"]), saved["follow_up_days"])


@dataclass(frozen=True, eq=False)
class FinalModel:
    """What is saved.

    Attributes:
        pipeline: fitted on the whole training part.
        seen: what the training patients looked like to it.
        training_scores: quantiles of their scores, from the lowest to the highest.
        cut_point: rule of the risk groups.
        follow_up_days: the longest in training; 0 for labels.
        horizons_days: those of the study.
        patient_id, centre: columns that a table of new patients has, the centre only if the model needs it.
        refits: the pipeline on patients drawn anew.
        about: name, endpoint and performance, for whoever reads the file.
    """

    pipeline: FittedPipeline
    seen: Applicability
    training_scores: Array
    cut_point: str
    follow_up_days: float
    horizons_days: tuple[float, ...]
    patient_id: str
    centre: str
    refits: tuple[Refit, ...]
    about: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "format": _FORMAT,
            "terasu": __version__,
            "about": self.about,
            "pipeline": self.pipeline.as_dict(),
            "seen": self.seen.as_dict(),
            "training_scores": self.training_scores.tolist(),
            "cut_point": self.cut_point,
            "follow_up_days": self.follow_up_days,
            "horizons_days": list(self.horizons_days),
            "patient_id": self.patient_id,
            "centre": self.centre,
            "refits": [one.as_dict() for one in self.refits],
        }


def fit_final(
    pipeline: Pipeline,
    training: Cohort,
    refits: tuple[Refit, ...],
    *,
    seed: int,
    cut_point: str,
    horizons_days: tuple[float, ...],
    patient_id: str,
    about: dict[str, Any],
) -> tuple[FinalModel, Array]:
    """Fit on the whole training part.

    Returns:
        The model, and the training patients' own scores (n,).
    """
    everybody = np.ones(len(training), np.bool_)
    fitted, scores = fitted_on(pipeline, training, everybody, seed)
    columns = fitted.columns(training.table, training.centres)
    needs_centre = bool(training.centre) and (
        training.centre in pipeline.clinical or any(type(one).__name__ == "Combat" for one in pipeline.steps)
    )
    model = FinalModel(
        fitted,
        fit_applicability(columns, tuple(fitted.model.weights())),
        np.quantile(scores, _PLACES),
        cut_point,
        follow_up_days(training.outcome),
        horizons_days,
        patient_id,
        training.centre if needs_centre else "",
        refits,
        about,
    )
    return model, scores


def refit(
    pipeline: Pipeline,
    training: Cohort,
    refits: int,
    *,
    seed: int,
    path: Path | None,
    key: str,
    workers: int,
    advance: Callable[[int, int], None],
) -> tuple[Refit, ...]:
    """The pipeline on patients drawn anew with replacement; a draw on which it cannot be fitted is left out.

    Seeds of the model stay the same, so that what differs is the patients.
    """

    def work(task: int) -> dict[str, Any]:
        rows = np.random.default_rng([seed, task]).integers(0, len(training), len(training))
        drawn = training.take(rows)
        try:
            fitted = pipeline.fit(drawn.table, drawn.outcome, drawn.centres, seed=seed)
            return Refit(fitted, follow_up_days(drawn.outcome)).as_dict()
        except TerasuError as error:
            return {"reason": error.what}

    found = Ledger(path, key).fill(list(range(refits)), work, workers, advance)
    return tuple(refit_from(one) for one in found if "reason" not in one)


def follow_up_days(outcome: Outcome) -> float:
    """The longest follow-up; 0 for labels."""
    return float(outcome.time_days.max()) if isinstance(outcome, Survival) else 0.0


def selection(refits: tuple[Refit, ...]) -> dict[str, float]:
    """Name → share of the refits that use it, the most frequent first."""
    counted: dict[str, int] = {}
    for one in refits:
        for name in one.pipeline.model.weights():
            counted[name] = counted.get(name, 0) + 1
    ordered = sorted(counted, key=lambda name: (-counted[name], name))
    return {name: counted[name] / len(refits) for name in ordered}


def with_limits(value: Array, refitted: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Limits of chances from what refits say, normal on the scale of log odds; none below 10 refits.

    Args:
        value: (…) chances; refitted: (refits, …) the same from each refit.
    """
    if len(refitted) < _LEAST_REFITS:
        nothing = np.full(value.shape, np.nan)
        return nothing, nothing
    inside = 1e-6
    logit, refits = (
        np.log(np.clip(one, inside, 1 - inside) / (1 - np.clip(one, inside, 1 - inside)))
        for one in (value, refitted)
    )
    reach = float(norm.ppf(0.5 + level / 2)) * refits.std(axis=0, ddof=1)
    low, high = (1 / (1 + np.exp(-(logit + side * reach))) for side in (-1, 1))
    return np.minimum(low, value), np.maximum(high, value)


def write_model(model: FinalModel, path: Path) -> None:
    """A file that appears whole.

    Raises:
        OutputError: the disk refuses.
    """
    write_json(path, model.as_dict())


def read_model(path: Path) -> FinalModel:
    """A saved model.

    Raises:
        InputError: no model, a damaged one, or one of a later version.
    """
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        if saved["format"] != _FORMAT:
            raise InputError(
                "The model was written by another version.",
                got=f"format {saved['format']}",
                expected=f"format {_FORMAT}",
            )
        return FinalModel(
            pipeline_from_dict(saved["pipeline"]),
            applicability_from(saved["seen"]),
            np.array(saved["training_scores"], np.float64),
            saved["cut_point"],
            saved["follow_up_days"],
            tuple(saved["horizons_days"]),
            saved["patient_id"],
            saved["centre"],
            tuple(refit_from(one) for one in saved["refits"]),
            saved["about"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"The model cannot be read: {path.name}.",
            got=f"{type(error).__name__}: {error}",
            expected="a model as `terasu study fit` writes it",
        ) from error
