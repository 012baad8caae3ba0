"""The main job on the made patient, whose day is known: how right is the answer?"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from terasu.cli import main
from terasu.workflow.phantom_case import PhantomCase, PhantomChoices, write_phantom_case


def judged(made: PhantomCase, out: Path, *words: str) -> dict[str, Any]:
    code = main(["run", str(made.patient), "--truth", str(made.truth), "--out", str(out), *words])
    verdict: dict[str, Any] = json.loads((out / "verdict.json").read_text(encoding="utf-8"))
    assert code == (4 if verdict["level"] == "BLOCK" else 0)
    return verdict


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PhantomCase:
    return write_phantom_case(tmp_path_factory.mktemp("made") / "case", choices=PhantomChoices(small=True))


@pytest.fixture(scope="module")
def result(made: PhantomCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("result") / "result"
    judged(made, out)
    return out


@pytest.fixture(scope="module")
def verdict(result: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((result / "verdict.json").read_text(encoding="utf-8"))
    return read


def target_mean(verdict: dict[str, Any]) -> dict[str, float]:
    row = next(one for one in verdict["doses"] if (one["structure"], one["quantity"]) == ("PTV", "Dmean"))
    return {**row["day"], "plan": row["plan"]}


def test_the_dose_on_the_improved_image_is_the_dose_on_the_truth(verdict: dict[str, Any]) -> None:
    gy = target_mean(verdict)
    truth = gy["true CT of the day"]
    assert abs(gy["shading_correction"] / truth - 1) < 0.01
    assert abs(gy["virtual_ct"] / truth - 1) < 0.015
    assert abs(gy["raw"] / truth - 1) > 0.02  # what the improvement is for


def test_the_loss_of_weight_shows_in_the_dose(verdict: dict[str, Any]) -> None:
    """4 mm less fat on every side lets about 1.5 % more dose through."""
    gy = target_mean(verdict)
    assert 1.005 < gy["shading_correction"] / gy["plan"] < 1.03


def test_the_planning_systems_own_dose_stands_beside_ours(verdict: dict[str, Any]) -> None:
    gy = target_mean(verdict)
    assert abs(gy["planning system"] / gy["plan"] - 1) < 0.03


def test_nothing_blocks_this_day(verdict: dict[str, Any]) -> None:
    assert [f for f in verdict["findings"] if f["level"] == "BLOCK"] == []


def test_a_cbct_in_its_own_frame_gives_the_same_dose(verdict: dict[str, Any], tmp_path: Path) -> None:
    joined = write_phantom_case(tmp_path / "case", choices=PhantomChoices(small=True, own_frame=True))
    there = target_mean(judged(joined, tmp_path / "result", "--no-deformable"))
    here = target_mean(verdict)
    assert abs(there["shading_correction"] / here["shading_correction"] - 1) < 0.005
    assert abs(there["true CT of the day"] / here["true CT of the day"] - 1) < 0.002


def test_a_couch_moved_to_the_match_is_another_question(made: PhantomCase, tmp_path: Path) -> None:
    moved = judged(made, tmp_path / "result", "--set-up", "matched", "--no-deformable", "--json")
    assert any("Residual shift" in finding["measure"] for finding in moved["findings"])


# What the page about the output folder says

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "output.md").read_text(encoding="utf-8")
ONLY_IF_THE_PLAN_WAS_MADE = {"dicom/made_plan.dcm"}


def rows(part: str) -> list[tuple[list[str], list[str]]]:
    """The words in code type of each row of a table: those of the first column, and those of the second."""
    table = [line.split("|")[1:3] for line in part.splitlines() if line.startswith("| `")]
    return [(re.findall(r"`([^`]+)`", left), re.findall(r"`([^`]+)`", right)) for left, right in table]


def test_the_page_names_every_file_that_is_written_and_no_other(result: Path) -> None:
    files_part = PAGE.split("## verdict.json")[0]
    named = {name for left, _ in rows(files_part) for name in left}
    paths = {path.relative_to(result).as_posix() for path in result.rglob("*") if path.is_file()}
    written = {re.sub(r"CT_\d{4}\.dcm$", "CT_0001.dcm", path) for path in paths}
    assert written == named - ONLY_IF_THE_PLAN_WAS_MADE


def test_the_page_names_every_key_of_the_verdict_and_no_other(verdict: dict[str, Any]) -> None:
    keys = {name: right for left, right in rows(PAGE.split("## verdict.json")[1]) for name in left}
    assert list(keys) == list(verdict)
    for name in ("case", "findings", "doses", "gamma", "written"):
        first = verdict[name] if isinstance(verdict[name], dict) else verdict[name][0]
        assert set(first) == set(keys[name]) - {"dicom/"}, name


def test_what_was_written_lies_where_the_verdict_says(result: Path, verdict: dict[str, Any]) -> None:
    assert {one["file"] for one in verdict["written"]} == {path.name for path in (result / "dicom").iterdir()}
