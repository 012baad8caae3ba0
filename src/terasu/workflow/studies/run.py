"""A study from its file to its conclusion: check, lock, fit, open the test set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from terasu.prognosis.study.cohort_check import CheckReport
from terasu.prognosis.study.records import StudyFit, TestResult
from terasu.prognosis.study.run import check_study, fit_study, lock_study, open_test
from terasu.steps import Listener

RESULTS = "results"


@dataclass(frozen=True, eq=False)
class WholeStudy:
    """What the four commands gave; ``tested`` is None where the study keeps nobody for a test."""

    checked: CheckReport
    fit: StudyFit
    tested: TestResult | None


def run_study(study: Path, *, workers: int = 1, listener: Listener | None = None) -> WholeStudy:
    """Run the four commands; results appear in ``results`` beside the study file.

    A run that was stopped goes on where it was. The test set is opened once: a second run is refused.

    Raises:
        InputError: whatever must be mended first; or the test set was opened before.
        OutputError: the disk refuses.
    """
    out = study.parent / RESULTS
    checked = check_study(study)
    lock_study(study, out)
    fit = fit_study(study, out, workers=workers, listener=listener)
    tested = open_test(study, out) if checked.test else None
    return WholeStudy(checked, fit, tested)
