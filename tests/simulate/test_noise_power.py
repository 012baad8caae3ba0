"""Noise power: white noise is flat, its integral is the variance, a shape that was put in is found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terasu.patient.grid import Grid
from terasu.patient.volume import Volume
from terasu.simulate.calibrate import noise_hu
from terasu.simulate.noise import filtered_noise
from terasu.simulate.noise_power import radial_noise_power


def volume(values: np.ndarray, pixel_mm: float) -> Volume:
    return Volume(values, Grid.from_axes(values.shape, spacing_zyx_mm=(3, pixel_mm, pixel_mm)))


@given(sd=st.floats(2, 80), pixel_mm=st.floats(0.6, 1.5), seed=st.integers(0, 50))
@settings(max_examples=10, deadline=None)
def test_white_noise_has_the_power_of_its_variance(sd: float, pixel_mm: float, seed: int) -> None:
    """NPS of white noise is σ² times the pixel's area, at every frequency but 0."""
    noise = np.random.default_rng(seed).normal(0, sd, (12, 128, 128))
    noise += 300 * np.sin(np.arange(128) / 9)  # anatomy that all slices share
    image = volume(noise, pixel_mm)
    frequency, power = radial_noise_power(image, np.ones(noise.shape, bool))
    assert power[4:].mean() == pytest.approx((sd * pixel_mm) ** 2, rel=0.06)
    assert frequency[-1] <= 0.5 / pixel_mm + 1e-9
    assert noise_hu(image, np.ones(noise.shape, bool)) == pytest.approx(sd, rel=0.08)


def test_a_peak_is_found_where_it_is() -> None:
    noise = 20 * filtered_noise((16, 160, 160), (0.9, 0.9), 0.2, np.random.default_rng(1))
    frequency, power = radial_noise_power(volume(noise, 0.9), np.ones(noise.shape, bool))
    assert frequency[np.argmax(power)] == pytest.approx(0.2, abs=0.06)


def test_without_room_for_a_block_there_is_no_spectrum() -> None:
    frequency, power = radial_noise_power(volume(np.zeros((4, 64, 64)), 1.0), np.zeros((4, 64, 64), bool))
    assert frequency.size == power.size == 0
