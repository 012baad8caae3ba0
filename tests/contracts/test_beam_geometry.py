"""Where an aperture's dose lies in the patient, for every engine.

IEC 61217, patient head first supine: with gantry and collimator at 0° the collimator's +X points to the
patient's left (+x LPS) and its +Y to the head (+z). The gantry turns clockwise seen from its foot end, the
collimator counter-clockwise seen from the source. The axes below are written down from that, by hand.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import made_rt
from terasu.dose.engine import DoseEngine
from terasu.patient.delivery import Delivery
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume

LEFT, BACK, HEAD = np.eye(3)
X_OF_GANTRY = {0: LEFT, 90: BACK, 180: -LEFT, 270: -BACK}
TO_SOURCE = {0: -BACK, 90: LEFT, 180: BACK, 270: -LEFT}
ISOCENTRE = np.array([9.0, -14.0, 30.0])
GRID = Grid.from_axes((41, 45, 45), spacing_zyx_mm=(5, 5, 5), origin_lps_mm=ISOCENTRE - (110, 110, 100))


@pytest.fixture(scope="module")
def block() -> Volume:
    """Water, 20 cm wide and thick around the isocentre."""
    away = np.abs(GRID.to_lps_mm(np.moveaxis(np.indices(GRID.shape_zyx), 0, -1)) - ISOCENTRE)
    inside = (away < 98).all(axis=-1)
    return Volume(np.where(inside, 0, -1000).astype(np.float32), GRID, "HU", Source("CT"))


def field(gantry_deg: float, collimator_deg: float, *, x_mm: float = 0, y_mm: float = 0, **more) -> Delivery:
    """A field of 40 mm × 40 mm around a place of the collimator's plane, between the jaws."""
    two = np.ones(2)
    beam = replace(
        made_rt.beam(points=2, pairs=0),
        gantry_deg=gantry_deg * two,
        collimator_deg=collimator_deg * two,
        isocentre_lps_mm=np.tile(ISOCENTRE, (2, 1)),
        jaws_x_mm=np.tile([x_mm - 20.0, x_mm + 20.0], (2, 1)),
        jaws_y_mm=np.tile([y_mm - 20.0, y_mm + 20.0], (2, 1)),
    )
    return replace(made_rt.delivery(replace(beam, **more)), frame_of_reference_uid="")


def centre_at(dose: Volume, toward_source: np.ndarray, from_isocentre_mm: float) -> np.ndarray:
    """Centre of the upper half of the dose in a plane across the beam, from the isocentre [mm]."""
    places = dose.grid.to_lps_mm(np.moveaxis(np.indices(dose.grid.shape_zyx), 0, -1)) - ISOCENTRE
    plane = np.abs(places @ toward_source - from_isocentre_mm) < 0.1
    value = dose.values[plane]
    weight = np.maximum(value - 0.5 * value.max(), 0)
    return np.asarray(weight @ places[plane] / weight.sum())


@pytest.mark.parametrize("gantry", [0, 90, 180, 270])
def test_x_and_y_of_the_collimator_at_0(engine: DoseEngine, block: Volume, gantry: int) -> None:
    dose = engine.calculate(block, field(gantry, 0, x_mm=30, y_mm=-20), GRID)
    expected = 30 * X_OF_GANTRY[gantry] - 20 * HEAD
    assert centre_at(dose, TO_SOURCE[gantry], 0.0) == pytest.approx(expected, abs=0.7)


@pytest.mark.parametrize("gantry", [0, 90, 180, 270])
def test_x_and_y_of_the_collimator_at_90(engine: DoseEngine, block: Volume, gantry: int) -> None:
    """+X has turned to the head, +Y to where −X was."""
    dose = engine.calculate(block, field(gantry, 90, x_mm=30, y_mm=-20), GRID)
    expected = 30 * HEAD + 20 * X_OF_GANTRY[gantry]
    assert centre_at(dose, TO_SOURCE[gantry], 0.0) == pytest.approx(expected, abs=0.7)


def test_a_collimator_of_30(engine: DoseEngine, block: Volume) -> None:
    dose = engine.calculate(block, field(0, 30, x_mm=40), GRID)
    expected = 40 * (np.cos(np.pi / 6) * LEFT + np.sin(np.pi / 6) * HEAD)
    assert centre_at(dose, TO_SOURCE[0], 0.0) == pytest.approx(expected, abs=0.7)


def test_the_field_grows_with_the_distance_from_the_source(engine: DoseEngine, block: Volume) -> None:
    """80 mm in front of the isocentre and behind it, SAD 1000 mm."""
    dose = engine.calculate(block, field(90, 0, x_mm=40, y_mm=30), GRID)
    for away in (75.0, -75.0):
        here = centre_at(dose, TO_SOURCE[90], away) - away * TO_SOURCE[90]
        expected = (1 - away / 1000) * (40 * X_OF_GANTRY[90] + 30 * HEAD)
        assert here == pytest.approx(expected, abs=0.7)


@pytest.mark.parametrize("axis", ["x", "y"])
def test_leaves_shape_the_field_as_jaws_do(engine: DoseEngine, block: Volume, axis: str) -> None:
    """Pair by pair from −200 mm: only those from 10 to 50 mm across are open, from −60 to −20 mm along."""
    edges = np.arange(-200.0, 201.0, 10.0)
    is_open = (edges[:-1] >= 10) & (edges[1:] <= 50)
    tips = np.where(is_open, [[-60.0], [-20.0]], 0.0)
    wide = np.tile([-90.0, 90.0], (2, 1))
    leaves = {"leaves_mm": np.tile(tips, (2, 1, 1)), "leaf_boundaries_mm": edges, "leaf_axis": axis}
    dose = engine.calculate(block, field(0, 0, **leaves, jaws_x_mm=wide, jaws_y_mm=wide), GRID)
    along, across = (LEFT, HEAD) if axis == "x" else (HEAD, LEFT)
    assert centre_at(dose, TO_SOURCE[0], 0.0) == pytest.approx(-40 * along + 30 * across, abs=0.7)
