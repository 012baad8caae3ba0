"""A data-size study on tiny made cases: whole, resumable, and blind to its test patients."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from terasu.cli import main
from terasu.errors import InputError
from terasu.learn.prepared import Facts, write_case
from terasu.workflow.data_size.one import SCORES, train_and_score
from terasu.workflow.data_size.plan import Training, read_plan
from terasu.workflow.data_size.run import RUNS, run_data_size

PLAN = """
source = "poor"
target = "good"
test = 0.34
sizes = [2]
seeds = [0]
[arms.original]
model = "cyclegan"
images = { size_px = 32 }
network = { base = 2, blocks = 1, judge_base = 2, judge_strided = 1 }
training = { steps = 2, batch = 1 }
[arms.proposed]
model = "cyclegan_ct"
images = { size_px = 32 }
network = { base = 2, blocks = 1, judge_base = 2, judge_strided = 1 }
training = { steps = 2, batch = 1 }
"""


def made_cases(folder: Path, patients: range, *, poor: bool) -> None:
    """Discs of soft tissue with a bone in them; poor ones are too low and noisy, and carry their truth."""
    y, x = np.mgrid[:40, :40] - 20.0
    body = np.broadcast_to(np.hypot(y, x) < 16, (4, 40, 40))
    for number in patients:
        rng = np.random.default_rng(number)
        truth = np.where(body, 40.0, -1000.0)
        truth[:, 18:23, 10 + number % 8 : 16 + number % 8] = 700
        image = truth - 120 * body + rng.normal(0, 30, truth.shape) * body if poor else truth
        facts = Facts(
            f"case-{number:02d}", f"key-{number:02d}", "MVCT" if poor else "CT", (0, 0, 0), (3, 2, 2), {}, {}
        )
        arrays = {"image": image, "body": body.astype(np.uint8)} | ({"truth": truth} if poor else {})
        write_case(folder / facts.case, facts, arrays)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("datasize")
    made_cases(folder / "poor", range(6), poor=True)
    made_cases(folder / "good", range(10, 14), poor=False)
    (folder / "study.toml").write_text(PLAN, encoding="utf-8")
    return folder


def test_one_command_trains_measures_and_draws(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = place / "out"
    assert main(["study", "datasize", str(place / "study.toml"), "--out", str(out), "--places", "2"]) == 0
    told = capsys.readouterr().out
    assert "DIG against the truth" in told and "the image that came in" in told
    frame = pd.read_csv(out / "results.csv")
    plan = read_plan(place / "study.toml")
    assert set(frame.model) == {"raw", "original", "proposed"}
    assert set(frame.patient) == {one.facts.patient_key for one in plan.tests}
    for arm in ("original", "proposed"):
        assert set(frame[frame.model == arm].slices) == {2}
    for key in ("dig", "dig-input", "mae"):
        assert (out / f"{key}.svg").read_bytes().lstrip().startswith(b"<?xml")
    raw = frame[(frame.model == "raw") & (frame.name == "me")].value
    assert raw.mean() == pytest.approx(-120, abs=3)
    before = {path: path.stat().st_mtime_ns for path in (out / RUNS).glob(f"*/{SCORES}")}
    again = run_data_size(place / "study.toml", out)
    assert {path: path.stat().st_mtime_ns for path in (out / RUNS).glob(f"*/{SCORES}")} == before
    assert all(row.state == "done" and row.started == 1 for row in again.rows)


def test_nobody_of_the_test_is_trained_on(place: Path, tmp_path: Path) -> None:
    plan = read_plan(place / "study.toml")
    one = Training("original", 2, 0)
    train_and_score(plan, one, tmp_path)
    run = json.loads((tmp_path / one.name / "run.json").read_text())
    trained = {key for part in run["split"].values() for key in part}
    tests = {case.facts.patient_key for case in plan.tests}
    assert len(tests) == 2
    assert not trained & tests
    assert run["configuration"]["images"]["slices"] == 2


def test_a_folder_of_another_study_is_refused(place: Path, tmp_path: Path) -> None:
    changed = place / "changed.toml"
    changed.write_text(PLAN.replace("seeds = [0]", "seeds = [1]"))
    out = tmp_path / "out"
    out.mkdir()
    (out / "run.json").write_text(json.dumps({"study": {"sizes": [4, 2]}}))
    with pytest.raises(InputError, match="another run"):
        run_data_size(changed, out)


def edited(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (edited("sizes = [2]", "sizes = [0]"), "means nothing"),
        (edited('source = "poor"', 'sauce = "poor"'), "means nothing"),
        (edited('target = "good"', 'target = "poor"'), "two parts"),
        (edited('source = "poor"', 'source = "good"'), "no truth"),
        (edited("[arms.original]", '[arms."a/b"]'), "means nothing"),
        (edited("sizes = [2]", "sizes = 4, 2"), "cannot be read"),
    ],
    ids=["no slices", "unknown key", "shared patients", "no truth", "name", "no TOML"],
)
def test_a_study_that_means_nothing_is_refused(place: Path, change: Callable[[str], str], match: str) -> None:
    path = place / "wrong.toml"
    path.write_text(change(PLAN), encoding="utf-8")
    with pytest.raises(InputError, match=match):
        read_plan(path)


def test_the_smallest_are_trained_first_and_share_their_seed(place: Path) -> None:
    path = place / "order.toml"
    path.write_text(PLAN.replace("sizes = [2]", "sizes = [4, 2]"), encoding="utf-8")
    plan = read_plan(path)
    assert [one.slices for one in plan.trainings] == [2, 2, 4, 4]
    told = plan.configuration(replace(plan.trainings[0], seed=7))
    assert (told.seed, told.images.slices, told.images.size_px) == (7, 2, 32)
