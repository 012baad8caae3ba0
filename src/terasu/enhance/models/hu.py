"""From HU to what a network sees, and from what it says back to HU, without bounds."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from terasu.nets.resnet_generator import ResnetGenerator

UNIT_HU = 1000.0
"""One unit of losses and of a network's result."""
WIDE_HU = (-1024.0, 3071.0)
SOFT_HU = (-500.0, 500.0)
WINDOWS = 2


def windows(hu: Tensor) -> Tensor:
    """Two windows of each slice: the whole range, not clipped, and soft tissue, clipped.

    Args:
        hu: (n, c, y, x).
    Returns:
        (n, 2c, y, x), −1 to 1 inside of a window.
    """
    return torch.cat((_scaled(hu, WIDE_HU), _scaled(hu, SOFT_HU).clamp(-1, 1)), dim=1)


def _scaled(hu: Tensor, window: tuple[float, float]) -> Tensor:
    low, high = window
    return (hu - low) * (2 / (high - low)) - 1


class HuNetwork(nn.Module):
    """A network that adds its result to the middle slice: HU in, HU out.

    Where it says 0 the image stays as it is to the last bit, and nothing clips bone or metal.

    Args:
        inner: ``WINDOWS`` channels a slice in, one channel out.
        latent_noise: while training, between encoder and decoder.
    """

    def __init__(self, inner: nn.Module, *, latent_noise: float = 0.0) -> None:
        super().__init__()
        self.inner = inner
        self.latent_noise = latent_noise

    def forward(self, hu: Tensor) -> Tensor:
        """(n, slices, y, x) [HU] → (n, 1, y, x) [HU]."""
        if isinstance(self.inner, ResnetGenerator):
            return self.decode(self.encode(hu), hu)
        return _added(hu, self.inner(windows(hu)))

    def encode(self, hu: Tensor) -> Tensor:
        """(n, 1, y, x) [HU] → what lies between encoder and decoder."""
        assert isinstance(self.inner, ResnetGenerator)
        latent = self.inner.encode(windows(hu))
        if self.training and self.latent_noise:
            latent = latent + self.latent_noise * torch.randn_like(latent)
        return latent

    def decode(self, latent: Tensor, hu: Tensor) -> Tensor:
        """From there back to HU, added to ``hu``."""
        assert isinstance(self.inner, ResnetGenerator)
        return _added(hu, self.inner.decode(latent))


def _added(hu: Tensor, residual: Tensor) -> Tensor:
    middle = hu.shape[1] // 2
    return hu[:, middle : middle + 1] + UNIT_HU * residual.float()
