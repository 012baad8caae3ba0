"""What bad input gets: a clear error or a BLOCK, an exit code that says so, and nothing half written."""

from __future__ import annotations

import html
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
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
    "planning CT feet first": "FFS",
    "CBCT prone": "HFP",
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
    """And beside it an organ without contours, which is said and stops nothing."""
    patient = spoilt(made, tmp_path, "dose grid too small")
    spoil(patient, "organ without contours")
    result = tmp_path / "result"
    assert main(["run", str(patient), "--out", str(result), "--no-deformable"]) == BLOCKED
    verdict = json.loads((result / "verdict.json").read_text(encoding="utf-8"))
    found = [f for f in verdict["findings"] if f["measure"].startswith("Planned dose of the planning")]
    assert [finding["level"] for finding in found] == ["BLOCK"]
    assert "Rectum" not in {row["structure"] for row in verdict["doses"]}
    assert "'Rectum' has no contours" in html.unescape((result / "report.html").read_text(encoding="utf-8"))


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


def test_a_folder_below_a_file_cannot_be_made(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stone = tmp_path / "stone"
    stone.write_text("a file")
    assert main(["run", str(made), "--out", str(stone / "result")]) == ERROR
    assert "written" in capsys.readouterr().err
    assert stone.read_text() == "a file"


@contextmanager
def room_for(most_bytes: int) -> Iterator[None]:
    """No file can grow beyond this: what a full disk is to a program (the kernel refuses the write)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_full_disk_leaves_nothing_of_a_report(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A case that is blocked at the door: the report is all that is written, and quickly."""
    patient = spoilt(made, tmp_path, "other patient's contours")
    result = tmp_path / "result"
    assert main(["run", str(patient), "--out", str(result)]) == BLOCKED
    was = {path.name: path.read_bytes() for path in result.iterdir() if path.is_file()}
    with room_for(10_000):
        code = main(["run", str(patient), "--out", str(tmp_path / "second")])
        again = main(["run", str(patient), "--out", str(result), "--overwrite"])
    assert (code, again) == (ERROR, ERROR)
    assert "Nothing could be written" in capsys.readouterr().err
    assert not (tmp_path / "second").exists() and leftovers(tmp_path) == []
    assert {path.name: path.read_bytes() for path in result.iterdir() if path.is_file()} == was


@pytest.mark.parametrize("room", [0, 1_000, 40_000])
def test_a_full_disk_leaves_nothing_of_a_case(
    room: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The DICOM writers: nothing at all, a header, and some slices but not the dose."""
    with room_for(room):
        assert main(["phantom", str(tmp_path / "case"), "--small"]) == ERROR
    assert "Nothing could be written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


IMPOSSIBLE = {
    "dose grid": ["--dose-grid", "0"],
    "dose grid that is no number": ["--dose-grid", "nan"],
    "fractions": ["--fractions", "0"],
    "prescription": ["--prescription", "inf"],
    "improvement": ["--improvement", "magic"],
    "plan": ["--plan", "1.2.3"],
    "structure set": ["--structures", "1.2.3"],
    "daily series": ["--daily", "1.2.3"],
    "planning series": ["--planning", "1.2.3"],
    "target": ["--target", "Nobody"],
    "truth": ["--truth", "."],
    "truth that is not there": ["--truth", "nowhere"],
    "policy": ["--policy", "notes.toml"],
    "machine": ["--machine", "notes.toml"],
    "density": ["--density", "notes.toml"],
}


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_impossible_choices_are_refused(
    what: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes.toml").write_bytes(b"\xff\xfenothing of the kind")
    assert main(["run", str(made), "--out", "result", "--json", *IMPOSSIBLE[what]]) == ERROR
    told = json.loads(capsys.readouterr().out)
    assert told["what"] and told["got"] and told["expected"]
    assert [path.name for path in tmp_path.iterdir()] == ["notes.toml"]


@pytest.mark.parametrize(
    "knob", [["--seed", "-1"], ["--size", "nan"], ["--gas", "5000"], ["--day-shift", "1e9", "0", "0"]]
)
def test_a_patient_that_cannot_be_made(
    knob: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["phantom", str(tmp_path / "case"), "--small", *knob]) == ERROR
    assert "do: " in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# Hostile files


def bomb() -> bytes:
    """A deflated plan of 80 MB of nothing in 80 kB."""
    syntax = b"1.2.840.10008.1.2.1.99"
    meta = b"\x02\x00\x10\x00UI" + len(syntax).to_bytes(2, "little") + syntax
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = b"\x08\x00\x60\x00CS\x06\x00RTPLAN" + bytes(1 << 20)
    return (
        bytes(128) + b"DICM" + meta + b"".join(deflater.compress(block) for _ in range(80)) + deflater.flush()
    )


def with_uid(path: Path, keyword: str, uid: str) -> None:
    with pydicom.config.disable_value_validation():
        data = pydicom.dcmread(path)
        setattr(data, keyword, uid)
        data.save_as(path)


def test_a_deflate_bomb_in_place_of_the_plan(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patient = tmp_path / "patient"
    shutil.copytree(made, patient)
    (patient / "RTPLAN.dcm").write_bytes(bomb())
    assert main(["inspect", str(patient)]) == 0
    assert "deflated" in capsys.readouterr().out
    assert main(["run", str(patient), "--out", str(tmp_path / "result")]) == ERROR
    assert "plan" in capsys.readouterr().err
    assert not (tmp_path / "result").exists()


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"])
def test_a_uid_that_is_a_path_leads_nowhere(
    keyword: str, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patient = tmp_path / "patient"
    shutil.copytree(made, patient)
    for path in sorted((patient / "cbct").glob("*.dcm")):
        with_uid(path, keyword, "../../../escaped/1.2")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    assert main(["inspect", str(patient)]) == 0
    assert "no UID" in capsys.readouterr().out
    assert main(["run", str(patient), "--out", str(tmp_path / "result")]) == ERROR
    assert "escaped" not in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
    assert not list(tmp_path.parent.glob("**/escaped"))


@pytest.mark.parametrize("name", ["RTSTRUCT.dcm", "RTDOSE.dcm"])
@pytest.mark.parametrize("share", [0.3, 0.95])
def test_an_object_that_was_cut_off(
    name: str, share: float, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "patient" / name
    shutil.copytree(made, path.parent)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert main(["run", str(path.parent), "--out", str(tmp_path / "result")]) == ERROR
    assert "Traceback" not in capsys.readouterr().err
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
