"""Laws of gamma: what Low's definition says about doses for which the answer is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from terasu.dose.gamma import Gamma, gamma
from terasu.errors import DoseError, GeometryError
from terasu.patient.grid import Grid
from terasu.patient.volume import Volume

SHAPE = (7, 9, 8)
SPACING_MM = (3.0, 2.0, 2.5)
PLAIN = Grid.from_axes(SHAPE, spacing_zyx_mm=SPACING_MM)
criteria = st.sampled_from([(3.0, 3.0), (3.0, 2.0), (2.0, 2.0), (1.0, 1.0)])
quick = settings(deadline=None, max_examples=25)


def a_dose(seed: int, *, rough: float = 1.0, grid: Grid = PLAIN) -> Volume:
    """A smooth hill with noise of about ``rough`` percent."""
    z, y, x = np.indices(SHAPE)
    hill = 50 * np.exp(-(((z - 3) / 4) ** 2) - ((y - 4) / 5) ** 2 - ((x - 4) / 5) ** 2)
    noise = np.random.default_rng(seed).standard_normal(SHAPE) * rough / 2
    return Volume((hill + noise + 5).astype(np.float32), grid, "Gy")


def turned(angles: tuple[float, float, float], shift_mm: float) -> Grid:
    """The plain grid at an angle and elsewhere."""
    axes = np.eye(3)
    for axis, angle in enumerate(angles):
        c, s = np.cos(angle), np.sin(angle)
        axes = axes @ np.roll(np.roll([[1, 0, 0], [0, c, -s], [0, s, c]], axis, 0), axis, 1)
    return Grid.from_axes(
        SHAPE,
        spacing_zyx_mm=SPACING_MM,
        direction_lps=axes,
        origin_lps_mm=(shift_mm, 2 * shift_mm, -shift_mm),
    )


def linear(grid: Grid, slope_lps: NDArray[np.float64], *, at_origin: float = 40.0) -> Volume:
    places = grid.to_lps_mm(np.moveaxis(np.indices(grid.shape_zyx), 0, -1))
    return Volume((at_origin + places @ slope_lps).astype(np.float32), grid, "Gy")


def judged(found: Gamma) -> NDArray[np.float32]:
    return found.values.values[np.isfinite(found.values.values)]


def stepped(
    reference: Volume, evaluated: Volume, place: NDArray[np.int64], percent: float, mm: float
) -> float:
    """Low's definition at one voxel, in steps of a tenth, and finer again around the best of them."""
    middle, step_mm, reach = np.zeros(3), mm / 10, 20
    best = np.inf
    for _ in range(3):
        ticks = np.arange(-reach, reach + 1) * step_mm
        offsets = middle + np.array(list(itertools.product(ticks, ticks, ticks)))
        there = place + offsets / SPACING_MM
        offsets, there = (
            a[((there >= 0) & (there <= np.array(SHAPE) - 1)).all(axis=1)] for a in (offsets, there)
        )
        dose = ndimage.map_coordinates(evaluated.values.astype(float), there.T, order=1)
        difference = (dose - reference.values[tuple(place)]) / (percent / 100 * reference.values.max())
        all_of_them = np.hypot(np.linalg.norm(offsets, axis=1) / mm, difference)
        best, middle = min(best, all_of_them.min()), offsets[all_of_them.argmin()]
        step_mm, reach = step_mm / 5, 6
    return float(min(best, 2.0))


@quick
@given(st.integers(0, 1000), criteria, st.booleans())
def test_a_dose_against_itself_is_zero(seed: int, criterion: tuple[float, float], local: bool) -> None:
    dose = a_dose(seed, rough=5)
    found = gamma(dose, dose, dose_percent=criterion[0], distance_mm=criterion[1], local=local)
    assert judged(found).max() == 0
    assert found.pass_rate == 100 and found.mean == 0


@quick
@given(st.floats(-8, 8), criteria, st.booleans())
def test_where_the_dose_is_flat_gamma_is_the_difference(
    percent: float, criterion: tuple[float, float], local: bool
) -> None:
    flat = Volume(np.full(SHAPE, 60, np.float32), PLAIN, "Gy")
    other = flat.with_values((flat.values * (1 + percent / 100)).astype(np.float32))
    found = gamma(flat, other, dose_percent=criterion[0], distance_mm=criterion[1], local=local)
    assert np.allclose(judged(found), min(abs(percent) / criterion[0], 2), atol=1e-4)


@quick
@given(st.floats(0, 6.28), st.floats(0.1, 3), st.floats(-3, 3), criteria)
def test_in_a_gradient_gamma_is_the_distance_between_two_planes(
    angle: float, gy_per_mm: float, difference_gy: float, criterion: tuple[float, float]
) -> None:
    """A linear dose is a plane over space: its distance from a point is known (Low 1998, figure 1)."""
    percent, mm = criterion
    slope = gy_per_mm * np.array([np.cos(angle), np.sin(angle) * 0.8, np.sin(angle) * 0.6])
    reference, evaluated = linear(PLAIN, slope), linear(PLAIN, slope, at_origin=40 + difference_gy)
    found = gamma(
        reference,
        evaluated,
        dose_percent=percent,
        distance_mm=mm,
        normalisation_gy=50,
        threshold_percent=1e-3,
    )
    dose_gy = percent / 100 * 50
    truth = abs(difference_gy) / np.hypot(dose_gy, gy_per_mm * mm)
    away_mm = truth * mm + 0.1
    margin = [int(np.ceil(away_mm / s)) for s in SPACING_MM]
    middle = tuple(slice(m, n - m) for m, n in zip(margin, SHAPE, strict=True))
    if truth < 1.9 and found.values.values[middle].size:
        inside = found.values.values[middle]
        # what could lower gamma² by less than 1 % is not searched
        assert np.allclose(inside[np.isfinite(inside)], truth, rtol=5e-3, atol=1e-3)


@pytest.mark.parametrize("rough", [0.5, 2.0, 6.0])
@pytest.mark.parametrize("criterion", [(3.0, 3.0), (2.0, 2.0)])
def test_small_steps_through_the_neighbourhood_find_nothing_lower(
    rough: float, criterion: tuple[float, float]
) -> None:
    percent, mm = criterion
    reference, evaluated = a_dose(1, rough=rough), a_dose(2, rough=rough)
    found = gamma(reference, evaluated, dose_percent=percent, distance_mm=mm)
    places = np.argwhere(np.isfinite(found.values.values))[::20]
    truth = np.array([stepped(reference, evaluated, place, percent, mm) for place in places])
    ours = found.values.values[tuple(places.T)]
    assert (ours - truth).max() < 0.03
    assert np.quantile(np.abs(ours - truth), 0.9) < 0.005


@quick
@given(st.integers(0, 1000), st.floats(1, 2), st.floats(1, 2))
def test_wider_criteria_never_raise_gamma(seed: int, more_dose: float, more_mm: float) -> None:
    reference, evaluated = a_dose(seed), a_dose(seed + 1)
    strict = judged(gamma(reference, evaluated, dose_percent=2, distance_mm=2))
    wide = judged(gamma(reference, evaluated, dose_percent=2 * more_dose, distance_mm=2 * more_mm))
    assert (wide <= strict + 0.02).all()


@quick
@given(st.integers(0, 1000), st.tuples(*[st.floats(-3, 3)] * 3), st.floats(-300, 300))
def test_turning_and_moving_the_patient_changes_nothing(
    seed: int, angles: tuple[float, float, float], shift_mm: float
) -> None:
    grid = turned(angles, shift_mm)
    here = gamma(a_dose(seed), a_dose(seed + 1), dose_percent=3, distance_mm=2)
    there = gamma(a_dose(seed, grid=grid), a_dose(seed + 1, grid=grid), dose_percent=3, distance_mm=2)
    assert np.allclose(judged(here), judged(there), atol=0.01)
    assert there.n_judged == here.n_judged


@quick
@given(st.tuples(*[st.floats(-3, 3)] * 3))
def test_grids_at_an_angle_to_one_another_agree_on_one_dose(angles: tuple[float, float, float]) -> None:
    slope = np.array([0.5, -0.7, 0.3])
    reference = linear(PLAIN, slope)
    evaluated = linear(turned(angles, 0.0), slope)
    found = gamma(reference, evaluated, dose_percent=1, distance_mm=1)
    inside = evaluated.grid.to_index_kji(PLAIN.to_lps_mm(np.argwhere(np.ones(SHAPE, bool))))
    inside = ((inside >= 0) & (inside <= np.array(SHAPE) - 1)).all(axis=1).reshape(SHAPE)
    assert found.values.values[inside].max() < 1e-3
    assert found.n_judged + found.n_outside == PLAIN.size


@quick
@given(st.integers(0, 1000))
def test_a_plane_is_compared_within_itself(seed: int) -> None:
    """One slice alone, and the same slice repeated before and behind, give one gamma."""
    planes = [a_dose(seed), a_dose(seed + 1)]
    thin = [dose.crop((3, 0, 0), (4, 9, 8)) for dose in planes]
    five = Grid.from_axes((5, 9, 8), spacing_zyx_mm=SPACING_MM)
    thick = [Volume(np.repeat(dose.values, 5, axis=0), five, "Gy") for dose in thin]
    alone = gamma(*thin, dose_percent=3, distance_mm=3).values.values[0]
    within = gamma(*thick, dose_percent=3, distance_mm=3).values.values[2]
    assert np.allclose(alone, within, atol=0.01, equal_nan=True)


def test_what_is_below_the_threshold_is_not_judged() -> None:
    dose = a_dose(1)
    found = gamma(dose, dose, dose_percent=3, distance_mm=2, threshold_percent=50, normalisation_gy=60)
    assert np.array_equal(np.isfinite(found.values.values), dose.values >= 30)
    assert found.n_judged == np.count_nonzero(dose.values >= 30)
    assert found.criteria == "3 %/2 mm, global (60 Gy), above 50 %"


def test_what_the_other_dose_does_not_cover_is_counted_and_not_judged() -> None:
    dose = a_dose(1)
    part = dose.crop((0, 0, 0), (3, 9, 8))
    found = gamma(dose, part, dose_percent=3, distance_mm=2, threshold_percent=1)
    assert found.n_outside == 4 * 9 * 8 and np.isnan(found.values.values[3:]).all()


def test_what_is_no_comparison_is_refused() -> None:
    dose = a_dose(1)
    with pytest.raises(DoseError, match="criteria"):
        gamma(dose, dose, dose_percent=0, distance_mm=2)
    with pytest.raises(DoseError, match="no dose"):
        gamma(dose, dose.with_values(dose.values, unit="HU"), dose_percent=3, distance_mm=2)
    with pytest.raises(DoseError, match="NaN"):
        gamma(dose, dose.with_values(dose.values * np.float32(np.nan)), dose_percent=3, distance_mm=2)
    with pytest.raises(DoseError, match="high enough"):
        gamma(dose, dose, dose_percent=3, distance_mm=2, normalisation_gy=1e6)
    with pytest.raises(DoseError, match="refer to"):
        gamma(dose.with_values(dose.values * 0), dose, dose_percent=3, distance_mm=2)
    far = Volume(dose.values, turned((0, 0, 0), 5000), "Gy")
    with pytest.raises(DoseError, match="covers no voxel"):
        gamma(dose, far, dose_percent=3, distance_mm=2)
    one = Volume(dose.values, PLAIN.in_frame("1.2.3"), "Gy")
    other = Volume(dose.values, PLAIN.in_frame("1.2.4"), "Gy")
    with pytest.raises(GeometryError, match="frames of reference"):
        gamma(one, other, dose_percent=3, distance_mm=2)
