"""Laws of the DVH."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from terasu.dose.dvh import dvh_of, dvh_of_mask, require_covered
from terasu.errors import DoseError
from terasu.patient.grid import Grid
from terasu.patient.structures import Roi
from terasu.patient.volume import Volume

SHAPE = (8, 10, 12)


def a_grid(angle: float = 0.0, shift: float = 0.0) -> Grid:
    c, s = np.cos(angle), np.sin(angle)
    axes = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    return Grid.from_axes(
        SHAPE, spacing_zyx_mm=(3, 2, 2), direction_lps=axes, origin_lps_mm=(shift, -shift, 2 * shift)
    )


def a_dose(seed: int, grid: Grid) -> Volume:
    values = np.random.default_rng(seed).uniform(0, 60, SHAPE).astype(np.float32)
    return Volume(values, grid, "Gy")


MASK = np.zeros(SHAPE, bool)
MASK[2:6, 3:8, 2:9] = True


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.floats(0.1, 3))
def test_a_dose_scaled_scales_every_quantity(seed: int, factor: float) -> None:
    dose = a_dose(seed, a_grid())
    one = dvh_of_mask(dose, MASK, dose.grid)
    other = dvh_of_mask(dose.with_values(dose.values * np.float32(factor)), MASK, dose.grid)
    for percent in (98, 50, 2):
        assert np.isclose(other.d_percent(percent), factor * one.d_percent(percent), rtol=1e-5)
    assert np.isclose(other.mean_gy, factor * one.mean_gy, rtol=1e-5)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.floats(-1, 1), st.floats(-200, 200))
def test_turning_and_moving_the_patient_changes_nothing(seed: int, angle: float, shift: float) -> None:
    here = dvh_of_mask(a_dose(seed, a_grid()), MASK, a_grid())
    there = dvh_of_mask(a_dose(seed, a_grid(angle, shift)), MASK, a_grid(angle, shift))
    for percent in (98, 50, 2):
        assert np.isclose(here.d_percent(percent), there.d_percent(percent), atol=1e-3)
    assert np.isclose(here.mean_gy, there.mean_gy, atol=1e-3)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000))
def test_dvh_falls_and_its_two_readings_are_inverse(seed: int) -> None:
    dose = a_dose(seed, a_grid())
    dvh = dvh_of_mask(dose, MASK, dose.grid)
    gy, percent = dvh.curve()
    assert percent[0] == 100 and percent[-1] == 0 and (np.diff(percent) <= 0).all()
    for volume in (95.0, 50.0, 5.0):
        assert abs(dvh.v_gy(dvh.d_percent(volume)) - volume) < 0.01
    area = np.trapezoid(percent / 100, gy)
    assert abs(area - dvh.mean_gy) < 0.3
    assert dvh.min_gy <= dvh.d_percent(98) <= dvh.d_percent(2) <= dvh.max_gy


def test_a_uniform_dose_is_a_step() -> None:
    grid = a_grid()
    dvh = dvh_of_mask(Volume(np.full(SHAPE, 50, np.float32), grid, "Gy"), MASK, grid)
    assert np.allclose([dvh.d_percent(98), dvh.d_percent(2)], 50, rtol=1e-12)
    assert abs(dvh.homogeneity_index) < 1e-9
    assert dvh.v_gy(50) == 100 and dvh.v_gy(50.01) == 0
    assert np.isclose(dvh.volume_cc, MASK.sum() * 12 / 1000)


def test_what_has_no_dvh_is_refused() -> None:
    dose = a_dose(1, a_grid())
    with pytest.raises(DoseError, match="empty"):
        dvh_of_mask(dose, np.zeros(SHAPE, bool), dose.grid)
    with pytest.raises(DoseError, match="no contours"):
        dvh_of(dose, Roi("PTV", 1, ()))
    with pytest.raises(DoseError, match="does not meet"):
        dvh_of_mask(dose, MASK, a_grid(shift=5000))
    with pytest.raises(DoseError, match="Gy"):
        dvh_of_mask(dose.with_values(dose.values, unit="HU"), MASK, dose.grid)


def test_a_target_that_the_grid_cuts_is_refused_by_name() -> None:
    dose = a_dose(1, a_grid())
    cut = dvh_of_mask(dose, MASK, a_grid(shift=6))
    assert 0 < cut.outside_fraction < 1
    with pytest.raises(DoseError, match="PTV"):
        require_covered(cut, "PTV")


def turned(roi: Roi, grid: Grid, onto: Grid) -> Roi:
    """The ROI moved with the grid."""
    moved = tuple(onto.to_lps_mm(grid.to_index_kji(contour)) for contour in roi.contours_lps_mm)
    return Roi(roi.name, roi.number, moved)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000), st.tuples(*[st.floats(-1.5, 1.5)] * 3))
def test_polygons_turned_with_the_dose_keep_their_dvh(seed: int, angles: tuple[float, float, float]) -> None:
    axes = np.eye(3)
    for axis, angle in enumerate(angles):
        c, s = np.cos(angle), np.sin(angle)
        axes = axes @ np.roll(np.roll([[1, 0, 0], [0, c, -s], [0, s, c]], axis, 0), axis, 1)
    oblique = Grid.from_axes(SHAPE, spacing_zyx_mm=(3, 2, 2), direction_lps=axes, origin_lps_mm=(5, 9, -7))
    circle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    rings = [np.c_[11 + 7 * np.cos(circle), 9 + 6 * np.sin(circle), np.full(40, 3.0 * k)] for k in (2, 3, 4)]
    roi = Roi("PTV", 1, tuple(rings))
    smooth = ndimage.gaussian_filter(a_dose(seed, a_grid()).values, 1)
    here = dvh_of(Volume(smooth, a_grid(), "Gy"), roi)
    there = dvh_of(Volume(smooth, oblique, "Gy"), turned(roi, a_grid(), oblique))
    assert np.isclose(here.volume_cc, there.volume_cc, rtol=2e-3)
    assert np.isclose(here.mean_gy, there.mean_gy, atol=0.02)
    for percent in (98, 50, 2):
        assert np.isclose(here.d_percent(percent), there.d_percent(percent), atol=0.05)


def test_one_plane_alone_needs_its_thickness() -> None:
    square = np.array([[4.0, 4, 9], [12, 4, 9], [12, 12, 9], [4, 12, 9]])
    dose = a_dose(1, a_grid())
    with pytest.raises(DoseError, match="one plane"):
        dvh_of(dose, Roi("PTV", 1, (square,)))
    assert np.isclose(dvh_of(dose, Roi("PTV", 1, (square,)), slab_mm=3.0).volume_cc, 0.192, rtol=1e-3)


def test_near_maximum_of_a_small_structure_is_that_of_35_mm3() -> None:
    dose = a_dose(1, a_grid())
    small = dvh_of_mask(dose, MASK, dose.grid)
    assert small.volume_cc < 2 and small.near_max_gy == small.d_cc(0.035)
    large = dvh_of_mask(dose, np.ones(SHAPE, bool), dose.grid)
    assert large.volume_cc > 2 and large.near_max_gy == large.d_percent(2)
