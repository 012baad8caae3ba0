"""MR intensities made comparable: on a real brain, and refused where nothing can be read from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage.filters import threshold_otsu

from terasu.errors import GeometryError, InputError
from terasu.patient.grid import Grid
from terasu.patient.volume import Volume
from terasu.patient.volume_file import read_volume_file
from terasu.radiomics.mr_normalise import METHODS, normalise, otsu_threshold

GRID = Grid.from_axes((6, 30, 30), spacing_zyx_mm=(3, 1, 1))


def head(seed: int = 0) -> tuple[Volume, np.ndarray]:
    """Air, a grey and a white tissue."""
    rng = np.random.default_rng(seed)
    values = np.abs(rng.normal(0, 5, GRID.shape_zyx))
    mask = np.zeros(GRID.shape_zyx, bool)
    mask[:, 5:25, 5:25] = True
    values[:, 5:15, 5:25] = rng.normal(300, 20, (6, 10, 20))
    values[:, 15:25, 5:25] = rng.normal(500, 20, (6, 10, 20))
    return Volume(values, GRID, "1"), mask


@pytest.fixture(scope="module", params=["t1c", "t2"])
def brain(request: pytest.FixtureRequest, shared_data: Path) -> Volume:
    return read_volume_file(shared_data / "brain_mr" / f"TCGA-FG-6692_{request.param}.nii.gz", unit="1")


@pytest.mark.parametrize("method", METHODS)
def test_a_scanners_gain_and_offset_do_not_count(method, brain: Volume) -> None:
    inside = brain.values > 0
    other = brain.with_values(3.7 * brain.values.astype(np.float64) + 120)
    first, second = (normalise(one, method, mask=inside) for one in (brain, other))
    np.testing.assert_allclose(second.image.values, first.image.values, atol=1e-4)
    assert second.done["subtracted"] == pytest.approx(3.7 * first.done["subtracted"] + 120, rel=1e-6)


def test_the_mean_of_a_real_brain_is_0_and_its_spread_1(brain: Volume) -> None:
    inside = brain.values > 0
    found = normalise(brain, mask=inside, scale=100.0)
    assert found.image.values[inside].mean() == pytest.approx(0, abs=1e-2)
    assert found.image.values[inside].std() == pytest.approx(100, rel=1e-4)
    assert found.image.unit == "1"
    assert found.done["voxels"] == np.count_nonzero(inside)
    assert found.done["read_from"] == "mask" and "threshold" not in found.done


def test_what_was_done_can_be_undone(brain: Volume) -> None:
    found = normalise(brain, "percentile")
    done = found.done
    back = found.image.values * done["divided_by"] / done["scale"] + done["subtracted"]
    np.testing.assert_allclose(back, brain.values, atol=1e-2, rtol=1e-5)
    assert done["normalisation"] == "percentile" and done["read_from"] == "foreground"


def test_otsus_threshold_is_that_of_scikit_image(brain: Volume) -> None:
    width = np.ptp(brain.values.astype(np.float64)) / 256
    assert otsu_threshold(brain.values) == pytest.approx(threshold_otsu(brain.values), abs=width)
    chosen = np.count_nonzero(brain.values > otsu_threshold(brain.values))
    assert 0.3 < chosen / np.count_nonzero(brain.values > 0) <= 1


def test_without_a_mask_the_background_does_not_count() -> None:
    image, mask = head()
    found, wanted = normalise(image), normalise(image, mask=mask)
    assert found.done["subtracted"] == pytest.approx(wanted.done["subtracted"], rel=0.02)
    assert 10 < found.done["threshold"] < 300


def test_the_white_stripe_lies_on_the_brightest_large_peak() -> None:
    image, mask = head()
    found = normalise(image, "white-stripe", mask=mask)
    assert found.done["subtracted"] == pytest.approx(500, abs=8)
    assert 1 < found.done["divided_by"] < 12


def test_percentiles_become_0_and_1_and_nothing_is_cut_off() -> None:
    image, mask = head()
    found = normalise(image, "percentile", mask=mask).image.values
    assert np.percentile(found[mask], [1, 99]) == pytest.approx([0, 1], abs=1e-6)
    assert found.max() > 1


def test_what_cannot_be_normalised_is_refused() -> None:
    image, mask = head()
    broken = image.values.copy()
    broken[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="not finite") as caught:
        normalise(Volume(broken, GRID), mask=mask)
    assert "1 of 5400" in caught.value.got
    with pytest.raises(InputError, match="flat"):
        normalise(Volume(np.full(GRID.shape_zyx, 7), GRID))
    with pytest.raises(InputError, match="flat"):
        normalise(Volume(np.where(mask, 7.0, 0.0), GRID), mask=mask)
    with pytest.raises(GeometryError):
        normalise(image, mask=mask[1:])
    with pytest.raises(InputError, match="Too few voxels"):
        normalise(image, mask=np.zeros(GRID.shape_zyx, bool))
    with pytest.raises(InputError, match="cannot be done"):
        normalise(image, "white-stripe")
    with pytest.raises(InputError, match="cannot be done"):
        normalise(image, scale=0.0)
