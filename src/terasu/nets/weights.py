"""How weights begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterable

SPREAD = 0.02
_CONVOLUTIONS = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Linear)


def begin_normal(network: nn.Module, *, seed: int, spread: float = SPREAD) -> None:
    """Draw every weight from N(0, spread²), set every bias to 0; the same seed gives the same bits on CPU.

    Args:
        network: changed in place; learned scales of a normalisation keep their 1.
        seed: of this network alone, whatever was drawn before.
        spread: standard deviation.
    Source: Zhu et al., ICCV 2017, appendix 7.1: N(0, 0.02)
    """
    chance = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, _CONVOLUTIONS):
                drawn = torch.randn(module.weight.shape, generator=chance) * spread
                module.weight.copy_(drawn)
                if module.bias is not None:
                    module.bias.zero_()


def shrink(layer: nn.Conv2d | nn.Conv3d, factor: float) -> None:
    """Multiply a layer's weights: a residual network then begins near the identity, at 0 exactly on it."""
    with torch.no_grad():
        layer.weight.mul_(factor)
        if layer.bias is not None:
            layer.bias.mul_(factor)


def set_trainable(networks: Iterable[nn.Module], trainable: bool) -> None:
    """Switch the gradient of whole networks on or off."""
    for network in networks:
        network.requires_grad_(trainable)
