"""What a profile says beside its values: reasons, cautions, grey levels, hashes, meaning of every column."""

from __future__ import annotations

import numpy as np
import pytest

from terasu.errors import InputError
from terasu.patient.grid import Grid
from terasu.patient.volume import Volume
from terasu.radiomics.dictionary import dictionary
from terasu.radiomics.filters import Mean
from terasu.radiomics.ibsi import CONFIGURATIONS, Ibsi
from terasu.radiomics.measured import hash_of_image, hash_of_mask
from terasu.radiomics.prepare import Preparation
from terasu.radiomics.pyradiomics import PyRadiomics

SHAPE = (10, 20, 20)
QUICK = PyRadiomics(images=("original",))


def image(spread: float = 80.0) -> Volume:
    values = np.random.default_rng(3).normal(0, spread, SHAPE).round()
    return Volume(values, Grid.from_axes(SHAPE, spacing_zyx_mm=(3, 2, 2)))


def box(z: slice, y: slice, x: slice) -> np.ndarray:
    found = np.zeros(SHAPE, bool)
    found[z, y, x] = True
    return found


INNER = box(slice(2, 8), slice(5, 12), slice(5, 12))


def test_an_ordinary_region_needs_no_caution_and_no_reason() -> None:
    found = QUICK.measure(image(), INNER)
    assert found.cautions == ()
    assert found.reasons == {}
    assert found.voxels == {"drawn": 294, "interpolated": 294, "limited": 294}
    assert tuple(found.values) == QUICK.names()


@pytest.mark.parametrize(
    ("volume", "mask", "told"),
    [
        (image(0.0), INNER, "the region is flat: every voxel is"),
        (image(), box(slice(4, 6), slice(5, 8), slice(5, 8)), "18 voxels, fewer than 64"),
        (image(20000.0), INNER, "more than 256 grey levels: original"),
        (image(), box(slice(0, 4), slice(5, 12), slice(5, 12)), "reaches the first slice of the image"),
        (image(), box(slice(2, 8), slice(5, 12), slice(15, 20)), "reaches the last column of the image"),
    ],
)
def test_cautions(volume: Volume, mask: np.ndarray, told: str) -> None:
    assert told in "; ".join(QUICK.measure(volume, mask).cautions)


def test_a_region_that_holds_what_fills_the_corners_may_be_cut() -> None:
    values = image().values.copy()
    values[:, :2], values[:, -2:], values[3, 5:7, 5:7] = -2048, -2048, -2048
    found = QUICK.measure(Volume(values, image().grid), INNER)
    assert "4 voxels hold -2048, which fills the image's corners" in "; ".join(found.cautions)


def test_limits_are_counted_step_by_step() -> None:
    ibsi = Ibsi(Preparation((3, 4, 4), value_range=(-50, 50)), CONFIGURATIONS["C"].bins)
    voxels = ibsi.measure(image(), INNER).voxels
    assert voxels["drawn"] == 294
    assert voxels["drawn"] > voxels["interpolated"] > voxels["limited"] > 0


def test_values_that_are_not_finite_near_the_region_are_refused() -> None:
    values = image().values.copy()
    values[2, 4, 5] = np.nan  # beside the region: only the sub-bands and an interpolation look there
    beside = Volume(values, image().grid)
    QUICK.measure(beside, INNER)
    with pytest.raises(InputError, match="not finite"):
        PyRadiomics().measure(beside, INNER)
    with pytest.raises(InputError, match="not finite"):
        CONFIGURATIONS["B"].measure(beside, INNER)


def test_hashes_tell_values_and_places_apart_and_files_not() -> None:
    here = image()
    moved = Volume(here.values, Grid.from_axes(SHAPE, spacing_zyx_mm=(3, 2, 2), origin_lps_mm=(1, 0, 0)))
    other = here.values.copy()
    other[0, 0, 0] += 1
    assert hash_of_image(here) == hash_of_image(Volume(here.values.astype(np.int16), here.grid))
    assert len({hash_of_image(one) for one in (here, moved, Volume(other, here.grid))}) == 3
    assert hash_of_mask(INNER, here) != hash_of_mask(~INNER, here)


def test_every_column_is_in_the_dictionary_with_its_code_where_the_ibsi_has_one() -> None:
    entries = dictionary(PyRadiomics())
    assert [one.column for one in entries] == list(PyRadiomics().names())
    without = {one.column.split("_", 1)[1] for one in entries if not one.ibsi_code}
    assert without == {
        *("shape_Maximum2DDiameterColumn", "shape_Maximum2DDiameterRow", "shape_Maximum2DDiameterSlice"),
        *("firstorder_TotalEnergy", "glcm_MCC"),
    }
    by_name = {one.column: one for one in entries}
    assert by_name["original_firstorder_Mean"].ibsi_code == "Q4LE"
    assert "xyz" in by_name["wavelet-LHH_glszm_LargeAreaEmphasis"].note
    for name in "ABCDE":
        profile = CONFIGURATIONS[name]
        assert all(one.ibsi_code for one in dictionary(profile))
        assert tuple(profile.measure(image(), INNER).values) == profile.names()


def test_filters_stand_in_names_values_and_dictionary() -> None:
    ibsi = Ibsi(Preparation(), CONFIGURATIONS["A"].bins, filters=(Mean(3),))
    found = ibsi.measure(image(), INNER).values
    assert tuple(found) == ibsi.names()
    mean = "mean_3d_support3_mirror_stat_mean"
    padded = image().values
    expected = [padded[k - 1 : k + 2, j - 1 : j + 2, i - 1 : i + 2].mean() for k, j, i in np.argwhere(INNER)]
    assert found[mean] == pytest.approx(np.mean(expected))
    assert {one.column: one.ibsi for one in dictionary(ibsi)}[mean] == "stat_mean"
