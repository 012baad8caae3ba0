"""Shapes, sizes of the papers, and receptive fields measured by the gradient."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from terasu.nets.parameters import parameter_count, receptive_field, seen_pixels
from terasu.nets.patch_discriminator import PatchDiscriminator
from terasu.nets.residual_unet import ResidualUnet
from terasu.nets.resnet_generator import ResnetGenerator, reach_px
from terasu.nets.weights import begin_normal, shrink


def without_normalisation(network: nn.Module) -> nn.Module:
    """Every normalisation over the whole image taken out."""
    for name, child in network.named_children():
        if isinstance(child, (nn.InstanceNorm2d, nn.ReLU, nn.LeakyReLU)):
            setattr(network, name, nn.Identity())
        else:
            without_normalisation(child)
    return network


def test_the_generator_has_the_size_of_the_paper() -> None:
    assert round(parameter_count(ResnetGenerator(3, 3)) / 1e6, 3) == 11.378


def test_the_discriminator_has_the_size_of_the_paper() -> None:
    assert round(parameter_count(PatchDiscriminator(3)) / 1e6, 3) == 2.765


@pytest.mark.parametrize(("strided", "side"), [(1, 16), (2, 34), (3, 70)])
def test_the_discriminator_sees_the_patch_that_it_says(strided: int, side: int) -> None:
    network = PatchDiscriminator(1, base=4, strided=strided, normalised=False)
    assert network.receptive_field_px == side
    assert seen_pixels(without_normalisation(network), 1, 160) == (side, side)


def test_the_receptive_field_of_one_layer_is_its_kernel() -> None:
    assert receptive_field([(5, 1)]) == 5


@pytest.mark.parametrize("blocks", [1, 3])
def test_the_generator_sees_no_further_than_it_says(blocks: int) -> None:
    network = without_normalisation(ResnetGenerator(1, 1, base=2, blocks=blocks))
    seen = seen_pixels(network, 1, 160)
    assert reach_px(blocks) - 10 <= max(seen) <= reach_px(blocks)


def test_both_halves_of_the_generator_make_the_whole() -> None:
    network = ResnetGenerator(2, 1, base=4, blocks=3)
    image = torch.rand(1, 2, 32, 24)
    latent = network.encode(image)
    assert latent.shape == (1, 16, 8, 6)
    assert torch.equal(network.decode(latent), network(image))
    assert [one.shape[1] for one in network.features(image, (0, 1, 3))] == [2, 4, 16]


@pytest.mark.parametrize("dims", [2, 3])
def test_the_unet_gives_back_the_size_and_a_result_a_level(dims: int) -> None:
    image = torch.rand((1, 3, *(16,) * dims))
    plain = ResidualUnet(dims, 3, 2, widths=(4, 8, 8))
    assert plain(image).shape == (1, 2, *(16,) * dims)
    deep = ResidualUnet(dims, 3, 2, widths=(4, 8, 8), deep_supervision=True)(image)
    assert [one.shape[-1] for one in deep] == [16, 8]


def test_every_weight_of_the_unet_gets_a_gradient() -> None:
    network = ResidualUnet(2, 1, 1, widths=(4, 8, 8), deep_supervision=True)
    sum(one.square().sum() for one in network(torch.rand(1, 1, 16, 16))).backward()
    assert all(one.grad is not None for one in network.parameters())


def test_weights_begin_with_the_spread_of_the_paper_and_repeat() -> None:
    first, second = ResnetGenerator(1, 1, base=16), ResnetGenerator(1, 1, base=16)
    begin_normal(first, seed=3)
    begin_normal(second, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    drawn = torch.cat([m.weight.detach().flatten() for m in first.modules() if isinstance(m, nn.Conv2d)])
    assert abs(float(drawn.std()) - 0.02) < 2e-4
    assert abs(float(drawn.mean())) < 2e-4


def test_a_last_layer_shrunk_to_nothing_gives_zero() -> None:
    network = ResnetGenerator(1, 1, base=4, blocks=1)
    shrink(network.last, 0.0)
    assert torch.count_nonzero(network(torch.rand(1, 1, 16, 16))) == 0
