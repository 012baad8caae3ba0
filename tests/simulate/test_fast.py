"""The fast engine: the truth without artefacts, slices alone as in a batch, noise with FDK's power."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terasu.errors import InputError
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume
from terasu.simulate.artefacts import VARIAN_LIKE, CbctArtefacts
from terasu.simulate.fast import fast_slices, simulate_fast
from terasu.simulate.noise import filtered_noise

CLEAN = CbctArtefacts(diameter_mm=1000)


def bodies(count: int = 3) -> np.ndarray:
    """Slices (n, 96, 96) of 4 mm pixels: soft tissue with bone and gas."""
    place = (np.arange(96) - 47.5) * 4
    away = np.hypot(place[:, None], place[None])
    slices = np.stack([np.where(away < 110 + 10 * n, 40.0 + n, -1000.0) for n in range(count)])
    slices[:, 30:36, 40:48] = 700
    slices[:, 60:66, 50:56] = -980
    return slices


def test_without_artefacts_slices_are_the_truth() -> None:
    np.testing.assert_array_equal(fast_slices(bodies(), 4.0, CLEAN), bodies())


def test_a_slice_is_degraded_alike_whatever_stands_beside_it() -> None:
    together = fast_slices(bodies(4), 4.0, seed=7)
    np.testing.assert_array_equal(together[:2], fast_slices(bodies(2), 4.0, seed=7))
    assert (together != fast_slices(bodies(4), 4.0, seed=8)).any()
    assert np.abs(together - bodies(4)).mean() > 10


def test_a_volume_keeps_its_truth_and_says_what_was_done() -> None:
    grid = Grid.from_axes((3, 96, 96), spacing_zyx_mm=(3, 4, 4))
    ct = Volume(bodies().astype(np.int16), grid, "HU", Source("CT"))
    before = ct.values.copy()
    case = simulate_fast(ct, VARIAN_LIKE, seed=3)
    np.testing.assert_array_equal(ct.values, before)
    np.testing.assert_array_equal(case.truth.values, before)
    card = case.card()
    assert card["engine"] == "fast"
    assert card["settings"]["cupping_hu"] == VARIAN_LIKE.cupping_hu
    assert card["seed"] == 3


@given(peak=st.floats(0.05, 0.3), pixel_mm=st.floats(0.7, 1.2), seed=st.integers(0, 99))
@settings(max_examples=12, deadline=None)
def test_noise_has_spread_1_and_its_power_peaks_where_it_should(
    peak: float, pixel_mm: float, seed: int
) -> None:
    noise = filtered_noise((24, 96, 96), (pixel_mm, pixel_mm), peak, np.random.default_rng(seed))
    assert noise.std() == pytest.approx(1, abs=0.03)
    power = (np.abs(np.fft.fft2(noise)) ** 2).mean(axis=0)
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(96, pixel_mm)] * 2, indexing="ij"))
    width = peak / 4
    rings = [power[np.abs(frequency - f) < width / 2].mean() for f in (peak / 4, peak, 2.2 * peak)]
    assert rings[1] > 1.5 * rings[0]
    assert rings[1] > 1.5 * rings[2]


def test_noise_of_the_engine_takes_that_shape_in_its_size() -> None:
    water = np.where(bodies(1) > -900, 0.0, -1000.0)
    noisy = replace(CLEAN, noise_hu=30, noise_peak_per_mm=0.08)
    found = fast_slices(np.repeat(water, 12, axis=0), 4.0, noisy, seed=1)[:, 42:54, 42:54]
    assert 10 < found.std() < 30
    smooth = fast_slices(np.repeat(water, 12, axis=0), 4.0, replace(noisy, noise_peak_per_mm=0), seed=1)
    neighbours = [
        np.corrcoef(one[..., 1:].ravel(), one[..., :-1].ravel())[0, 1]
        for one in (found, smooth[:, 42:54, 42:54])
    ]
    assert neighbours[0] < neighbours[1] - 0.2


def test_bad_slices_and_volumes_are_refused() -> None:
    with pytest.raises(InputError, match="no numbers"):
        fast_slices(np.full((1, 8, 8), np.nan), 1.0)
    with pytest.raises(InputError, match="pixels of 0 mm"):
        fast_slices(bodies(), 0)
    grid = Grid.from_axes((3, 96, 96), spacing_zyx_mm=(3, 4, 4))
    with pytest.raises(InputError, match="Only a CT"):
        simulate_fast(Volume(bodies(), grid, "HU", Source("MR")))
    with pytest.raises(InputError, match="not in HU"):
        simulate_fast(Volume(bodies(), grid, "Gy", Source("CT")))
    with pytest.raises(InputError, match="cannot be simulated"):
        replace(CLEAN, noise_peak_per_mm=-1)
