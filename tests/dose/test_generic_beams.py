"""The built-in beams of other energies: plausible in water, and calibrated where they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import made_rt
from terasu.dose.engine import default_engine
from terasu.dose.generic_beams import generic_machine
from terasu.dose.machine import Machine, default_machine, machine_as_toml, read_machine
from terasu.dose.pencil_engine import pencil_beams
from terasu.dose.referenced import water_depth_dose
from terasu.errors import UnsupportedPlanError
from terasu.patient.delivery import Delivery
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume

BEAMS = [(6.0, True), (6.0, False), (10.0, True), (10.0, False), (15.0, False), (18.0, False)]
BJR_25 = {(6.0, False): 66.7, (10.0, False): 73.5, (15.0, False): 76.8, (18.0, False): 78.5}
"""Per cent depth dose at 100 mm, 100 mm square, SSD 1000 mm, as the beams' own table rounds it."""
TPR_20_10 = {
    (6.0, True): 0.635,
    (6.0, False): 0.667,
    (10.0, True): 0.705,
    (10.0, False): 0.738,
    (15.0, False): 0.760,
    (18.0, False): 0.780,
}
"""Of common linacs, as the beams' own sources have it."""
GRID = Grid.from_axes((25, 31, 25), spacing_zyx_mm=(6, 6, 6), origin_lps_mm=(-72, 3, -72))


def machine_of(beam: tuple[float, bool]) -> Machine:
    return generic_machine(beam[0], fff=beam[1])


@pytest.fixture(scope="module")
def depth_doses() -> dict[tuple[float, bool], tuple[np.ndarray, np.ndarray]]:
    curves = {}
    for beam in BEAMS:
        curves[beam] = water_depth_dose(
            pencil_beams, machine_of(beam), field_mm=100.0, ssd_mm=1000.0, spacing_mm=(4.0, 4.0)
        )
    return curves


def percent_at_100(curve: tuple[np.ndarray, np.ndarray]) -> float:
    depth_mm, dose = curve
    return float(100 * np.interp(100.0, depth_mm, dose) / dose.max())


@pytest.mark.parametrize("beam", BEAMS)
def test_the_depth_dose_rises_to_its_maximum_and_falls(depth_doses, beam) -> None:
    depth_mm, dose = depth_doses[beam]
    deepest = int(dose.argmax())
    assert 8 < depth_mm[deepest] < 40
    assert (np.diff(dose[: deepest + 1]) > 0).all()
    assert (np.diff(dose[deepest:]) < 0).all()


@pytest.mark.parametrize("beam", BEAMS)
def test_the_depth_dose_falls_as_that_of_the_quality(depth_doses, beam) -> None:
    """TPR20,10 = 1.2661 PDD20,10 − 0.0595 (IAEA TRS-398), by what the engine calculates in water."""
    depth_mm, dose = depth_doses[beam]
    at_200, at_100 = np.interp([200.0, 100.0], depth_mm, dose)
    assert 1.2661 * at_200 / at_100 - 0.0595 == pytest.approx(TPR_20_10[beam], abs=0.003)


@pytest.mark.parametrize("beam", sorted(BJR_25))
def test_the_percent_depth_dose_is_that_of_the_reference(depth_doses, beam) -> None:
    assert percent_at_100(depth_doses[beam]) == pytest.approx(BJR_25[beam], abs=2.0)


def test_higher_energy_goes_deeper(depth_doses) -> None:
    flattened = [percent_at_100(depth_doses[energy, False]) for energy in (6.0, 10.0, 15.0, 18.0)]
    assert np.all(np.diff(flattened) > 0.5)
    for energy in (6.0, 10.0):
        assert percent_at_100(depth_doses[energy, True]) < percent_at_100(depth_doses[energy, False])
    peaks = [depth_doses[energy, False][0][depth_doses[energy, False][1].argmax()] for energy in (6.0, 18.0)]
    assert peaks[0] < peaks[1]


@pytest.fixture(scope="module")
def water() -> Volume:
    """Water whose surface is the isocentre's plane (SSD 1000 mm), 200 mm deep."""
    grid = Grid.from_axes((41, 43, 41), spacing_zyx_mm=(6, 6, 6), origin_lps_mm=(-120, -51, -120))
    _, y, _ = np.moveaxis(grid.to_lps_mm(np.moveaxis(np.indices(grid.shape_zyx), 0, -1)), -1, 0)
    return Volume(np.where(y > 0, 0, -1000).astype(np.float32), grid, "HU", Source("CT"))


def reference_field(machine: Machine, mu: float) -> Delivery:
    beam = replace(
        made_rt.beam(points=2, pairs=0),
        energy_mv=machine.energy_mv,
        fff=machine.fff,
        meterset_mu=mu,
        gantry_deg=np.zeros(2),
        collimator_deg=np.zeros(2),
        isocentre_lps_mm=np.tile([0.0, 3.0, 0.0], (2, 1)),
        jaws_x_mm=np.tile([-50.0, 50.0], (2, 1)),
        jaws_y_mm=np.tile([-50.0, 50.0], (2, 1)),
    )
    return replace(made_rt.delivery(beam), fractions=1, frame_of_reference_uid="")


@pytest.mark.parametrize("beam", BEAMS)
def test_the_calibration_point_gets_its_gray(water: Volume, beam: tuple[float, bool]) -> None:
    """100 MU give gy_per_mu × 100 at 100 mm: the whole way from HU to Gy, with the isocentre 3 mm deep."""
    machine = machine_of(beam)
    dose = default_engine().calculate(water, reference_field(machine, 100.0), GRID, machine=machine)
    axis = dose.values[12, :, 12]
    depth_mm = GRID.origin_lps_mm[1] + 6.0 * np.arange(len(axis))
    at_100 = float(np.exp(np.interp(100.0, depth_mm, np.log(axis))))
    closer = ((1000.0 + 100.0) / (997.0 + 100.0)) ** 2
    assert at_100 == pytest.approx(100 * machine.reference.gy_per_mu * closer, rel=0.01)


@pytest.mark.parametrize("beam", BEAMS)
def test_a_monitor_unit_is_about_a_centigray_at_the_maximum(depth_doses, beam) -> None:
    """What the files say of their calibration: 1 cGy per MU at the depth of maximum."""
    gray = 100 * machine_of(beam).reference.gy_per_mu / percent_at_100(depth_doses[beam])
    assert gray == pytest.approx(0.01, rel=0.04)


@pytest.mark.parametrize("beam", BEAMS)
def test_no_built_in_beam_calls_itself_commissioned(beam: tuple[float, bool], tmp_path) -> None:
    machine = machine_of(beam)
    assert not machine.commissioned
    assert (machine.energy_mv, machine.fff) == beam
    path = tmp_path / "beam.toml"
    path.write_text(machine_as_toml(machine), encoding="utf-8")
    assert read_machine(path) == machine


def test_an_unflattened_beam_falls_off_the_axis() -> None:
    for energy in (6.0, 10.0):
        values = generic_machine(energy, fff=True).off_axis([0, 50, 100, 200])
        assert values[0] == 1
        assert np.all(np.diff(values) < 0)


def test_an_energy_that_nobody_knows_is_refused_by_the_plan(water: Volume) -> None:
    machine = generic_machine(4.0, fff=False)
    assert machine == default_machine()
    plan = reference_field(machine.model_copy(update={"energy_mv": 4.0}), 100.0)
    with pytest.raises(UnsupportedPlanError, match="Beam 1"):
        default_engine().calculate(water, plan, GRID, machine=machine)
