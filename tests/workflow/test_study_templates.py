"""Every template is a study that runs; what is made is said to be made; a planted leak is found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from terasu.cli import main
from terasu.errors import InputError, OutputError
from terasu.prognosis.study.run import check_study
from terasu.workflow.studies.made_cohort import write_made_tables
from terasu.workflow.studies.made_tumours import Course, scan
from terasu.workflow.studies.run import run_study
from terasu.workflow.studies.templates import TEMPLATES, template_of, text_of, write_template

BESIDE = {"lung-sbrt": "clinical and volume", "glioma-grade": "enhancing volume alone"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of a small made cohort, and the template's study file beside them."""
    folder = tmp_path_factory.mktemp("made")
    write_made_tables(folder, patients=50)
    (folder / "study.toml").write_text(text_of(template_of("oesophagus-cbct")), encoding="utf-8")
    return folder


def smaller(folder: Path, target: Path) -> Path:
    """A copy of a template's folder with fewer repeats and no permutations of the whole study."""
    target.mkdir()
    for one in folder.iterdir():
        if one.is_file():
            (target / one.name).write_bytes(one.read_bytes())
    text = (target / "study.toml").read_text(encoding="utf-8")
    quick = {"repeats": "1", "pipeline": "0", "family": "99", "refits": "0"}
    lines = []
    for line in text.splitlines():
        key = line.split("=")[0].strip()
        lines.append(f"{key} = {quick[key]}" if key in quick else line)
    (target / "study.toml").write_text("\n".join(lines), encoding="utf-8")
    return target / "study.toml"


def test_a_made_tumour_takes_the_course_that_it_was_given() -> None:
    course = Course((20.0, 15.0, 15.0), shrinkage=0.5, roughening=0.6)
    rng = np.random.default_rng(0)
    (first, before), (last, after) = scan(course, 1, rng), scan(course, 5, rng)
    assert before.sum() * first.grid.voxel_volume_mm3 / 1000 == pytest.approx(course.volume_cc, rel=0.1)
    assert np.log(before.sum() / after.sum()) == pytest.approx(0.5, abs=0.15)
    assert last.values[after].std() > first.values[before].std() * 1.2


def test_the_made_cohort_is_the_same_for_the_same_seed_and_says_that_it_is_made(
    made: Path, tmp_path: Path
) -> None:
    tables = ("change.csv", "clinical.csv", "fractions.csv", "truth.csv")
    write_made_tables(tmp_path / "one", patients=4)
    write_made_tables(tmp_path / "two", patients=4)
    for name in tables:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert "there is no patient in it" in (made / "README.txt").read_text(encoding="utf-8")
    assert "made cohort, no patients" in check_study(made / "study.toml").study
    clinical = pd.read_csv(made / "clinical.csv")
    assert clinical["patient_id"].str.startswith("MADE-").all() and 20 < clinical["event"].sum() < 45


def test_the_made_study_runs_from_check_to_test_and_finds_what_is_there(made: Path, tmp_path: Path) -> None:
    study = smaller(made, tmp_path / "study")
    found = run_study(study)
    assert found.tested is not None and found.tested.opening == 1
    assert "made cohort, no patients" in json.dumps(found.fit.as_dict())
    assert {one.name for one in found.fit.models} >= {"elastic net", "forest", "volume alone"}
    named = next(one for one in found.fit.models if one.name == "shrinkage and roughening")
    assert named.nested is not None and named.nested.value > 0.55
    assert named.weights["delta_rel__original_shape_MeshVolume"] > 0
    with pytest.raises(InputError, match="opened"):
        run_study(study)


def test_an_outcome_among_the_features_is_refused_by_name(made: Path, tmp_path: Path) -> None:
    study = smaller(made, tmp_path / "study")
    change = pd.read_csv(study.parent / "change.csv")
    time = pd.read_csv(study.parent / "clinical.csv").set_index("patient_id")["time_days"]
    change["delta_rel__planted"] = change["case"].map(time) * 0.01 + 3
    change.to_csv(study.parent / "change.csv", index=False)
    with pytest.raises(InputError, match="delta_rel__planted: it follows the time"):
        check_study(study)


def test_a_negative_time_is_refused_with_row_and_column(made: Path, tmp_path: Path) -> None:
    study = smaller(made, tmp_path / "study")
    clinical = pd.read_csv(study.parent / "clinical.csv")
    clinical.loc[6, "time_days"] = -4
    clinical.to_csv(study.parent / "clinical.csv", index=False)
    with pytest.raises(InputError, match=r"(?s)time_days.*row 7|row 7.*time_days"):
        check_study(study)


def test_templates_are_listed_and_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "template"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in TEMPLATES) and "no patients" in listed
    assert main(["study", "template", "lung", "--out", str(tmp_path / "a")]) == 2
    assert "lung-sbrt" in capsys.readouterr().err
    assert main(["study", "template", "lung-sbrt"]) == 2
    with pytest.raises(InputError, match="made from a table that is not here"):
        write_template("lung-sbrt", tmp_path, tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_a_cohort_that_lost_a_column_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"patient_id": ["a"], "rad_x": [1]}).to_csv(tmp_path / TEMPLATES["lung-sbrt"].needs)
    with pytest.raises(InputError, match=r"(?s)not what was published.*time_days"):
        write_template("lung-sbrt", tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_edited_template_is_not_written_over(tmp_path: Path, shared_data: Path) -> None:
    study, new = write_template("glioma-grade", shared_data, tmp_path / "out")
    assert new and write_template("glioma-grade", shared_data, tmp_path / "out") == (study, False)
    study.write_text(study.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    with pytest.raises(OutputError, match="does not hold this template"):
        write_template("glioma-grade", shared_data, tmp_path / "out")


@pytest.mark.parametrize(("name", "n", "features"), [("lung-sbrt", 388, 797), ("glioma-grade", 137, 331)])
def test_a_public_template_is_a_study_without_an_error(
    name: str, n: int, features: int, tmp_path: Path, shared_data: Path
) -> None:
    study, _ = write_template(name, shared_data, tmp_path / "out")
    found = check_study(study)
    assert (found.patients, found.features) == (n, features)
    assert {"volume alone", BESIDE[name]} <= {one.model for one in found.models}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lung-sbrt", "glioma-grade"])
def test_a_public_template_runs_to_its_end(name: str, tmp_path: Path, shared_data: Path) -> None:
    study, _ = write_template(name, shared_data, tmp_path / "out")
    found = run_study(smaller(study.parent, tmp_path / "small"), workers=2)
    assert (found.tested is None) == (name == "glioma-grade")
    assert found.fit.best and found.fit.best_baseline and found.fit.conclusion.sentence


@pytest.mark.slow
def test_the_made_study_runs_whole_from_the_command_line(tmp_path: Path) -> None:
    """As it comes: 90 patients; two changes named beforehand beat the volume in the test set."""
    out = tmp_path / "study"
    assert main(["study", "template", "oesophagus-cbct", "--out", str(out), "--run", "--workers", "2"]) == 0
    tested = json.loads((out / "results" / "test.json").read_text(encoding="utf-8"))
    value = {one["name"]: one["value"]["value"] for one in tested["models"] if one["value"]}
    assert tested["opening"] == 1 and value["shrinkage and roughening"] > value["volume alone"]
