"""A small adversarial training with every kind of state: two turns, a pool, chance in the loss.

Run as a program it trains in a folder until it is done or killed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from terasu.learn.ema import MeanWeights
from terasu.learn.image_pool import ImagePool
from terasu.learn.loop import Plan, train
from terasu.learn.trainable import Batch, Turn
from terasu.nets.weights import begin_normal


class Tiny:
    """A line that learns to deceive another line."""

    averaged = ("maker",)

    def __init__(self, *, slow_s: float = 0.0) -> None:
        self.networks: dict[str, nn.Module] = {
            "maker": nn.Conv2d(1, 1, 3, padding=1),
            "judge": nn.Conv2d(1, 1, 3),
        }
        for number, network in enumerate(self.networks.values()):
            begin_normal(network, seed=number)
        self.turns = tuple(
            Turn(name, torch.optim.Adam(self.networks[name].parameters(), lr=1e-2), (name,), 1e-2)
            for name in self.networks
        )
        self.pool = ImagePool(3)
        self.slow_s = slow_s

    def losses(self, turn: str, batch: Batch) -> dict[str, Tensor]:
        time.sleep(self.slow_s)
        image = batch["image"]
        made = self.networks["maker"](image + 0.1 * torch.randn(image.shape))
        if turn == "maker":
            return {"deceive": (self.networks["judge"](made) - 1).square().mean(), "size": made.abs().mean()}
        older = self.pool.exchange(made.detach())
        return {"judge": self.networks["judge"](older).square().mean()}

    def decay(self, step: int) -> float:
        return 1.0 if step < 20 else 0.5

    def memory(self) -> dict[str, Tensor]:
        return self.pool.state()

    def remember(self, memory: dict[str, Tensor]) -> None:
        self.pool.restore(memory, torch.device("cpu"))

    def preview(self, batch: Batch) -> dict[str, NDArray[np.float32]]:
        torch.rand(7)  # looking draws from chance, and must not change what comes next
        return {"made": self.networks["maker"](batch["image"])[:, 0].numpy()}


def draw(step: int) -> Batch:
    chance = torch.Generator().manual_seed(1000 + step)
    return {"image": torch.randn((2, 1, 8, 8), generator=chance)}


def run(folder: Path, *, steps: int = 40, seed: int = 3, slow_s: float = 0.0, code: str = "1") -> MeanWeights:
    plan = Plan(steps=steps, checkpoint_every=7, log_every=2, preview_every=10, mean_decay=0.9, seed=seed)
    identity = {"configuration": {"seed": seed}, "code": code}
    task = Tiny(slow_s=slow_s)
    return train(task, draw, plan, folder, identity, device=torch.device("cpu"), shown=draw(0))


if __name__ == "__main__":
    run(Path(sys.argv[1]), slow_s=float(sys.argv[2]))
