"""The made plan: seven conformal fields that cover their target and give their own prescription."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from terasu.dose.dvh import dvh_of_mask
from terasu.dose.engine import default_engine
from terasu.dose.fluence import SIDE, aperture
from terasu.dose.generic_beams import generic_machine
from terasu.dose.machine import default_machine
from terasu.dose.plan_making import MILLENNIUM_120_MM, PlanRequest, conform, make_plan, project
from terasu.dose.segments import to_segments
from terasu.errors import DoseError
from terasu.patient.delivery import Delivery
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume

GRID = Grid.from_axes((36, 60, 70), spacing_zyx_mm=(5, 5, 5), origin_lps_mm=(-150, -160, -60))
PLACES = GRID.to_lps_mm(np.moveaxis(np.indices(GRID.shape_zyx), 0, -1))
CENTRE = np.array([14.0, -11.0, 28.0])
BODY = np.hypot(PLACES[..., 0] / 140, PLACES[..., 1] / 110) <= 1
IMAGE = Volume(np.where(BODY, 20, -1000).astype(np.float32), GRID, "HU", Source("CT"))
AWAY = PLACES - CENTRE
# a bowl: not convex, so that its outline is not that of a ball from every side
TARGET = (np.linalg.norm(AWAY / (45, 35, 30), axis=-1) <= 1) & ~(
    np.linalg.norm((AWAY - (0, 25, 0)) / 22, axis=-1) <= 1
)
REQUEST = PlanRequest(prescription_gy=50.0, fractions=25, control_points=4)


@pytest.fixture(scope="module")
def plan() -> Delivery:
    return make_plan(IMAGE, TARGET, REQUEST, target_name="PTV_50")


def test_seven_fields_around_the_target(plan: Delivery) -> None:
    angles = [beam.gantry_deg[0] for beam in plan.beams]
    assert np.allclose(angles, np.arange(7) * 360 / 7, atol=0.05)
    for beam in plan.beams:
        assert np.ptp(beam.gantry_deg) == 0
        assert beam.n_control_points == 4
        assert (beam.meterset_fraction[0], beam.meterset_fraction[-1]) == (0, 1)
        assert np.all(np.diff(beam.meterset_fraction) > 0)
        assert beam.leaves_mm.shape == (4, 2, 60)
        assert len({beam.leaves_mm[n].tobytes() for n in range(4)}) == 4
    inside = AWAY[TARGET]
    middle = CENTRE + (inside.min(axis=0) + inside.max(axis=0)) / 2
    assert np.allclose(plan.beams[0].isocentre_lps_mm, middle, atol=0.1)
    assert (plan.prescription_gy, plan.fractions, plan.target_name) == (50.0, 25, "PTV_50")
    assert any("made by Terasu" in note for note in plan.notes)


def test_it_gives_its_own_prescription(plan: Delivery) -> None:
    """On another grid than the plan was scaled on, through the DVH."""
    grid = GRID.with_spacing((3, 3, 3)).crop((15, 30, 25), (47, 62, 85))
    dose = default_engine().calculate(IMAGE, plan, grid)
    dvh = dvh_of_mask(dose, TARGET, GRID)
    assert dvh.outside_fraction == 0
    assert dvh.mean_gy == pytest.approx(50.0, rel=0.01)
    assert dvh.d_percent(95) > 0.93 * 50.0
    assert dvh.d_percent(2) < 1.07 * 50.0


def test_every_aperture_covers_the_whole_target(plan: Delivery) -> None:
    """Every voxel's centre, at every moment: in the open, by the margin less the way of the leaves."""
    points = GRID.to_lps_mm(np.argwhere(TARGET))
    for segment in to_segments(plan):
        u, v = project(points, segment.isocentre_lps_mm, segment.gantry_deg, 0.0, 1000.0).T
        open_at = aperture(segment, default_machine())
        column, row = (np.floor(c + SIDE / 2).astype(int) for c in (u, v))
        for shift in (-4, 0, 4):
            assert open_at[row, column + shift].min() > 0.99
        assert open_at.sum() < 2.2 * np.ptp(u) * np.ptp(v)  # and not the whole field


def test_jaws_stand_behind_the_leaves(plan: Delivery) -> None:
    for beam in plan.beams:
        is_open = (beam.leaves_mm[:, 1] > beam.leaves_mm[:, 0]).any(axis=0)
        low, high = beam.leaf_boundaries_mm[:-1][is_open], beam.leaf_boundaries_mm[1:][is_open]
        tips = beam.leaves_mm[:, :, is_open]
        assert (beam.jaws_x_mm[:, 0] <= tips.min()).all() and (tips.max() <= beam.jaws_x_mm[:, 1]).all()
        assert (beam.jaws_y_mm == (low.min(), high.max())).all()


@settings(deadline=None, max_examples=15)
@given(st.floats(0.5, 20), st.floats(0, 1), st.floats(0, 360))
def test_leaves_never_cross(margin: float, motion: float, collimator: float) -> None:
    """Pairs that the margin only just opens are closed, not crossed, while the banks come together."""
    pointed = np.abs(AWAY).sum(axis=-1) <= 25
    request = PlanRequest(
        fields=2, margin_mm=margin, motion_mm=1.9 * margin * motion, collimator_deg=collimator
    )
    for beam in make_plan(IMAGE, pointed, request, engine=Uniform()).beams:
        assert (beam.leaves_mm[:, 1] >= beam.leaves_mm[:, 0]).all()


class Uniform:
    """An engine that gives 1 Gy everywhere: for what does not depend on the dose."""

    name = "uniform"

    def calculate(self, _image: Volume, _plan: Delivery, onto: Grid, **_: object) -> Volume:
        return Volume(np.ones(onto.shape_zyx, np.float32), onto, "Gy")


def test_a_deeper_field_gets_more_mu(plan: Delivery) -> None:
    """The body is wider than thick: a field from the side has farther to go than one from the front."""
    mu = {round(float(beam.gantry_deg[0])): beam.meterset_mu for beam in plan.beams}
    assert mu[0] < mu[257] * 0.95
    assert mu[0] < mu[103] * 0.95


def test_another_machine_and_collimator(plan: Delivery) -> None:
    machine = generic_machine(10.0, fff=True)
    request = replace(REQUEST, collimator_deg=30.0, fields=3, control_points=2, dose_spacing_mm=6.0)
    other = make_plan(IMAGE, TARGET, request, machine=machine)
    assert len(other.beams) == 3
    assert {(beam.energy_mv, beam.fff) for beam in other.beams} == {(10.0, True)}
    assert {float(beam.collimator_deg[0]) for beam in other.beams} == {30.0}
    assert other.meterset_mu != plan.meterset_mu


@pytest.mark.parametrize(
    ("gantry", "collimator", "point", "expected"),
    [
        (0, 0, (50, 0, 0), (50, 0)),
        (0, 0, (0, 0, 50), (0, 50)),
        (0, 0, (50, -100, 0), (50 / 0.9, 0)),  # 100 mm nearer to the source
        (90, 0, (0, 50, 0), (50, 0)),
        (90, 0, (100, 50, 30), (50 / 0.9, 30 / 0.9)),
        (180, 0, (50, 0, 0), (-50, 0)),
        (270, 0, (0, 50, 0), (-50, 0)),
        (0, 90, (50, 0, 0), (0, -50)),
        (0, 90, (0, 0, 50), (50, 0)),
    ],
)
def test_projection_by_hand(gantry: float, collimator: float, point: tuple, expected: tuple) -> None:
    places = np.array([point], float) + CENTRE
    assert np.allclose(project(places, CENTRE, gantry, collimator, 1000.0), [expected])


POINTS = arrays(float, st.tuples(st.integers(1, 12), st.just(2)), elements=st.floats(-150, 150))


@settings(deadline=None, max_examples=60)
@given(POINTS, st.floats(1, 20))
def test_leaves_leave_the_margin_around_every_point(outline: np.ndarray, margin: float) -> None:
    """A circle of the margin's radius around any point of the outline lies in the open."""
    tips = conform(outline, margin)
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    circle = 0.999 * margin * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rim = (outline[:, None] + circle).reshape(-1, 2)
    pair = np.searchsorted(MILLENNIUM_120_MM, rim[:, 1], side="right") - 1
    assert (tips[0][pair] <= rim[:, 0] + 1e-9).all()
    assert (rim[:, 0] <= tips[1][pair] + 1e-9).all()


@settings(deadline=None, max_examples=60)
@given(POINTS, st.floats(1, 20), st.floats(0.5, 10))
def test_leaves_open_no_more_than_the_margin_and_a_leaf(
    outline: np.ndarray, margin: float, more: float
) -> None:
    tips, wider = conform(outline, margin), conform(outline, margin + more)
    is_open = tips[1] > tips[0]
    assert tips[0].min() >= outline[:, 0].min() - margin - 1e-9
    assert tips[1].max() <= outline[:, 0].max() + margin + 1e-9
    low, high = MILLENNIUM_120_MM[:-1][is_open], MILLENNIUM_120_MM[1:][is_open]
    assert high.min() > outline[:, 1].min() - margin - 1e-9
    assert low.max() < outline[:, 1].max() + margin + 1e-9
    assert (wider[0][is_open] <= tips[0][is_open]).all()
    assert (wider[1][is_open] >= tips[1][is_open]).all()


def test_leaves_around_one_point_by_hand() -> None:
    """A disc of 7 mm around (30, 2.5): the leaf of the point, its neighbours 2.5 mm away, and the next."""
    tips = conform(np.array([[30.0, 2.5]]), 7.0)
    half = {0: 7.0, 5: np.sqrt(49 - 2.5**2), -5: np.sqrt(49 - 2.5**2)}
    for low, left, right in zip(MILLENNIUM_120_MM[:-1], *tips, strict=True):
        assert (left, right) == pytest.approx((30 - half.get(low, 0), 30 + half.get(low, 0)))


@settings(deadline=None, max_examples=30)
@given(POINTS, st.floats(1, 20), st.floats(-30, 30))
def test_leaves_follow_a_target_that_moves_along_them(outline: np.ndarray, margin: float, x: float) -> None:
    assume(np.abs(outline[:, 0] + x).max() < 170)
    assert np.allclose(conform(outline + np.array([x, 0.0]), margin), conform(outline, margin) + x)


def refused(target: np.ndarray, request: PlanRequest = REQUEST, image: Volume = IMAGE) -> None:
    with pytest.raises(DoseError) as refusal:
        make_plan(image, target, request)
    parts = refusal.value.as_dict()
    assert all(parts.values()), parts


def test_a_target_that_cannot_be_planned_is_refused() -> None:
    refused(np.zeros(GRID.shape_zyx, bool))
    refused(TARGET[:-1])
    wide = Grid.from_axes((12, 20, 20), spacing_zyx_mm=(40, 25, 25), origin_lps_mm=(-240, -240, -220))
    refused(np.ones(wide.shape_zyx, bool), image=Volume(np.zeros(wide.shape_zyx, np.float32), wide, "HU"))


def test_a_target_in_the_air_is_refused() -> None:
    air = np.zeros(GRID.shape_zyx, bool)
    air[18, 3:5, 3:5] = True
    refused(air, replace(REQUEST, fields=2))


@pytest.mark.parametrize(
    "wrong",
    [
        {"fields": 0},
        {"fractions": 0},
        {"control_points": 1},
        {"prescription_gy": 0.0},
        {"prescription_gy": -50.0},
        {"prescription_gy": float("nan")},
        {"margin_mm": 0.0},
        {"margin_mm": 1.0, "motion_mm": 4.0},
        {"motion_mm": -1.0},
        {"dose_spacing_mm": 0.0},
    ],
)
def test_a_request_that_makes_no_plan_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(DoseError) as refusal:
        make_plan(IMAGE, TARGET, replace(REQUEST, **wrong))
    parts = refusal.value.as_dict()
    assert all(parts.values()), parts
