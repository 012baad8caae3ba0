"""What bad input gets: a clear error or a BLOCK, an exit code that says so, and nothing half written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from terasu.cli import main
from terasu.dicom.spoil import spoil
from terasu.workflow.phantom_case import PhantomChoices, write_phantom_case

ERROR, BLOCKED, STOPPED = 2, 4, 130


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "case"
    return write_phantom_case(folder, choices=PhantomChoices(small=True)).patient


def spoilt(made: Path, tmp_path: Path, how: str) -> Path:
    patient = tmp_path / "patient"
    shutil.copytree(made, patient)
    spoil(patient, how)
    return patient


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


REFUSED = {
    "missing slice of the planning CT": "missing",
    "missing slice of the CBCT": "missing",
    "truncated slice": "",
    "truncated plan": "",
    "wedge": "wedge",
    "couch angle": "couch",
    "electrons": "electron",
    "protons": "proton",
    "prone": "HFP",
    "target without contours": "target",
    "wrong modality": "modality",
}


@pytest.mark.parametrize("how", REFUSED)
def test_what_cannot_be_calculated_is_refused_and_nothing_is_written(
    how: str, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patient = spoilt(made, tmp_path, how)
    code = main(["run", str(patient), "--out", str(tmp_path / "result")])
    told = capsys.readouterr().err
    assert code == ERROR
    assert REFUSED[how].lower() in told.lower()
    assert "Traceback" not in told
    assert "TERASU-PHANTOM" not in told  # no identity in an error
    assert not (tmp_path / "result").exists()
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("how", "check"),
    [
        ("other patient's contours", "identity"),
        ("other patient's CBCT", "identity"),
        ("CBCT of an unknown frame", "identity"),
    ],
)
def test_a_case_that_is_not_one_case_is_blocked_with_the_reason_and_without_a_dose(
    how: str, check: str, made: Path, tmp_path: Path
) -> None:
    patient = spoilt(made, tmp_path, how)
    result = tmp_path / "result"
    assert main(["run", str(patient), "--out", str(result)]) == BLOCKED
    verdict = json.loads((result / "verdict.json").read_text(encoding="utf-8"))
    blocks = [finding for finding in verdict["findings"] if finding["level"] == "BLOCK"]
    assert check in {finding["check"] for finding in blocks}
    assert not list(result.rglob("*dose*.dcm"))
    assert (result / "report.html").stat().st_size > 1000
    assert "TERASU-PHANTOM" not in (result / "report.html").read_text(encoding="utf-8")


def test_a_planned_dose_that_ends_below_the_target_blocks(made: Path, tmp_path: Path) -> None:
    patient = spoilt(made, tmp_path, "dose grid too small")
    result = tmp_path / "result"
    assert main(["run", str(patient), "--out", str(result), "--no-deformable"]) == BLOCKED
    verdict = json.loads((result / "verdict.json").read_text(encoding="utf-8"))
    found = [f for f in verdict["findings"] if f["measure"].startswith("Planned dose of the planning")]
    assert [finding["level"] for finding in found] == ["BLOCK"]


@pytest.mark.parametrize(
    "words", [["run", "nowhere"], ["inspect", "nowhere"], ["run"], ["fly"], ["run", "a", "b"]]
)
def test_wrong_words_get_a_sentence_and_exit_2(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    extra = ["--out", "result"] if words[0] == "run" and len(words) > 1 else []
    assert main([*words, *extra]) == ERROR
    told = capsys.readouterr()
    assert told.err + told.out
    assert "Traceback" not in told.err
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["run", str(tmp_path / "empty"), "--out", str(tmp_path / "result"), "--json"]) == ERROR
    told = json.loads(capsys.readouterr().out)
    assert told["what"] and told["expected"] and told["todo"]


def test_an_output_folder_that_is_there_is_not_touched(made: Path, tmp_path: Path) -> None:
    result = tmp_path / "result"
    result.mkdir()
    (result / "mine.txt").write_text("keep")
    assert main(["run", str(made), "--out", str(result)]) == ERROR
    assert (result / "mine.txt").read_text() == "keep"


def test_a_disk_that_refuses_leaves_nothing(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """/dev/full refuses every byte; a folder below a file cannot be made."""
    stone = tmp_path / "stone"
    stone.write_text("a file")
    assert main(["run", str(made), "--out", str(stone / "result")]) == ERROR
    assert "written" in capsys.readouterr().err
    assert stone.read_text() == "a file"


@pytest.mark.parametrize("option", [["--dose-grid", "0"], ["--fractions", "0"], ["--improvement", "magic"]])
def test_impossible_choices_are_refused(option: list[str], made: Path, tmp_path: Path) -> None:
    assert main(["run", str(made), "--out", str(tmp_path / "result"), *option]) == ERROR
    assert not (tmp_path / "result").exists()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_nothing_half_written(stop: signal.Signals, made: Path, tmp_path: Path) -> None:
    code = "import sys; from terasu.cli import main; sys.exit(main())"
    words = [sys.executable, "-c", code, "run", str(made), "--out", str(tmp_path / "result")]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env={**os.environ}) as running:
        assert running.stderr is not None
        first = running.stderr.readline()  # the first step is ready
        assert "Find and read" in first
        time.sleep(0.2)
        running.send_signal(stop)
        told = running.stderr.read()
        assert running.wait(timeout=120) == STOPPED
    assert "Nothing was left half written" in told
    assert "Traceback" not in told
    assert not (tmp_path / "result").exists()
    assert leftovers(tmp_path) == []
