"""The made case on disk: read back by our own readers, masks equal, spoilt cases refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from terasu.dicom.choose import choose_case
from terasu.dicom.find import index_folder
from terasu.dicom.image import read_image
from terasu.dicom.rtdose import read_dose
from terasu.dicom.rtplan import read_plan
from terasu.dicom.rtstruct import read_structures
from terasu.dicom.spoil import SPOILS, spoil
from terasu.errors import DicomError, InputError, OutputError, UnsupportedPlanError
from terasu.patient.contours import to_structures
from terasu.patient.phantom import Anatomy, Day, make_phantom, phantom_structures
from terasu.patient.resample import resample
from terasu.workflow.case import load_case
from terasu.workflow.phantom_case import PhantomCase, PhantomChoices, write_phantom_case
from terasu.workflow.settings import Settings

SMALL = PhantomChoices(small=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PhantomCase:
    return write_phantom_case(tmp_path_factory.mktemp("made") / "case", choices=SMALL)


def test_a_case_is_chosen_without_a_doubt(made: PhantomCase) -> None:
    files = choose_case(index_folder(made.patient))
    assert files.planning.first.text["SeriesDescription"].startswith("Planning CT")
    assert files.daily is not None
    assert files.daily.first.text["SeriesDescription"].startswith("CBCT")
    assert files.plan is not None
    assert not files.flags


def test_the_truth_is_never_taken_for_the_days_image(made: PhantomCase) -> None:
    daily = choose_case(index_folder(made.folder)).daily
    assert daily is not None
    assert daily.first.text["SeriesDescription"].startswith("CBCT")


def test_written_images_and_contours_read_back_equal(made: PhantomCase) -> None:
    phantom = make_phantom(small=True)
    ct = read_image(sorted((made.patient / "planning_ct").glob("*.dcm"))).volume
    np.testing.assert_array_equal(ct.values, phantom.ct.values)
    contours = read_structures(made.patient / "RTSTRUCT.dcm")
    masks = to_structures(contours, ct.grid)
    for name in phantom.structures.names:
        np.testing.assert_array_equal(masks[name], phantom.structures[name], err_msg=name)
    assert contours["PTV"].interpreted_type == "PTV"


def test_the_truth_is_the_days(made: PhantomCase) -> None:
    truth = read_image(sorted((made.truth / "ct").glob("*.dcm"))).volume
    masks = to_structures(read_structures(made.truth / "RTSTRUCT.dcm"), truth.grid)
    wanted = phantom_structures(made.of_the_day, truth.grid)
    np.testing.assert_array_equal(masks["Bladder"], wanted["Bladder"])
    assert masks.volume_cc("Bladder") == pytest.approx(made.of_the_day.bladder_cc, rel=0.06)
    assert "PTV" not in masks.names
    assert truth.source.header["ImageType"].startswith("DERIVED")
    day = read_image(sorted((made.patient / "cbct").glob("*.dcm"))).volume
    true_here = resample(truth, onto=day.grid, outside=-1000.0).values
    seen = (day.values > -900) & (true_here > -300)
    assert 40 < np.abs(day.values[seen] - true_here[seen]).mean() < 120


def test_the_plan_covers_the_target(made: PhantomCase) -> None:
    plan = read_plan(made.patient / "RTPLAN.dcm")
    assert len(plan.beams) == 7
    assert all(beam.n_control_points >= 3 for beam in plan.beams)
    assert (plan.prescription_gy, plan.fractions, plan.target_name) == (60.0, 20, "PTV")
    assert plan.referenced_structure_set_uid
    dose = read_dose(made.patient / "RTDOSE.dcm")
    phantom = make_phantom(small=True)
    on_ct = resample(dose, onto=phantom.ct.grid.in_frame(dose.grid.frame_of_reference_uid), outside=0.0)
    target = on_ct.values[phantom.structures["PTV"]]
    assert target.mean() == pytest.approx(60, rel=0.05)
    assert np.percentile(target, 5) > 0.85 * 60
    assert on_ct.values[phantom.structures["Femur_Head_L"]].mean() < 40


def test_equal_arguments_give_equal_objects(made: PhantomCase, tmp_path: Path) -> None:
    again = write_phantom_case(tmp_path / "again", choices=SMALL)
    first, second = (
        {header.path.relative_to(case.folder): header.sop_instance_uid for header in headers_of(case)}
        for case in (made, again)
    )
    assert first == second
    beams = [read_plan(case.patient / "RTPLAN.dcm").beams for case in (made, again)]
    for one, other in zip(*beams, strict=True):
        assert one.meterset_mu == other.meterset_mu
        np.testing.assert_array_equal(one.leaves_mm, other.leaves_mm)


def headers_of(case: PhantomCase) -> list:
    index = index_folder(case.folder)
    return [header for series in index.series for header in series.files]


def test_another_day_has_other_uids(made: PhantomCase, tmp_path: Path) -> None:
    quick = PhantomChoices(small=True, plan=False)
    other = write_phantom_case(tmp_path / "other", Anatomy(), Day(bladder_cc=300), quick)
    assert not {one.sop_instance_uid for one in headers_of(made)} & {
        one.sop_instance_uid for one in headers_of(other)
    }
    assert not (other.patient / "RTPLAN.dcm").exists()


def test_own_frame_comes_with_a_registration(tmp_path: Path) -> None:
    choices = PhantomChoices(small=True, own_frame=True, plan=False)
    made = write_phantom_case(tmp_path / "case", day=Day(rotation_deg=0), choices=choices)
    case = load_case(made.patient, Settings(truth=made.truth))
    assert case.day.grid.frame_of_reference_uid != case.planning.grid.frame_of_reference_uid
    assert case.treated is not None
    assert case.truth is not None
    middle = case.treated.apply(case.day.grid.centre_lps_mm)
    target = to_structures(case.contours, case.planning.grid, ["PTV"])["PTV"]
    where = case.planning.grid.to_lps_mm(np.argwhere(target)).mean(axis=0)
    assert np.linalg.norm(middle - where) < 12, "the CBCT is taken about the target"


def test_nothing_half_written_and_nothing_overwritten(made: PhantomCase) -> None:
    with pytest.raises(OutputError, match="there already"):
        write_phantom_case(made.folder, choices=SMALL)
    assert not list(made.folder.parent.glob(".*"))
    assert "made patient" in (made.folder / "README.txt").read_text(encoding="utf-8")


REFUSED = {
    "missing slice of the planning CT": InputError,
    "missing slice of the CBCT": InputError,
    "truncated slice": DicomError,
    "truncated plan": DicomError,
    "wedge": UnsupportedPlanError,
    "couch angle": UnsupportedPlanError,
    "electrons": UnsupportedPlanError,
    "protons": UnsupportedPlanError,
    "prone": UnsupportedPlanError,
    "wrong modality": InputError,
}
SAID = {
    "other patient's contours": "identity",
    "other patient's CBCT": "identity",
    "CBCT of an unknown frame": "no registration object",
    "target without contours": "no contours",
    "organ without contours": "no contours",
    "planning CT feet first": "does not state the patient position",
    "CBCT prone": "does not state the patient position",
}


@pytest.mark.parametrize("how", REFUSED)
def test_spoilt_cases_are_refused(made: PhantomCase, tmp_path: Path, how: str) -> None:
    folder = shutil.copytree(made.patient, tmp_path / "patient")
    spoil(folder, how)
    with pytest.raises(REFUSED[how]):
        load_case(folder, Settings())


@pytest.mark.parametrize("how", SAID)
def test_spoilt_cases_are_noticed(made: PhantomCase, tmp_path: Path, how: str) -> None:
    folder = shutil.copytree(made.patient, tmp_path / "patient")
    spoil(folder, how)
    case = load_case(folder, Settings())
    assert SAID[how] in " ".join((*case.flags, *case.notes))


def test_a_small_dose_grid_misses_the_target(made: PhantomCase, tmp_path: Path) -> None:
    folder = shutil.copytree(made.patient, tmp_path / "patient")
    spoil(folder, "dose grid too small")
    dose = read_dose(folder / "RTDOSE.dcm")
    isocentre = read_plan(folder / "RTPLAN.dcm").beams[0].isocentre_lps_mm[0]
    assert not dose.grid.contains(isocentre)


def test_every_way_to_spoil_is_tested_and_named() -> None:
    assert set(SPOILS) == {*REFUSED, *SAID, "dose grid too small"}
    with pytest.raises(InputError, match="no way"):
        spoil(Path("nowhere"), "by magic")
    with pytest.raises(InputError, match="cannot be spoilt"):
        spoil(Path("nowhere"), "wedge")
