"""A trained model on whole volumes: slabs, field of view, calibration, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from made_models import CPU, small
from made_prepared import disc, write_made
from terasu.enhance.contract import Context
from terasu.enhance.models.apply import improve
from terasu.enhance.models.arm import ModelArm
from terasu.enhance.models.calibration import Calibration, fit_to_others, fit_to_truth
from terasu.enhance.models.contract import APPLIED
from terasu.enhance.models.registry import build
from terasu.enhance.models.trained import TrainedModel, load_trained, save_trained
from terasu.enhance.models.validate import validate
from terasu.errors import EnhanceError, InputError, TerasuError
from terasu.learn.card import ModelCard
from terasu.nets.weights import shrink
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume

SPACING = (3.0, 2.0, 2.0)


def card_of(model: str, *, calibration: Calibration | None = None) -> ModelCard:
    configuration = small(model, images={"size_px": 32, "neighbours": 1 if model == "unet" else 0})
    line = (calibration or Calibration()).as_dict()
    told = configuration.model_dump()
    return ModelCard(model, "test", "CBCT", (2.0, 2.0), told, "0", {}, {}, 1, {}, line, {})


def trained(
    folder: Path, model: str = "cyclegan", *, silent: bool = False, calibration: Calibration | None = None
) -> TrainedModel:
    card = card_of(model, calibration=calibration)
    network = build(small(model), CPU).networks[APPLIED]
    if silent:
        shrink(network.inner.last, 0.0)  # type: ignore[arg-type,union-attr]
    save_trained(folder, network.state_dict(), card)
    return load_trained(folder)


def volume(shape: tuple[int, int, int] = (6, 48, 52), *, spacing: tuple[float, ...] = SPACING) -> Volume:
    chance = np.random.default_rng(0)
    values = np.full(shape, -1000.0, np.float32)
    body = disc(min(shape[1:]) - 8)
    tissue = 100 * chance.standard_normal((shape[0], body.sum()))
    values[:, 4 : 4 + len(body), 4 : 4 + len(body)][:, body] = tissue
    values[1, 12, 12], values[2, 12, 12] = 3071, -1024
    return Volume(values, Grid.from_axes(shape, spacing_zyx_mm=spacing), "HU", Source("CT"))


def everywhere_but_the_rim(image: Volume) -> np.ndarray:
    where = np.zeros(image.values.shape, bool)
    where[:, 8:-8, 8:-8] = True
    return where


@pytest.mark.parametrize("model", ["cyclegan", "cut", "unet"])
@pytest.mark.parametrize("spacing", [SPACING, (3.0, 1.0, 1.1)], ids=["its pixels", "other pixels"])
def test_nothing_changes_outside_and_something_inside(
    tmp_path: Path, model: str, spacing: tuple[float, ...]
) -> None:
    image = volume((6, 96, 100), spacing=spacing)
    where = everywhere_but_the_rim(image)
    made = improve(image, trained(tmp_path, model, calibration=Calibration(1.1, 7.0)), where)
    assert np.array_equal(made[~where], image.values[~where])
    assert (made[where] != image.values[where]).mean() > 0.9
    assert np.isfinite(made).all()


@pytest.mark.parametrize("model", ["cyclegan", "unet"])
@pytest.mark.parametrize("spacing", [SPACING, (3.0, 1.0, 1.1)], ids=["its pixels", "other pixels"])
def test_a_network_that_says_nothing_changes_nothing(
    tmp_path: Path, model: str, spacing: tuple[float, ...]
) -> None:
    image = volume((4, 96, 100), spacing=spacing)
    made = improve(image, trained(tmp_path, model, silent=True), np.ones(image.values.shape, bool))
    assert np.array_equal(made, image.values)


@pytest.mark.parametrize("model", ["cyclegan", "unet"])
def test_the_size_of_the_slabs_does_not_matter(tmp_path: Path, model: str) -> None:
    image, applied = volume(), trained(tmp_path, model)
    where = everywhere_but_the_rim(image)
    whole = improve(image, applied, where, slab=6)
    assert np.abs(improve(image, applied, where, slab=1) - whole).max() < 0.01


def test_nothing_falls_below_the_lowest_ct_number_and_bone_is_not_cut(tmp_path: Path) -> None:
    line = Calibration(3.0, -900.0)
    image = volume()
    made = improve(image, trained(tmp_path, silent=True, calibration=line), everywhere_but_the_rim(image))
    assert made.min() == -1024
    assert made.max() == pytest.approx(3 * 3071 - 900)


def test_the_image_that_came_in_is_left_alone(tmp_path: Path) -> None:
    image = volume()
    before = image.values.copy()
    improve(image, trained(tmp_path), everywhere_but_the_rim(image))
    assert np.array_equal(before, image.values)


def with_nan() -> Volume:
    image = volume()
    image.values[0, 0, 0] = np.nan
    return image


def of_modality(modality: str) -> Volume:
    image = volume()
    return replace(image, source=Source(modality))


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (of_modality("MR"), "another kind"),
        (replace(volume(), unit="Gy"), "another kind"),
        (with_nan(), "no numbers"),
        (replace(volume(), values=np.full((6, 48, 52), -1000.0)), "nothing but air"),
        (replace(volume(), values=np.abs(volume().values)), "not in HU"),
        (volume((6, 16, 52)), "narrower"),
        (volume(spacing=(3.0, 9.0, 2.0)), "too far"),
    ],
    ids=["MR", "dose", "NaN", "air", "MR given as CT", "narrow", "coarse"],
)
def test_what_does_not_fit_is_refused_in_four_parts(tmp_path: Path, image: Volume, why: str) -> None:
    with pytest.raises(EnhanceError, match=why) as found:
        improve(image, trained(tmp_path), np.ones(image.values.shape, bool))
    assert found.value.got
    assert found.value.expected
    assert found.value.todo


def test_weights_of_another_card_are_refused(tmp_path: Path) -> None:
    trained(tmp_path / "one")
    trained(tmp_path / "other", silent=True)
    weights = (tmp_path / "other" / "weights.safetensors").read_bytes()
    (tmp_path / "one" / "weights.safetensors").write_bytes(weights)
    with pytest.raises(InputError, match="not those that the card"):
        load_trained(tmp_path / "one")


def test_a_folder_without_a_card_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model with a card"):
        load_trained(tmp_path)


def test_the_card_says_that_it_is_not_for_clinical_use(tmp_path: Path) -> None:
    trained(tmp_path)
    assert "Not for clinical use" in (tmp_path / "card.md").read_text(encoding="utf-8")


def test_a_model_is_an_arm_and_leaves_the_rest_to_the_planning_ct(tmp_path: Path) -> None:
    image = volume((8, 64, 64))
    view = np.zeros(image.values.shape, bool)
    view[:, 10:54, 10:54] = True
    body = image.values > -500
    planning = image.with_values(np.where(body, 50.0, -1000.0).astype(np.float32))
    arm = ModelArm(trained(tmp_path))
    made = arm.apply(image, Context(planning, None, view, body, np.ones_like(view)))
    assert np.array_equal(made.filled, ~view)
    assert np.array_equal(made.volume.values[~view], planning.values[~view])
    seen_air = view & ~body
    assert np.array_equal(made.volume.values[seen_air], np.maximum(image.values, -1000)[seen_air])
    assert (made.volume.values != image.values)[view & body].mean() > 0.9
    assert "model_cyclegan" in made.volume.source.made_by
    again = arm.apply(image, Context(planning, None, view, body, np.ones_like(view)))
    assert np.array_equal(made.volume.values, again.volume.values)


def test_the_last_line_is_found_again() -> None:
    truth = [np.linspace(-200, 900, 800), np.linspace(-100, 300, 700)]
    made = [(one - 30) / 1.1 for one in truth]
    found = fit_to_truth(made, truth)
    assert (found.slope, found.offset_hu) == pytest.approx((1.1, 30))
    assert (found.patients, found.voxels) == (2, 1500)


def test_unpaired_patients_give_an_offset_and_no_slope() -> None:
    chance = np.random.default_rng(1)
    made = [chance.normal(-20, 40, 4000)]
    found = fit_to_others(made, [chance.normal(30, 40, 4000)])
    assert found.slope == 1.0
    assert found.offset_hu == pytest.approx(50, abs=4)


def test_too_little_tissue_is_refused() -> None:
    with pytest.raises(TerasuError, match="too little tissue"):
        fit_to_truth([np.zeros(10)], [np.zeros(10)])


def test_validation_takes_a_constant_error_away_and_says_how_large_it_was(tmp_path: Path) -> None:
    applied = trained(tmp_path / "model", silent=True).applied
    cases = [write_made(tmp_path / "cases", n, shape=(4, 40, 40), off_hu=-150) for n in range(2)]
    found = validate(applied, cases)
    assert found.measured["raw ME [HU]"] == pytest.approx(-150, abs=5)
    assert abs(found.measured["ME [HU]"]) < 1
    assert found.measured["MAE [HU]"] < 0.4 * found.measured["raw MAE [HU]"]
    assert found.calibration.patients == 2


def test_the_device_of_a_model_is_where_its_weights_are(tmp_path: Path) -> None:
    applied = trained(tmp_path).applied
    assert {one.device for one in applied.network.parameters()} == {torch.device("cpu")}
