"""Contours ↔ masks on analytic shapes, on every kind of grid, and on real patients."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from terasu.dicom.find import index_folder
from terasu.dicom.image import grid_of_series
from terasu.dicom.rtstruct import read_structures
from terasu.errors import GeometryError, InputError
from terasu.patient.agreement import dice
from terasu.patient.contours import (
    fill_missing,
    polygons_volume_cc,
    rasterise,
    to_contours,
    to_structures,
    trace,
)
from terasu.patient.grid import Grid
from terasu.patient.scanline import fill_prisms, fill_slices
from terasu.patient.structures import ContourSet, Roi, StructureSet

Array = NDArray[np.float64]
TILT = np.array([[0.8, -0.36, 0.48], [0.6, 0.48, -0.64], [0.0, 0.8, 0.6]])
SAGITTAL = np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def circle(z_mm: float, radius_mm: float, *, centre: tuple[float, float] = (0.0, 0.0)) -> Array:
    angle = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    x, y = centre[0] + radius_mm * np.cos(angle), centre[1] + radius_mm * np.sin(angle)
    return np.column_stack([x, y, np.full(360, z_mm)])


def ball(radius_mm: float, step_mm: float) -> list[Array]:
    levels = np.arange(-radius_mm + step_mm / 2, radius_mm, step_mm)
    return [circle(z, float(np.sqrt(radius_mm**2 - z**2))) for z in levels]


def cube_grid(
    *, spacing: tuple[float, float, float] = (2.0, 1.0, 1.0), half_mm: float = 40, axes: Array | None = None
) -> Grid:
    axes = np.eye(3) if axes is None else axes
    shape = [int(2 * half_mm / step) for step in spacing]
    corner = np.array([0.21, 0.13, 0.05]) - axes @ ((np.array(shape[::-1]) - 1) / 2 * spacing[::-1])
    return Grid.from_axes(
        shape,
        spacing_zyx_mm=spacing,
        origin_lps_mm=corner.tolist(),
        direction_lps=axes,
    )


def volume_cc(mask: NDArray[np.bool_], grid: Grid) -> float:
    return float(mask.sum()) * grid.voxel_volume_mm3 / 1000


GRIDS = {
    "axial": cube_grid(),
    "axial, 1 × 3 mm pixels": cube_grid(spacing=(2.0, 1.0, 3.0)),
    "finer than the contours": cube_grid(spacing=(0.5, 1.0, 1.0)),
    "coarser than the contours": cube_grid(spacing=(5.0, 1.0, 1.0)),
    "sagittal": cube_grid(spacing=(3.0, 1.0, 1.0), axes=SAGITTAL),
    "sagittal, 1 × 2.5 mm pixels": cube_grid(spacing=(1.5, 2.5, 1.0), axes=SAGITTAL),
    "oblique": cube_grid(axes=TILT),
    "oblique, 0.8 × 2 mm pixels": cube_grid(spacing=(1.0, 2.0, 0.8), axes=TILT),
    "turned by 180°": cube_grid(axes=np.diag([-1.0, 1.0, -1.0])),
}


@pytest.mark.parametrize("name", GRIDS)
def test_a_ball_drawn_axially_keeps_its_place_and_volume_on_any_grid(name: str) -> None:
    grid = GRIDS[name]
    contours = ball(30, 2.0)
    mask = rasterise(contours, grid)
    at = grid.to_lps_mm(np.moveaxis(np.indices(grid.shape_zyx), 0, -1))
    truth = np.linalg.norm(at, axis=-1) < 30
    assert dice(mask, truth) > 0.985
    assert volume_cc(mask, grid) == pytest.approx(polygons_volume_cc(contours), rel=0.01)
    assert polygons_volume_cc(contours) == pytest.approx(4 / 3 * np.pi * 27, rel=0.003)


@pytest.mark.parametrize("name", ["axial", "sagittal", "oblique"])
def test_a_ball_drawn_in_sagittal_planes_is_the_same_ball(name: str) -> None:
    grid = GRIDS[name]
    turned = [one @ SAGITTAL.T for one in ball(30, 2.0)]
    assert dice(rasterise(turned, grid), rasterise(ball(30, 2.0), grid)) > 0.98


def test_a_structure_of_5_mm_radius_does_not_shrink() -> None:
    grid = cube_grid(spacing=(2.0, 1.0, 1.0), half_mm=12)
    at = grid.to_lps_mm(np.moveaxis(np.indices(grid.shape_zyx), 0, -1))
    mask = np.linalg.norm(at, axis=-1) < 5
    drawn = polygons_volume_cc(trace(mask, grid))
    assert drawn == pytest.approx(volume_cc(mask, grid), rel=1e-9)
    assert polygons_volume_cc(trace(mask, grid, smooth=True)) == pytest.approx(drawn, rel=0.02)


def test_holes_by_a_second_contour_and_by_a_keyhole_are_the_same() -> None:
    grid = cube_grid(half_mm=20)
    outer, inner = circle(0.05, 15), circle(0.05, 6)
    keyhole = np.concatenate([outer, outer[:1], inner[:1], inner[::-1]])
    ring = rasterise([outer, inner], grid, slab_mm=2.0)
    np.testing.assert_array_equal(rasterise([keyhole], grid, slab_mm=2.0), ring)
    assert volume_cc(ring, grid) == pytest.approx(np.pi * (15**2 - 6**2) * 2 / 1000, rel=0.01)
    assert polygons_volume_cc([keyhole], slab_mm=2.0) == pytest.approx(np.pi * 0.189 * 2, rel=1e-3)


def test_a_contour_that_is_there_twice_counts_once() -> None:
    grid = cube_grid(half_mm=20)
    np.testing.assert_array_equal(
        rasterise([circle(0, 9), circle(0, 9)], grid, slab_mm=2.0),
        rasterise([circle(0, 9)], grid, slab_mm=2.0),
    )


def test_contours_on_every_second_slice_fill_the_slices_between() -> None:
    grid = cube_grid(spacing=(2.0, 1.0, 1.0))
    every, second = ball(30, 2.0), ball(30, 4.0)
    assert dice(rasterise(every, grid), rasterise(second, grid)) > 0.97
    assert polygons_volume_cc(second) == pytest.approx(polygons_volume_cc(every), rel=0.01)


def test_a_forgotten_slice_stays_empty_until_somebody_asks() -> None:
    grid = cube_grid(spacing=(2.0, 1.0, 1.0))
    whole = ball(30, 2.0)
    without = [*whole[:9], *whole[11:]]
    mask = rasterise(without, grid)
    assert np.count_nonzero(mask.any(axis=(1, 2))) == 28
    filled = fill_missing(without)
    assert len(filled) == 30
    assert dice(rasterise(filled, grid), rasterise(whole, grid)) > 0.995


def test_two_separate_parts_are_not_joined() -> None:
    grid = cube_grid(spacing=(2.0, 1.0, 1.0))
    low = [circle(z, 8) for z in (-21.0, -19.0, -17.0)]
    high = [circle(z, 8) for z in (15.0, 17.0, 19.0)]
    aside = [circle(z, 8, centre=(25.0, 0.0)) for z in (-13.0, -11.0)]
    assert len(fill_missing([*low, *high])) == 6
    assert len(fill_missing([*low, *aside])) == 5, "cross-sections that do not overlap"
    assert np.count_nonzero(rasterise([*low, *high], grid).any(axis=(1, 2))) == 6
    assert polygons_volume_cc([*low, *high]) == pytest.approx(6 * 2 * np.pi * 0.064, rel=1e-3)


def test_planes_half_way_between_slices_fill_one_slice_each() -> None:
    grid = Grid.from_axes((9, 30, 30), spacing_zyx_mm=(3.0, 1.0, 1.0), origin_lps_mm=(-15, -15, 0))
    mask = rasterise([circle(z, 9) for z in (4.5, 7.5, 10.5)], grid)
    assert np.count_nonzero(mask.any(axis=(1, 2))) == 3


def test_a_stray_plane_does_not_tear_the_rest_apart() -> None:
    grid = cube_grid(spacing=(0.5, 1.0, 1.0))
    strayed = [*ball(30, 2.0), circle(0.4, 30)]
    assert dice(rasterise(strayed, grid), rasterise(ball(30, 2.0), grid)) > 0.99


def test_both_ways_of_drawing_judge_ties_alike() -> None:
    """Corners right on voxel centres: rows through prisms as scanlines through slices."""
    random = np.random.default_rng(5)
    corners = random.integers(-2, 12, (40, 5, 2)).astype(float)
    by_slice, by_prism = np.zeros((2, 40, 9, 10), bool)
    first_point, first_contour = np.arange(41) * 5, np.arange(41)
    u, v = corners.reshape(-1, 2).T.copy()
    levels = np.arange(40)
    fill_slices(by_slice, u, v, first_point, first_contour, np.stack([levels, levels + 1], axis=1))
    steps = np.array([[0.0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]])
    slabs = np.stack([levels - 0.5, levels + 0.5], axis=1)
    fill_prisms(by_prism, (u, v), first_point, first_contour, slabs, steps)
    np.testing.assert_array_equal(by_prism, by_slice)
    assert by_slice.any()


def test_what_lies_outside_is_cut_off_and_an_empty_roi_is_empty() -> None:
    grid = cube_grid(half_mm=20)
    assert not rasterise([circle(0, 9, centre=(200.0, 0.0))], grid).any()
    assert not rasterise([], grid).any()
    assert not rasterise([np.zeros((2, 3))], grid).any()
    assert rasterise([circle(0, 500)], grid, slab_mm=1000.0).all()
    assert polygons_volume_cc([]) == 0.0


def test_what_cannot_be_drawn_is_refused_with_words() -> None:
    grid = cube_grid(half_mm=20)
    with pytest.raises(GeometryError, match="not parallel"):
        rasterise([circle(0, 9), circle(0, 9) @ SAGITTAL.T], grid)
    with pytest.raises(GeometryError, match="list of points"):
        rasterise([np.full((4, 3), np.nan)], grid)
    with pytest.raises(GeometryError, match="one plane"):
        polygons_volume_cc([circle(0, 9)])
    with pytest.raises(GeometryError, match="does not fit"):
        trace(np.zeros((1, 2, 3), bool), grid)


def a_set(**contours: list[Array]) -> ContourSet:
    rois = [Roi(name, n, tuple(one), "ORGAN") for n, (name, one) in enumerate(contours.items())]
    return ContourSet(tuple(rois), frame_of_reference_uid="1.2")


def test_rois_become_structures_under_the_names_that_are_asked_for() -> None:
    grid = cube_grid(half_mm=20)
    drawn = a_set(vescica=ball(9, 2.0), retto=ball(5, 2.0), vuoto=[])
    structures = to_structures(drawn, grid)
    assert structures.names == ("vescica", "retto")
    assert to_structures(drawn, grid, ["retto"]).names == ("retto",)
    named = to_structures(drawn, grid, {"vescica": "Bladder"})
    assert named.names == ("Bladder",) and named.source_names == {"Bladder": "vescica"}
    assert named.types == {"Bladder": "ORGAN"}
    with pytest.raises(InputError, match="no contours"):
        to_structures(drawn, grid, ["vuoto"])
    with pytest.raises(InputError, match="no ROI named"):
        to_structures(drawn, grid, ["Bladder"])
    with pytest.raises(GeometryError, match="frames of reference"):
        to_structures(drawn, grid.in_frame("1.3"))


def test_two_rois_of_one_name_are_both_kept() -> None:
    twice = ContourSet((Roi("PTV", 1, tuple(ball(9, 2.0))), Roi("PTV", 2, tuple(ball(5, 2.0)))))
    assert to_structures(twice, cube_grid(half_mm=20)).names == ("PTV", "PTV (2)")


def test_an_roi_of_one_plane_is_as_thick_as_the_others_slices() -> None:
    grid = cube_grid(spacing=(1.0, 1.0, 1.0), half_mm=20)
    drawn = a_set(Bladder=[circle(z, 9) for z in (-4.0, -1.0, 2.0, 5.0)], seed=[circle(2.0, 3)])
    seed = to_structures(drawn, grid)["seed"]
    assert np.count_nonzero(seed.any(axis=(1, 2))) == 3


def test_an_empty_mask_has_no_contours_to_write() -> None:
    grid = cube_grid(half_mm=5)
    with pytest.raises(InputError, match="empty"):
        to_contours(StructureSet(grid, {"Bladder": np.zeros(grid.shape_zyx, bool)}))


def patient(folder: Path) -> tuple[ContourSet, Grid]:
    index = index_folder(folder)
    of = {
        modality: [one for one in index.series if one.modality == modality] for modality in ("CT", "RTSTRUCT")
    }
    return read_structures(of["RTSTRUCT"][0].files[0].path), grid_of_series(of["CT"][0])


@pytest.mark.parametrize("which", ["pelvis003", "pelvis005"])
def test_pelvic_organs_agree_with_their_polygons_and_come_back(which: str, request) -> None:
    drawn, grid = patient(request.getfixturevalue(which))
    organs = [roi for roi in drawn if roi.name != "External"]  # which reaches beyond the cropped series
    assert len(organs) >= 15
    structures = to_structures(drawn, grid)
    for roi in organs:
        truth = polygons_volume_cc(roi.contours_lps_mm)
        assert structures.volume_cc(roi.name) == pytest.approx(truth, rel=0.003), roi.name
    back = to_structures(to_contours(structures), grid)
    assert all(np.array_equal(back[name], structures[name]) for name in structures.names)


def test_thorax_volumes_agree_with_the_planning_system(thorax: Path) -> None:
    drawn, grid = patient(thorax)
    with next(thorax.glob("*.csv")).open() as file:
        system = {row["ROI"]: float(row["Volume (mL)"]) for row in csv.DictReader(file)}
    assert set(system) == set(drawn.names)
    structures = to_structures(drawn, grid)
    for name, volume in system.items():
        within = 0.02 if name == "SPINALCORD" else 0.005
        assert polygons_volume_cc(drawn[name].contours_lps_mm) == pytest.approx(volume, rel=within), name
        # Half a voxel decides here and there: 0.1 % more.
        assert structures.volume_cc(name) == pytest.approx(volume, rel=within + 0.001), name


def test_real_organs_are_drawn_as_by_an_independent_point_in_polygon(pelvis003: Path) -> None:
    from skimage.measure import points_in_poly

    drawn, grid = patient(pelvis003)
    for name in ("prostata", "RettoAno"):
        mask = rasterise(drawn[name].contours_lps_mm, grid)
        for one in drawn[name].contours_lps_mm:
            index = grid.to_index_kji(one)
            first = np.floor(index.min(axis=0)).astype(int) - 2
            last = np.ceil(index.max(axis=0)).astype(int) + 3
            rows, columns = np.mgrid[first[1] : last[1], first[2] : last[2]]
            expected = points_in_poly(np.column_stack([rows.ravel(), columns.ravel()]), index[:, 1:])
            got = mask[round(float(index[0, 0])), first[1] : last[1], first[2] : last[2]]
            assert np.count_nonzero(got != expected.reshape(rows.shape)) <= 2, "beyond ties on an edge"
