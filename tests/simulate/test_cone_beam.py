"""Cone beam through projections: a perfect imager returns the truth; scatter cups, dose sets the noise."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from terasu.errors import InputError, MissingPartError
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume
from terasu.simulate.attenuation import mu_rho_cm2_g
from terasu.simulate.case import SimulatedCase
from terasu.simulate.cone_beam import cone_grid, field_of_view, simulate_cone_beam
from terasu.simulate.cone_settings import ConeBeamSettings
from terasu.simulate.scatter import scatter_of
from terasu.simulate.spectrum import one_energy, transmitted, tube_spectrum, water_path_mm

_MISSING = pytest.mark.skipif(
    importlib.util.find_spec("itk") is None, reason="RTK (the extra cbct) is not installed"
)


def needs_rtk(test: Callable[..., None]) -> Callable[..., None]:
    """Skipped without RTK, and slow: loading its libraries takes some 10 s of one core."""
    return pytest.mark.slow(_MISSING(test))


PERFECT = ConeBeamSettings(
    photons_per_mm2=np.inf,
    scatter_to_primary=0,
    beam_hardening=False,
    columns=64,
    projections=80,
    work_mm=5,
    pixel_mm=6,
    slice_mm=8,
)


def ellipse(half_y_mm: float, half_x_mm: float, at_yx_mm: tuple[float, float] = (0, 0)) -> np.ndarray:
    """Share of each pixel (y, x) of 64 × 64 pixels of 5 mm that lies inside."""
    fine = (np.arange(256) - 127.5) * 1.25
    inside = np.hypot((fine[:, None] - at_yx_mm[0]) / half_y_mm, (fine[None] - at_yx_mm[1]) / half_x_mm) <= 1
    return inside.reshape(64, 4, 64, 4).mean(axis=(1, 3))


def patient(half_y_mm: float = 80, half_x_mm: float = 100) -> Volume:
    """Oval soft tissue that is denser towards the head; bone to the front left, gas to the back right."""
    plane = -1000 + 1030 * ellipse(half_y_mm, half_x_mm)
    for share, hu in ((ellipse(14, 14, (-40, 30)), 700), (ellipse(12, 12, (30, -50)), -1000)):
        plane = plane * (1 - share) + hu * share
    values = np.repeat(plane[None], 40, axis=0)
    values[20:] += 40 * (values[20:] > -200)
    grid = Grid.from_axes((40, 64, 64), spacing_zyx_mm=(5, 5, 5), origin_lps_mm=(-140, -170, 200))
    return Volume(values.astype(np.float32), grid, "HU", Source("CT"))


def inner(case: SimulatedCase) -> np.ndarray:
    """Well inside of the body and of the field of view, away from steps."""
    flat = ndimage.maximum_filter(case.truth.values, 3) - ndimage.minimum_filter(case.truth.values, 3) < 20
    body = ndimage.binary_erosion(case.truth.values > -400, iterations=2) & case.seen & flat
    body[:2] = body[-2:] = False
    return np.asarray(body)


def error_of(case: SimulatedCase) -> np.ndarray:
    """HU error in the body."""
    where = inner(case)
    assert where.sum() > 300
    return np.asarray(case.image.values[where] - case.truth.values[where])


@pytest.fixture(scope="module")
def perfect() -> SimulatedCase:
    return simulate_cone_beam(patient(), PERFECT)


@needs_rtk
def test_a_perfect_half_fan_scan_is_the_truth_within_6_hu(perfect: SimulatedCase) -> None:
    error = error_of(perfect)
    assert abs(error.mean()) < 2
    assert np.abs(error).mean() < 6
    assert perfect.measured["water_reading"] == pytest.approx(1, abs=0.005)
    assert perfect.measured["air_reading"] == pytest.approx(0, abs=0.02)


@needs_rtk
def test_a_perfect_full_fan_scan_is_the_truth_within_8_hu() -> None:
    small = patient(70, 80)
    before = small.values.copy()
    case = simulate_cone_beam(small, replace(PERFECT, fan="full"))
    assert abs(error_of(case).mean()) < 5
    assert np.abs(error_of(case)).mean() < 8
    np.testing.assert_array_equal(small.values, before)
    assert case.image.grid is case.truth.grid


@needs_rtk
def test_bone_gas_and_head_lie_where_the_truth_has_them(perfect: SimulatedCase) -> None:
    """A scan mirrored along any axis fails this."""
    grid = perfect.image.grid
    middle = patient().grid.centre_lps_mm
    for offset_lps_mm, least, most in (((30, -40, 0), 500, 800), ((-50, 30, 0), -1000, -700)):
        k, j, i = np.rint(grid.to_index_kji(middle + offset_lps_mm)).astype(int)
        assert least < perfect.image.values[k, j, i] < most
    k, j, i = np.rint(grid.to_index_kji(middle)).astype(int)
    assert perfect.image.values[-3, j, i] - perfect.image.values[2, j, i] == pytest.approx(40, abs=6)


@needs_rtk
def test_more_scatter_more_cupping(perfect: SimulatedCase) -> None:
    depth = []
    for ratio in (0.0, 0.3, 0.6):
        case = (
            perfect
            if ratio == 0
            else simulate_cone_beam(patient(), replace(PERFECT, scatter_to_primary=ratio))
        )
        error = case.image.values - case.truth.values
        y, x = ((np.arange(n) - (n - 1) / 2) * 6 for n in case.image.grid.shape_zyx[1:])
        away = np.hypot(y[:, None] / 80, x[None] / 100)[None]
        where = inner(case)
        depth.append(error[where & (away > 0.65)].mean() - error[where & (away < 0.3)].mean())
    assert abs(depth[0]) < 4
    assert depth[1] > depth[0] + 20
    assert depth[2] > depth[1] + 15


@needs_rtk
def test_water_calibration_leaves_beam_hardening_to_bone(perfect: SimulatedCase) -> None:
    hard = simulate_cone_beam(patient(), replace(PERFECT, beam_hardening=True))
    assert abs(error_of(hard).mean()) < 5, "soft tissue is what water calibration makes right"
    bone = perfect.truth.values > 650
    assert bone.sum() > 10
    assert np.abs((hard.image.values - perfect.image.values)[bone]).mean() > 8


@needs_rtk
def test_noise_variance_falls_as_the_photons_rise() -> None:
    few, many = (
        simulate_cone_beam(patient(), replace(PERFECT, photons_per_mm2=n), seed=4) for n in (2e3, 8e3)
    )
    clean = simulate_cone_beam(patient(), PERFECT)
    where = inner(clean)
    noise = [(one.image.values - clean.image.values.astype(float))[where].var() for one in (few, many)]
    assert noise[0] / noise[1] == pytest.approx(4, rel=0.2)


@needs_rtk
def test_equal_seeds_give_equal_bits_and_motion_couch_and_lag_show(perfect: SimulatedCase) -> None:
    settings = replace(PERFECT, photons_per_mm2=5e3, motion_mm=20, couch=True, lag=0.2)
    first, again, other = (simulate_cone_beam(patient(), settings, seed=s).image.values for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    j = perfect.image.grid.shape_zyx[1] // 2
    still = simulate_cone_beam(patient(), replace(settings, photons_per_mm2=np.inf, couch=False, lag=0))
    step = np.diff(still.image.values[:, j, j].astype(float))
    assert step.max() < 0.8 * np.diff(perfect.image.values[:, j, j].astype(float)).max(), "step is smeared"
    couch = simulate_cone_beam(patient(), replace(PERFECT, couch=True)).image.values.astype(float)
    below = (couch - perfect.image.values)[4:-4].mean(axis=(0, 2))
    j = int(np.argmax(below))
    assert perfect.image.grid.to_lps_mm((0, j, 0))[1] == pytest.approx(-12.5 + 80 + 3, abs=10)


@needs_rtk
def test_a_fit_finds_the_scatter_that_was_put_in() -> None:
    from terasu.simulate.calibrate import fit_cone_beam, fit_photons

    sharp = replace(PERFECT, columns=96, projections=100, work_mm=4.0, pixel_mm=4.3, slice_mm=6.0)
    real = simulate_cone_beam(patient(), replace(sharp, scatter_to_primary=0.5, photons_per_mm2=4e4))
    start = replace(sharp, scatter_to_primary=0.1)
    fitted = fit_cone_beam(
        patient(), real.image, real.seen, start, free=("scatter_to_primary",), evaluations=10
    )
    assert fitted.settings.scatter_to_primary == pytest.approx(0.5, abs=0.1)
    assert fitted.rms_hu < 15
    where = inner(real)
    tried = {
        photons: simulate_cone_beam(
            patient(), replace(sharp, scatter_to_primary=0.5, photons_per_mm2=photons), seed=9
        ).image
        for photons in (1e4, 1.6e5)
    }
    assert fit_photons(tried, real.image, where) == pytest.approx(4e4, rel=0.3)
    with pytest.raises(InputError, match="cannot be fitted"):
        fit_cone_beam(patient(), real.image, real.seen, start, free=("fan",))


def test_the_field_of_view_is_the_imagers() -> None:
    """Varian OBI: 262 mm in full fan (so says a real header), 450 mm in half fan."""
    full, half = ConeBeamSettings(fan="full"), ConeBeamSettings()
    assert 2 * full.radius_mm == pytest.approx(261.7, abs=1.5)
    assert 2 * half.radius_mm == pytest.approx(450, abs=2)
    assert len(full.angles_deg) == 360
    assert full.angles_deg[-1] < 200
    grid = cone_grid(patient(), full)
    seen = field_of_view(grid, full)
    assert seen.any(axis=(1, 2)).sum() * 3 == pytest.approx(full.length_mm, abs=6)


def test_spectrum_hardens_in_water_and_its_inverse_is_exact() -> None:
    beam = tube_spectrum(125, aluminium_mm=2.7, titanium_mm=0.89)
    assert 60 < beam.mean_kev < 75
    thickness = np.array([0.0, 37.0, 180.0, 420.0], np.float32)
    signal = transmitted(thickness / 10, np.zeros(4, np.float32), beam)
    np.testing.assert_allclose(water_path_mm(signal, beam), thickness, atol=0.02)
    effective = -np.log(signal[1:]) / thickness[1:]
    assert (np.diff(effective) < 0).all(), "the thicker, the harder"
    mono = transmitted(thickness / 10, np.zeros(4, np.float32), one_energy())
    np.testing.assert_allclose(-np.log(mono), thickness / 10 * mu_rho_cm2_g("water", 70.0), rtol=1e-5)


def test_scatter_to_primary_is_what_was_asked_for_behind_30_cm_of_water() -> None:
    beam = one_energy()
    behind = transmitted(np.full((1, 60, 80), 30, np.float32), np.zeros((1, 60, 80), np.float32), beam)
    scatter = scatter_of(behind, beam, to_primary=0.7, sigma_mm=90, pixel_mm=5)
    np.testing.assert_allclose(scatter / behind, 0.7, rtol=1e-4)


def test_impossible_settings_and_images_are_refused() -> None:
    for wrong in ({"photons_per_mm2": 0.0}, {"lag": 1.0}, {"kv": 10.0}, {"columns": 2}, {"motion_mm": -1.0}):
        with pytest.raises(InputError, match="cannot be simulated"):
            replace(PERFECT, **wrong)


@needs_rtk
def test_an_mr_is_refused() -> None:
    ct = patient()
    with pytest.raises(InputError, match="Only a CT"):
        simulate_cone_beam(Volume(ct.values, ct.grid, "HU", Source("MR")), PERFECT)


def test_without_rtk_the_refusal_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "itk", None)
    with pytest.raises(MissingPartError) as refusal:
        simulate_cone_beam(patient(), PERFECT)
    assert "terasu[cbct]" in refusal.value.todo
