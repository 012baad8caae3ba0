"""Perturbations: reproducible, exact where an exact answer is known, and refused where nothing is left."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from terasu.errors import GeometryError, InputError
from terasu.patient.agreement import dice
from terasu.patient.grid import Grid
from terasu.patient.volume import Volume
from terasu.patient.volume_file import read_mask_file, read_volume_file
from terasu.radiomics.noise import noise_level
from terasu.radiomics.perturb import KINDS, Perturbation, Ranges, perturb, perturbations
from terasu.radiomics.supervoxels import supervoxels

GRID = Grid.from_axes((24, 60, 64), spacing_zyx_mm=(3.0, 1.2, 0.9), origin_lps_mm=(-20, 30, 5))


def places_mm() -> np.ndarray:
    return np.moveaxis(np.indices(GRID.shape_zyx), 0, -1) * np.asarray(GRID.spacing_zyx_mm)


def ellipsoid(middle_mm=(33.0, 34.0, 28.0), axes_mm=(14.0, 9.0, 13.0)) -> np.ndarray:
    away = (places_mm() - np.asarray(middle_mm)) / np.asarray(axes_mm)
    return np.asarray((away**2).sum(axis=-1) <= 1)


def smooth_image(seed: int = 3) -> Volume:
    waves = np.random.default_rng(seed).standard_normal(GRID.shape_zyx)
    return Volume((2000 * ndimage.gaussian_filter(waves, (2, 4, 5))).astype(np.float32), GRID)


def linear_image() -> Volume:
    return Volume(places_mm() @ np.array([2.0, -3.0, 5.0]), GRID)


@pytest.fixture(scope="module")
def lung(shared_data: Path) -> tuple[Volume, np.ndarray]:
    folder = shared_data / "ibsi" / "ibsi_1_ct_radiomics_phantom" / "nifti"
    image = read_volume_file(folder / "image" / "phantom.nii.gz")
    return image, read_mask_file(folder / "mask" / "mask.nii.gz", image.grid)


def test_nothing_done_returns_the_very_same_arrays() -> None:
    image, mask = smooth_image(), ellipsoid()
    seen, region = Perturbation().apply(image, mask)
    assert seen is image
    assert region is mask


def test_what_touches_only_the_contour_leaves_the_image_and_the_other_way_round() -> None:
    image, mask = smooth_image(), ellipsoid()
    assert Perturbation(1, growth=0.1).apply(image, mask)[0] is image
    noisy, region = Perturbation(1, noise_scale=1.0).apply(image, mask)
    assert region is mask
    assert not np.array_equal(noisy.values, image.values)


def test_the_same_seed_gives_the_same_bits_and_another_number_other_ones() -> None:
    image, mask = smooth_image(), ellipsoid()
    first, second = perturbations(2, 7)
    one, again = perturb(image, mask, first), perturb(image, mask, perturbations(5, 7)[0])
    assert one.image.values.tobytes() == again.image.values.tobytes()
    assert one.mask.tobytes() == again.mask.tobytes()
    assert one.row == again.row
    other = perturb(image, mask, second)
    assert not np.array_equal(other.image.values, one.image.values)
    assert not np.array_equal(other.mask, one.mask)


def test_what_came_in_is_not_written_to() -> None:
    image, mask = smooth_image(), ellipsoid()
    image.values.setflags(write=False)
    mask.setflags(write=False)
    for one in perturbations(2, 1):
        one.apply(image, mask)


def test_leaving_a_kind_out_does_not_change_the_others() -> None:
    whole, part = perturbations(4, 11), perturbations(4, 11, ("rotation", "contour"))
    for all_kinds, two in zip(whole, part, strict=True):
        assert two.rotation_deg == all_kinds.rotation_deg
        assert (two.noise_scale, two.shift_zyx, two.growth, two.contour) == (0.0, (0.0, 0.0, 0.0), 0.0, True)


def test_draws_stay_in_their_ranges_and_fill_them() -> None:
    made = perturbations(400, 2, ranges=Ranges(2.0, 0.25, 6.0, 0.1))
    turns = np.array([one.rotation_deg for one in made])
    shifts = np.array([one.shift_zyx for one in made])
    growths = np.array([one.growth for one in made])
    for drawn, most in ((turns, 6.0), (shifts, 0.25), (growths, 0.1)):
        assert 0.95 * most < drawn.max() <= most
        assert -most <= drawn.min() < -0.95 * most
    assert {one.noise_scale for one in made} == {2.0}


@settings(max_examples=20, deadline=None)
@given(st.tuples(*[st.floats(-0.6, 0.6)] * 3), st.sampled_from(("linear", "cubic")))
def test_a_shift_moves_content_by_that_part_of_a_voxel(shift, order) -> None:
    """On an image that rises evenly every interpolation is exact."""
    image, mask = linear_image(), ellipsoid()
    moved, _ = Perturbation(1, shift_zyx=shift).apply(image, mask, interpolation=order)
    rise = float(np.dot(np.array(shift) * GRID.spacing_zyx_mm, [2.0, -3.0, 5.0]))
    assert moved.values[mask] == pytest.approx(image.values[mask] - rise, abs=2e-3)


@settings(max_examples=20, deadline=None)
@given(st.floats(-40, 40), st.sampled_from(("linear", "cubic")))
def test_a_turn_is_a_turn_in_mm_about_the_regions_centre(angle, order) -> None:
    image, mask = linear_image(), ellipsoid()
    moved, region = Perturbation(1, rotation_deg=angle).apply(image, mask, interpolation=order)
    centre = places_mm()[mask].mean(axis=0)
    step, turn = places_mm() - centre, np.radians(angle)
    back_y = step[..., 1] * np.cos(turn) - step[..., 2] * np.sin(turn)
    back_x = step[..., 1] * np.sin(turn) + step[..., 2] * np.cos(turn)
    wanted = centre @ [2, -3, 5] + 2 * step[..., 0] - 3 * back_y + 5 * back_x
    assert moved.values[mask] == pytest.approx(wanted[mask], abs=2e-3)
    assert np.count_nonzero(region) == pytest.approx(np.count_nonzero(mask), rel=0.02)
    assert places_mm()[region].mean(axis=0) == pytest.approx(centre, abs=0.25)


def test_image_and_contour_move_together() -> None:
    mask = ellipsoid()
    image = Volume(1000.0 * ndimage.gaussian_filter(mask.astype(float), 0.7), GRID)
    how = Perturbation(1, shift_zyx=(0.4, -0.5, 0.3), rotation_deg=60.0)
    seen, region = how.apply(image, mask, interpolation="linear")
    assert dice(seen.values >= 500, region) > 0.965
    assert dice(seen.values >= 500, mask) < 0.8


def test_one_interpolation_agrees_with_a_cubic_spline_over_the_whole_image() -> None:
    image, mask = smooth_image(), ellipsoid()
    how = Perturbation(1, shift_zyx=(0.31, -0.27, 0.44), rotation_deg=7.0)
    seen, _ = how.apply(image, mask)
    turn, spacing = np.radians(7.0), np.asarray(GRID.spacing_zyx_mm)
    back = np.eye(3)
    back[1:, 1:] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    back = back * spacing[None, :] / spacing[:, None]
    centre = np.argwhere(mask).mean(axis=0)
    offset = centre - back @ (centre + how.shift_zyx)
    whole = ndimage.affine_transform(image.values.astype(np.float64), back, offset, order=3, mode="nearest")
    inside = ndimage.binary_dilation(mask, iterations=3)
    assert seen.values[inside] == pytest.approx(whole[inside], abs=1e-3)


def test_a_region_at_the_edge_of_the_image_is_moved_too() -> None:
    image = linear_image()
    mask = np.zeros(GRID.shape_zyx, bool)
    mask[:3, :9, -8:] = True
    for one in perturbations(3, 5):
        seen, region = one.apply(image, mask)
        assert np.isfinite(seen.values).all()
        assert 0.6 < np.count_nonzero(region) / np.count_nonzero(mask) < 1.5


@settings(max_examples=15, deadline=None)
@given(st.floats(-0.9, 0.9), st.integers(0, 9))
def test_the_volume_is_met_to_the_voxel_and_grows_outwards(growth, seed) -> None:
    image, mask = smooth_image(), ellipsoid()
    n = int(np.count_nonzero(mask))
    _, region = Perturbation(1, seed, growth=growth).apply(image, mask)
    assert np.count_nonzero(region) == round((1 + growth) * n)
    assert (region | mask == region).all() if growth > 0 else (region & mask == region).all()


def test_growth_is_even_in_mm_although_slices_are_thick() -> None:
    mask = ellipsoid(axes_mm=(15.0, 15.0, 15.0))
    _, region = Perturbation(1, growth=0.8).apply(smooth_image(), mask)
    reach = np.ptp(places_mm()[region], axis=0) / np.ptp(places_mm()[mask], axis=0)
    assert reach == pytest.approx(1.8 ** (1 / 3), rel=0.08)


def test_a_redrawn_contour_follows_the_image() -> None:
    """A careless contour around a bright ball comes nearer to the ball."""
    ball = ellipsoid(axes_mm=(12.0, 12.0, 12.0))
    image = Volume(np.where(ball, 100.0, 0.0) + np.random.default_rng(0).normal(0, 3, ball.shape), GRID)
    careless = ellipsoid(middle_mm=(33.0, 35.5, 29.5), axes_mm=(12.0, 13.0, 13.0))
    blank = image.with_values(np.zeros(GRID.shape_zyx))
    ways = [Perturbation(n, 1, contour=True) for n in range(1, 9)]
    seeing, blind = ([one.apply(seen, careless)[1] for one in ways] for seen in (image, blank))
    assert np.mean([dice(one, ball) for one in seeing]) > np.mean([dice(one, ball) for one in blind]) + 0.02
    assert any(not np.array_equal(one, seeing[0]) for one in seeing[1:])


def test_supervoxels_are_connected_and_of_the_wanted_size() -> None:
    values = (smooth_image().values - smooth_image().values.min()) / np.ptp(smooth_image().values)
    labels = supervoxels(values, GRID.spacing_zyx_mm, 250.0)
    sizes = np.bincount(labels.ravel()) * GRID.voxel_volume_mm3
    assert sizes.min() >= 60
    assert np.mean(sizes) == pytest.approx(250, rel=0.25)
    around = ndimage.generate_binary_structure(3, 1)
    for number in range(0, len(sizes), 7):
        assert ndimage.label(labels == number, around)[1] == 1


def test_supervoxels_keep_to_an_edge() -> None:
    bright = ellipsoid()
    labels = supervoxels(bright.astype(float), GRID.spacing_zyx_mm, 250.0)
    share = np.bincount(labels[bright], minlength=labels.max() + 1) / np.bincount(labels.ravel())
    assert np.mean((share < 0.1) | (share > 0.9)) > 0.97


@pytest.mark.parametrize("sigma", [4.0, 20.0])
def test_the_noise_of_an_image_is_found_beside_its_anatomy(sigma) -> None:
    clean = smooth_image().values
    noisy = clean + np.random.default_rng(1).normal(0, sigma, clean.shape)
    assert noise_level(noisy) == pytest.approx(sigma, rel=0.05)
    padded = np.concatenate([noisy, np.full((60, *noisy.shape[1:]), -1000.0)])
    assert noise_level(padded) == pytest.approx(sigma, rel=0.05)
    assert noise_level(np.full((3, 9, 9), 40.0)) == 0.0


def test_noise_is_added_as_much_as_was_asked_for() -> None:
    rng = np.random.default_rng(1)
    image = Volume(smooth_image().values + rng.normal(0, 10, GRID.shape_zyx), GRID)
    done = perturb(image, ellipsoid(), Perturbation(3, 8, noise_scale=2.0))
    added = (done.image.values - image.values)[ellipsoid()]
    assert done.row["noise_added"] == pytest.approx(20, rel=0.05)
    assert np.std(added) == pytest.approx(done.row["noise_added"], rel=0.05)
    assert abs(np.mean(added)) < 2


def test_a_real_tumour_stays_itself(lung: tuple[Volume, np.ndarray]) -> None:
    image, mask = lung
    n = int(np.count_nonzero(mask))
    for one in perturbations(3, 20):
        done = perturb(image, mask, one)
        assert done.image.grid is image.grid
        assert done.row["voxels_before"] == n
        assert abs(done.row["voxels_after"] / n - 1) < 0.3
        assert dice(done.mask, mask) > 0.75
        assert 5 < done.row["noise_added"] < 60
        mean = float(done.image.values[done.mask].mean())
        assert abs(mean - float(image.values[mask].mean())) < 100
        far = np.ones(mask.shape, bool)
        far[
            tuple(slice(max(a.start - 60, 0), a.stop + 60) for a in ndimage.find_objects(mask.astype(int))[0])
        ] = 0
        assert np.array_equal(done.image.values[far], image.values[far].astype(done.image.values.dtype))


def test_a_row_of_provenance_says_it_all_in_plain_numbers() -> None:
    (how,) = perturbations(1, 4)
    row = perturb(smooth_image(), ellipsoid(), how).row
    z, y, x = how.shift_zyx
    assert row["perturbation"] == 1 and row["perturbation_seed"] == 4
    assert (row["shift_z_voxels"], row["shift_y_voxels"], row["shift_x_voxels"]) == (z, y, x)
    assert all(type(value) in (int, float, bool) for value in row.values())
    assert dataclasses.asdict(how)["rotation_deg"] == row["rotation_deg"]


def test_a_region_that_vanishes_is_an_error_that_says_so() -> None:
    mask = np.zeros(GRID.shape_zyx, bool)
    mask[10, 20, 20] = mask[10, 30, 30] = True
    with pytest.raises(InputError, match="leaves no voxel") as caught:
        Perturbation(2, shift_zyx=(0.45, 0.45, 0.45)).apply(smooth_image(), mask)
    assert "2 voxels before" in caught.value.got
    assert caught.value.expected and caught.value.todo
    with pytest.raises(InputError, match="leaves no voxel"):
        Perturbation(2, growth=-0.9).apply(smooth_image(), mask)


def test_what_cannot_be_perturbed_is_refused() -> None:
    image, mask = smooth_image(), ellipsoid()
    with pytest.raises(InputError, match="empty"):
        Perturbation(1, growth=0.1).apply(image, np.zeros(GRID.shape_zyx, bool))
    with pytest.raises(GeometryError):
        Perturbation(1, growth=0.1).apply(image, mask[1:])
    broken = image.values.copy()
    broken[5, 5, 5] = np.nan
    with pytest.raises(InputError, match="around the region"):
        Perturbation(1, noise_scale=1.0).apply(Volume(broken, GRID), mask)


@pytest.mark.parametrize("bad", [{"n": 0, "seed": 1}, {"n": 2, "seed": -1}, {"n": 2, "seed": 1, "kinds": ()}])
def test_requests_that_make_no_sense_are_refused(bad) -> None:
    with pytest.raises(InputError, match="cannot be made"):
        perturbations(**bad)


def test_unknown_kinds_and_ranges_are_refused() -> None:
    with pytest.raises(InputError, match="cannot be made") as caught:
        perturbations(2, 1, ("noise", "blur"))
    assert all(kind in caught.value.expected for kind in KINDS)
    with pytest.raises(InputError, match="impossible"):
        Ranges(growth=1.0)
    with pytest.raises(InputError, match="impossible"):
        Ranges(rotation_deg=float("nan"))
