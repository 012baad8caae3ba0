"""Megavoltage CT: water is 0, bone shrinks as 1 MeV says, noise follows the photons, the truth stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from terasu.errors import InputError
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume
from terasu.simulate.attenuation import electron_density_of, mu_rho_cm2_g, mvct_hu_of, water_and_bone
from terasu.simulate.mvct import MvctSettings, mvct_slices, simulate_mvct

PIXEL_MM = 2.5
CLEAN = MvctSettings(photons_per_mm2=np.inf, blur_mm=0)


def disc(
    radius_mm: float, hu: float, *, pixels: int = 128, at_mm: tuple[float, float] = (0, 0)
) -> np.ndarray:
    """One slice (y, x) of air with a round body."""
    place = (np.arange(pixels) - (pixels - 1) / 2) * PIXEL_MM
    inside = np.hypot(place[:, None] - at_mm[0], place[None, :] - at_mm[1]) <= radius_mm
    return np.where(inside, hu, -1000.0).astype(np.float32)


def water_with_bone() -> np.ndarray:
    """Water of 20 cm with a rod of cortical bone (HU of the density table's dense point)."""
    water, rod = disc(100, 0), disc(20, 1524.2, at_mm=(40, 0))
    return np.maximum(water, rod)[None]


def test_the_density_table_is_that_of_the_dose_part() -> None:
    from terasu.dose.density import default_density_table, to_electron_density

    hu = np.linspace(-1100, 3200, 2001)
    np.testing.assert_array_equal(electron_density_of(hu), to_electron_density(hu, default_density_table()))


def test_nist_numbers_of_bone_at_1_mev() -> None:
    """1.92 g/cm³ × 0.06566 cm²/g against 0.07072 cm²/g of water (NIST SRD 126): 783 HU, electrons say 781."""
    by_attenuation = 1000 * (1.92 * 0.06566 / 0.07072 - 1)
    assert float(mvct_hu_of(np.array([1524.2]))[0]) == pytest.approx(by_attenuation, abs=5)
    at_70_kev = 1000 * (1.92 * mu_rho_cm2_g("bone", 70.0) / mu_rho_cm2_g("water", 70.0) - 1)
    assert by_attenuation < 0.55 * at_70_kev


def test_without_noise_it_is_the_truth_at_1_mev_within_4_hu() -> None:
    truth = water_with_bone()
    found = mvct_slices(truth, PIXEL_MM, CLEAN)[0]
    water = (disc(85, 1) > 0) & (disc(35, 1, at_mm=(40, 0)) < 0)
    rod = disc(12, 1, at_mm=(40, 0)) > 0
    assert found[water].mean() == pytest.approx(0, abs=1)
    assert np.abs(found[water]).max() < 25, "ringing near edges"
    assert found[rod].mean() == pytest.approx(781, abs=4)
    assert found[:10, :10].mean() == pytest.approx(-999, abs=8)


@pytest.mark.parametrize("more", [4.0, 16.0])
def test_noise_variance_falls_as_the_photons_rise(more: float) -> None:
    water = np.repeat(disc(100, 0)[None], 6, axis=0)
    middle = (slice(None), slice(54, 74), slice(54, 74))
    clean = mvct_slices(water, PIXEL_MM, replace(CLEAN, photons_per_mm2=np.inf))[middle]
    few, many = (
        (mvct_slices(water, PIXEL_MM, replace(CLEAN, photons_per_mm2=n), seed=3)[middle] - clean).var()
        for n in (300.0, 300.0 * more)
    )
    assert few / many == pytest.approx(more, rel=0.12)


@pytest.mark.slow
def test_noise_of_the_default_is_that_of_a_catphan() -> None:
    """2.3 to 2.4 % (De Marco 2019): 24 HU in the middle of 20 cm of water at 0.76 mm and 6 mm."""
    place = (np.arange(512) - 255.5) * 0.76
    water = np.where(np.hypot(place[:, None], place[None, :]) <= 100, 0.0, -1000.0)[None]
    found = mvct_slices(water, 0.76, seed=1)[0, 226:286, 226:286]
    assert found.std() == pytest.approx(24, abs=2.5)


def test_a_slice_has_the_same_noise_whatever_stands_beside_it() -> None:
    bodies = np.stack([disc(60 + r, 20) for r in range(20)])
    together = mvct_slices(bodies, PIXEL_MM, seed=5)
    np.testing.assert_array_equal(together[:7], mvct_slices(bodies[:7], PIXEL_MM, seed=5))
    assert (together != mvct_slices(bodies, PIXEL_MM, seed=6)).any()


def ct_of(values: np.ndarray, modality: str = "CT") -> Volume:
    grid = Grid.from_axes(values.shape, spacing_zyx_mm=(2, PIXEL_MM, PIXEL_MM), origin_lps_mm=(3, -4, 5))
    return Volume(values, grid, "HU", Source(modality))


def test_a_volume_comes_with_its_truth_on_thick_slices() -> None:
    values = np.repeat(disc(70, 40, pixels=64)[None], 9, axis=0).astype(np.int16)
    values[:3] = -1000
    ct = ct_of(values.copy())
    case = simulate_mvct(ct, MvctSettings(pixels=100, pixel_mm=1.5, views=120), seed=2)
    np.testing.assert_array_equal(ct.values, values)
    assert case.image.grid is case.truth.grid
    assert case.image.grid.spacing_zyx_mm == (6.0, 1.5, 1.5)
    assert case.image.grid.shape_zyx[0] == 3
    assert case.truth.values[:, 50, 50] == pytest.approx([-1000, 40, 40], abs=1e-3)
    assert case.image.values[1:, 40:60, 40:60].mean() == pytest.approx(
        float(mvct_hu_of(np.array([40]))[0]), abs=8
    )
    assert (case.image.values[~case.seen] == -1000).all()
    assert case.card()["settings"]["slice_mm"] == 6.0


@pytest.mark.parametrize("hu", [-1000.0, -500.0, 0.0, 99.0, 700.0, 1500.0, 3000.0])
def test_water_and_bone_attenuate_as_the_hu_say(hu: float) -> None:
    water, bone = (float(one[0]) for one in water_and_bone(np.array([hu])))
    ratio = float(mu_rho_cm2_g("bone", 70.0) / mu_rho_cm2_g("water", 70.0))
    assert water + bone * ratio == pytest.approx(1 + hu / 1000, abs=1e-5)
    assert min(water, bone) >= -1e-6
    assert (bone > 0) == (hu > 100)


@pytest.mark.parametrize(
    ("values", "modality", "says"),
    [
        (np.full((2, 8, 8), np.nan), "CT", "no numbers"),
        (np.full((2, 8, 8), -1000.0), "CT", "nothing but air"),
        (np.zeros((2, 8, 8)), "MR", "Only a CT"),
        (np.r_[np.zeros(300), np.full(84, 1200.0)].reshape(6, 8, 8), "", "nothing is below water"),
    ],
)
def test_what_is_no_ct_is_refused(values: np.ndarray, modality: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as refusal:
        simulate_mvct(ct_of(values, modality))
    assert refusal.value.todo


def test_slices_and_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InputError, match="no CT slices"):
        mvct_slices(np.zeros((8, 8)), PIXEL_MM)
    with pytest.raises(InputError, match="no CT slices"):
        mvct_slices(np.zeros((0, 8, 8)), PIXEL_MM)
    with pytest.raises(InputError, match="no numbers"):
        mvct_slices(np.full((1, 8, 8), np.inf), PIXEL_MM)
    with pytest.raises(InputError, match="cannot be simulated"):
        MvctSettings(photons_per_mm2=0)
