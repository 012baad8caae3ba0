"""Studies of real patients: lung to oropharynx, and glioma grade."""

from __future__ import annotations

from pathlib import Path

import pytest

from terasu.errors import InputError
from terasu.prognosis.study.run import check_study, fit_study, lock_study, open_test

LUNG = """
name = "lung to oropharynx"
[[tables]]
path = "{lung}"
starts_with = ["rad_"]
[clinical]
path = "{lung}"
[endpoint]
time = "time_days"
event = "event"
[baselines]
volume = "rad_MeshVolume.original"
clinical = [{clinical}]
[external]
tables = [{{ path = "{opc}", starts_with = ["rad_"] }}]
clinical = {{ path = "{opc}", rename = {{ "Age.at.diagnosis" = "age", "Status" = "deadstatus.event" }} }}
endpoint = {{ time = "time_days", event = "event" }}
[[models]]
name = "four features"
model = "cox"
features = ["rad_Energy.original", "rad_Sphericity.original", "rad_GrayLevelNonUniformity.original",
            "rad_GrayLevelNonUniformity.wavelet.HLH"]
steps = [{{ step = "impute" }}, {{ step = "log" }}, {{ step = "scale" }}]
[resampling]
repeats = 2
[permutations]
pipeline = 0
family = 99
[report]
horizons = [365, 730]
refits = 0
"""
GLIOMA = """
name = "glioma grade"
centre = "{centre}"
[[tables]]
path = "{file}"
matches = "_T1Gd|_T2"
[[tables]]
path = "{file}"
columns = ["VOLUME_TC"]
[clinical]
path = "{file}"
[endpoint]
label = "grade"
classes = ["G3", "G4"]
others = "leave out"
[baselines]
volume = "VOLUME_TC"
[split]
test_fraction = 0.0
[[models]]
name = "lasso"
model = "logistic_lasso"
[resampling]
repeats = 2
[permutations]
pipeline = 0
family = 99
[report]
refits = 0
"""


def lung(folder: Path, shared_data: Path, clinical: str = '"age"') -> Path:
    """The study file of lung to oropharynx."""
    cohorts = shared_data / "cohorts"
    files = {"lung": cohorts / "radar_lung1_ct_797.csv.gz", "opc": cohorts / "radar_opc_hn_ct_797.csv.gz"}
    path = folder / "lung.toml"
    path.write_text(LUNG.format(**files, clinical=clinical))
    return path


@pytest.mark.slow
def test_from_lung_to_oropharynx_volume_goes_as_far_as_the_signature(
    tmp_path: Path, shared_data: Path
) -> None:
    """C 0.649 and 0.636, and the sentence says that nothing is gained."""
    study = lung(tmp_path, shared_data)
    lock_study(study, tmp_path / "out")
    fit = fit_study(study, tmp_path / "out")
    assert fit.conclusion.standing == "no gain" and "volume" in fit.conclusion.sentence
    tested = {one.name: one.value for one in open_test(study, tmp_path / "out").models}
    assert tested["volume alone"].value == pytest.approx(0.649, abs=0.005)
    assert tested["four features"].value == pytest.approx(0.636, abs=0.005)


def test_the_outcome_under_another_name_is_found_in_the_sheet(tmp_path: Path, shared_data: Path) -> None:
    study = lung(tmp_path, shared_data, '"age", "deadstatus.event"')
    text = study.read_text()
    study.write_text(text[: text.index("[external]")] + text[text.index("[[models]]") :])
    with pytest.raises(InputError, match=r"deadstatus\.event: (its words tell|it separates) the event"):
        check_study(study)


def test_glioma_grade_from_two_sequences(tmp_path: Path, shared_data: Path) -> None:
    """G3 against G4: the volume knows nothing, the features do; the data set tells the grade by itself."""
    file = shared_data / "cohorts" / "tcga_glioma_grade_captk_724.csv.gz"
    study = tmp_path / "glioma.toml"
    study.write_text(GLIOMA.format(file=file, centre="cohort"))
    assert any("tells the outcome by itself" in one for one in check_study(study).warnings)
    study.write_text(GLIOMA.format(file=file, centre="cohort").replace('centre = "cohort"', ""))
    lock_study(study, tmp_path / "out")
    fit = fit_study(study, tmp_path / "out")
    value = {one.name: one.nested.value for one in fit.models}
    assert fit.patients == 137 and fit.conclusion.standing == "not tested"
    assert value[fit.best] >= 0.85 and value["volume alone"] < 0.6
    assert fit.gains[0].difference.lower > 0.1
