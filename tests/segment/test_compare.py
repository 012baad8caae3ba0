"""Every measure of one organ drawn twice, on shapes whose answers are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytic_masks import ball, cube
from terasu.errors import InputError
from terasu.patient.grid import Grid
from terasu.segment.added_path import added_path_by_slice_mm, outline, path_by_slice_mm
from terasu.segment.compare import compare
from terasu.segment.extent import extent_of
from terasu.segment.interval import mean_interval
from terasu.segment.published import observers_of, tolerance_of

SHAPE, SPACING = (24, 50, 50), (3.0, 1.0, 1.0)
GRID = Grid.from_axes(SHAPE, spacing_zyx_mm=SPACING)


def test_a_contour_against_itself() -> None:
    mask = ball(SHAPE, SPACING, 18)
    found = compare(mask, mask, GRID, organ="Prostate")
    assert found.dice == found.surface_dice == found.volume_ratio == 1
    assert found.hausdorff_mm == pytest.approx(0, abs=1e-9)
    assert found.added_path_mm == (0, 0, 0, 0)
    assert (found.centroid_mm, found.inferior_mm, found.superior_mm) == (0, 0, 0)
    assert found.engine == "mesh" and found.raster_rule


def test_a_slice_more_at_the_head_and_one_less_at_the_feet() -> None:
    reference, test = cube(SHAPE, (5, 10, 10), 10), cube(SHAPE, (6, 10, 10), 10)
    found = compare(reference, test, GRID, organ="Prostate")
    assert (found.inferior_mm, found.superior_mm) == (3, 3)
    assert found.centroid_mm == pytest.approx(3)
    assert found.dice == pytest.approx(0.9)
    flipped = Grid(SHAPE, GRID.affine @ np.diag([-1.0, 1, 1, 1]))
    turned = compare(reference, test, flipped, organ="Prostate")
    assert (turned.inferior_mm, turned.superior_mm) == (-3, -3)


def test_an_empty_test_agrees_in_nothing_and_an_empty_reference_is_refused() -> None:
    mask = ball(SHAPE, SPACING, 18)
    found = compare(mask, np.zeros_like(mask), GRID, organ="Bladder")
    assert found.dice == found.surface_dice == found.volume_ratio == 0
    assert math.isnan(found.hausdorff_95_mm) and found.added_path_share[3] == 1
    with pytest.raises(InputError, match="reference of Bladder is empty"):
        compare(np.zeros_like(mask), mask, GRID, organ="Bladder")


def test_a_square_moved_by_two_pixels_adds_the_sides_that_moved() -> None:
    reference, test = cube(SHAPE, (5, 10, 10), 10), cube(SHAPE, (5, 10, 12), 10)
    by_slice = added_path_by_slice_mm(reference, test, SPACING)
    assert by_slice[:5].sum() == by_slice[15:].sum() == 0
    # the whole left side, one pixel more above and below, and the right side without the shared corners
    assert (by_slice[5:15] == 10 + 2 + 8).all()
    assert added_path_by_slice_mm(reference, test, SPACING, 2.0).sum() == 0
    assert path_by_slice_mm(reference, SPACING)[5] == 36


@settings(deadline=None)
@given(first=st.floats(6, 20), second=st.floats(6, 20), near=st.floats(0, 5), wider=st.floats(0, 5))
def test_a_wider_tolerance_never_adds_path(first: float, second: float, near: float, wider: float) -> None:
    a, b = ball(SHAPE, SPACING, first), ball(SHAPE, SPACING, second, (1.0, 2.0, -1.0))
    here, there = (added_path_by_slice_mm(a, b, SPACING, mm) for mm in (near, near + wider))
    assert (there <= here).all()
    assert (here <= path_by_slice_mm(a, SPACING)).all()


def test_the_outline_of_a_ring_has_two_sides() -> None:
    ring = cube((1, 20, 20), (0, 4, 4), 12)
    ring[0, 8:12, 8:12] = False
    assert np.count_nonzero(outline(ring)) == 44 + 16


def test_the_extent_is_measured_to_the_faces_of_the_slices() -> None:
    found = extent_of(cube(SHAPE, (5, 10, 10), 10), GRID)
    assert (found.inferior_mm, found.superior_mm, found.length_mm) == (13.5, 43.5, 30)


def test_tolerances_and_observers_name_their_source() -> None:
    assert tolerance_of("Parotid_L") == tolerance_of("Parotid_R")
    assert tolerance_of("Parotid_L").mm == 2.85 and "10.2196/26151" in tolerance_of("Parotid_L").source
    assert tolerance_of("Spleen").source.startswith("ours")
    assert [row.image for row in observers_of("Prostate")] == ["CT", "CBCT"]
    assert observers_of("Spleen") == ()


def test_the_interval_holds_the_mean_and_narrows_with_cases() -> None:
    rng = np.random.default_rng(3)
    few, many = (mean_interval(rng.normal(0.8, 0.1, n).tolist()) for n in (8, 200))
    assert few.low < few.mean < few.high
    assert many.high - many.low < few.high - few.low
    assert mean_interval([0.5, float("nan")]).left_out == 1
    with pytest.raises(InputError, match="nothing"):
        mean_interval([float("nan")])


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    intervals = [mean_interval(rng.normal(0, 1, 40).tolist(), draws=400, seed=i) for i in range(200)]
    covered = sum(one.low <= 0 <= one.high for one in intervals)
    assert 0.88 * 200 <= covered <= 0.99 * 200
