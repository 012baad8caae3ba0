"""The test set, sealed: what it is, and every time that it was opened.

The lock holds hashes only, no id. It does not keep anybody from starting over in another folder; it keeps an
honest reader able to see that nothing was changed and how often the test set was looked at.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from terasu import __version__
from terasu.errors import InputError
from terasu.prognosis.study.cohort import Cohort
from terasu.prognosis.study.ledger import Ledger, write_json
from terasu.prognosis.study.nearest import listed
from terasu.prognosis.study.study_reading import Study
from terasu.prognosis.survival_data import Flags

LOCK, OPENINGS = "lock.json", "openings.jsonl"


@dataclass(frozen=True)
class Lock:
    """What was locked.

    Attributes:
        files: table → SHA-256 of its bytes.
        test: salted hash of every test patient's id, sorted.
        patients: how many there are in all.
    """

    study: str
    study_sha256: str
    files: dict[str, str]
    salt: str
    test: tuple[str, ...]
    patients: int
    locked_at: str
    terasu: str

    @property
    def sha256(self) -> str:
        """Of all that must not change: study file, tables and split."""
        sealed = [self.study_sha256, *(f"{k}={v}" for k, v in sorted(self.files.items())), *self.test]
        return hashlib.sha256("\n".join(sealed).encode()).hexdigest()

    def test_rows(self, cohort: Cohort) -> Flags:
        """(n,) True for test patients."""
        sealed = set(self.test)
        return np.array([_hidden(self.salt, one) in sealed for one in cohort.patients], np.bool_)


@dataclass(frozen=True)
class Opening:
    """One look at the test set."""

    number: int
    opened_at: str
    lock_sha256: str
    terasu: str


def lock(study: Study, cohort: Cohort, test: Flags, out: Path) -> Lock:
    """Seal the test set in ``out``; the same study may be locked again, another may not.

    Raises:
        InputError: the folder holds a lock of something else.
        OutputError: the disk refuses.
    """
    if (out / LOCK).exists():
        there = read_lock(out)
        refuse_changed(there, study)
        return there
    salt = secrets.token_hex(16)
    hidden = sorted(_hidden(salt, one) for one, is_test in zip(cohort.patients, test, strict=True) if is_test)
    made = Lock(
        study.says.name,
        study.sha256,
        _hashes(study),
        salt,
        tuple(hidden),
        len(cohort),
        _now(),
        __version__,
    )
    write_json(out / LOCK, asdict(made))
    return made


def read_lock(out: Path) -> Lock:
    """The lock of a folder.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    try:
        saved = json.loads((out / LOCK).read_text(encoding="utf-8"))
        return Lock(**saved | {"test": tuple(saved["test"])})
    except FileNotFoundError:
        raise InputError(
            "The study is not locked.",
            got=f"no {LOCK} in {out.name}",
            expected="a sealed test set before anything is fitted",
            todo="Run `terasu study lock` first.",
        ) from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            "The lock cannot be read.", got=str(error), expected="the file as written"
        ) from error


def refuse_changed(locked: Lock, study: Study) -> None:
    """Refuse to go on where study file or tables are no longer those that were locked; say which."""
    changed = [] if study.sha256 == locked.study_sha256 else [study.path.name]
    now = _hashes(study)
    changed += [name for name, one in now.items() if locked.files.get(name) != one]
    changed += [name for name in locked.files if name not in now]
    if changed:
        raise InputError(
            "The study was changed after it was locked.",
            got=f"changed: {listed(Path(one).name for one in changed)}",
            expected=f"the files as of {locked.locked_at}",
            todo="Put them back, or lock the changed study in another folder and report both.",
        )


def openings(out: Path) -> tuple[Opening, ...]:
    """Every time that the test set was opened."""
    found = Ledger(out / OPENINGS, "opening").results.values()
    return tuple(sorted((Opening(**one) for one in found), key=lambda one: one.number))


def log_opening(locked: Lock, out: Path, *, again: bool) -> Opening:
    """Write down that the test set is about to be opened, before it is.

    Raises:
        InputError: it was opened before, and ``again`` was not said.
    """
    before = openings(out)
    if before and not again:
        raise InputError(
            "The test set was opened before; what it says a second time is no longer a test.",
            got=f"opened {len(before)} times, last {before[-1].opened_at}",
            expected="one opening",
            todo="Say --again; every report will then tell how often it was opened.",
        )
    opening = Opening(len(before) + 1, _now(), locked.sha256, __version__)
    Ledger(out / OPENINGS, "opening").add(opening.number, asdict(opening))
    return opening


def _hashes(study: Study) -> dict[str, str]:
    return {name: _sha256(study.file(name)) for name in sorted(study.files)}


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"A table of the study cannot be read: {path.name}.", got=str(error)) from error


def _hidden(salt: str, patient: str) -> str:
    return hashlib.sha256(f"{salt}{patient.casefold()}".encode()).hexdigest()[:24]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
