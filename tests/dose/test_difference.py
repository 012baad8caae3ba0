"""Differences of doses and of DVHs, and conformity."""

from __future__ import annotations

import numpy as np
import pytest

from terasu.dose.conformity import conformity
from terasu.dose.difference import delta_table, difference_in, difference_map
from terasu.dose.dvh import dvh_of_mask
from terasu.errors import DoseError, GeometryError
from terasu.patient.grid import Grid
from terasu.patient.structures import StructureSet
from terasu.patient.volume import Volume

GRID = Grid.from_axes((12, 14, 16), spacing_zyx_mm=(3, 2, 2))
FINE = GRID.with_spacing((1.0, 1.0, 1.0))
AWAY_MM = np.linalg.norm(
    GRID.to_lps_mm(np.moveaxis(np.indices(GRID.shape_zyx), 0, -1)) - GRID.centre_lps_mm, axis=-1
)


def ramp(grid: Grid, factor: float = 1.0) -> Volume:
    places = grid.to_lps_mm(np.moveaxis(np.indices(grid.shape_zyx), 0, -1))
    return Volume((factor * (20 + 0.5 * places[..., 0])).astype(np.float32), grid, "Gy")


def test_difference_in_gy_and_in_percent() -> None:
    assert np.allclose(difference_map(ramp(GRID), ramp(GRID, 1.1)).values, 0.1 * ramp(GRID).values, atol=1e-4)
    percent = difference_map(ramp(GRID), ramp(GRID, 1.1), percent_of_gy=50)
    assert percent.unit == "%"
    assert np.allclose(percent.values, 0.2 * ramp(GRID).values, atol=1e-3)


def test_difference_between_grids_interpolates_and_says_where_it_cannot() -> None:
    assert np.nanmax(np.abs(difference_map(ramp(GRID), ramp(FINE)).values)) < 1e-3
    less = ramp(FINE).crop((0, 0, 0), (20, 28, 32))
    assert np.isnan(difference_map(ramp(GRID), less).values[-1]).all()


def test_statistics_in_a_structure() -> None:
    structures = StructureSet(GRID, {"PTV": AWAY_MM < 8, "none": np.zeros(GRID.shape_zyx, bool)})
    found = difference_in(difference_map(ramp(GRID), ramp(GRID, 1.1)), structures, "PTV")
    inside = 0.1 * ramp(GRID).values[AWAY_MM < 8]
    assert np.isclose(found.mean_gy, inside.mean(), atol=1e-4)
    assert found.low_gy < found.median_gy < found.high_gy
    with pytest.raises(DoseError, match="none"):
        difference_in(difference_map(ramp(GRID), ramp(GRID)), structures, "none")
    with pytest.raises(GeometryError):
        difference_in(difference_map(ramp(FINE), ramp(FINE)), structures, "PTV")
    with pytest.raises(DoseError, match="no dose"):
        difference_map(ramp(GRID), Volume(ramp(GRID).values, GRID, "HU"))


def test_table_of_dvh_quantities() -> None:
    plan = {
        name: dvh_of_mask(ramp(GRID), radius > AWAY_MM, GRID) for name, radius in (("PTV", 8), ("GTV", 5))
    }
    day = {"PTV": dvh_of_mask(ramp(GRID, 1.1), AWAY_MM < 8, GRID)}
    table = delta_table(plan, day)
    assert list(table) == ["PTV"]
    for percent, found in ((98, table["PTV"].d98_gy), (95, table["PTV"].d95_gy), (2, table["PTV"].d2_gy)):
        assert np.isclose(found, 0.1 * plan["PTV"].d_percent(percent), atol=1e-3)
    assert np.isclose(table["PTV"].mean_gy, 0.1 * plan["PTV"].mean_gy, atol=1e-4)


def test_conformity_of_nested_balls() -> None:
    """Isodoses of a dose that falls with the distance are balls, so every index is a ratio of volumes."""
    grid = Grid.from_axes((60, 60, 60), spacing_zyx_mm=(1, 1, 1))
    away = np.linalg.norm(
        grid.to_lps_mm(np.moveaxis(np.indices(grid.shape_zyx), 0, -1)) - grid.centre_lps_mm, axis=-1
    )
    dose = Volume((60 - 2 * away).astype(np.float32), grid, "Gy")
    target = dvh_of_mask(dose, away < 12, grid)
    found = conformity(dose, target, 40.0)  # the isodose has a radius of 10 mm, half of it 20 mm
    assert np.isclose(found.isodose_cc, 4 / 3 * np.pi, rtol=0.01)
    assert np.isclose(found.rtog, (10 / 12) ** 3, rtol=0.02)
    assert np.isclose(found.paddick, (10 / 12) ** 3, rtol=0.02)
    assert np.isclose(found.gradient_index, 8, rtol=0.02)
    with pytest.raises(DoseError, match="prescription"):
        conformity(dose, target, 70.0)
