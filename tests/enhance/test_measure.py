"""Measures against their formulas, scikit-image, and edges moved by a known amount."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from made_body import made_body
from terasu.enhance import measure
from terasu.enhance.tissue import TISSUES, find_lungs, is_tissue
from terasu.errors import EnhanceError, GeometryError
from terasu.patient.volume import Volume

MADE = made_body()


def shifted(by_px: int) -> Volume:
    return MADE.ct.with_values(np.roll(MADE.ct.values, by_px, axis=2))


def test_hu_error_by_tissue() -> None:
    off = MADE.ct.with_values(MADE.ct.values + np.where(is_tissue(MADE.ct.values, "soft"), 30, -10))
    found = measure.hu_error_by_tissue(off, MADE.ct, MADE.body)
    assert found["soft"].mean_hu == pytest.approx(30, abs=1e-3)
    assert found["fat"].mean_hu == pytest.approx(-10, abs=1e-3)
    assert found["fat"].mean_absolute_hu == pytest.approx(10, abs=1e-3)
    assert sum(error.voxels for error in found.values()) == MADE.body.sum()
    nothing = measure.hu_error(off, MADE.ct, np.zeros_like(MADE.body))
    assert nothing.voxels == 0 and np.isnan(nothing.mean_hu)


def test_every_hu_has_one_tissue() -> None:
    values = np.linspace(-1100, 3000, 4101)
    assert (sum(is_tissue(values, tissue).astype(int) for tissue in TISSUES) == 1).all()


def test_psnr_and_ssim_agree_with_scikit_image() -> None:
    noisy = MADE.ct.with_values(MADE.ct.values + np.random.default_rng(0).normal(0, 60, MADE.ct.values.shape))
    everything = np.ones_like(MADE.body)
    low, high = measure.HU_RANGE
    pair = [np.clip(volume.values, low, high).astype(np.float64) for volume in (MADE.ct, noisy)]
    assert measure.psnr_db(noisy, MADE.ct, everything) == pytest.approx(
        peak_signal_noise_ratio(*pair, data_range=high - low), abs=1e-3
    )
    _, full = structural_similarity(*pair, data_range=high - low, full=True)
    assert measure.ssim(noisy, MADE.ct, MADE.body) == pytest.approx(full[MADE.body].mean(), abs=2e-3)
    assert measure.psnr_db(MADE.ct, MADE.ct, everything) == np.inf
    assert measure.ssim(MADE.ct, MADE.ct, MADE.body) == pytest.approx(1, abs=1e-5)


def test_gradient_change() -> None:
    ramp = MADE.ct.with_values(MADE.ct.values + 5 * np.arange(96, dtype=np.float32))
    flat = MADE.ct.with_values(np.zeros_like(MADE.ct.values))
    steep = MADE.ct.with_values(5 * np.indices(MADE.ct.values.shape)[2].astype(np.float32))
    assert measure.gradient_change_hu_per_px(steep, flat, MADE.body) == pytest.approx(5, abs=1e-3)
    assert measure.gradient_change_hu_per_px(MADE.ct, MADE.ct, MADE.body) == 0
    assert 0 < measure.gradient_change_hu_per_px(ramp, MADE.ct, MADE.body) <= 5


@pytest.mark.parametrize("by_px", [0, 2, 4])
def test_edges_moved_by_a_known_amount(by_px: int) -> None:
    found = measure.edge_shift_95_mm(shifted(by_px), MADE.ct, np.ones_like(MADE.body), smooth_mm=3)
    assert found <= by_px * 3.5 + 1e-3
    assert found >= (by_px - 1) * 3.5


def test_scaling_moves_no_edges() -> None:
    scaled = MADE.ct.with_values((MADE.ct.values + 1000) * 1.2 - 1000)
    assert measure.edge_shift_95_mm(scaled, MADE.ct, MADE.body) < 0.1


def test_refusals() -> None:
    flat = MADE.ct.with_values(np.zeros_like(MADE.ct.values))
    with pytest.raises(EnhanceError):
        measure.edge_shift_95_mm(flat, MADE.ct, MADE.body)
    other = Volume(flat.values, flat.grid.with_spacing((3.0, 3.5, 3.5)).crop((0, 0, 0), flat.grid.shape_zyx))
    assert measure.hu_error(other, flat, MADE.body).mean_hu == 0
    with pytest.raises(GeometryError):
        measure.hu_error(flat.crop((0, 0, 0), (40, 88, 96)), MADE.ct, MADE.body[:40])


def test_lungs_are_found_and_gas_is_not() -> None:
    lungs = find_lungs(MADE.ct.values, MADE.body, MADE.ct.grid)
    assert lungs[MADE.structures["Lungs"] & MADE.body].mean() > 0.95
    assert not lungs[(MADE.ct.values < -960) & MADE.body].any()
