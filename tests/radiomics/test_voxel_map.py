"""Maps of features: laws, and what cannot be mapped."""

from __future__ import annotations

import numpy as np
import pytest

from terasu.errors import InputError
from terasu.patient.grid import Grid
from terasu.patient.volume import Volume
from terasu.radiomics.pyradiomics import PyRadiomics, feature_names
from terasu.radiomics.voxel_map import feature_maps

SHAPE = (5, 7, 8)
PROFILE = PyRadiomics(images=("original",), shape=False)


def image(seed: int = 1, shape: tuple[int, int, int] = SHAPE) -> Volume:
    values = np.random.default_rng(seed).normal(0, 70, shape).round()
    return Volume(values, Grid.from_axes(shape, spacing_zyx_mm=(3, 1, 1)))


def region(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    found = np.zeros(shape, bool)
    found[1:4, 2:5, 2:6] = True
    return found


def test_a_cube_that_holds_the_whole_region_has_the_values_of_the_region() -> None:
    names = feature_names(PROFILE)
    whole = PROFILE.features(image(), region())
    maps = feature_maps(image(), region(), names, PROFILE, radius=4)
    for name in names:
        np.testing.assert_allclose(maps.values[name], whole[name], rtol=1e-9, atol=1e-12, err_msg=name)


def test_a_map_goes_with_its_region() -> None:
    names = ["original_glcm_JointEntropy", "original_gldm_DependenceEntropy", "original_firstorder_Mean"]
    moved = Volume(np.roll(image().values, (1, 1, 2), (0, 1, 2)), image().grid)
    here = feature_maps(image(), region(), names, PROFILE)
    there = feature_maps(moved, np.roll(region(), (1, 1, 2), (0, 1, 2)), names, PROFILE)
    for name in names:
        np.testing.assert_array_equal(here.values[name], there.values[name])


def test_it_lies_on_the_image_grid_with_nothing_outside() -> None:
    name = "wavelet-LHH_glcm_Contrast"
    volume = image(shape=(8, 12, 12))
    mask = np.zeros((8, 12, 12), bool)
    mask[2:6, 3:9, 3:9] = True
    maps = feature_maps(volume, mask, [name])
    made = maps.volume(name)
    assert made.grid is volume.grid
    assert np.isnan(made.values[~mask]).all()
    np.testing.assert_array_equal(made.values[mask], maps.values[name].astype(np.float32))
    assert (maps.volume(name, outside=0).values[~mask] == 0).all()


def test_a_voxel_on_its_own_has_no_pairs_and_no_value() -> None:
    mask = region()
    mask[0, 0, 0] = True
    maps = feature_maps(image(), mask, ["original_glcm_Contrast", "original_firstorder_Mean"], PROFILE)
    assert np.isnan(maps.values["original_glcm_Contrast"][0])
    assert maps.values["original_firstorder_Mean"][0] == image().values[0, 0, 0]


@pytest.mark.parametrize(
    ("name", "radius", "told"),
    [
        ("original_shape_Sphericity", 1, "belongs to the region as a whole"),
        ("original_glcm_Entropy", 1, "original_glcm_.*Entropy"),
        ("nonsense", 1, "There is no such feature"),
        ("original_glcm_Contrast", 0, "radius 0"),
    ],
)
def test_what_has_no_map_is_said(name: str, radius: int, told: str) -> None:
    with pytest.raises(InputError, match=told):
        feature_maps(image(), region(), [name], PROFILE, radius=radius)


def test_resampling_is_refused() -> None:
    with pytest.raises(InputError, match="resampling"):
        feature_maps(image(), region(), ["original_glcm_Contrast"], PyRadiomics(spacing_zyx_mm=(2, 2, 2)))
