"""What every model of image improvement is: something the loop can train, and one network that is applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import nn, optim

from terasu.enhance.models.configuration import Configuration
from terasu.enhance.models.hu import WINDOWS, HuNetwork
from terasu.learn.trainable import Trainable, Turn
from terasu.nets.patch_discriminator import PatchDiscriminator
from terasu.nets.residual_unet import ResidualUnet
from terasu.nets.resnet_generator import ResnetGenerator, reach_px
from terasu.nets.weights import begin_normal, shrink

APPLIED = "to_target"
"""Name of the network that is applied."""
_START_SMALL = 0.05


class Model(Trainable, Protocol):
    """A model in training; batches hold ``source`` and ``target`` (or ``truth`` and ``body``) in HU."""

    paired: bool
    """True where every source has its truth on the same grid."""

    @property
    def terms(self) -> Mapping[str, float]:
        """Loss term → weight, 0 where it is off."""

    @property
    def cautions(self) -> tuple[str, ...]:
        """What its card has to say."""


def residual_generator(configuration: Configuration, *, seed: int, device: torch.device) -> HuNetwork:
    """A generator that begins near the identity."""
    network = configuration.network
    inner = ResnetGenerator(WINDOWS, 1, base=network.base, blocks=network.blocks)
    begin_normal(inner, seed=seed)
    shrink(inner.last, _START_SMALL)
    return HuNetwork(inner, latent_noise=configuration.latent_noise).to(device)


def applied_network(configuration: Configuration) -> HuNetwork:
    """The network that ``weights.safetensors`` belongs to, without its weights."""
    network = configuration.network
    if configuration.model != "unet":
        return HuNetwork(ResnetGenerator(WINDOWS, 1, base=network.base, blocks=network.blocks))
    slices = 2 * configuration.images.neighbours + 1
    return HuNetwork(ResidualUnet(2, WINDOWS * slices, 1, widths=network.widths))


def side_multiple(configuration: Configuration) -> int:
    """Rows and columns that the applied network takes are multiples of this."""
    return 4 if configuration.model != "unet" else int(2 ** (len(configuration.network.widths) - 1))


def least_side_px(configuration: Configuration) -> int:
    """A narrower image is refused: the receptive field, or the samples' size where that is smaller."""
    network = configuration.network
    reach = reach_px(network.blocks) if configuration.model != "unet" else 2 ** (len(network.widths) + 2)
    return min(reach, configuration.images.size_px)


def patch_judge(configuration: Configuration, *, seed: int, device: torch.device) -> PatchDiscriminator:
    """A discriminator of both windows."""
    network = configuration.network
    judge = PatchDiscriminator(WINDOWS, base=network.judge_base, strided=network.judge_strided)
    begin_normal(judge, seed=seed)
    return judge.to(device)


def adam_turn(
    name: str, networks: Mapping[str, nn.Module], learns: tuple[str, ...], configuration: Configuration
) -> Turn:
    """One turn with Adam (0.5, 0.999). Source: Zhu et al., ICCV 2017, section 4"""
    rate = configuration.training.learning_rate
    parameters = [one for learner in learns for one in networks[learner].parameters()]
    fused = bool(parameters) and parameters[0].is_cuda
    return Turn(name, optim.Adam(parameters, lr=rate, betas=(0.5, 0.999), fused=fused), learns, rate)


def linear_decay(step: int, configuration: Configuration) -> float:
    """1 up to ``decay_from`` of the steps, then linearly towards 0."""
    steps, start = configuration.training.steps, configuration.training.decay_from
    first = round(start * steps)
    return 1.0 if step < first else max(0.0, (steps - step) / max(steps - first, 1))
