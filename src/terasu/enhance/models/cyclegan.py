"""CycleGAN: two generators that undo one another, two discriminators. The "Original" arm.

Source: Zhu et al., ICCV 2017, doi 10.1109/ICCV.2017.244: ResNet of 9 blocks, 70 × 70 PatchGAN, least squares,
cycle 10, pool 50, Adam 2e-4; for CBCT Kida et al., Med Phys 2020;47:998, doi 10.1002/mp.13963. Ours: HU
without bounds (residual, two windows) in place of a tanh.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from terasu.enhance.models.configuration import Configuration
from terasu.enhance.models.contract import adam_turn, linear_decay, patch_judge, residual_generator
from terasu.enhance.models.hu import HuNetwork, windows
from terasu.enhance.models.terms import apart, says_made, says_true, weights_of
from terasu.learn.image_pool import ImagePool
from terasu.learn.trainable import Batch, Turn

TERMS: Mapping[str, float] = MappingProxyType({"adversarial": 1.0, "cycle": 10.0})


class CycleGan:
    """Unpaired: batches hold ``source`` and ``target``, (n, 1, y, x) in HU."""

    paired = False
    averaged = ("to_target",)
    defaults = TERMS

    def __init__(self, configuration: Configuration, device: torch.device) -> None:
        self.configuration, self.device = configuration, device
        self.terms = weights_of(self.defaults, configuration.terms, configuration.model)
        seed = 10 * configuration.seed
        self.to_target = residual_generator(configuration, seed=seed, device=device)
        self.to_source = residual_generator(configuration, seed=seed + 1, device=device)
        self.target_judge = patch_judge(configuration, seed=seed + 2, device=device)
        self.source_judge = patch_judge(configuration, seed=seed + 3, device=device)
        self.networks: dict[str, nn.Module] = {
            "to_target": self.to_target,
            "to_source": self.to_source,
            "target_judge": self.target_judge,
            "source_judge": self.source_judge,
        }
        self.turns: tuple[Turn, ...] = (
            adam_turn("generator", self.networks, ("to_target", "to_source"), configuration),
            adam_turn("discriminator", self.networks, ("target_judge", "source_judge"), configuration),
        )
        self.target_pool, self.source_pool = (ImagePool(configuration.training.pool) for _ in range(2))
        self._made: tuple[Tensor, Tensor] | None = None

    @property
    def cautions(self) -> tuple[str, ...]:
        """Nothing but what is true of all of them."""
        return ("Trained without pairs: structures may have been moved or invented; see the distortion.",)

    def losses(self, turn: str, batch: Batch) -> dict[str, Tensor]:
        """Weighted terms of the generators' or the discriminators' turn."""
        source, target = batch["source"], batch["target"]
        if turn == "generator":
            return self._generator_terms(source, target)
        made_target, made_source = self._made or self._both(source, target)
        self._made = None
        return {
            "target": self._judged(self.target_judge, target, self.target_pool.exchange(made_target)),
            "source": self._judged(self.source_judge, source, self.source_pool.exchange(made_source)),
        }

    def _generator_terms(self, source: Tensor, target: Tensor) -> dict[str, Tensor]:
        made_target, made_source = self.to_target(source), self.to_source(target)
        self._made = made_target.detach(), made_source.detach()
        found: dict[str, Tensor] = {}
        if weight := self.terms["adversarial"]:
            found["adversarial_target"] = weight * says_true(self.target_judge(windows(made_target)))
            found["adversarial_source"] = weight * says_true(self.source_judge(windows(made_source)))
        if weight := self.terms["cycle"]:
            found["cycle_source"] = weight * apart(self.to_source(made_target), source)
            found["cycle_target"] = weight * apart(self.to_target(made_source), target)
        for image, made, there, back, side in (
            (source, made_target, self.to_target, self.to_source, "source"),
            (target, made_source, self.to_source, self.to_target, "target"),
        ):
            found |= {f"{name}_{side}": one for name, one in self._further(image, made, there, back).items()}
        return found

    def _further(self, image: Tensor, made: Tensor, there: HuNetwork, back: HuNetwork) -> dict[str, Tensor]:  # noqa: ARG002
        """What an extended model adds, for one direction: ``made`` is ``there(image)``."""
        return {}

    def _judged(self, judge: nn.Module, true: Tensor, made: Tensor) -> Tensor:
        return 0.5 * (says_true(judge(windows(true))) + says_made(judge(windows(made))))

    @torch.no_grad()
    def _both(self, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        return self.to_target(source), self.to_source(target)

    def decay(self, step: int) -> float:
        """Linear to 0 in the last part."""
        return linear_decay(step, self.configuration)

    def memory(self) -> dict[str, Tensor]:
        """Both pools."""
        pools = {"target": self.target_pool, "source": self.source_pool}
        return {f"{name}.{key}": value for name, pool in pools.items() for key, value in pool.state().items()}

    def remember(self, memory: dict[str, Tensor]) -> None:
        """Both pools as they were."""
        for name, pool in (("target", self.target_pool), ("source", self.source_pool)):
            start = f"{name}."
            kept = {key.removeprefix(start): one for key, one in memory.items() if key.startswith(start)}
            pool.restore(kept, self.device)

    def preview(self, batch: Batch) -> dict[str, NDArray[np.float32]]:
        """Source, what was made of it, and back again."""
        made = self.to_target(batch["source"])
        panels = {"source": batch["source"], "made": made, "back": self.to_source(made)}
        panels["target"] = batch["target"]
        return {name: one[:, 0].float().cpu().numpy() for name, one in panels.items()}
