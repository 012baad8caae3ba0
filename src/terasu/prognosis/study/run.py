"""A study in five commands: check, lock, fit, open the test, predict (predict.py)."""

from __future__ import annotations

from pathlib import Path

from terasu.prognosis.study.candidates import baselines, candidates
from terasu.prognosis.study.cohort import Cohort
from terasu.prognosis.study.cohort_check import CheckReport, check_cohort
from terasu.prognosis.study.cohort_reading import read_cohort
from terasu.prognosis.study.evaluate import Role
from terasu.prognosis.study.fitting import Fitting
from terasu.prognosis.study.ledger import write_json
from terasu.prognosis.study.lock import Lock, lock, log_opening, read_lock, refuse_changed
from terasu.prognosis.study.pipeline import Pipeline
from terasu.prognosis.study.predict import predict_patients
from terasu.prognosis.study.records import StudyFit, TestResult
from terasu.prognosis.study.results import FIT, TEST, read_fit, write_design
from terasu.prognosis.study.split import split_of
from terasu.prognosis.study.study_reading import Study, read_study
from terasu.prognosis.study.test_set import examine, refuse_without_test
from terasu.prognosis.survival_data import Flags
from terasu.steps import Listener, Nobody

__all__ = ["check_study", "fit_study", "lock_study", "open_test", "predict_patients"]


def check_study(path: Path) -> CheckReport:
    """Read everything, fit nothing.

    Raises:
        InputError: whatever must be mended first, by row and column.
    """
    study = read_study(path)
    cohort = read_cohort(study)
    return _checked(study, cohort, split_of(cohort, study.says.split))


def lock_study(path: Path, out: Path) -> Lock:
    """Check the study and seal its test set in ``out``.

    Raises:
        InputError: as ``check_study``; or ``out`` holds the lock of something else.
        OutputError: the disk refuses.
    """
    study = read_study(path)
    cohort = read_cohort(study)
    test = split_of(cohort, study.says.split)
    checked = _checked(study, cohort, test)
    locked = lock(study, cohort, test, out)
    write_design(study.says, checked, out)
    return locked


def fit_study(path: Path, out: Path, *, workers: int = 1, listener: Listener | None = None) -> StudyFit:
    """Judge every candidate and baseline on the training part, and save them.

    Results are kept as they come (``work/``), so that a run that was broken off goes on where it was.

    Args:
        out: the folder of the lock; ``fit.json`` and ``models/`` appear in it.
        workers: processes side by side; results do not depend on it.
    Raises:
        InputError: not locked, or changed since.
        OutputError: the disk refuses.
    """
    study, locked, cohort, test = _sealed(path, out)
    training = cohort.take(~test)
    del cohort
    pipelines: list[tuple[Pipeline, Role]] = [(one, "candidate") for one in candidates(study, training)]
    pipelines += [(one, "baseline") for one in baselines(study, training)]
    fit = Fitting(study.says, locked, out, training, tuple(pipelines), workers, listener or Nobody()).run()
    write_json(out / FIT, fit.as_dict())
    return fit


def open_test(path: Path, out: Path, *, again: bool = False) -> TestResult:
    """Apply the saved models to the test set, once.

    The opening is written down before anything is calculated; ``test.json`` appears in ``out``.

    Raises:
        InputError: not locked, changed, not fitted, no test set, or opened before without ``again``.
    """
    study, locked, cohort, test = _sealed(path, out)
    fit = read_fit(out, locked)
    refuse_without_test(test)
    opening = log_opening(locked, out, again=again)
    result = examine(study.says, fit, cohort.take(test), opening, out)
    write_json(out / TEST, result.as_dict())
    return result


def _checked(study: Study, cohort: Cohort, test: Flags) -> CheckReport:
    training = cohort.take(~test)
    return check_cohort(study, cohort, test, candidates(study, training), baselines(study, training))


def _sealed(path: Path, out: Path) -> tuple[Study, Lock, Cohort, Flags]:
    """Study and cohort as they were locked, and who belongs to the test set."""
    study = read_study(path)
    locked = read_lock(out)
    refuse_changed(locked, study)
    cohort = read_cohort(study)
    return study, locked, cohort, locked.test_rows(cohort)
