"""Dose is calculated where it is wanted; asking for less of it changes nothing there."""

from __future__ import annotations

import numpy as np
import pytest

from terasu.dose.engine import default_engine
from terasu.dose.lattice import covered_by
from terasu.dose.plan_making import PlanRequest, make_plan
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume

GRID = Grid.from_axes((25, 60, 80), spacing_zyx_mm=(6, 6, 6), origin_lps_mm=(-237, -177, -72))


@pytest.fixture(scope="module")
def on_a_couch() -> Volume:
    """A cylinder of muscle of 20 cm on a wide board."""
    x, y, _ = np.moveaxis(GRID.to_lps_mm(np.moveaxis(np.indices(GRID.shape_zyx), 0, -1)), -1, 0)
    hu = np.where(np.hypot(x, y) <= 100, 40, -1000)
    hu = np.where((y > 106) & (y < 130) & (np.abs(x) < 230), -200, hu)
    return Volume(hu.astype(np.float32), GRID, "HU", Source("CT"))


def test_a_smaller_dose_grid_holds_the_same_dose(on_a_couch: Volume) -> None:
    """Rays still pass what lies outside of the smaller grid, the board under the patient too."""
    places = GRID.to_lps_mm(np.moveaxis(np.indices(GRID.shape_zyx), 0, -1))
    target = np.linalg.norm(places / (30, 30, 24), axis=-1) <= 1
    plan = make_plan(on_a_couch, target, PlanRequest(fields=5, control_points=2, dose_spacing_mm=6.0))
    start, stop = (6, 20, 28), (19, 42, 52)
    whole = default_engine().calculate(on_a_couch, plan, GRID).crop(start, stop).values
    part = default_engine().calculate(on_a_couch, plan, GRID.crop(start, stop)).values
    assert np.abs(part - whole).max() < 0.01 * whole.max()
    assert np.abs(part - whole).mean() < 0.001 * whole.max()


def test_rows_and_columns_that_a_grid_covers() -> None:
    assert covered_by(GRID, GRID).all()
    part = covered_by(GRID.crop((3, 10, 20), (5, 14, 27)), GRID)
    assert part[10:14, 20:27].all()
    assert part.sum() <= (4 + 2) * (7 + 2)
    assert not covered_by(GRID.crop((3, -9, 20), (5, -4, 27)), GRID).any()
