"""Scores against an independent tool, by laws, and arms compared by patient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from made_body import made_body, made_cbct
from terasu.enhance.compare import Scored, gain_over_classical, means
from terasu.enhance.measure import HU_RANGE
from terasu.enhance.multi_scale_ssim import ms_ssim
from terasu.enhance.scores import RANGES_HU, Score, scores_of, shading_hu
from terasu.enhance.tissue import is_tissue
from terasu.errors import EnhanceError, GeometryError
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume

MADE = made_body()
BODY = MADE.body


def plain_volume(values: np.ndarray) -> Volume:
    grid = Grid.from_axes(values.shape, spacing_zyx_mm=(1, 1, 1), origin_lps_mm=(0, 0, 0))
    return Volume(values.astype(np.float64), grid, "HU", Source())


def waves() -> tuple[Volume, Volume]:
    """Two slices of 192 × 208 of waves, and the same with noise and a slope."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:192, :208]
    first = 300 * np.sin(y / 9) + 200 * np.cos(x / 13) + 100
    second = first + rng.normal(0, 80, first.shape) + 0.3 * x
    return plain_volume(np.stack([first, first])), plain_volume(np.stack([second, second]))


# pytorch_msssim 1.0.0 on the slices above: ms_ssim(a, b, data_range=high + 1024, win=…), window in float64
@pytest.mark.parametrize(("high", "expected"), [(3000.0, 0.9670929104475137), (3071.0, 0.9677956343519769)])
def test_ms_ssim_is_that_of_pytorch_msssim(high: float, expected: float) -> None:
    first, second = waves()
    found = ms_ssim(second, first, np.ones(first.values.shape, bool), hu_range=(-1024.0, high))
    assert found.value == pytest.approx(expected, abs=1e-9)
    assert found.scales == 5


def test_ms_ssim_of_an_image_with_itself_is_1_and_falls_with_noise() -> None:
    assert ms_ssim(MADE.ct, MADE.ct, BODY).value == pytest.approx(1)
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(MADE.ct.values.shape)
    worse = [
        ms_ssim(MADE.ct.with_values(MADE.ct.values + sigma * noise), MADE.ct, BODY).value
        for sigma in (20, 60, 180)
    ]
    assert 1 > worse[0] > worse[1] > worse[2] > 0


def test_small_slices_take_fewer_scales_and_tiny_ones_are_refused() -> None:
    small = plain_volume(np.random.default_rng(0).normal(0, 50, (2, 24, 24)))
    assert ms_ssim(small, small, np.ones((2, 24, 24), bool)).scales == 2
    tiny = plain_volume(np.zeros((2, 8, 30)))
    with pytest.raises(EnhanceError, match="too small"):
        ms_ssim(tiny, tiny, np.ones((2, 8, 30), bool))
    with pytest.raises(EnhanceError, match="no voxel"):
        ms_ssim(small, small, np.zeros((2, 24, 24), bool))


def test_a_perfect_image_scores_perfectly_against_the_reference() -> None:
    raw = made_cbct(MADE.ct)[0]
    for score in scores_of(MADE.ct, raw, MADE.ct, BODY):
        if score.against == "reference":
            assert score.value == pytest.approx(score.best, abs=1e-5), score.name
        elif score.name.startswith("dig"):
            assert score.value > 1, "nothing is like the raw image"


def test_names_say_the_range_and_nothing_stands_twice() -> None:
    found = scores_of(made_cbct(MADE.ct)[0], made_cbct(MADE.ct)[0], MADE.ct, BODY)
    names = [(one.name, one.against) for one in found]
    assert len(names) == len(set(names))
    for low, high in RANGES_HU:
        assert sum(name.endswith(f".{low:g}…{high:g}") for name, _ in names) == 3
    by_name = {one.name: one.value for one in found}
    assert by_name["psnr.-1024…3071"] > by_name["psnr.-1024…3000"], "a larger peak flatters"
    assert HU_RANGE in RANGES_HU


def test_distortion_against_the_input_punishes_denoising_and_smoothing_does_less() -> None:
    noisy = MADE.ct.with_values(
        MADE.ct.values + np.random.default_rng(3).normal(0, 40, MADE.ct.values.shape).astype(np.float32)
    )
    found = {(s.name, s.against): s.value for s in scores_of(MADE.ct, noisy, MADE.ct, BODY)}
    assert found["dig", "input"] > 10
    assert found["dig.smoothed_2_mm", "input"] < 0.5 * found["dig", "input"]
    assert found["dig", "reference"] == 0


def test_shading_sees_a_slope_and_no_offset() -> None:
    soft = is_tissue(MADE.ct.values, "soft") & BODY
    shape = MADE.ct.values.shape
    slope = np.broadcast_to(np.linspace(-50, 50, shape[2]), shape).astype(np.float32)
    lifted = MADE.ct.with_values(MADE.ct.values + 70)
    tilted = MADE.ct.with_values(MADE.ct.values + slope)
    assert shading_hu(lifted, MADE.ct, BODY) == pytest.approx(0, abs=1e-3)
    low, high = np.percentile(slope[soft], (5, 95))
    assert shading_hu(tilted, MADE.ct, BODY) == pytest.approx(high - low, rel=0.25)


def test_other_grids_and_empty_masks_are_refused() -> None:
    with pytest.raises(EnhanceError, match="no voxel"):
        scores_of(MADE.ct, MADE.ct, MADE.ct, np.zeros_like(BODY))
    with pytest.raises(GeometryError):
        scores_of(MADE.ct, MADE.ct, plain_volume(np.zeros((3, 30, 30))), BODY)


def scored(arm: str, values: dict[str, float], best: float = 0.0) -> list[Scored]:
    return [
        Scored(arm, patient, (Score("mae", value, "HU", "reference", best),))
        for patient, value in values.items()
    ]


RAW = scored("raw", {"a": 90, "b": 110, "c": 100, "d": 95})
SHADING = scored("shading_correction", {"a": 40, "b": 50, "c": 45, "d": 42})


def test_the_gain_is_taken_over_the_best_classical_arm_patient_by_patient() -> None:
    model = scored("unet", {"a": 30, "b": 41, "c": 33, "d": 34})
    found = gain_over_classical(
        [*RAW, *SHADING, *model], "unet", ("raw", "shading_correction"), "mae", "reference"
    )
    assert found.over == "shading_correction"
    assert found.gain.value == pytest.approx(np.mean([10, 9, 12, 8]))
    assert 8 <= found.gain.lower < found.gain.upper <= 12
    assert found.sentence == "unet beats shading_correction."


def test_a_model_that_does_not_win_is_said_not_to() -> None:
    equal = scored("unet", {"a": 50, "b": 41, "c": 50, "d": 40})
    worse = scored("gan", {"a": 60, "b": 70, "c": 61, "d": 66})
    everybody = [*RAW, *SHADING, *equal, *worse]
    classical = ("raw", "shading_correction")
    for model, said in (("unet", "is not shown to beat"), ("gan", "is worse than")):
        found = gain_over_classical(everybody, model, classical, "mae", "reference")
        assert said in found.sentence


def test_one_patient_proves_nothing_however_many_images_he_has() -> None:
    raw = scored("raw", {"a": 90}) * 20
    model = scored("unet", {"a": 10}) * 20
    found = gain_over_classical([*raw, *model], "unet", ("raw",), "mae", "reference")
    assert found.gain.patients == 1
    assert np.isnan(found.gain.lower)
    assert "not known" in found.sentence


def test_measures_that_should_rise_and_those_that_should_be_zero() -> None:
    high = [replace(one, scores=(replace(one.scores[0], best=np.inf),)) for one in (*RAW, *SHADING)]
    assert gain_over_classical(high, "raw", ("shading_correction",), "mae", "reference").gain.value > 0
    below = scored("low", {"a": -30, "b": -30})
    above = scored("high", {"a": 20, "b": 20})
    found = gain_over_classical([*below, *above], "high", ("low",), "mae", "reference")
    assert found.gain.value == pytest.approx(10), "−30 HU is as far off as 30 HU"


def test_means_count_patients_not_images() -> None:
    many = [*scored("raw", {"a": 10}) * 9, *scored("raw", {"b": 30})]
    (found,) = means(many)
    assert found.mean.value == pytest.approx(20)
    assert found.mean.patients == 2


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(EnhanceError, match="cannot be compared"):
        gain_over_classical(RAW, "unet", ("raw",), "mae", "reference")
    with pytest.raises(EnhanceError, match="no patient"):
        gain_over_classical([*RAW, *scored("unet", {"z": 1})], "unet", ("raw",), "mae", "reference")
    with pytest.raises(EnhanceError, match="Nothing was scored"):
        means([])
