"""Contours held against the policy: what is raised, what is not, and by whose limit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from terasu.safety.contours.one_organ import limit_name, organ_findings
from terasu.safety.contours.together import drawing_findings
from terasu.safety.policy import read_policy
from terasu.safety.verdict import Finding, Level
from terasu.segment.quality.content import Content
from terasu.segment.quality.drawing import Drawing, Organ, Pair
from terasu.segment.quality.form import Form

POLICY = read_policy()
FORM = Form(45.0, 42.0, 10.7, 0.93, 1.4, 1, 0.0, 0, 0.0, 3.0, False)
CONTENT = Content(38.0, 0.0, 0.4, 1.0, 30.0)
PROSTATE = Organ("Prostate", FORM, CONTENT)


def raised(findings: list[Finding]) -> dict[str, Level]:
    return {one.measure: one.level for one in findings if one.level > Level.PASS}


def test_a_usual_prostate_passes_and_every_finding_names_a_source() -> None:
    findings = organ_findings(POLICY, PROSTATE)
    assert raised(findings) == {}
    assert len(findings) >= 8
    assert all(one.limit_source and one.subject == "Prostate" for one in findings)


@pytest.mark.parametrize(
    ("change", "measure", "level"),
    [
        ({"volume_cc": 2.0}, "Volume", Level.BLOCK),
        ({"volume_cc": 150.0}, "Volume", Level.REVIEW),
        ({"missing_slices": 1}, "Slices without a contour", Level.REVIEW),
        ({"missing_slices": 5}, "Slices without a contour", Level.BLOCK),
        ({"pieces": 2, "stray_percent": 5.0}, "Volume outside of the largest piece", Level.REVIEW),
        ({"hole_percent": 4.0}, "Holes", Level.REVIEW),
        ({"jump_mm": 20.0}, "Largest step from slice to slice", Level.REVIEW),
        ({"sphericity": 0.5}, "Sphericity", Level.REVIEW),
        ({"elongation": 4.0}, "Elongation", Level.REVIEW),
        ({"at_the_end": True}, "Contour at the end of the image", Level.REVIEW),
    ],
)
def test_each_deviation_of_the_form_is_raised_alone(
    change: dict[str, float], measure: str, level: Level
) -> None:
    findings = organ_findings(POLICY, replace(PROSTATE, form=replace(FORM, **change)))
    assert raised(findings) == {measure: level}


@pytest.mark.parametrize(
    ("change", "measure", "level"),
    [
        ({"median_hu": 2.0}, "Median HU", Level.BLOCK),
        ({"median_hu": 15.0}, "Median HU", Level.REVIEW),
        ({"gas_percent": 8.0}, "Gas inside", Level.BLOCK),
        ({"fat_percent": 8.0}, "Fat inside", Level.REVIEW),
        ({"bone_percent": 40.0}, "Bone inside", Level.BLOCK),
    ],
)
def test_each_deviation_of_the_content_is_raised_alone(
    change: dict[str, float], measure: str, level: Level
) -> None:
    findings = organ_findings(POLICY, replace(PROSTATE, content=replace(CONTENT, **change)))
    assert raised(findings) == {measure: level}


def test_a_limit_of_the_organ_goes_before_that_of_every_organ() -> None:
    assert limit_name(POLICY, "jump_mm", "Parotid_L") == "contour_jump_mm_Parotid"
    assert limit_name(POLICY, "jump_mm", "Spleen") == "contour_jump_mm"
    assert limit_name(POLICY, "volume_cc", "Spleen") is None


def test_lungs_are_two_pieces_and_a_lung_is_one() -> None:
    form = replace(FORM, volume_cc=3000.0, pieces=2, stray_percent=45.0)
    assert "Volume outside of the largest piece" not in raised(
        organ_findings(POLICY, Organ("Lungs", form, None))
    )
    assert raised(organ_findings(POLICY, Organ("Lung_L", form, None))) == {
        "Volume outside of the largest piece": Level.BLOCK
    }


def test_an_organ_that_the_image_cuts_may_be_cut_in_two() -> None:
    form = replace(FORM, volume_cc=900.0, pieces=2, stray_percent=30.0, at_the_end=True)
    assert raised(organ_findings(POLICY, Organ("Lung_L", form, None))) == {}


def test_an_empty_contour_blocks_and_so_does_no_contour() -> None:
    assert organ_findings(POLICY, Organ("Bladder", None, None))[0].level is Level.BLOCK
    assert drawing_findings(POLICY, Drawing((), ()))[0].level is Level.BLOCK


@pytest.mark.parametrize(
    ("pair", "level"),
    [
        (Pair("overlap", "Prostate", "Rectum", 4.0), Level.REVIEW),
        (Pair("overlap", "Prostate", "Rectum", 30.0), Level.BLOCK),
        (Pair("order", "Bladder", "Prostate", -4.0, "superior"), Level.REVIEW),
        (Pair("order", "Femur_L", "Femur_R", -150.0, "left"), Level.BLOCK),
        (Pair("gap", "Prostate", "Femur_Head_L", 0.5), Level.BLOCK),
        (Pair("contrast", "Prostate", "Bladder", 4.0), Level.BLOCK),
        (Pair("contrast", "Prostate", "Bladder", 35.0), Level.PASS),
    ],
)
def test_a_finding_about_a_pair_is_told_of_both(pair: Pair, level: Level) -> None:
    organs = tuple(Organ(name, replace(FORM, volume_cc=60), None) for name in (pair.first, pair.second))
    findings = drawing_findings(POLICY, Drawing(organs, (pair,)))
    about = [one for one in findings if one.value == pair.value]
    assert [one.subject for one in about] == [pair.first, pair.second]
    assert {one.level for one in about} == {level}


def test_three_signs_at_once_block_though_none_does_alone() -> None:
    form = replace(FORM, volume_cc=150.0, missing_slices=1)
    two = drawing_findings(POLICY, Drawing((replace(PROSTATE, form=form),), ()))
    three = drawing_findings(POLICY, Drawing((replace(PROSTATE, form=replace(form, jump_mm=20.0)),), ()))
    assert max(one.level for one in two) is Level.REVIEW
    assert [one.measure for one in three if one.level is Level.BLOCK] == ["Signs at once"]


def test_a_clinic_s_policy_without_limits_for_contours_judges_nothing() -> None:
    bare = POLICY.model_copy(
        update={"limits": {k: v for k, v in POLICY.limits.items() if not k.startswith("contour_")}}
    )
    assert drawing_findings(bare, Drawing((PROSTATE,), ())) == []
