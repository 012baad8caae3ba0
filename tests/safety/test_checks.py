"""Each check speaks, and says BLOCK where a physicist would stop the case."""

from __future__ import annotations

import numpy as np

from terasu.patient.grid import Grid
from terasu.patient.transform import Rigid
from terasu.safety.checks import (
    anatomy,
    day_image,
    distortion,
    dose_of_day,
    hounsfield,
    identity,
    registration,
)
from terasu.safety.policy import read_policy
from terasu.safety.verdict import Finding, Level

POLICY = read_policy()


def worst(findings: list[Finding]) -> Level:
    return max(f.level for f in findings)


def test_another_patients_structure_set_blocks_and_is_named() -> None:
    findings = identity.same_patient({"planning CT": "a", "daily image": "a", "RTSTRUCT": "b"})
    assert worst(findings) is Level.BLOCK
    assert "RTSTRUCT" in findings[0].why
    assert worst(identity.same_patient({"planning CT": "a", "RTSTRUCT": "a"})) is Level.PASS


def test_a_foreign_frame_blocks_unless_a_registration_joins_it() -> None:
    assert worst(identity.same_space("1.2", "1.3", "1.2", None)) is Level.BLOCK
    joined = Rigid(np.eye(4), "1.3", "1.2", "REG object")
    assert worst(identity.same_space("1.2", "1.3", "1.2", joined)) is Level.PASS
    assert worst(identity.same_space("1.2", "1.2", "1.9", None)) is Level.BLOCK


def test_two_unknown_frames_are_not_one_frame() -> None:
    assert worst(identity.same_space("", "", "", None)) is Level.BLOCK


def coverage_of(z0: int, z1: int, day_slices: int) -> day_image.Coverage:
    planning = Grid.from_axes((20, 10, 10), spacing_zyx_mm=(3, 1, 1))
    day = Grid.from_axes((day_slices, 10, 10), spacing_zyx_mm=(3, 1, 1))
    target = np.zeros(planning.shape_zyx, bool)
    target[z0:z1, 3:6, 3:6] = True
    view = np.ones(day.shape_zyx, bool)
    view[:, :, 5] = False
    return day_image.coverage(
        target=target, target_grid=planning, view=view, body=np.ones(day.shape_zyx, bool), day_grid=day
    )


def test_coverage_counts_what_was_not_seen() -> None:
    whole = coverage_of(2, 8, 20)
    assert np.isclose(whole.target_outside_percent, 100 / 3)
    assert whole.target_missing_mm == 0
    assert np.isclose(whole.body_truncated_percent, 10)
    short = coverage_of(2, 8, 6)  # target ends at slice 7, the day at slice 5
    assert np.isclose(short.target_missing_mm, 4.5)
    assert worst(day_image.covered(POLICY, short, target_name="PTV")) is Level.BLOCK


def test_a_scale_that_is_no_hu_scale_blocks() -> None:
    rng = np.random.default_rng(1)
    inside = np.ones((4, 20, 20), bool)
    tissue = rng.normal(30, 20, inside.shape)
    assert worst(day_image.scale_is_hu(POLICY, tissue, inside)) is Level.PASS
    assert worst(day_image.scale_is_hu(POLICY, tissue + 900, inside)) is Level.BLOCK
    assert worst(day_image.scale_is_hu(POLICY, tissue, ~inside)) is Level.BLOCK


def test_thick_slices_and_old_planning_ct_are_asked_about() -> None:
    thick = Grid.from_axes((4, 4, 4), spacing_zyx_mm=(4, 1, 1))
    assert worst(day_image.grid_is_fit(POLICY, thick)) is Level.REVIEW
    assert worst(day_image.dates_fit(POLICY, 90)) is Level.REVIEW
    assert worst(day_image.dates_fit(POLICY, -1)) is Level.REVIEW
    assert day_image.dates_fit(POLICY, None) == []


def test_registration_that_got_worse_blocks_and_a_refused_gate_is_never_silent() -> None:
    bad = registration.RigidMeasures(shift_mm=1, rotation_deg=0.1, similarity_gain=-0.2)
    assert worst(registration.rigid_is_plausible(POLICY, bad)) is Level.BLOCK
    refused = registration.DeformableMeasures(0, 1, accepted=False, reasons=("it folds",))
    findings = registration.deformation_is_plausible(POLICY, refused)
    assert worst(findings) is Level.REVIEW
    assert any("it folds" in f.why for f in findings)


def test_hu_errors_are_judged_by_magnitude_and_no_tissue_blocks() -> None:
    assert worst(hounsfield.hu_by_class(POLICY, {"soft": -100.0}, image="raw")) is Level.BLOCK
    assert worst(hounsfield.hu_by_class(POLICY, {"soft": 10.0}, image="improved")) is Level.PASS
    assert worst(hounsfield.hu_by_class(POLICY, {}, image="improved")) is Level.BLOCK


def test_organs_and_outline() -> None:
    still = anatomy.OrganOfTheDay("Bladder", "deformed", 1, 2, 5)
    assert worst(anatomy.organs_in_place(POLICY, (still,))) is Level.PASS
    gone = anatomy.OrganOfTheDay("Prostate", "rigid", 20, 20, 0, is_target=True)
    assert worst(anatomy.organs_in_place(POLICY, (still, gone))) is Level.BLOCK
    poor = anatomy.OrganOfTheDay("Rectum", "deformed", 1, 2, 5, dice=0.3)
    assert worst(anatomy.organs_in_place(POLICY, (poor,))) is Level.REVIEW
    assert worst(anatomy.organs_in_place(POLICY, ())) is Level.BLOCK
    assert worst(anatomy.body_surface(POLICY, 12, -8)) is Level.REVIEW


def test_distortion() -> None:
    fine = distortion.distortion(POLICY, gradient_hu_per_voxel=2, edge_shift_mm=0.4, image="improved")
    assert worst(fine) is Level.PASS
    bent = distortion.distortion(POLICY, gradient_hu_per_voxel=2, edge_shift_mm=9, image="improved")
    assert worst(bent) is Level.BLOCK


def test_densities_that_contradict_one_another_block() -> None:
    agree = {"improved": 60.0, "override": 60.3, "virtual CT": 60.1}
    assert worst(dose_of_day.dose_bracket(POLICY, agree, 60)) is Level.PASS
    assert worst(dose_of_day.dose_bracket(POLICY, agree | {"override": 64.0}, 60)) is Level.BLOCK
    assert worst(dose_of_day.dose_bracket(POLICY, {"improved": 60.0}, 60)) is Level.BLOCK


def test_a_cold_target_blocks_and_less_dose_to_an_organ_does_not() -> None:
    cold = dose_of_day.DoseChange("PTV", -8, -3, 0)
    assert worst(dose_of_day.target_dose(POLICY, [cold])) is Level.BLOCK
    spared = dose_of_day.DoseChange("Rectum", 0, -20, -20)
    assert worst(dose_of_day.oar_dose(POLICY, [spared])) is Level.PASS
    hot = dose_of_day.DoseChange("Rectum", 0, 12, 0)
    assert worst(dose_of_day.oar_dose(POLICY, [hot])) is Level.BLOCK
    assert worst(dose_of_day.target_dose(POLICY, [])) is Level.BLOCK


def test_gamma_lung_and_fill() -> None:
    assert worst(dose_of_day.gamma_against_plan(POLICY, 80, "global 3 %/2 mm")) is Level.BLOCK
    lung = dose_of_day.dose_is_founded(POLICY, through_fill_percent=0, lung_path_percent=40)
    assert worst(lung) is Level.REVIEW
