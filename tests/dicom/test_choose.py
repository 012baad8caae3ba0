"""The files of a case are chosen by reference, and doubt is said or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import made_dicom as made
from terasu.dicom.choose import CaseFiles, choose_case
from terasu.dicom.find import index_folder
from terasu.errors import InputError


def a_case(folder: Path, *, daily_frame: str = made.FRAME, **daily: object) -> Path:
    """Planning CT, its structure set and plan, and a Varian CBCT, under names that say nothing."""
    made.write_series(folder, made.stored_values(12), Manufacturer="Philips", AcquisitionDate="20240101")
    made.write_series(
        folder,
        made.stored_values(12, seed=1),
        series=made.DAILY,
        frame=daily_frame,
        **{"Manufacturer": "Varian Medical Systems", "AcquisitionDate": "20240111", **daily},
    )
    made.structure_set().save_as(folder / "x1")
    made.plan().save_as(folder / "x2")
    return folder


def choose(folder: Path, **options: object) -> CaseFiles:
    return choose_case(index_folder(folder), **options)  # type: ignore[arg-type]


def test_plan_leads_to_structure_set_and_planning_ct(tmp_path: Path) -> None:
    case = choose(a_case(tmp_path))
    assert case.planning.uid == made.PLANNING
    assert case.daily is not None and case.daily.uid == made.DAILY
    assert case.structures is not None and case.structures.sop_instance_uid == "1.2.3.50"
    assert case.plan is not None and case.plan.sop_instance_uid == "1.2.3.60"
    assert case.daily_structures is None and case.planned_dose is None
    assert case.is_one_patient and case.flags == ()
    assert any("VARIAN" in reason for reason in case.reasons)


def test_reference_wins_over_evidence(tmp_path: Path) -> None:
    """The structure set lies on the series that looks like a CBCT: then that is what was planned on."""
    made.write_series(tmp_path, made.stored_values(12), Manufacturer="ELEKTA")
    made.write_series(tmp_path, made.stored_values(12, seed=1), series=made.DAILY, Manufacturer="Philips")
    made.structure_set().save_as(tmp_path / "s")
    case = choose(tmp_path)
    assert case.planning.uid == made.PLANNING
    assert any("treatment machine" in flag for flag in case.flags)


@pytest.mark.parametrize(
    "references",
    [
        {"series": made.PLANNING},
        {"series": None, "images": (f"{made.PLANNING}.1", f"{made.PLANNING}.2")},
        {"frame": None, "contour_images": (f"{made.PLANNING}.1",)},
    ],
)
def test_structure_set_is_found_by_whatever_it_names(tmp_path: Path, references: dict[str, object]) -> None:
    a_case(tmp_path)
    (tmp_path / "x2").unlink()
    made.structure_set(**references).save_as(tmp_path / "x1")  # type: ignore[arg-type]
    assert choose(tmp_path).planning.uid == made.PLANNING


def test_frame_alone_decides_only_where_one_series_has_it(tmp_path: Path) -> None:
    a_case(tmp_path, daily_frame=made.OTHER_FRAME)
    (tmp_path / "x2").unlink()
    made.structure_set(series=None).save_as(tmp_path / "x1")
    case = choose(tmp_path)
    assert case.planning.uid == made.PLANNING
    assert any("frame of reference alone" in reason for reason in case.reasons)


def test_structure_set_of_the_day_and_planned_dose(tmp_path: Path) -> None:
    a_case(tmp_path)
    made.structure_set("1.2.3.51", series=made.DAILY, StructureSetDate="20240111").save_as(tmp_path / "x3")
    made.structure_set("1.2.3.52", series=made.DAILY, StructureSetDate="20240112").save_as(tmp_path / "x4")
    made.dose().save_as(tmp_path / "x5")
    made.dose("1.2.3.71", summation="BEAM").save_as(tmp_path / "x6")
    made.dose("1.2.3.72", of_plan="1.2.3.404").save_as(tmp_path / "x7")
    case = choose(tmp_path)
    assert case.daily_structures is not None and case.daily_structures.sop_instance_uid == "1.2.3.52"
    assert case.planned_dose is not None and case.planned_dose.sop_instance_uid == "1.2.3.70"


def test_other_frame_needs_a_registration(tmp_path: Path) -> None:
    a_case(tmp_path, daily_frame=made.OTHER_FRAME)
    case = choose(tmp_path)
    assert case.registrations == () and any("no registration" in flag for flag in case.flags)
    made.registration([[np.eye(4)], [np.eye(4)]], [made.FRAME, made.OTHER_FRAME]).save_as(tmp_path / "r")
    case = choose(tmp_path)
    assert len(case.registrations) == 1 and case.flags == ()


def test_copies_are_one_object_and_contradictions_are_refused(tmp_path: Path) -> None:
    a_case(tmp_path)
    (tmp_path / "copy").write_bytes((tmp_path / "x1").read_bytes())
    assert choose(tmp_path).structures is not None
    made.structure_set(StructureSetDate="20240203").save_as(tmp_path / "copy")
    with pytest.raises(InputError, match="same object"):
        choose(tmp_path)


def test_scouts_and_calculated_images_are_no_daily_image(tmp_path: Path) -> None:
    a_case(tmp_path)
    scout = {"series": "1.2.3.7", "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
    made.write_series(tmp_path, made.stored_values(1), **scout)  # type: ignore[arg-type]
    made.write_series(
        tmp_path,
        made.stored_values(12, seed=3),
        series="1.2.3.8",
        Manufacturer="Varian",
        ImageType=["DERIVED", "SECONDARY"],
    )
    case = choose(tmp_path)
    assert case.daily is not None and case.daily.uid == made.DAILY
    assert any("calculated" in reason for reason in case.reasons)


def test_two_days_are_asked_about_and_the_answer_is_taken(tmp_path: Path) -> None:
    a_case(tmp_path)
    made.write_series(
        tmp_path,
        made.stored_values(12, seed=2),
        series="1.2.3.33",
        Manufacturer="Varian",
        AcquisitionDate="20240112",
    )
    with pytest.raises(InputError, match="--daily SERIES") as caught:
        choose(tmp_path)
    assert made.DAILY in caught.value.got and "1.2.3.33" in caught.value.got
    case = choose(tmp_path, daily_series=".33")
    assert case.daily is not None and case.daily.uid == "1.2.3.33"


def test_parts_only(tmp_path: Path) -> None:
    made.write_series(tmp_path, made.stored_values(3))
    made.structure_set().save_as(tmp_path / "s")
    with pytest.raises(InputError, match="no day's image"):
        choose(tmp_path)
    case = choose(tmp_path, need_daily=False)
    assert case.daily is None and case.plan is None and case.structures is not None
    (tmp_path / "s").unlink()
    with pytest.raises(InputError, match="no structure set"):
        choose(tmp_path, need_daily=False)
    assert choose(tmp_path, need_daily=False, need_structures=False).structures is None


# What must be refused or shown


def test_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no DICOM file"):
        choose(tmp_path)


def test_no_planning_ct(tmp_path: Path) -> None:
    made.structure_set().save_as(tmp_path / "s")
    with pytest.raises(InputError, match="no planning CT") as caught:
        choose(tmp_path)
    assert "RTSTRUCT" in caught.value.got


@pytest.mark.parametrize("named", [True, False])
def test_mr_is_no_daily_image(tmp_path: Path, named: bool) -> None:
    made.write_series(tmp_path, made.stored_values(3))
    made.write_series(tmp_path, made.stored_values(3), series=made.DAILY, modality="MR")
    made.structure_set().save_as(tmp_path / "s")
    with pytest.raises(InputError, match="wrong modality") as caught:
        choose(tmp_path, daily_series=made.DAILY if named else None)
    assert caught.value.got.startswith("MR")


def test_structure_set_of_absent_images(tmp_path: Path) -> None:
    made.write_series(tmp_path, made.stored_values(3))
    made.structure_set(series="1.2.3.404").save_as(tmp_path / "s")
    with pytest.raises(InputError, match="not here"):
        choose(tmp_path, need_daily=False)


def test_plan_on_absent_images(tmp_path: Path) -> None:
    a_case(tmp_path)
    made.plan(structures="1.2.3.405", FrameOfReferenceUID="1.2.3.406").save_as(tmp_path / "x2")
    with pytest.raises(InputError, match="plan belongs to"):
        choose(tmp_path)


def test_plan_whose_structure_set_is_absent_is_flagged(tmp_path: Path) -> None:
    a_case(tmp_path)
    made.plan(structures="1.2.3.405").save_as(tmp_path / "x2")
    case = choose(tmp_path)
    assert case.plan is not None
    assert any("structure set that the plan" in flag for flag in case.flags)


@pytest.mark.parametrize(("name", "what"), [("x1", "RTSTRUCT"), ("x2", "RTPLAN")])
def test_another_patients_object_is_shown(tmp_path: Path, name: str, what: str) -> None:
    a_case(tmp_path)
    data = made.structure_set() if name == "x1" else made.plan()
    data.PatientID = "P2"
    data.save_as(tmp_path / name)
    case = choose(tmp_path)
    assert not case.is_one_patient
    assert case.patient_keys[what] != case.patient_keys["planning CT"]
    assert any(what in flag for flag in case.flags)


def test_another_patients_daily_image_is_shown(tmp_path: Path) -> None:
    case = choose(a_case(tmp_path, PatientID="P2", PatientName="Other^One"))
    assert case.patient_keys["daily image"] != case.patient_keys["planning CT"]


def test_own_daily_image_is_preferred_to_a_strangers(tmp_path: Path) -> None:
    a_case(tmp_path)
    made.write_series(
        tmp_path,
        made.stored_values(12),
        series="1.2.3.34",
        Manufacturer="Varian",
        AcquisitionDate="20240112",
        PatientID="P2",
    )
    case = choose(tmp_path)
    assert case.daily is not None and case.daily.uid == made.DAILY and case.is_one_patient


def test_missing_birth_date_is_the_same_patient(tmp_path: Path) -> None:
    a_case(tmp_path)
    data = made.structure_set()
    data.PatientBirthDate = ""
    data.save_as(tmp_path / "x1")
    assert choose(tmp_path).is_one_patient


def test_two_patients_in_one_series_are_refused(tmp_path: Path) -> None:
    a_case(tmp_path)
    data = made.slice_of(made.stored_values()[0], number=13, position=(-10, -20, 36.0))
    data.PatientID = "P2"
    data.save_as(tmp_path / "odd")
    with pytest.raises(InputError, match="two patients"):
        choose(tmp_path)


def test_two_plans_unless_one_is_approved(tmp_path: Path) -> None:
    a_case(tmp_path)
    made.plan("1.2.3.61").save_as(tmp_path / "x3")
    with pytest.raises(InputError, match="Several plans"):
        choose(tmp_path)
    chosen = choose(tmp_path, plan="3.61")
    assert chosen.plan is not None and chosen.plan.sop_instance_uid == "1.2.3.61"
    made.plan("1.2.3.61", ApprovalStatus="APPROVED").save_as(tmp_path / "x3")
    approved = choose(tmp_path)
    assert approved.plan is not None and approved.plan.sop_instance_uid == "1.2.3.61"


def test_verification_plan_is_no_treatment_plan(tmp_path: Path) -> None:
    a_case(tmp_path)
    made.plan("1.2.3.62", PlanIntent="VERIFICATION").save_as(tmp_path / "x4")
    case = choose(tmp_path)
    assert case.plan is not None and case.plan.sop_instance_uid == "1.2.3.60"


def test_wrong_uid_lists_what_there_is(tmp_path: Path) -> None:
    a_case(tmp_path)
    with pytest.raises(InputError, match="names 0 series") as caught:
        choose(tmp_path, planning_series="9.9.9")
    assert made.PLANNING in caught.value.got


def test_damaged_neighbours_are_flagged(tmp_path: Path) -> None:
    path = next(iter(sorted(a_case(tmp_path).glob("000*"))))
    (tmp_path / "cut").write_bytes(path.read_bytes()[:300])
    assert any("could not be used" in flag for flag in choose(tmp_path).flags)


# Real patients


def test_pancreas(pancreas: Path) -> None:
    case = choose(pancreas)
    assert case.daily is not None and case.structures is not None and case.daily_structures is not None
    assert (case.planning.n_images, case.daily.n_images) == (70, 64)
    assert "RTSTRUCT_planCT" in str(case.structures.path)
    assert "RTSTRUCT_CB" in str(case.daily_structures.path)
    assert case.is_one_patient
    assert any("64 images that the structure set names are not" in flag for flag in case.flags)


def test_thorax_structure_set_without_frame_sequence(thorax: Path) -> None:
    case = choose(thorax, need_daily=False)
    assert case.planning.n_images == 105
    assert case.structures is not None and case.plan is not None
    assert case.is_one_patient


def test_pelvis(pelvis003: Path) -> None:
    case = choose(pelvis003, need_daily=False)
    assert case.planning.n_images == 61 and case.structures is not None
