"""A trained model on disk: weights, and the card without which they are not applied."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from terasu.enhance.models.calibration import Calibration
from terasu.enhance.models.configuration import Configuration, as_configuration
from terasu.enhance.models.contract import applied_network, least_side_px, side_multiple
from terasu.enhance.models.hu import HuNetwork
from terasu.errors import InputError
from terasu.learn.card import ModelCard, read_card, write_card
from terasu.learn.checkpoint import WEIGHTS, read_weights, save_weights


@dataclass(frozen=True, eq=False)
class Applied:
    """A network and what it wants.

    Attributes:
        network: HU in, HU out.
        configuration: of its training.
        spacing_yx_mm: of the pixels that it was trained at.
        device: where it is.
    """

    network: HuNetwork
    configuration: Configuration
    spacing_yx_mm: tuple[float, float]
    device: torch.device

    @property
    def neighbours(self) -> int:
        """Slices on either side of the middle one."""
        return self.configuration.images.neighbours

    @property
    def multiple(self) -> int:
        """Rows and columns are multiples of this."""
        return side_multiple(self.configuration)

    @property
    def least_side_px(self) -> int:
        """Fewest rows and columns."""
        return least_side_px(self.configuration)


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """What is applied, with its card and its final line."""

    applied: Applied
    card: ModelCard
    calibration: Calibration


def save_trained(folder: Path, weights: dict[str, Tensor], card: ModelCard) -> ModelCard:
    """Write weights, then the card that names their hash.

    Args:
        folder: of the run.
        weights: of the applied network.
    Returns:
        The card as written.
    """
    path = folder / WEIGHTS
    save_weights(path, weights, {"model": card.model, "not_for": card.not_for})
    whole = replace(card, weights_sha256=_hash(path))
    write_card(whole, folder)
    return whole


def load_trained(folder: Path, device: torch.device | None = None) -> TrainedModel:
    """A trained model, ready to be applied.

    Raises:
        InputError: no card, no weights, or weights that are not those of the card.
    """
    device = device or torch.device("cpu")
    card = read_card(folder)
    tensors, _ = read_weights(folder / WEIGHTS)
    found = _hash(folder / WEIGHTS)
    if found != card.weights_sha256:
        raise InputError(
            "The weights are not those that the card was written for.",
            got=f"sha256 {found[:16]}…",
            expected=f"sha256 {card.weights_sha256[:16]}…",
            todo="Take weights and card from the same run.",
        )
    configuration = as_configuration(dict(card.configuration))
    network = applied_network(configuration)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(
            "The weights do not fit the network of the card.",
            got=str(error).splitlines()[-1].strip(),
            expected="the network that was trained",
            todo="Take weights and card from the same run.",
        ) from error
    network.eval().requires_grad_(False)
    applied = Applied(network.to(device), configuration, card.spacing_yx_mm, device)
    return TrainedModel(applied, card, Calibration(**card.calibration))


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
