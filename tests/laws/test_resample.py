"""Resampling: a linear image stays itself, and a transform moves the function that was sampled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from made_grids import directions, grids, rotations
from terasu.errors import GeometryError
from terasu.patient.grid import Grid
from terasu.patient.resample import from_sitk, resample, to_sitk, to_sitk_transform
from terasu.patient.transform import Deformation, Rigid
from terasu.patient.volume import Volume

Array = NDArray[np.float64]
FAR = -12345.0


def points_of(grid: Grid) -> Array:
    return grid.to_lps_mm(np.moveaxis(np.indices(grid.shape_zyx), 0, -1))


def sampled(function: Callable[[Array], Array], grid: Grid) -> Volume:
    return Volume(function(points_of(grid)), grid)


def well_inside(grid: Grid, points: Array) -> NDArray[np.bool_]:
    """Between voxel centres: outside of the last centre there is nothing to interpolate with."""
    index = grid.to_index_kji(points)
    return np.asarray(((index > 1e-6) & (index < np.subtract(grid.shape_zyx, 1) - 1e-6)).all(axis=-1))


@st.composite
def grids_around(draw: st.DrawFn, *, extent_mm: float = 30.0) -> Grid:
    """A grid of any orientation around the frame's origin, at least 4 voxels along each axis."""
    axes = draw(directions())
    spacing = np.array([draw(st.floats(0.8, 4.0)) for _ in range(3)])
    shape = np.maximum(4, (extent_mm / spacing).astype(int))
    middle = np.array([draw(st.floats(-5, 5)) for _ in range(3)])
    origin = middle - axes @ ((shape[::-1] - 1) / 2 * spacing[::-1])
    return Grid.from_axes(
        shape.tolist(), spacing_zyx_mm=spacing.tolist(), origin_lps_mm=origin.tolist(), direction_lps=axes
    )


@st.composite
def linear_images(draw: st.DrawFn) -> Callable[[Array], Array]:
    slope = np.array([draw(st.floats(-10, 10)) for _ in range(3)])
    base = draw(st.floats(-1000, 1000))
    return lambda points: points @ slope + base


@st.composite
def rigids(draw: st.DrawFn) -> Rigid:
    matrix = np.eye(4)
    matrix[:3, :3] = draw(rotations())
    matrix[:3, 3] = [draw(st.floats(-8, 8)) for _ in range(3)]
    return Rigid(matrix)


@given(linear_images(), grids_around(), grids_around())
@settings(deadline=None, max_examples=50)
def test_a_linear_image_is_itself_on_any_other_grid(
    image: Callable[[Array], Array], grid: Grid, onto: Grid
) -> None:
    moved = resample(sampled(image, grid), onto, outside=FAR)
    inside = well_inside(grid, points_of(onto))
    assert_allclose(moved.values[inside], image(points_of(onto))[inside], atol=1e-5)
    assert moved.grid is onto


@given(linear_images(), grids_around(), grids_around(), rigids())
@settings(deadline=None, max_examples=50)
def test_a_rigid_transform_moves_the_function(
    image: Callable[[Array], Array], grid: Grid, onto: Grid, through: Rigid
) -> None:
    moved = resample(sampled(image, grid), onto, through=through, outside=FAR)
    partners = through.apply(points_of(onto))
    inside = well_inside(grid, partners)
    assert_allclose(moved.values[inside], image(partners)[inside], atol=1e-5)


@given(linear_images(), grids_around(), grids_around(), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=50)
def test_a_deformation_moves_the_function(
    image: Callable[[Array], Array], grid: Grid, onto: Grid, seed: int
) -> None:
    field = np.random.default_rng(seed).uniform(-4, 4, (*onto.shape_zyx, 3)).astype(np.float32)
    moved = resample(sampled(image, grid), onto, through=Deformation(field, onto), outside=FAR)
    partners = points_of(onto) + field
    inside = well_inside(grid, partners)
    inner = np.zeros_like(inside)
    inner[1:-1, 1:-1, 1:-1] = True  # the rim of a field may be taken as outside of it by rounding
    assert_allclose(moved.values[inside & inner], image(partners)[inside & inner], atol=1e-4)


@given(rigids(), st.tuples(*(st.floats(-300, 300) for _ in range(3))))
@settings(deadline=None)
def test_simpleitk_maps_points_as_our_rigid_does_and_the_inverse_back(
    through: Rigid, point: tuple[float, float, float]
) -> None:
    there = through.apply(point)
    assert_allclose(to_sitk_transform(through).TransformPoint(point), there, atol=1e-9)
    assert_allclose(through.inverse().apply(there), point, atol=1e-6)


@given(grids_around(), rigids())
@settings(deadline=None, max_examples=30)
def test_through_and_back_through_the_inverse_is_the_linear_image(grid: Grid, through: Rigid) -> None:
    def image(points: Array) -> Array:
        return np.asarray(points @ [1.0, -2.0, 3.0] + 40)

    there = resample(sampled(image, grid), grid, through=through, outside=FAR)
    back = resample(there, grid, through=through.inverse(), outside=FAR)
    was_known = well_inside(grid, through.apply(points_of(grid))).astype(float)
    known = resample(Volume(was_known, grid), grid, through=through.inverse(), outside=0.0)
    sure = (known.values > 1 - 1e-9) & well_inside(grid, through.inverse().apply(points_of(grid)))
    assert_allclose(back.values[sure], sampled(image, grid).values[sure], atol=1e-4)


@given(grids())
@settings(deadline=None)
def test_onto_its_own_grid_nothing_changes(grid: Grid) -> None:
    values = np.random.default_rng(1).integers(-1000, 1000, grid.shape_zyx).astype(np.int16)
    for interpolation in ("linear", "nearest"):
        same = resample(Volume(values, grid), grid, interpolation=interpolation, outside=FAR)
        assert_allclose(same.values, values, atol=1e-3)
    assert (
        resample(Volume(values, grid), grid, interpolation="nearest", outside=-1000).values.dtype == np.int16
    )


@given(grids_around(), grids_around())
@settings(deadline=None, max_examples=30)
def test_a_mask_stays_a_mask_and_takes_the_nearest_voxel(grid: Grid, onto: Grid) -> None:
    mask = np.random.default_rng(2).random(grid.shape_zyx) < 0.5
    moved = resample(Volume(mask, grid), onto, interpolation="nearest", outside=0)
    assert moved.values.dtype == np.bool_
    index = grid.to_index_kji(points_of(onto))
    nearest = np.floor(index + 0.5).astype(int)
    clear = (np.abs(index + 0.5 - np.round(index + 0.5)) > 1e-6).all(axis=-1)
    inside = well_inside(grid, points_of(onto)) & clear
    assert_array_equal(moved.values[inside], mask[tuple(nearest[inside].T)])


@given(grids_around())
@settings(deadline=None, max_examples=20)
def test_where_nothing_is_known_stands_what_was_said(grid: Grid) -> None:
    affine = grid.affine.copy()
    affine[:3, 3] += 500
    assert (
        resample(sampled(lambda p: p[..., 0], grid), Grid(grid.shape_zyx, affine), outside=FAR).values == FAR
    ).all()


@given(grids())
@settings(deadline=None)
def test_to_simpleitk_and_back_is_the_same_volume(grid: Grid) -> None:
    values = np.arange(grid.size, dtype=np.float32).reshape(grid.shape_zyx)
    back = from_sitk(to_sitk(values, grid), unit="Gy")
    assert_array_equal(back.values, values)
    assert back.unit == "Gy" and back.grid.agrees_with(grid)


@given(linear_images(), grids_around())
@settings(deadline=None, max_examples=20)
def test_up_to_the_voxel_edges_the_last_value_is_repeated(
    image: Callable[[Array], Array], grid: Grid
) -> None:
    affine = grid.affine.copy()
    affine[:3, 3] = grid.to_lps_mm((-0.4, 0, 0))
    volume = sampled(image, grid)
    moved = resample(volume, Grid((1, *grid.shape_zyx[1:]), affine), outside=FAR)
    assert_allclose(moved.values[0], volume.values[0], atol=1e-5)


def test_two_frames_without_a_transform_are_refused() -> None:
    grid = Grid.from_axes((4, 4, 4), spacing_zyx_mm=(1, 1, 1), frame_of_reference_uid="1.2")
    volume = Volume(np.zeros(grid.shape_zyx, np.float32), grid)
    with pytest.raises(GeometryError, match="different frames"):
        resample(volume, grid.in_frame("1.3"), outside=0)
    assert resample(volume, grid.in_frame("1.3"), through=Rigid.identity(), outside=0).grid.same_frame_as(
        grid.in_frame("1.3")
    )
    assert resample(volume, grid.in_frame(""), outside=0).values.shape == grid.shape_zyx
