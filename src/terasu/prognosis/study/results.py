"""All that a folder of results says, read again for whoever reports it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from terasu.errors import InputError
from terasu.prognosis.models.contract import Labels, Outcome
from terasu.prognosis.study.cohort_check import CheckReport
from terasu.prognosis.study.ledger import write_json
from terasu.prognosis.study.lock import Lock, Opening, openings, read_lock
from terasu.prognosis.study.records import StudyFit, TestResult, plain, restored
from terasu.prognosis.study.study_file import StudyFile
from terasu.prognosis.survival_data import Survival

DESIGN, FIT, TEST = "design.json", "fit.json", "test.json"


@dataclass(frozen=True, eq=False)
class StudyResults:
    """One study, as far as it has come.

    Attributes:
        says: the study file as it was locked; checked: what the check found then.
        openings: every look at the test set.
        tested: the last of them; None before the first.
    """

    says: StudyFile
    checked: CheckReport
    locked: Lock
    openings: tuple[Opening, ...]
    fit: StudyFit
    tested: TestResult | None


def write_design(says: StudyFile, checked: CheckReport, out: Path) -> None:
    """Keep beside the lock what was locked, so that the folder can be read by itself.

    Raises:
        OutputError: the disk refuses.
    """
    write_json(out / DESIGN, {"study": says.model_dump(mode="json"), "check": plain(checked)})


def read_results(out: Path) -> StudyResults:
    """Read a folder of results.

    Raises:
        InputError: not locked, not fitted, fitted under another lock, or damaged.
    """
    locked = read_lock(out)
    design = _read(out / DESIGN, "The study is not locked.", "Run `terasu study lock` again.")
    fit = read_fit(out, locked)
    tested = None
    if (out / TEST).exists():
        tested = _record(TestResult, out / TEST, _read(out / TEST, "", ""))
        if tested.lock_sha256 != locked.sha256:
            raise InputError(
                "The test was opened under another lock.", todo="Take another folder for the new study."
            )
    try:
        says = StudyFile(**design["study"])
        checked: CheckReport = restored(CheckReport, design["check"])
    except (ValidationError, KeyError, TypeError) as error:
        raise _damaged(out / DESIGN, error) from error
    return StudyResults(says, checked, locked, tuple(openings(out)), fit, tested)


def read_fit(out: Path, locked: Lock) -> StudyFit:
    """The result of ``fit`` in this folder.

    Raises:
        InputError: there is none, or it belongs to another lock.
    """
    saved = _read(out / FIT, "The study has not been fitted.", "Run `terasu study fit` first.")
    fit: StudyFit = _record(StudyFit, out / FIT, saved)
    if fit.lock_sha256 != locked.sha256:
        raise InputError(
            "The models were fitted under another lock.",
            todo="Run `terasu study fit` again, then open the test.",
        )
    return fit


def outcome_from(record: dict[str, Any]) -> Outcome:
    """The outcome that scores belong to, from its record."""
    if "classes" in record:
        return Labels(record["code"], tuple(record["classes"]))
    return Survival(record["time_days"], record["event"])


def _read(path: Path, without: str, todo: str) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise InputError(without, got=f"no {path.name} in {path.parent.name}", todo=todo) from None
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(path, error) from error


def _record(kind: Any, path: Path, saved: dict[str, Any]) -> Any:
    try:
        return restored(kind, saved)
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path.name} cannot be read.",
        got=f"{type(error).__name__}: {error}",
        expected="what this version of `terasu study` wrote",
        todo="Run the command that wrote it again.",
    )
