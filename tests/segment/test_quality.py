"""What is measured of a contour alone, on masks whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from analytic_masks import ball, cube, ellipsoid
from terasu.errors import GeometryError
from terasu.patient.grid import Grid
from terasu.patient.structures import StructureSet
from terasu.patient.volume import Volume
from terasu.segment.quality.anatomy import apart_pairs, disjoint_pairs, is_whole, orders, unlike_pairs
from terasu.segment.quality.content import content_of
from terasu.segment.quality.drawing import measure_drawing
from terasu.segment.quality.form import form_of

SHAPE, SPACING = (24, 60, 60), (3.0, 1.0, 1.0)
GRID = Grid.from_axes(SHAPE, spacing_zyx_mm=SPACING)


def test_the_form_of_a_ball() -> None:
    form = form_of(ball(SHAPE, SPACING, 20), GRID)
    assert form.volume_cc == pytest.approx(4 / 3 * np.pi * 8, rel=0.01)
    assert form.sphericity == pytest.approx(1, abs=0.03)
    assert form.elongation == pytest.approx(1, abs=0.05)
    assert (form.pieces, form.stray_percent, form.missing_slices, form.hole_percent) == (1, 0, 0, 0)
    assert form.jump_mm == pytest.approx(0, abs=1e-9) and not form.at_the_end


def test_an_ellipsoid_is_as_elongated_as_its_axes() -> None:
    form = form_of(
        ellipsoid((90, 60, 60), (1, 1, 1), (40, 20, 20)),
        Grid.from_axes((90, 60, 60), spacing_zyx_mm=(1, 1, 1)),
    )
    assert form.elongation == pytest.approx(2, rel=0.01)
    assert form.sphericity == pytest.approx(0.93, abs=0.02)


def test_what_is_wrong_with_a_form_is_counted() -> None:
    mask = cube(SHAPE, (4, 10, 10), 14)
    mask[10:12] = False
    mask[6, 14:16, 14:16] = False
    mask[2, 50:52, 50:52] = True
    form = form_of(mask, GRID)
    assert form.pieces == 3
    assert form.missing_slices == 3
    voxels = 12 * 14 * 14 - 4 + 4
    assert form.hole_percent == pytest.approx(100 * 4 / voxels)
    assert form.stray_percent == pytest.approx(100 * (1 - 6 * 14 * 14 / voxels))


def test_a_step_between_slices_is_its_length_and_ends_do_not_count() -> None:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[3:15, 20:30, 20:30] = True
    mask[9:15] = np.roll(mask[9:15], 7, axis=2)
    mask[15, 50:55, 50:55] = True
    assert form_of(mask, GRID).jump_mm == pytest.approx(7)


def test_a_mask_at_the_first_slice_may_go_on() -> None:
    assert form_of(cube(SHAPE, (0, 10, 10), 8), GRID).at_the_end


def test_what_a_contour_holds() -> None:
    mask = cube(SHAPE, (4, 20, 20), 10)
    values = np.full(SHAPE, -100.0, dtype=np.float32)
    values[mask] = 40
    values[4:6][mask[4:6]] = -950
    values[6][mask[6]] = 700
    content = content_of(mask, Volume(values, GRID, "HU"))
    assert content.median_hu == 40
    assert (content.gas_percent, content.bone_percent, content.fat_percent) == pytest.approx((20, 10, 0))


def test_fluid_that_was_left_out_is_seen_beyond_the_edge() -> None:
    bladder = ball(SHAPE, SPACING, 22)
    values = np.where(bladder, 5.0, -100.0).astype(np.float32)
    half = bladder.copy()
    half[:, :, 30:] = False
    image = Volume(values, GRID, "HU")
    whole, part = (content_of(mask, image).open_edge_percent for mask in (bladder, half))
    assert whole < 2
    assert part > 15


def test_what_two_organs_are_to_one_another() -> None:
    organs = {"Prostate": cube(SHAPE, (4, 20, 20), 8), "Bladder": cube(SHAPE, (11, 20, 20), 8)}
    image = Volume(np.where(organs["Prostate"], 40, 5).astype(np.float32), GRID, "HU")
    pairs = {one.kind: one.value for one in measure_drawing(StructureSet(GRID, organs), image).pairs}
    assert pairs["overlap"] == pytest.approx(100 / 8)
    assert pairs["order"] == pytest.approx(21)
    assert pairs["contrast"] == 35


def test_left_and_right_are_told_apart_and_gaps_measured() -> None:
    organs = {"Femur_Head_L": cube(SHAPE, (4, 20, 40), 6), "Femur_Head_R": cube(SHAPE, (4, 20, 4), 6)}
    pairs = measure_drawing(StructureSet(GRID, organs | {"Prostate": cube(SHAPE, (4, 20, 20), 8)})).pairs
    left = next(one for one in pairs if one.kind == "order" and one.side == "left")
    assert (left.first, left.value) == ("Femur_Head_L", pytest.approx(36))
    assert {one.first + one.second: one.value for one in pairs if one.kind == "gap"} == {
        "ProstateFemur_Head_L": 13,
        "ProstateFemur_Head_R": 11,
    }


def test_planning_contours_and_ensembles_are_measured_where_they_are_given() -> None:
    here = StructureSet(GRID, {"Bladder": ball(SHAPE, SPACING, 18)})
    planned = StructureSet(GRID, {"Bladder": ball(SHAPE, SPACING, 18, (0, 6, 0))})
    alone = measure_drawing(here).organs[0]
    both = measure_drawing(here, planning=planned, ensemble=(here, planned)).organs[0]
    assert np.isnan(alone.planning_95_mm) and np.isnan(alone.ensemble_dice)
    assert both.planning_95_mm == pytest.approx(6, abs=0.5)
    assert 0.5 < both.ensemble_dice < 1


def test_an_empty_contour_is_measured_as_nothing_and_other_grids_are_refused() -> None:
    empty = StructureSet(GRID, {"Bladder": np.zeros(SHAPE, dtype=bool)})
    assert measure_drawing(empty).organs[0].form is None
    other = Grid.from_axes(SHAPE, spacing_zyx_mm=(2, 1, 1))
    with pytest.raises(GeometryError, match="different grids"):
        measure_drawing(empty, Volume(np.zeros(SHAPE, dtype=np.float32), other, "HU"))


def test_anatomy_speaks_of_organs_that_are_there() -> None:
    assert disjoint_pairs(["Rectum", "Prostate", "Anorectum"]) == (
        ("Anorectum", "Prostate"),
        ("Prostate", "Rectum"),
    )
    assert [one.first for one in orders(["Parotid_L", "Parotid_R", "Bladder"])] == ["Parotid_L"]
    assert apart_pairs(["Prostate"]) == unlike_pairs(["Bladder"]) == ()
    assert is_whole("Prostate") and not is_whole("Femur_L")
