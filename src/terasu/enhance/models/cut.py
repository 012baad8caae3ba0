"""CUT and FastCUT: one direction only; each patch has to be recognised among the others of its own image.

Source: Park et al., ECCV 2020, doi 10.1007/978-3-030-58545-7_19: PatchNCE on 5 layers, 256 patches,
temperature 0.07; CUT with identity, FastCUT without it and with ten times the weight. Left out: FastCUT's
mirrored images.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from terasu.enhance.models.configuration import Configuration
from terasu.enhance.models.contract import adam_turn, linear_decay, patch_judge, residual_generator
from terasu.enhance.models.hu import WINDOWS, HuNetwork, windows
from terasu.enhance.models.terms import says_made, says_true, weights_of
from terasu.learn.trainable import Batch, Turn
from terasu.nets.resnet_generator import ResnetGenerator
from terasu.nets.weights import begin_normal

CUT_TERMS: Mapping[str, float] = MappingProxyType(
    {"adversarial": 1.0, "patches": 1.0, "patches_identity": 1.0}
)
FAST_TERMS: Mapping[str, float] = MappingProxyType(
    {"adversarial": 1.0, "patches": 10.0, "patches_identity": 0.0}
)
_PATCHES, _WIDTH, _TEMPERATURE = 256, 256, 0.07


class Cut:
    """Unpaired: batches hold ``source`` and ``target``, (n, 1, y, x) in HU."""

    paired = False
    averaged = ("to_target",)

    def __init__(self, configuration: Configuration, device: torch.device) -> None:
        self.configuration = configuration
        defaults = FAST_TERMS if configuration.model == "fastcut" else CUT_TERMS
        self.terms = weights_of(defaults, configuration.terms, configuration.model)
        seed = 10 * configuration.seed
        self.to_target = residual_generator(configuration, seed=seed, device=device)
        self.judge = patch_judge(configuration, seed=seed + 2, device=device)
        self.layers = _layers_of(self.to_target)
        self.heads = _heads(configuration.network.base, self.layers)
        begin_normal(self.heads, seed=seed + 4)
        self.heads.to(device)
        self.networks: dict[str, nn.Module] = {
            "to_target": self.to_target,
            "heads": self.heads,
            "judge": self.judge,
        }
        self.turns: tuple[Turn, ...] = (
            adam_turn("generator", self.networks, ("to_target", "heads"), configuration),
            adam_turn("discriminator", self.networks, ("judge",), configuration),
        )
        self._made: Tensor | None = None

    @property
    def cautions(self) -> tuple[str, ...]:
        """Nothing but what is true of all of them."""
        return ("Trained without pairs: structures may have been moved or invented; see the distortion.",)

    def losses(self, turn: str, batch: Batch) -> dict[str, Tensor]:
        """Weighted terms of the generator's or the discriminator's turn."""
        source, target = batch["source"], batch["target"]
        if turn == "discriminator":
            made = self._made if self._made is not None else self.to_target(source).detach()
            self._made = None
            judged = says_true(self.judge(windows(target))) + says_made(self.judge(windows(made)))
            return {"target": 0.5 * judged}
        made = self.to_target(source)
        self._made = made.detach()
        found: dict[str, Tensor] = {}
        if weight := self.terms["adversarial"]:
            found["adversarial"] = weight * says_true(self.judge(windows(made)))
        if weight := self.terms["patches"]:
            found["patches"] = weight * self._patches(made, source)
        if weight := self.terms["patches_identity"]:
            found["patches_identity"] = weight * self._patches(self.to_target(target), target)
        return found

    def _patches(self, made: Tensor, image: Tensor) -> Tensor:
        """Mean over layers of how well each patch of ``made`` is told apart by its place in ``image``."""
        losses = []
        pairs = zip(self._features(made), self._features(image), self.heads, strict=True)
        for made_map, image_map, head in pairs:
            places = torch.randperm(made_map.shape[2] * made_map.shape[3])[:_PATCHES].to(made_map.device)
            query = _at(made_map, places, head)
            key = _at(image_map, places, head).detach()
            likeness = (query @ key.transpose(1, 2)).float() / _TEMPERATURE
            own = torch.arange(len(places), device=likeness.device).expand(len(likeness), -1)
            losses.append(functional.cross_entropy(likeness.flatten(0, 1), own.flatten()))
        return torch.stack(losses).mean()

    def _features(self, hu: Tensor) -> list[Tensor]:
        inner = self.to_target.inner
        assert isinstance(inner, ResnetGenerator)
        return inner.features(windows(hu), self.layers)

    def decay(self, step: int) -> float:
        """Linear to 0 in the last part."""
        return linear_decay(step, self.configuration)

    def memory(self) -> dict[str, Tensor]:
        """No pool: Park et al. use none."""
        return {}

    def remember(self, memory: dict[str, Tensor]) -> None:
        """Nothing."""

    def preview(self, batch: Batch) -> dict[str, NDArray[np.float32]]:
        """Source and what was made of it."""
        panels = {"source": batch["source"], "made": self.to_target(batch["source"])}
        return {name: one[:, 0].float().cpu().numpy() for name, one in panels.items()}


def _layers_of(network: HuNetwork) -> tuple[int, ...]:
    """Image, both reductions, first and last block of the encoder: those that there are."""
    assert isinstance(network.inner, ResnetGenerator)
    last = len(network.inner.encoder)
    return tuple(sorted({0, 2, 3, min(4, last), last}))


def _heads(base: int, layers: tuple[int, ...]) -> nn.ModuleList:
    channels = {0: WINDOWS, 1: base, 2: 2 * base}
    return nn.ModuleList(
        nn.Sequential(nn.Linear(channels.get(one, 4 * base), _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, _WIDTH))
        for one in layers
    )


def _at(features: Tensor, places: Tensor, head: nn.Module) -> Tensor:
    """(n, c, y, x) at chosen places → (n, places, width), of length 1."""
    return functional.normalize(head(features.flatten(2)[:, :, places].transpose(1, 2)), dim=2)
