"""Grid agrees with SimpleITK wherever it lies, and its parts stay where they are."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from made_grids import POSITIONS, direction, grids
from terasu.errors import GeometryError
from terasu.patient.grid import Grid, require_same_grid
from terasu.patient.resample import grid_of_sitk, to_sitk

indices = st.tuples(*(st.floats(-20, 20) for _ in range(3)))


def as_sitk(grid: Grid) -> sitk.Image:
    """Built here from the parts, not by our own converter."""
    image = sitk.Image([int(n) for n in grid.shape_zyx[::-1]], sitk.sitkUInt8)
    image.SetSpacing([float(n) for n in grid.spacing_zyx_mm[::-1]])
    image.SetOrigin(grid.origin_lps_mm)
    image.SetDirection(grid.direction_lps.ravel().tolist())
    return image


@given(grids(), indices)
@settings(deadline=None)
def test_an_index_is_where_simpleitk_says(grid: Grid, index: tuple[float, float, float]) -> None:
    expected = as_sitk(grid).TransformContinuousIndexToPhysicalPoint(index[::-1])
    assert_allclose(grid.to_lps_mm(index), expected, atol=1e-6)


@given(grids(), indices)
@settings(deadline=None)
def test_a_point_has_the_index_that_simpleitk_says(grid: Grid, index: tuple[float, float, float]) -> None:
    point = grid.centre_lps_mm + np.asarray(index)
    expected = as_sitk(grid).TransformPhysicalPointToContinuousIndex(point.tolist())
    assert_allclose(grid.to_index_kji(point), expected[::-1], atol=1e-6)


@given(grids(), indices)
@settings(deadline=None)
def test_there_and_back_is_the_same_index(grid: Grid, index: tuple[float, float, float]) -> None:
    assert_allclose(grid.to_index_kji(grid.to_lps_mm(index)), index, atol=1e-7)


@pytest.mark.parametrize("name", POSITIONS)
def test_each_patient_position_agrees_with_simpleitk(name: str) -> None:
    grid = Grid.from_axes(
        (5, 7, 9),
        spacing_zyx_mm=(3.0, 0.9, 1.4),
        origin_lps_mm=(-120, 33, 871),
        direction_lps=direction(name),
    )
    image = as_sitk(grid)
    for k, j, i in np.ndindex(grid.shape_zyx):
        assert_allclose(grid.to_lps_mm((k, j, i)), image.TransformIndexToPhysicalPoint((i, j, k)), atol=1e-9)
    assert grid.is_axis_aligned == (name == "HFS")
    assert np.linalg.det(grid.direction_lps) == pytest.approx(1)


@given(grids())
@settings(deadline=None)
def test_to_simpleitk_and_back_is_the_same_grid(grid: Grid) -> None:
    back = grid_of_sitk(to_sitk(np.zeros(grid.shape_zyx), grid), frame_of_reference_uid="1.2.3")
    assert back.agrees_with(grid, tolerance_mm=1e-6)
    require_same_grid(grid, back, first_name="grid", second_name="back")
    assert back.same_frame_as(grid)


@given(grids(), st.data())
@settings(deadline=None)
def test_a_crop_leaves_every_voxel_where_it_is(grid: Grid, data: st.DataObject) -> None:
    start = [data.draw(st.integers(0, n - 1)) for n in grid.shape_zyx]
    stop = [data.draw(st.integers(a + 1, n)) for a, n in zip(start, grid.shape_zyx, strict=True)]
    part = grid.crop(start, stop)
    assert part.shape_zyx == tuple(b - a for a, b in zip(start, stop, strict=True))
    for corner in ((0, 0, 0), tuple(n - 1 for n in part.shape_zyx)):
        assert_allclose(part.to_lps_mm(corner), grid.to_lps_mm(np.add(start, corner)), atol=1e-9)
    assert part.frame_of_reference_uid == grid.frame_of_reference_uid


@given(grids(), st.tuples(*(st.floats(0.2, 8) for _ in range(3))))
@settings(deadline=None)
def test_another_spacing_covers_the_same_box(grid: Grid, spacing: tuple[float, float, float]) -> None:
    other = grid.with_spacing(spacing)
    assert_allclose(other.spacing_zyx_mm, spacing, rtol=1e-9)
    assert_allclose(other.centre_lps_mm, grid.centre_lps_mm, atol=1e-6)
    assert_allclose(other.direction_lps, grid.direction_lps, atol=1e-9)
    old, new = np.multiply(grid.shape_zyx, grid.spacing_zyx_mm), np.multiply(other.shape_zyx, spacing)
    assert (new >= old - 1e-4).all() and (new < old + spacing).all()


@given(grids())
@settings(deadline=None)
def test_the_same_spacing_is_the_same_grid(grid: Grid) -> None:
    assert grid.with_spacing(grid.spacing_zyx_mm).agrees_with(grid, tolerance_mm=1e-6)


@given(grids(), st.floats(0.05, 5), st.integers(0, 2))
@settings(deadline=None)
def test_a_grid_that_lies_elsewhere_is_another_grid(grid: Grid, shift_mm: float, axis: int) -> None:
    affine = grid.affine.copy()
    affine[axis, 3] += shift_mm
    moved = Grid(grid.shape_zyx, affine)
    assert not moved.agrees_with(grid)
    with pytest.raises(GeometryError, match="different grids"):
        require_same_grid(grid, moved, first_name="dose grid", second_name="planning CT")


@given(grids())
@settings(deadline=None)
def test_a_grid_contains_its_corners_voxels_and_nothing_beyond(grid: Grid) -> None:
    inner = np.array([[0, 0, 0], np.subtract(grid.shape_zyx, 1)], float)
    assert grid.contains(grid.to_lps_mm(inner)).all()
    assert not grid.contains(grid.to_lps_mm(np.array([[-0.6, 0, 0], [0, 0, grid.shape_zyx[2] - 0.4]]))).any()
    assert_allclose(grid.corners_lps_mm().mean(axis=0), grid.centre_lps_mm, atol=1e-6)


@given(grids(), st.floats(0.01, 0.9))
@settings(deadline=None)
def test_skew_axes_are_refused(grid: Grid, slope: float) -> None:
    affine = grid.affine.copy()
    affine[:3, 0] += slope * affine[:3, 1] * (grid.spacing_zyx_mm[0] / grid.spacing_zyx_mm[1])
    with pytest.raises(GeometryError, match="right angles"):
        Grid(grid.shape_zyx, affine)


@pytest.mark.parametrize("dust", [0.0, 1e-320, 3e-308, 1e-295, 1e-200, 1e-17, 1e-13])
def test_dust_in_the_axes_does_not_lose_the_image(dust: float) -> None:
    """A direction of 2.7e-305 made SimpleITK answer NaN for every point."""
    axes = direction("coronal") + dust * np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]])
    grid = Grid.from_axes((3, 4, 5), spacing_zyx_mm=(2.0, 1.125, 1.0), direction_lps=axes)
    point = grid.to_lps_mm((1, 2, 3))
    assert_allclose(
        as_sitk(grid).TransformPhysicalPointToContinuousIndex(point.tolist()), (3, 2, 1), atol=1e-9
    )


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_an_affine_that_is_not_finite_is_refused(broken: float) -> None:
    affine = np.eye(4)
    affine[0, 3] = broken
    with pytest.raises(GeometryError, match="finite"):
        Grid((2, 2, 2), affine)


@given(grids())
@settings(deadline=None)
def test_grids_in_two_frames_are_told_apart(grid: Grid) -> None:
    assume(grid.frame_of_reference_uid)
    assert not grid.in_frame("9.9").same_frame_as(grid)
    assert not grid.in_frame("").same_frame_as(grid.in_frame("")), "unknown is not the same"
