"""Features of real patients through the command line: sarcomas from DICOM, other cases from a sheet."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pandas as pd
import pytest

from terasu.cli import main

OK, ERROR, STOPPED = 0, 2, 130
ORACLE = Path(__file__).parents[1] / "papers" / "pyradiomics_oracle" / "values.csv"


@pytest.fixture(scope="module")
def sarcomas(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two of the four patients, CT and T1."""
    folder = tmp_path_factory.mktemp("sarcomas")
    with tarfile.open(shared_data / "ibsi" / "sts" / "sts_001_002_003_008_ct_mrt1_rtstruct.tar.xz") as tar:
        tar.extractall(folder, filter="data")
    here = next(one.parent for one in sorted(folder.rglob("STS_001")))
    two = folder / "two"
    two.mkdir()
    for name in ("STS_001", "STS_008"):
        (here / name).rename(two / name)
    return two


def test_sarcomas_from_dicom_to_a_table(
    sarcomas: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--roi", "GTV*", "--roi", "Lung", "--out", str(tmp_path / "out"), "--json"]
    assert main(["radiomics", "extract", str(sarcomas), *asked]) == OK
    said = json.loads(capsys.readouterr().out)
    assert said["measured"] == said["regions"] == 4
    assert {one["reason"] for one in said["not_measured"]} == {
        "there is no ROI 'Lung'; there are: GTV_Mass_CT",
        "there is no ROI 'Lung'; there are: GTV_Mass_MR_T1",
    }
    table = pd.read_csv(tmp_path / "out" / "features.csv")
    ct = table[(table["case"] == "STS_001") & (table["roi"] == "GTV_Mass_CT")].iloc[0]
    assert ct["voxels_drawn"] == 117_145
    mr = table[table["modality"].eq("MR") & table["status"].eq("measured")]
    assert mr["normalisation"].str.contains("z-score").all()
    assert not table.astype(str).apply(lambda column: column.str.contains("MADE|PatientName")).any().any()


def test_a_sheet_of_nrrd_gives_what_pyradiomics_gives(shared_data: Path, tmp_path: Path) -> None:
    cases = shared_data / "pyradiomics_cases"
    sheet = tmp_path / "sheet.csv"
    lines = [f"{name},{cases / name}_image.nrrd,{cases / name}_label.nrrd" for name in ("lung1", "brain1")]
    sheet.write_text("\n".join(["case,image,mask", *lines]))
    assert main(["radiomics", "extract", str(sheet), "--out", str(tmp_path / "out")]) == OK
    table = pd.read_csv(tmp_path / "out" / "features.csv", float_precision="round_trip").set_index("case")
    with ORACLE.open() as file:
        for row in csv.DictReader(file):
            for name in ("lung1", "brain1"):
                assert table.loc[name, row["feature"]] == pytest.approx(float(row[name]), rel=1e-6, abs=1e-9)


def test_nothing_measured_is_an_error_with_its_reasons(
    sarcomas: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--roi", "Heart", "--out", str(tmp_path / "out")]
    assert main(["radiomics", "extract", str(sarcomas), *asked]) == ERROR
    assert "there is no ROI 'Heart'" in capsys.readouterr().out
    assert set(pd.read_csv(tmp_path / "out" / "features.csv")["status"]) == {"left out"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["extract", "not there", "--out", "out"], "no such folder or sheet"),
        (["extract", ".", "--out", "out"], "no image series"),
        (["extract", ".", "--out", "out", "--recipe", "no.toml"], "recipe cannot be read"),
        (["extract", ".", "--out", "out", "--cluster", "tcp://127.0.0.1:1"], "No Dask scheduler"),
        (["change", "no.csv", "--out", "a.csv"], "cannot be read"),
        (["stable", "no.csv", "--out", "a.csv"], "cannot be read"),
        (["agree", "no.csv", "no.csv", "--out", "a.csv"], "cannot be read"),
    ],
)
def test_bad_input_gets_four_parts(
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("terasu.workflow.radiomics.cluster._PATIENCE_S", 1)
    assert main(["radiomics", *words]) == ERROR
    said = capsys.readouterr().err
    assert told in said
    assert all(part in said for part in ("got: ", "expected: ", "do: "))
    assert not (tmp_path / "out" / "features.csv").exists()


@pytest.mark.slow
def test_stopped_and_started_again_it_is_the_same_table(sarcomas: Path, tmp_path: Path) -> None:
    def start(out: Path) -> subprocess.Popen[str]:
        line = [sys.executable, "-c", "from terasu.cli import main; raise SystemExit(main())"]
        asked = ["radiomics", "extract", str(sarcomas), "--out", str(out), "--roi", "GTV*", "--perturb", "15"]
        return subprocess.Popen(
            [*line, *asked], start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    stopped = start(tmp_path / "stopped")
    parts = tmp_path / "stopped" / "unfinished"
    while not parts.exists() or not any(parts.iterdir()):
        time.sleep(0.2)
    os.killpg(stopped.pid, signal.SIGINT)
    assert "Stopped" in stopped.communicate()[1]
    assert stopped.returncode == STOPPED
    assert not (tmp_path / "stopped" / "features.csv").exists()
    for out in ("stopped", "at once"):
        again = start(tmp_path / out)
        again.communicate()
        assert again.returncode == OK
    both = [(tmp_path / out / "features.csv").read_bytes() for out in ("stopped", "at once")]
    assert both[0] == both[1]
