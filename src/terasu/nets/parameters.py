"""How large a network is and how far it sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn


def parameter_count(network: nn.Module) -> int:
    """Number of trainable numbers."""
    return sum(one.numel() for one in network.parameters())


def receptive_field(layers: Iterable[tuple[int, int]]) -> int:
    """Side of the square of input pixels that one output value depends on.

    Args:
        layers: (kernel, stride) from input to output.
    Source: Araujo et al., Distill 2019, doi 10.23915/distill.00021, eq. 2
    """
    field, jump = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump *= stride
    return field


def seen_pixels(network: nn.Module, channels: int, size: int) -> tuple[int, int]:
    """Extent (y, x) of the input that has a gradient from the middle output value: measured, not derived.

    Normalisation over the whole image has to be off (``network.eval()`` does not do that for instance
    normalisation), else everything is seen.
    """
    image = torch.rand((1, channels, size, size), requires_grad=True)
    out = network(image)
    out[0, 0, out.shape[2] // 2, out.shape[3] // 2].backward()
    assert image.grad is not None
    touched = image.grad.abs().sum(dim=(0, 1)) > 0
    rows, columns = torch.where(touched.any(1))[0], torch.where(touched.any(0))[0]
    return int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)
