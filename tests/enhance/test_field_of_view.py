"""The field of view is found in the values, also after resampling and where air was clipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from made_body import made_body, made_cbct
from terasu.enhance.field_of_view import find_field_of_view
from terasu.errors import EnhanceError
from terasu.patient.grid import Grid
from terasu.patient.resample import resample
from terasu.patient.transform import Rigid
from terasu.patient.volume import Volume

FINE = Grid.from_axes((20, 180, 200), spacing_zyx_mm=(5, 1.7, 1.6), origin_lps_mm=(-160, -152, -60))


@pytest.fixture(scope="module")
def cbct() -> tuple[Volume, np.ndarray]:
    return made_cbct(made_body(grid=FINE).ct)


@pytest.mark.parametrize("radius", [80.0, 110.0, 130.0])
def test_circle_is_found(radius: float) -> None:
    image, view = made_cbct(made_body(grid=FINE).ct, radius_mm=radius)
    found = find_field_of_view(image, edge_mm=0)
    assert found.shape == "circle" and found.radius_mm == pytest.approx(radius, abs=1.7)
    assert found.slices == (0, 19) and found.padding_hu == -1000
    assert np.count_nonzero(found.mask ^ view) < 0.03 * np.count_nonzero(view)


def test_edge_is_left_out(cbct: tuple[Volume, np.ndarray]) -> None:
    whole, inner = (find_field_of_view(cbct[0], edge_mm=edge).mask for edge in (0.0, 4.0))
    assert not (inner & ~whole).any()
    assert inner.sum() / whole.sum() == pytest.approx((106 / 110) ** 2, abs=0.01)


def test_circle_is_found_where_air_in_front_was_clipped(cbct: tuple[Volume, np.ndarray]) -> None:
    image, view = cbct
    values = image.values.copy()
    values[:, :55] = -1000
    found = find_field_of_view(image.with_values(values), edge_mm=0)
    assert found.shape == "circle"
    assert np.count_nonzero(found.mask ^ view) < 0.03 * np.count_nonzero(view)


def test_tilted_cylinder_with_padded_slices(cbct: tuple[Volume, np.ndarray]) -> None:
    """As after a registration in another system: rotated by 4°, more slices than the CBCT has."""
    image, view = cbct
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", [0, 4, 3], degrees=True).as_matrix()
    onto = Grid.from_axes((30, 180, 200), spacing_zyx_mm=(5, 1.7, 1.6), origin_lps_mm=(-160, -152, -85))
    turned = resample(image, onto, through=Rigid(matrix), outside=-1000)
    truth = resample(
        Volume(view, image.grid), onto, through=Rigid(matrix), interpolation="nearest", outside=0
    )
    found = find_field_of_view(turned)
    assert found.shape == "circle" and found.radius_mm == pytest.approx(110, abs=2.5)
    assert found.slices[0] >= 4 and found.slices[1] <= 25
    outside = found.mask & ~truth.values
    assert outside.sum() < 0.04 * found.mask.sum()
    middle = slice(found.slices[0] + 3, found.slices[1] - 2)
    assert (found.mask & truth.values)[middle].sum() > 0.94 * truth.values[middle].sum()


def test_no_padding_means_all(cbct: tuple[Volume, np.ndarray]) -> None:
    noisy = cbct[0].values + np.random.default_rng(0).normal(0, 5, cbct[0].values.shape)
    found = find_field_of_view(cbct[0].with_values(noisy))
    assert found.shape == "whole" and found.mask.all()


def test_air_set_to_a_constant_is_no_truncation() -> None:
    """A CT whose air is exactly −1000: the outline of what is left is the patient, who was seen whole."""
    ct = made_body(grid=FINE).ct
    found = find_field_of_view(ct)
    assert found.shape == "whole" and found.mask.all()


def test_turned_rectangle_is_an_outline(cbct: tuple[Volume, np.ndarray]) -> None:
    noise = np.random.default_rng(0).normal(0, 40, cbct[0].values.shape).astype(np.float32)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("z", 15, degrees=True).as_matrix()
    larger = Grid.from_axes((20, 190, 200), spacing_zyx_mm=(5, 2.3, 2.3), origin_lps_mm=(-230, -218, -60))
    turned = resample(cbct[0].with_values(noise), larger, through=Rigid(matrix), outside=-1000)
    found = find_field_of_view(turned)
    truth = turned.values > -999
    assert found.shape == "outline"
    assert np.count_nonzero(found.mask ^ truth) < 0.01 * truth.sum()


def test_nothing_but_padding_is_refused() -> None:
    with pytest.raises(EnhanceError, match="nothing but"):
        find_field_of_view(Volume(np.full(FINE.shape_zyx, -1000, np.int16), FINE))


def test_real_cbct(pancreas: Path) -> None:
    """Resampled onto the planning CT's grid, front clipped, four slices of padding or blended with it."""
    from terasu.dicom.find import index_folder
    from terasu.dicom.image import read_image

    series = index_folder(pancreas).of_modality("CT")
    found = find_field_of_view(read_image(min(series, key=lambda one: one.n_images)).volume)
    assert found.shape == "circle" and found.radius_mm == pytest.approx(131, abs=1.5)
    assert found.slices == (3, 60)
