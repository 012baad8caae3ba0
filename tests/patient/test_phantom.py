"""The made patient: volumes as asked, organs apart, HU by tissue, and a day that moves what it should."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from terasu.errors import GeometryError, InputError
from terasu.patient.grid import Grid
from terasu.patient.margin import expand
from terasu.patient.phantom import (
    Anatomy,
    Day,
    Phantom,
    day_of,
    make_phantom,
    phantom_ct,
    phantom_structures,
    planning_grid,
)
from terasu.patient.phantom.layers import layers_of
from terasu.patient.phantom.make import inside
from terasu.patient.phantom.organs import organs_of

ORGANS = ("Prostate", "SeminalVes", "Bladder", "Rectum", "Femur_Head_L", "Femur_Head_R", "PenileBulb")
FINE = Grid.from_axes((56, 100, 136), spacing_zyx_mm=(3, 2, 2), origin_lps_mm=(-135, -95, -80))
"""The pelvis without its outline: all organs, finely enough for their volumes."""


@pytest.fixture(scope="module")
def small() -> Phantom:
    return make_phantom(small=True)


def centroid(anatomy: Anatomy, name: str) -> np.ndarray:
    mask = phantom_structures(anatomy, FINE)[name]
    return FINE.to_lps_mm(np.argwhere(mask)).mean(axis=0)


@pytest.mark.parametrize(
    "anatomy",
    [
        Anatomy(),
        Anatomy(seed=4, bladder_cc=420, rectal_gas_cc=60, prostate_cc=28),
        Anatomy(seed=9, bladder_cc=60, rectal_gas_cc=0, prostate_cc=80, size=0.9),
        Anatomy(seed=2, bladder_cc=250, rectal_gas_cc=25, rotation_deg=5, size=1.1),
    ],
    ids=["usual", "full", "empty", "large"],
)
def test_volumes_are_those_asked_for(anatomy: Anatomy) -> None:
    structures = phantom_structures(anatomy, FINE)
    assert structures.volume_cc("Bladder") == pytest.approx(anatomy.bladder_cc, rel=0.03)
    assert structures.volume_cc("Prostate") == pytest.approx(anatomy.prostate_cc, rel=0.03)
    gas = organs_of(anatomy).gas
    if anatomy.rectal_gas_cc:
        assert gas is not None
        found_cc = np.count_nonzero(inside(gas, FINE, anatomy)) * FINE.voxel_volume_mm3 / 1000
        assert found_cc == pytest.approx(anatomy.rectal_gas_cc, rel=0.06)
    else:
        assert gas is None


@pytest.mark.parametrize("seed", [1, 5])
@pytest.mark.parametrize("day", [Day(), Day(bladder_cc=450, rectal_gas_cc=70), Day(bladder_cc=45)])
def test_organs_are_disjoint(seed: int, day: Day) -> None:
    structures = phantom_structures(day_of(Anatomy(seed=seed), day), FINE)
    for first, second in itertools.combinations(ORGANS, 2):
        assert not (structures[first] & structures[second]).any(), (first, second)


def test_organs_lie_in_the_body_and_the_targets_in_one_another(small: Phantom) -> None:
    masks = small.structures
    for name in (*ORGANS, "CTV", "PTV", "Bowel"):
        assert masks[name].any()
        assert not (masks[name] & ~masks["External"]).any(), name
    assert not (masks["Prostate"] & ~masks["CTV"]).any()
    assert not (masks["CTV"] & ~masks["PTV"]).any()
    assert masks.types["PTV"] == "PTV"
    assert masks.types["External"] == "EXTERNAL"


def test_left_is_left(small: Phantom) -> None:
    grid = small.ct.grid
    left, right = (
        grid.to_lps_mm(np.argwhere(small.structures[name])).mean(axis=0)
        for name in ("Femur_Head_L", "Femur_Head_R")
    )
    assert left[0] > 70
    assert right[0] < -70


def test_ptv_has_its_margins() -> None:
    masks = phantom_structures(Anatomy(), FINE, target=True)
    low, high = (
        [getattr(FINE.to_lps_mm(np.argwhere(masks[name])), side)(axis=0) for name in ("CTV", "PTV")]
        for side in ("min", "max")
    )
    # the grid has voxels of 2 × 2 × 3 mm, and a voxel counts by its centre
    np.testing.assert_array_equal(low[0] - low[1], (6, 6, 6))
    np.testing.assert_array_equal(high[1] - high[0], (6, 4, 6))


def test_margin_of_a_point_is_an_ellipsoid_by_side() -> None:
    grid = Grid.from_axes((21, 21, 21), spacing_zyx_mm=(1, 1, 1), origin_lps_mm=(-10, -10, -10))
    point = np.zeros(grid.shape_zyx, bool)
    point[10, 10, 10] = True
    grown = expand(point, grid, left=5, right=5, front=5, back=3, up=5, down=5)
    z, y, x = (grid.to_lps_mm(np.argwhere(np.ones_like(point)))[:, axis] for axis in (2, 1, 0))
    wanted = (x / 5) ** 2 + (y / np.where(y < 0, 5, 3)) ** 2 + (z / 5) ** 2 <= 1 + 1e-9
    np.testing.assert_array_equal(grown.ravel(), wanted)
    with pytest.raises(GeometryError, match="axial"):
        tilted = Grid.from_axes(
            (3, 3, 3), spacing_zyx_mm=(1, 1, 1), direction_lps=[[0, 1, 0], [1, 0, 0], [0, 0, -1]]
        )
        expand(np.ones((3, 3, 3), bool), tilted, left=1, right=1, front=1, back=1, up=1, down=1)


def hu_of(ct: np.ndarray, mask: np.ndarray) -> np.ndarray:
    core = mask.copy()
    for axis in range(3):
        core &= np.roll(mask, 1, axis) & np.roll(mask, -1, axis)
    assert np.count_nonzero(core) > 20
    return np.asarray(ct[core], float)


def test_tissues_have_their_hu() -> None:
    anatomy = Anatomy(rectal_gas_cc=30)
    grid = Grid.from_axes((20, 220, 250), spacing_zyx_mm=(3, 1, 1), origin_lps_mm=(-60, -108, -45))
    ct = phantom_ct(anatomy, grid).values
    organs = organs_of(anatomy)
    urine = hu_of(ct, inside(organs.bladder, grid, anatomy) & ~near_the_wall(anatomy, grid))
    assert urine.mean() == pytest.approx(7, abs=4)
    assert organs.gas is not None
    assert hu_of(ct, inside(organs.gas, grid, anatomy)).mean() == pytest.approx(-990, abs=15)
    prostate = hu_of(ct, inside(organs.prostate, grid, anatomy))
    assert 35 < prostate.mean() < 50
    head = hu_of(ct, phantom_structures(anatomy, grid)["Femur_Head_L"])
    assert 200 < np.median(head) < 330
    glutaeus = ct[2:5, 178:184, 150:160]
    assert np.median(glutaeus) == pytest.approx(52, abs=8)
    buttock_fat = ct[2:5, 208:212, 100:120]
    assert np.median(buttock_fat) == pytest.approx(-100, abs=12)
    assert 800 < np.percentile(ct, 99.9) < 1400
    assert (ct[:, :5] < -900).all()


def near_the_wall(anatomy: Anatomy, grid: Grid) -> np.ndarray:
    from terasu.patient.phantom.shapes import grown

    bladder = organs_of(anatomy).bladder
    return inside(bladder, grid, anatomy) & ~inside(grown(bladder, -5), grid, anatomy)


def test_equal_numbers_give_an_equal_patient(small: Phantom) -> None:
    again = make_phantom(small=True)
    np.testing.assert_array_equal(again.ct.values, small.ct.values)
    other = make_phantom(Anatomy(seed=2), small=True)
    assert (other.ct.values != small.ct.values).mean() > 0.2
    outline = small.structures["External"] ^ other.structures["External"]
    assert outline.any(), "another seed is another patient, not only other noise"


def test_truth_does_not_depend_on_the_grid() -> None:
    """An oblique grid, and a slice of the planning grid, ask the same shapes."""
    whole = phantom_structures(Anatomy(), FINE)
    part = FINE.crop((10, 20, 30), (30, 80, 90))
    np.testing.assert_array_equal(
        phantom_structures(Anatomy(), part)["Bladder"], whole["Bladder"][10:30, 20:80, 30:90]
    )
    turn = np.radians(20)
    axes = [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]
    oblique = Grid.from_axes(
        (60, 60, 60), spacing_zyx_mm=(2.5, 2.5, 2.5), origin_lps_mm=(-95, -75, -35), direction_lps=axes
    )
    tilted = phantom_structures(Anatomy(), oblique)
    assert tilted.volume_cc("Bladder") == pytest.approx(whole.volume_cc("Bladder"), rel=0.02)
    ct = phantom_ct(Anatomy(), oblique, noise_hu=0).values
    assert np.median(ct[tilted["Bladder"]]) == pytest.approx(10, abs=6)


def test_a_full_bladder_rises_and_presses_the_vesicles_back() -> None:
    empty, full = Anatomy(bladder_cc=100), Anatomy(bladder_cc=350)
    assert organs_of(full).bladder_top_mm > organs_of(empty).bladder_top_mm + 20
    vesicles = centroid(full, "SeminalVes") - centroid(empty, "SeminalVes")
    assert vesicles[1] > 0.5
    assert vesicles[2] < -0.5


def test_gas_pushes_the_vesicles_more_than_the_prostate_forward() -> None:
    calm, blown = Anatomy(rectal_gas_cc=2), Anatomy(rectal_gas_cc=55)
    prostate = (centroid(blown, "Prostate") - centroid(calm, "Prostate"))[1]
    vesicles = (centroid(blown, "SeminalVes") - centroid(calm, "SeminalVes"))[1]
    assert vesicles < prostate < -1
    wider = phantom_structures(blown, FINE).volume_cc("Rectum") - phantom_structures(calm, FINE).volume_cc(
        "Rectum"
    )
    assert 20 < wider < 55


def test_a_roll_turns_the_bones_about_the_prostate() -> None:
    rolled = Anatomy(rotation_deg=6)
    left, right = centroid(rolled, "Femur_Head_L"), centroid(rolled, "Femur_Head_R")
    straight = centroid(Anatomy(), "Femur_Head_L") - centroid(Anatomy(), "Femur_Head_R")
    angle = np.degrees(np.arctan2(*(left - right)[1::-1]) - np.arctan2(*straight[1::-1]))
    assert angle == pytest.approx(6, abs=0.4)
    assert np.linalg.norm(centroid(rolled, "Prostate") - centroid(Anatomy(), "Prostate")) < 1


def test_a_shift_moves_everything_alike() -> None:
    shifted = Anatomy(shift_lps_mm=(4, -6, 3))
    for name in ("Prostate", "Femur_Head_L", "Rectum"):
        np.testing.assert_allclose(centroid(shifted, name) - centroid(Anatomy(), name), (4, -6, 3), atol=0.3)


def test_weight_loss_takes_fat_and_leaves_organs(small: Phantom) -> None:
    thin = make_phantom(replace(Anatomy(), weight_loss_mm=8), small=True)
    lost_cc = small.structures.volume_cc("External") - thin.structures.volume_cc("External")
    assert lost_cc > 800
    np.testing.assert_array_equal(small.structures["Prostate"], thin.structures["Prostate"])


def test_metal_gold_and_chalk() -> None:
    grid = planning_grid(small=True)
    plain = phantom_ct(Anatomy(), grid, noise_hu=0).values
    assert plain.max() < 1400
    for side, sign in (("L", 1), ("R", -1)):
        metal = phantom_ct(Anatomy(hip_prosthesis=side), grid, noise_hu=0).values
        x = grid.to_lps_mm(np.argwhere(metal > 2500))[:, 0]
        assert (x * sign > 30).all()
        assert x.size > 500
    names = {layer.shells[0][1].name for layer in layers_of(Anatomy(fiducials=True, calcifications=True))}
    assert "calcification" in names
    assert any("metal" in name for name in names)


@pytest.mark.parametrize(
    "wrong",
    [{"bladder_cc": 5}, {"size": 3}, {"rotation_deg": float("nan")}, {"weight_loss_mm": 14, "fat_mm": 16}],
)
def test_impossible_patients_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="made patient"):
        replace(Anatomy(), **wrong)


def test_impossible_shift_is_refused() -> None:
    with pytest.raises(InputError, match="shifted"):
        Anatomy(shift_lps_mm=(900, 0, 0))
