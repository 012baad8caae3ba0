"""Delivery → segments: nothing is lost between control points, and nothing is invented."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_rt
from terasu.dicom.rtplan import read_plan
from terasu.dicom.write_rtplan import write_plan
from terasu.dose.segments import Segment, group_by_gantry, middle_angle_deg, open_field, to_segments
from terasu.errors import UnsupportedPlanError
from terasu.patient.delivery import Beam, Delivery

MOVING = {
    "isocentre_lps_mm": "isocentre_lps_mm",
    "jaws_x_mm": "jaws_x_mm",
    "jaws_y_mm": "jaws_y_mm",
    "leaves_mm": "leaves_mm",
}


def changed(beam: Beam, **values: object) -> Delivery:
    return made_rt.delivery(replace(beam, **values))


def drifting(points: int = 5) -> Beam:
    """A beam of which every axis moves."""
    steps = np.arange(points, dtype=float)
    return replace(
        made_rt.beam(points=points),
        gantry_deg=40.0 + 3 * steps,
        collimator_deg=(355.0 + 4 * steps) % 360,
        isocentre_lps_mm=np.array([1.0, 2.0, 3.0]) + 0.5 * steps[:, None],
        jaws_x_mm=np.stack([-60 + steps, 60 - 2 * steps], axis=1),
        jaws_y_mm=np.stack([-50 + 3 * steps, 50 - steps], axis=1),
    )


def test_a_segment_is_the_middle_of_its_control_points() -> None:
    beam = drifting()
    for n, segment in enumerate(to_segments(made_rt.delivery(beam))):
        for name, of_beam in MOVING.items():
            ends = getattr(beam, of_beam)[n : n + 2]
            assert np.allclose(getattr(segment, name), ends.mean(axis=0)), name
        assert segment.gantry_deg == pytest.approx(41.5 + 3 * n)
        assert segment.collimator_deg == pytest.approx((357 + 4 * n) % 360)
        assert np.array_equal(segment.leaf_boundaries_mm, beam.leaf_boundaries_mm)
        assert (segment.beam_number, segment.leaf_axis) == (beam.number, beam.leaf_axis)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.5, 900))
def test_the_segments_carry_the_meterset(shares: list[float], mu: float) -> None:
    """Whatever the control points' shares are, zero ones included."""
    total = sum(shares)
    fractions = np.concatenate([[0], np.cumsum(shares)]) / (total or 1.0)
    delivery = changed(made_rt.beam(points=len(fractions)), meterset_fraction=fractions, meterset_mu=mu)
    segments = to_segments(delivery)
    assert sum(segment.mu for segment in segments) == pytest.approx(mu * fractions[-1])
    assert len(segments) <= len(shares)
    assert all(segment.mu > 0 for segment in segments)


def test_a_step_and_shoot_beam_moves_without_dose() -> None:
    """Two apertures, each held for its MU: the way between them carries none and is no segment."""
    beam = made_rt.beam(points=4)
    leaves = beam.leaves_mm[[0, 0, 1, 1]]
    delivery = changed(beam, meterset_fraction=np.array([0, 0.3, 0.3, 1.0]), leaves_mm=leaves)
    first, second = to_segments(delivery)
    assert (first.mu, second.mu) == (
        pytest.approx(0.3 * beam.meterset_mu),
        pytest.approx(0.7 * beam.meterset_mu),
    )
    assert np.array_equal(first.leaves_mm, leaves[0])
    assert np.array_equal(second.leaves_mm, leaves[3])


def test_a_closed_aperture_keeps_its_mu() -> None:
    """Closed leaves still leak, so the segment stays."""
    beam = made_rt.beam()
    delivery = changed(beam, leaves_mm=np.zeros_like(beam.leaves_mm))
    assert sum(segment.mu for segment in to_segments(delivery)) == pytest.approx(beam.meterset_mu)


def test_a_beam_without_mu_is_no_segment_and_hurts_no_other() -> None:
    with_mu = made_rt.beam(1)
    segments = to_segments(made_rt.delivery(with_mu, replace(made_rt.beam(2), meterset_mu=0.0)))
    assert {segment.beam_number for segment in segments} == {1}
    assert all(np.isfinite(group.gantry_deg) for group in group_by_gantry(segments))


@pytest.mark.parametrize(
    ("first", "second", "middle"),
    [(350, 10, 0), (10, 350, 0), (359, 2, 0.5), (2, 359, 0.5), (90, 100, 95), (179, 181, 180), (0, 0, 0)],
)
def test_half_way_goes_the_shorter_way(first: float, second: float, middle: float) -> None:
    assert middle_angle_deg(first, second) == pytest.approx(middle)


@given(st.floats(0, 359.99), st.floats(-179, 179))
def test_half_way_is_equally_far_from_both_ends(first: float, arc: float) -> None:
    middle = middle_angle_deg(first, (first + arc) % 360)
    assert 0 <= middle <= 360
    assert np.cos(np.radians(middle - first - arc / 2)) == pytest.approx(1)


def arc(first_deg: float, step_deg: float, points: int) -> Delivery:
    beam = made_rt.beam(points=points)
    return changed(beam, gantry_deg=(first_deg + step_deg * np.arange(points)) % 360)


@pytest.mark.parametrize("step", [2.0, -2.0])
def test_an_arc_over_zero_stays_on_its_arc(step: float) -> None:
    """From 352° to 8° and back: no segment is thrown to the far side by 360 ≠ 0."""
    start = 352.0 if step > 0 else 8.0
    segments = to_segments(arc(start, step, 9))
    expected = (start + step * (np.arange(8) + 0.5)) % 360
    assert np.allclose([segment.gantry_deg for segment in segments], expected)


@pytest.mark.parametrize("within_deg", [0.0, 0.5, 3.0, 5.0])
def test_grouping_loses_no_mu_and_moves_no_segment_far(within_deg: float) -> None:
    segments = to_segments(arc(340.0, 1.0, 41))
    groups = group_by_gantry(segments, within_deg=within_deg)
    assert sum(len(group.segments) for group in groups) == len(segments)
    assert sum(group.mu for group in groups) == pytest.approx(sum(segment.mu for segment in segments))
    for group in groups:
        for segment in group.segments:
            apart = (segment.gantry_deg - group.gantry_deg + 180) % 360 - 180
            assert abs(apart) <= within_deg + 1e-5


def test_a_group_over_zero_has_its_mean_at_zero() -> None:
    segments = [replace(open_field(100.0, mu=mu), gantry_deg=deg) for mu, deg in ((1, 359.8), (3, 0.2))]
    (group,) = group_by_gantry(segments)
    assert group.gantry_deg == pytest.approx(0.1)
    assert group.mu == 4


def test_another_isocentre_is_another_group() -> None:
    here = open_field(100.0)
    there = replace(here, isocentre_lps_mm=np.array([0.0, 0.0, 5.0]))
    assert len(group_by_gantry([here, there, here])) == 2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_plan_from_its_file_has_the_segments_of_the_plan(tmp_path: Path, seed: int) -> None:
    """The file repeats only what changes; every control point is complete again in the segments."""
    beams = made_rt.beam(seed), made_rt.beam(seed + 100, arc=True), replace(drifting(), number=300)
    plan, path = made_rt.delivery(*beams), tmp_path / "plan.dcm"
    write_plan(plan, path, like=made_rt.PLAN)
    ours, again = to_segments(plan), to_segments(read_plan(path))
    assert len(ours) == len(again)
    for one, other in zip(ours, again, strict=True):
        for field in fields(Segment):
            left, right = getattr(one, field.name), getattr(other, field.name)
            same = left == right if isinstance(left, str) else np.allclose(left, right, atol=1e-3)
            assert same, field.name


@pytest.mark.parametrize(
    "wrong",
    [{"meterset_mu": -1.0}, {"meterset_mu": np.nan}, {"meterset_mu": np.inf}, {"radiation": "PROTON"}],
)
def test_a_meterset_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UnsupportedPlanError) as refusal:
        to_segments(changed(made_rt.beam(), **wrong))
    assert all(refusal.value.as_dict().values())
