"""Mask → contour → mask is the same mask, by even–odd; what touches neither overlaps nor gapes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy.spatial import Delaunay
from skimage.measure import points_in_poly

from made_grids import grids
from terasu.dicom.decimal import ds_text
from terasu.patient.contours import polygons_volume_cc, rasterise, to_contours, to_structures, trace
from terasu.patient.grid import Grid
from terasu.patient.structures import Mask, StructureSet

Array = NDArray[np.float64]


@st.composite
def masks_on_grids(draw: st.DrawFn) -> tuple[Mask, Grid]:
    grid = draw(grids())
    return draw(hnp.arrays(np.bool_, grid.shape_zyx)), grid


def there_and_back(mask: Mask, grid: Grid, *, smooth: bool) -> Mask:
    """As RTSTRUCT stores it: 16 characters a coordinate."""
    written = [np.vectorize(lambda n: float(ds_text(n)))(one) for one in trace(mask, grid, smooth=smooth)]
    return rasterise(written, grid, slab_mm=grid.spacing_zyx_mm[0])


@given(masks_on_grids(), st.booleans())
@settings(deadline=None)
def test_a_mask_comes_back_from_its_contours(case: tuple[Mask, Grid], smooth: bool) -> None:
    mask, grid = case
    np.testing.assert_array_equal(there_and_back(mask, grid, smooth=smooth), mask)


@given(masks_on_grids(), st.booleans())
@settings(deadline=None)
def test_a_structure_set_comes_back_from_its_contour_set(case: tuple[Mask, Grid], smooth: bool) -> None:
    mask, grid = case
    assume(mask.any())
    structures = StructureSet(grid, {"Bladder": mask, "all": np.ones_like(mask)}, types={"Bladder": "ORGAN"})
    back = to_structures(to_contours(structures, smooth=smooth), grid)
    assert back.names == structures.names and back.types == structures.types
    for name in back.names:
        np.testing.assert_array_equal(back[name], structures[name])


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize(
    "picture",
    [
        "#",
        "#.#.#/.#.#./#.#.#",
        "##./.##/##.",
        "#####/#...#/#.#.#/#...#/#####",
        "####/#.##/##.#/####",
        "#..#/.##.",
    ],
    ids=[
        "one pixel",
        "chequered",
        "corners",
        "an island in a hole",
        "holes by a corner",
        "a ring of corners",
    ],
)
def test_awkward_pictures_come_back(picture: str, smooth: bool) -> None:
    mask = np.array([[[c == "#" for c in row] for row in picture.split("/")]])
    grid = Grid.from_axes(mask.shape, spacing_zyx_mm=(3.0, 0.7, 2.1), origin_lps_mm=(-99.7, 12.3, 400.1))
    np.testing.assert_array_equal(there_and_back(mask, grid, smooth=smooth), mask)


@given(masks_on_grids())
@settings(deadline=None)
def test_pixel_edges_hold_exactly_the_voxels_volume(case: tuple[Mask, Grid]) -> None:
    mask, grid = case
    volume = polygons_volume_cc(trace(mask, grid), slab_mm=grid.spacing_zyx_mm[0])
    assert volume == pytest.approx(mask.sum() * grid.voxel_volume_mm3 / 1000, rel=1e-3, abs=1e-9)


@given(masks_on_grids())
@settings(deadline=None)
def test_each_smooth_loop_holds_half_a_pixel_less(case: tuple[Mask, Grid]) -> None:
    mask, grid = case
    z, y, x = grid.spacing_zyx_mm
    for edge, smooth in zip(trace(mask, grid), trace(mask, grid, smooth=True), strict=True):
        areas = [1000 * polygons_volume_cc([loop], slab_mm=z) / z for loop in (edge, smooth)]
        assert areas[0] - areas[1] == pytest.approx(y * x / 2, rel=2e-3)


@given(masks_on_grids(), st.booleans())
@settings(deadline=None)
def test_no_three_points_stand_in_a_row(case: tuple[Mask, Grid], smooth: bool) -> None:
    mask, grid = case
    for loop in trace(mask, grid, smooth=smooth):
        index = np.round(grid.to_index_kji(loop)[:, 1:] * 2)
        before, after = index - np.roll(index, 1, axis=0), np.roll(index, -1, axis=0) - index
        assert (before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]).all()


@st.composite
def mosaics(draw: st.DrawFn) -> tuple[list[Array], Array]:
    """Triangles that tile a convex outline, some corners and edges right on voxel centres."""
    number = draw(st.integers(4, 9))
    whole = st.integers(-12, 12).map(float)
    corner = st.tuples(st.one_of(whole, st.floats(-12, 12)), st.one_of(whole, st.floats(-12, 12)))
    points = np.array(draw(st.lists(corner, min_size=number, max_size=number, unique=True)))
    assume(np.linalg.matrix_rank(points - points[0], tol=1e-2) == 2)
    mesh = Delaunay(points, qhull_options="QJ")
    return [points[triangle] for triangle in mesh.simplices], points


@given(mosaics(), st.one_of(grids(largest=(3, 14, 14)), st.none()))
@settings(deadline=None, max_examples=60)
def test_contours_that_touch_share_no_voxel_and_leave_none_out(
    mosaic: tuple[list[Array], Array], grid: Grid | None
) -> None:
    grid = grid or Grid.from_axes((3, 25, 25), spacing_zyx_mm=(2, 1, 1), origin_lps_mm=(-12, -12, -2))
    centre = np.round(grid.centre_lps_mm, 3)
    tiles = [np.column_stack([tile, np.zeros(len(tile))]) + centre for tile in mosaic[0]]
    masks = [rasterise([tile], grid, slab_mm=3.0) for tile in tiles]
    together = rasterise(tiles, grid, slab_mm=3.0)
    counts = np.sum(masks, axis=0) if masks else np.zeros(grid.shape_zyx)
    assert counts.max(initial=0) <= 1, "two contours that touch share a voxel"
    np.testing.assert_array_equal(counts.astype(bool), together)


@given(grids(largest=(6, 9, 9)), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_voxel_centres_are_judged_as_by_an_independent_point_in_polygon(grid: Grid, seed: int) -> None:
    """Axial contours, some crossing themselves and one another, on grids at every angle."""
    random = np.random.default_rng(seed)
    size = 0.6 * np.linalg.norm(np.asarray(grid.shape_zyx) * grid.spacing_zyx_mm)
    centre, spacing = grid.centre_lps_mm, float(random.uniform(0.5, 6))
    flat = [random.uniform(-size, size, (int(random.integers(3, 9)), 2)) for _ in range(4)]
    levels = np.array([0, 0, 1, 2]) * spacing - spacing
    contours = [
        np.column_stack([one, np.full(len(one), z)]) + centre for one, z in zip(flat, levels, strict=True)
    ]
    at = grid.to_lps_mm(np.moveaxis(np.indices(grid.shape_zyx), 0, -1)) - centre
    plane = np.floor(at[..., 2] / spacing + 0.5)
    expected = np.zeros(grid.shape_zyx, bool)
    for one, z in zip(flat, levels, strict=True):
        here = points_in_poly(at[..., :2].reshape(-1, 2), one).reshape(grid.shape_zyx)
        expected ^= here & (np.abs(plane * spacing - z) < 1e-6 * spacing)
    undecided = np.abs(at[..., 2] / spacing + 0.5 - np.round(at[..., 2] / spacing + 0.5)) < 1e-3
    got = rasterise(contours, grid)
    assert (got == expected)[~undecided].all()


@given(grids(), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_a_contour_in_another_toggles_it(grid: Grid, seed: int) -> None:
    random = np.random.default_rng(seed)
    first, second = (
        np.column_stack([random.uniform(-20, 20, (7, 2)), np.zeros(7)]) + grid.centre_lps_mm for _ in range(2)
    )
    both = rasterise([first, second], grid, slab_mm=5.0)
    alone = rasterise([first], grid, slab_mm=5.0) ^ rasterise([second], grid, slab_mm=5.0)
    np.testing.assert_array_equal(both, alone)
