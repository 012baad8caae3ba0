"""Ctrl-C in the middle of a fit: what was found is kept, and the fit taken up again is the same."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import _tests_path  # noqa: F401  before what lies beside the tests
from _table import Row
from made_study import made_study, made_tables
from terasu.prognosis.study.run import lock_study

PERMUTED = 19
COMMAND = "from terasu.cli.entry import main; raise SystemExit(main())"
STOPPED = 130


def resumed(scratch: Path) -> Iterator[Row]:
    """One study is fitted straight through, its twin is interrupted and taken up again."""
    folder = scratch / "resume"
    study = made_study(folder, made_tables(200, 60, seed=4, effect=0.8), model="coxnet", pipeline=PERMUTED)
    lock_study(study.path, folder / "straight")
    shutil.copytree(folder / "straight", folder / "stopped")
    subprocess.run(_fit(study.path, folder / "straight"), check=True, capture_output=True)
    stopped = _interrupted(_fit(study.path, folder / "stopped"), folder / "stopped" / "work" / "null.jsonl")
    kept = _lines(folder / "stopped")
    whole = (folder / "stopped" / "fit.json").exists()
    subprocess.run(_fit(study.path, folder / "stopped"), check=True, capture_output=True)
    same = (folder / "straight" / "fit.json").read_bytes() == (folder / "stopped" / "fit.json").read_bytes()
    held = stopped == STOPPED and not whole and 0 < kept < _lines(folder / "straight")
    yield Row("Ctrl-C in a fit: results kept for the next run", kept, f"of {_lines(folder / 'straight')}")
    yield Row(
        "  taken up again, fit.json is the same to the byte", float(same), "", None, "", "1", held and same
    )


def _fit(study: Path, out: Path) -> list[str]:
    return [sys.executable, "-c", COMMAND, "study", "fit", str(study), "--out", str(out), "--workers", "1"]


def _interrupted(command: list[str], ledger: Path) -> int:
    """Ctrl-C once three permutations are written down; the exit code."""
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while running.poll() is None:
        if ledger.exists() and len(ledger.read_bytes().splitlines()) >= 3:
            running.send_signal(signal.SIGINT)
            break
        time.sleep(0.01)
    return running.wait()


def _lines(out: Path) -> int:
    return sum(len(path.read_bytes().splitlines()) for path in (out / "work").glob("*.jsonl"))
