"""What every dose engine promises (``terasu.dose.engine``)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from terasu.dose.engine import DoseEngine
from terasu.dose.plan_making import PlanRequest, make_plan
from terasu.errors import DoseError, UnsupportedPlanError
from terasu.patient.delivery import Delivery
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume

GRID = Grid.from_axes((30, 100, 120), spacing_zyx_mm=(6, 4, 4), origin_lps_mm=(-238, -198, -87))
DOSE_GRID = Grid.from_axes((15, 60, 80), spacing_zyx_mm=(6, 6, 6), origin_lps_mm=(-237, -177, -42))


@pytest.fixture(scope="module")
def muscle() -> Volume:
    """A cylinder of muscle (40 HU) of 20 cm: 10 cm of soft tissue in front of the target from every side."""
    places = GRID.to_lps_mm(np.moveaxis(np.indices(GRID.shape_zyx), 0, -1))
    inside = np.hypot(places[..., 0], places[..., 1]) <= 100
    return Volume(np.where(inside, 40, -1000).astype(np.float32), GRID, "HU", Source("CT"))


@pytest.fixture(scope="module")
def target() -> np.ndarray:
    places = GRID.to_lps_mm(np.moveaxis(np.indices(GRID.shape_zyx), 0, -1))
    return np.linalg.norm(places / (30, 30, 24), axis=-1) <= 1


@pytest.fixture(scope="module")
def plan(muscle: Volume, target: np.ndarray) -> Delivery:
    return make_plan(muscle, target, PlanRequest(control_points=3, dose_spacing_mm=6.0))


@pytest.fixture(scope="module")
def dose(engine: DoseEngine, muscle: Volume, plan: Delivery) -> Volume:
    return engine.calculate(muscle, plan, DOSE_GRID)


def in_target(dose: Volume) -> float:
    places = dose.grid.to_lps_mm(np.moveaxis(np.indices(dose.grid.shape_zyx), 0, -1))
    return float(dose.values[np.linalg.norm(places, axis=-1) <= 20].mean())


def shifted_by(volume: Volume, hu: float) -> Volume:
    return volume.with_values(np.where(volume.values > -500, volume.values + hu, volume.values))


def test_the_same_input_gives_the_same_dose(engine, muscle, plan, dose) -> None:
    assert np.array_equal(engine.calculate(muscle, plan, DOSE_GRID).values, dose.values)


def test_the_made_plan_gives_its_prescription(dose, plan) -> None:
    assert abs(in_target(dose) / plan.prescription_gy - 1) < 0.03


def test_twice_the_mu_is_twice_the_dose(engine, muscle, plan, dose) -> None:
    double = replace(
        plan, beams=tuple(replace(beam, meterset_mu=2 * beam.meterset_mu) for beam in plan.beams)
    )
    assert np.allclose(
        engine.calculate(muscle, double, DOSE_GRID).values, 2 * dose.values, rtol=1e-4, atol=1e-3
    )


def test_the_dose_is_that_of_all_fractions(engine, muscle, plan, dose) -> None:
    one = engine.calculate(muscle, replace(plan, fractions=1), DOSE_GRID)
    assert np.allclose(plan.fractions * one.values, dose.values, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("hu", "percent"), [(20, -0.65), (-50, 1.7)])
def test_hu_errors_in_soft_tissue_cost_what_they_should(engine, muscle, plan, dose, hu, percent) -> None:
    changed = in_target(engine.calculate(shifted_by(muscle, hu), plan, DOSE_GRID))
    assert abs(100 * (changed / in_target(dose) - 1) - percent) <= 0.2


@pytest.mark.parametrize(
    ("gantry", "side"), [(0.0, (0, -1)), (90.0, (1, 0)), (180.0, (0, 1)), (270.0, (-1, 0))]
)
def test_a_beam_enters_where_iec_61217_says(engine, muscle, plan, gantry, side) -> None:
    """Head first supine: gantry 0° from above (anterior, −y), 90° from the patient's left (+x)."""
    beam = replace(plan.beams[0], gantry_deg=np.full(plan.beams[0].n_control_points, gantry))
    dose = engine.calculate(muscle, replace(plan, beams=(beam,)), DOSE_GRID)
    places = dose.grid.to_lps_mm(np.moveaxis(np.indices(dose.grid.shape_zyx), 0, -1))
    weight = dose.values * (np.abs(places[..., 2]) < 20)
    centre = [(weight * places[..., axis]).sum() / weight.sum() for axis in (0, 1)]
    assert centre[0] * side[0] + centre[1] * side[1] > 10


def test_there_is_no_dose_in_the_air(dose) -> None:
    far = dose.grid.to_lps_mm(np.moveaxis(np.indices(dose.grid.shape_zyx), 0, -1))
    outside = np.hypot(far[..., 0], far[..., 1]) > 120
    assert dose.values[outside].max() == 0


def moved_by(plan: Delivery, lps_mm: tuple[float, float, float]) -> Delivery:
    beams = (replace(beam, isocentre_lps_mm=beam.isocentre_lps_mm + lps_mm) for beam in plan.beams)
    return replace(plan, beams=tuple(beams))


def grid_moved_by(grid: Grid, lps_mm: tuple[float, float, float]) -> Grid:
    affine = grid.affine.copy()
    affine[:3, 3] += lps_mm
    return Grid(grid.shape_zyx, affine, grid.frame_of_reference_uid)


def test_moving_everything_together_changes_nothing(engine, muscle, plan, dose) -> None:
    away = (31.0, -17.0, 250.0)
    moved = Volume(muscle.values, grid_moved_by(GRID, away), "HU", muscle.source)
    again = engine.calculate(moved, moved_by(plan, away), grid_moved_by(DOSE_GRID, away))
    assert np.allclose(again.values, dose.values, rtol=2e-3, atol=0.02)


def test_beams_of_two_isocentres_add_up(engine, muscle, plan) -> None:
    first, second = plan.beams[0], moved_by(plan, (12.0, 6.0, 6.0)).beams[1]
    both = engine.calculate(muscle, replace(plan, beams=(first, second)), DOSE_GRID).values
    single = [
        engine.calculate(muscle, replace(plan, beams=(beam,)), DOSE_GRID).values for beam in (first, second)
    ]
    assert np.allclose(both, single[0] + single[1], rtol=1e-3, atol=0.01)


def test_every_gantry_angle_is_told(engine, muscle, plan) -> None:
    told: list[tuple[int, int]] = []
    engine.calculate(muscle, plan, DOSE_GRID, progress=lambda done, total: told.append((done, total)))
    assert told == [(n, len(plan.beams)) for n in range(1, len(plan.beams) + 1)]


def test_a_grid_that_does_not_reach_the_target_is_refused(engine, muscle, plan) -> None:
    with pytest.raises(DoseError, match="target"):
        engine.calculate(muscle, plan, DOSE_GRID, must_cover_lps_mm=[(0.0, 0.0, 70.0)])


def test_no_mu_is_no_dose_but_an_error(engine, muscle, plan) -> None:
    nothing = tuple(replace(beam, meterset_mu=0.0) for beam in plan.beams)
    with pytest.raises(DoseError):
        engine.calculate(muscle, replace(plan, beams=nothing), DOSE_GRID)


def test_what_must_not_be_calculated_is_refused(engine, muscle, plan) -> None:
    couch = replace(plan.beams[0], couch_deg=np.full(plan.beams[0].n_control_points, 30.0))
    with pytest.raises(UnsupportedPlanError):
        engine.calculate(muscle, replace(plan, beams=(couch,)), DOSE_GRID)
    electrons = replace(plan.beams[0], radiation="ELECTRON")
    with pytest.raises(UnsupportedPlanError):
        engine.calculate(muscle, replace(plan, beams=(electrons,)), DOSE_GRID)
    with pytest.raises(DoseError):
        engine.calculate(muscle.with_values(np.full_like(muscle.values, np.nan)), plan, DOSE_GRID)
    with pytest.raises(DoseError):
        engine.calculate(muscle, plan, DOSE_GRID.crop((0, 0, 0), (3, 60, 80)))
