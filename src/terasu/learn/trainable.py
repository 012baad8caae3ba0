"""What the loop trains: networks, turns, and named losses. Models of any room fulfil it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn, optim

Batch = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Turn:
    """One update within a step, such as the generators' or the discriminators'.

    Attributes:
        name: what ``losses`` is asked for.
        optimiser: of the networks that learn in this turn.
        learns: names of those networks; all others are frozen meanwhile.
        learning_rate: before its decay.
    """

    name: str
    optimiser: optim.Optimizer
    learns: tuple[str, ...]
    learning_rate: float


class Trainable(Protocol):
    """A model in training."""

    @property
    def networks(self) -> dict[str, nn.Module]:
        """Everything that learns, by name."""

    @property
    def averaged(self) -> tuple[str, ...]:
        """Names of the networks that are applied in the end: their running mean is kept."""

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The updates of one step, in their order."""

    def losses(self, turn: str, batch: Batch) -> dict[str, Tensor]:
        """Weighted terms of one turn by name; the loop adds them up."""

    def decay(self, step: int) -> float:
        """Factor of the learning rate in this step."""

    def memory(self) -> dict[str, Tensor]:
        """What else a checkpoint has to keep, such as image pools."""

    def remember(self, memory: dict[str, Tensor]) -> None:
        """Take back what ``memory`` gave."""

    def preview(self, batch: Batch) -> dict[str, NDArray[np.float32]]:
        """Panels (n, y, x) by name, for whoever watches."""
