"""A residual U-Net on neighbouring slices, for pairs: simulated images with their truth, or real ones."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from terasu.enhance.models.configuration import Configuration
from terasu.enhance.models.contract import adam_turn, applied_network, linear_decay
from terasu.enhance.models.ms_ssim import ms_ssim
from terasu.enhance.models.perceptual import perceptual_of
from terasu.enhance.models.terms import masked_apart, weights_of
from terasu.learn.trainable import Batch, Turn
from terasu.nets.residual_unet import ResidualUnet
from terasu.nets.weights import shrink

TERMS: Mapping[str, float] = MappingProxyType({"absolute": 1.0, "ms_ssim": 0.2, "perceptual": 0.1})
_RANGE_HU = 4095.0
_START_SMALL = 0.05


class Unet:
    """Paired: batches hold ``source`` (n, 2k + 1, y, x), ``truth`` and ``body`` (n, 1, y, x)."""

    paired = True
    averaged = ("to_target",)

    def __init__(self, configuration: Configuration, device: torch.device) -> None:
        self.configuration = configuration
        self.terms = weights_of(TERMS, configuration.terms, configuration.model)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(10 * configuration.seed)
            self.to_target = applied_network(configuration).to(device)
        assert isinstance(self.to_target.inner, ResidualUnet)
        last = self.to_target.inner.last
        assert isinstance(last, nn.Conv2d)
        shrink(last, _START_SMALL)
        self.networks: dict[str, nn.Module] = {"to_target": self.to_target}
        self.turns: tuple[Turn, ...] = (adam_turn("generator", self.networks, ("to_target",), configuration),)
        weight = self.terms["perceptual"]
        self.perceptual = perceptual_of(configuration.feature_extractor, weight, device)
        if self.perceptual is None:
            self.terms["perceptual"] = 0.0

    @property
    def cautions(self) -> tuple[str, ...]:
        """Says so where the perceptual term is off."""
        return () if self.perceptual else ("The perceptual term was off: no feature extractor was named.",)

    def losses(self, turn: str, batch: Batch) -> dict[str, Tensor]:  # noqa: ARG002
        """Weighted terms of the one turn there is; outside of the body only the truth is copied."""
        truth, body = batch["truth"], batch["body"]
        made = self.to_target(batch["source"])
        inside = made * body + truth * (1 - body)
        found: dict[str, Tensor] = {}
        if weight := self.terms["absolute"]:
            found["absolute"] = weight * masked_apart(made, truth, body)
        if weight := self.terms["ms_ssim"]:
            found["ms_ssim"] = weight * (1 - ms_ssim(inside, truth, range_hu=_RANGE_HU))
        if self.perceptual is not None:
            found["perceptual"] = self.terms["perceptual"] * self.perceptual(inside, truth)
        return found

    def decay(self, step: int) -> float:
        """Linear to 0 in the last part."""
        return linear_decay(step, self.configuration)

    def memory(self) -> dict[str, Tensor]:
        """Nothing."""
        return {}

    def remember(self, memory: dict[str, Tensor]) -> None:
        """Nothing."""

    def preview(self, batch: Batch) -> dict[str, NDArray[np.float32]]:
        """Middle slice of the source, what was made of it, and the truth."""
        source = batch["source"]
        middle = source[:, source.shape[1] // 2][:, None]
        panels = {"source": middle, "made": self.to_target(source), "truth": batch["truth"]}
        return {name: one[:, 0].float().cpu().numpy() for name, one in panels.items()}
