"""A running mean of a network's weights, which is what is applied in the end.

Source: Polyak and Juditsky, SIAM J Control Optim 1992;30:838, doi 10.1137/0330046; for GANs Yazıcı et al.,
ICLR 2019, arXiv 1806.04498
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MeanWeights:
    """Mean ← decay · mean + (1 − decay) · weights; short at first, so that the start is forgotten.

    Args:
        networks: name → network; its present weights are the first mean.
        decay: 0 keeps the last weights.
    """

    def __init__(self, networks: dict[str, nn.Module], decay: float) -> None:
        self.decay = decay
        self.weights = {
            f"{name}.{key}": value.detach().clone()
            for name, network in networks.items()
            for key, value in network.state_dict().items()
        }

    @torch.no_grad()
    def update(self, networks: dict[str, nn.Module], step: int) -> None:
        """Take in the weights after ``step`` steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, network in networks.items():
            for key, value in network.state_dict().items():
                mean = self.weights[f"{name}.{key}"]
                if mean.is_floating_point():
                    mean.lerp_(value, 1 - decay)
                else:
                    mean.copy_(value)

    def of(self, name: str) -> dict[str, Tensor]:
        """The mean weights of one network, as its ``load_state_dict`` takes them."""
        start = f"{name}."
        return {key.removeprefix(start): v for key, v in self.weights.items() if key.startswith(start)}
