"""All that is done with the training part, step by step."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from terasu import __version__
from terasu.errors import TerasuError
from terasu.prognosis.study.cohort import Cohort
from terasu.prognosis.study.conclusion import conclude
from terasu.prognosis.study.evaluate import CentreOut, Nested, Role, centre_by_centre, gains, judge
from terasu.prognosis.study.evidence import best_of, measure_of, outcome_record, training_evidence
from terasu.prognosis.study.family import Family, family_test
from terasu.prognosis.study.final import FinalModel, Refit, fit_final, refit, selection, write_model
from terasu.prognosis.study.folds import deal
from terasu.prognosis.study.lock import Lock, openings
from terasu.prognosis.study.null import Null, null_distribution
from terasu.prognosis.study.pairs import whole
from terasu.prognosis.study.pipeline import Pipeline
from terasu.prognosis.study.records import ModelResult, StudyFit
from terasu.prognosis.study.study_file import DAYS_OF, StudyFile, file_name
from terasu.prognosis.survival_data import Array
from terasu.steps import Listener, Steps

MODELS, WORK = "models", "work"


class _Kept(TypedDict):
    path: Path
    key: str
    workers: int
    advance: Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Fitting:
    """One fit: what all its steps need.

    Attributes:
        training: the training part, and nothing else.
        pipelines: candidates first.
    """

    says: StudyFile
    locked: Lock
    out: Path
    training: Cohort
    pipelines: tuple[tuple[Pipeline, Role], ...]
    workers: int
    listener: Listener

    def run(self) -> StudyFit:
        """From the cross-validation to the sentence."""
        judged = self._judged()
        added = gains(judged, self.training.outcome, self.says.resampling)
        centres, null, family = self._centres(), self._null(), self._family()
        best, rival = best_of(judged, "candidate"), best_of(judged, "baseline")
        refits = self._refits(best)
        models = self._finals(judged, best, refits)
        chosen = next((one for one, _ in self.pipelines if one.name == best), None)
        found = training_evidence(self.training, models, chosen, added, rival, null, family)
        return StudyFit(
            self.says.name,
            self.locked.sha256,
            __version__,
            measure_of(self.training.outcome),
            len(self.training),
            self.horizons_days,
            outcome_record(self.training.outcome),
            models,
            added,
            centres,
            null,
            family,
            best,
            rival,
            selection(refits) if refits else {},
            found,
            conclude(found, [f"{one.name}: {one.reason}" for one in models if one.reason]),
            len(openings(self.out)),
        )

    @property
    def horizons_days(self) -> tuple[float, ...]:
        """Horizons of the report in days."""
        return tuple(one * DAYS_OF[self.says.endpoint.unit] for one in self.says.report.horizons)

    def _judged(self) -> tuple[Nested, ...]:
        folds = deal(self.training.outcome, self.says.resampling)
        report = (self.horizons_days, self.says.report)
        with Steps(self.listener)("nested cross-validation"):
            return judge(
                self.pipelines, self.training, folds, self.says.resampling, report, **self._kept("nested")
            )

    def _centres(self) -> tuple[CentreOut, ...]:
        centre = self.training.centre
        if not centre:
            return ()
        models = [one for one, _ in self.pipelines if centre not in one.clinical]
        with Steps(self.listener)("leave a centre out"):
            seed = self.says.resampling.seed
            return centre_by_centre(models, self.training, seed, **self._kept("centres"))

    def _null(self) -> Null | None:
        if not self.says.permutations.pipeline:
            return None
        models = [one for one, role in self.pipelines if role == "candidate"]
        with Steps(self.listener)("permuted outcomes"):
            return null_distribution(
                models, self.training, self.says.resampling, self.says.permutations, **self._kept("null")
            )

    def _family(self) -> Family | None:
        if not self.says.permutations.family:
            return None
        with Steps(self.listener)("family of features"):
            return family_test(self.training, self.says.permutations, self.says.baselines.volume)

    def _refits(self, best: str) -> tuple[Refit, ...]:
        chosen = next((one for one, _ in self.pipelines if one.name == best), None)
        if chosen is None or not self.says.report.refits:
            return ()
        with Steps(self.listener)("patients drawn anew"):
            return refit(
                chosen,
                self.training,
                self.says.report.refits,
                seed=self.says.resampling.seed,
                **self._kept(f"refits-{file_name(best)}"),
            )

    def _finals(
        self, judged: tuple[Nested, ...], best: str, refits: tuple[Refit, ...]
    ) -> tuple[ModelResult, ...]:
        found = []
        with Steps(self.listener)("final models"):
            for done, ((pipeline, _), nested) in enumerate(zip(self.pipelines, judged, strict=True)):
                found.append(self._final(pipeline, nested, refits if pipeline.name == best else ()))
                self.listener.advance(done + 1, len(judged))
        return tuple(found)

    def _final(self, pipeline: Pipeline, nested: Nested, refits: tuple[Refit, ...]) -> ModelResult:
        try:
            model, scores = self._fitted(pipeline, nested, refits)
        except TerasuError as error:
            return _unfitted(pipeline, nested, nested.reason or f"{error.what} {error.got}")
        file = f"{MODELS}/{file_name(pipeline.name)}.json"
        write_model(model, self.out / file)
        found = nested.found
        return ModelResult(
            pipeline.name,
            pipeline.kind,
            nested.role,
            nested.reason,
            whole(scores, self.training.outcome).value,
            nested.nested,
            found.used if found else {},
            dict(model.pipeline.model.weights()),
            found.score if found else None,
            found.place if found else None,
            found.group if found else None,
            found.chance if found else None,
            file,
        )

    def _fitted(
        self, pipeline: Pipeline, nested: Nested, refits: tuple[Refit, ...]
    ) -> tuple[FinalModel, Array]:
        about = {
            "study": self.says.name,
            "model": pipeline.name,
            "role": nested.role,
            "endpoint": list(self.says.endpoint.columns),
            "training_patients": len(self.training),
            "lock_sha256": self.locked.sha256,
            "measure": measure_of(self.training.outcome),
            "nested": None if nested.nested is None else vars(nested.nested),
        }
        return fit_final(
            pipeline,
            self.training,
            refits,
            seed=self.says.resampling.seed,
            cut_point=self.says.report.cut_point,
            horizons_days=self.horizons_days,
            patient_id=self.says.patient_id,
            about=about,
        )

    def _kept(self, name: str) -> _Kept:
        return {
            "path": self.out / WORK / f"{name}.jsonl",
            "key": self._key(),
            "workers": self.workers,
            "advance": self.listener.advance,
        }

    def _key(self) -> str:
        """What results depend on: the lock and this release."""
        return hashlib.sha256(f"{self.locked.sha256} {__version__}".encode()).hexdigest()[:16]


def _unfitted(pipeline: Pipeline, nested: Nested, reason: str) -> ModelResult:
    return ModelResult(
        pipeline.name, pipeline.kind, nested.role, reason, None, None, {}, {}, None, None, None, None, ""
    )
