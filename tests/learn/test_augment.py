"""Augmentation, image pool, running mean: known motions, known memory."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from terasu.learn.augment import Augmentation, augmented
from terasu.learn.ema import MeanWeights
from terasu.learn.image_pool import ImagePool


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def square() -> torch.Tensor:
    image = torch.full((1, 1, 33, 65), -1000.0)
    image[..., 12:21, 24:41] = 100.0
    return image


def test_nothing_asked_for_changes_nothing() -> None:
    assert torch.equal(augmented({"image": square()}, Augmentation(), chance())["image"], square())


def test_image_and_mask_move_alike_and_air_comes_in_from_outside() -> None:
    settings = Augmentation(shift=0.1, rotation_deg=20, scale=0.1)
    for seed in range(8):
        batch = {"image": square(), "body": (square() > 0).float()}
        out = augmented(batch, settings, chance(seed))
        apart = (out["image"] > -450) != (out["body"] > 0.5)
        assert apart.float().mean() < 0.02
        assert out["image"].min() >= -1000 - 1e-3
        assert set(out["body"].unique().tolist()) <= {0.0, 1.0}


def test_a_turn_keeps_lengths_in_an_oblong_image() -> None:
    out = augmented({"image": square()}, Augmentation(rotation_deg=20), chance(3))["image"]
    assert float((out > -450).sum()) == pytest.approx(9 * 17, rel=0.06)
    assert not torch.allclose(out, square(), atol=50)


def test_a_patch_of_three_dimensions_moves_slice_by_slice() -> None:
    flat = augmented({"image": square()}, Augmentation(rotation_deg=20, shift=0.1), chance(1))["image"]
    deep = square()[:, :, None].repeat(1, 1, 3, 1, 1)
    out = augmented({"image": deep}, Augmentation(rotation_deg=20, shift=0.1), chance(1))["image"]
    assert out.shape == deep.shape
    assert torch.allclose(out[:, :, 1], flat)


def test_noise_is_on_the_image_alone_and_repeats() -> None:
    batch = {"image": square(), "truth": square()}
    one, two = (augmented(batch, Augmentation(noise_hu=30), chance(2)) for _ in range(2))
    assert torch.equal(one["image"], two["image"])
    assert 0 < float((one["image"] - square()).std()) < 30
    assert torch.equal(one["truth"], square())


def test_the_pool_gives_each_image_once_while_it_fills_and_older_ones_afterwards() -> None:
    torch.manual_seed(0)
    pool = ImagePool(5)
    first = torch.arange(5.0).view(5, 1)
    assert torch.equal(pool.exchange(first), first)
    later = pool.exchange(torch.arange(100.0, 140).view(40, 1))
    assert 5 < int((later != torch.arange(100.0, 140).view(40, 1)).sum()) < 35
    again = ImagePool(5)
    again.restore(pool.state(), torch.device("cpu"))
    torch.manual_seed(1)
    one = pool.exchange(first)
    torch.manual_seed(1)
    assert torch.equal(again.exchange(first), one)


def test_a_pool_of_nothing_passes_images_through() -> None:
    images = torch.rand(3, 1)
    assert ImagePool(0).exchange(images) is images


def test_the_running_mean_follows_and_lags() -> None:
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    mean = MeanWeights({"net": net}, decay=0.5)
    nn.init.ones_(net.weight)
    mean.update({"net": net}, step=100)
    mean.update({"net": net}, step=101)
    assert float(mean.of("net")["weight"]) == pytest.approx(0.75)
