"""The same patient, shifted, turned, scaled and noisy: drawn anew for each sample, on the device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from terasu.learn.samples import BEYOND

_NEAREST = ("labels", "body", "seen")


@dataclass(frozen=True)
class Augmentation:
    """How far a sample may be changed; every amount is drawn evenly between − and + its limit.

    Attributes:
        shift: of the side of the sample.
        rotation_deg: in the slice plane.
        scale: 0.1 allows 0.9 to 1.1.
        noise_hu: largest standard deviation of white noise on the image alone.
        flip: whether left and right may be exchanged (never where sides matter).
    """

    shift: float = 0.0
    rotation_deg: float = 0.0
    scale: float = 0.0
    noise_hu: float = 0.0
    flip: bool = False

    @property
    def moves(self) -> bool:
        """True if anything but noise is asked for."""
        return bool(self.shift or self.rotation_deg or self.scale or self.flip)


def augmented(
    batch: Mapping[str, Tensor], settings: Augmentation, chance: torch.Generator
) -> dict[str, Tensor]:
    """Change a batch; all arrays of one sample move alike.

    Args:
        batch: array → (n, c, y, x) or (n, c, z, y, x); a 3-D patch is changed slice by slice alike.
        settings: limits.
        chance: on the CPU, so that every device draws the same.
    Returns:
        New tensors; masks and labels by nearest neighbour, beyond the edge air.
    """
    out = dict(batch)
    if settings.moves:
        pull = _pull_back(next(iter(batch.values())), settings, chance)
        out = {name: _moved(values, pull, name) for name, values in batch.items()}
    if settings.noise_hu and "image" in out:
        image = out["image"]
        spread = torch.rand(image.shape[0], generator=chance) * settings.noise_hu
        noise = torch.randn(image.shape, generator=chance) * spread.view(-1, *[1] * (image.ndim - 1))
        out["image"] = image + noise.to(image.device)
    return out


def _pull_back(values: Tensor, settings: Augmentation, chance: torch.Generator) -> Tensor:
    """(n, 2, 3): where each place of the result lies in the sample, in half sides."""
    count, rows, columns = values.shape[0], values.shape[-2], values.shape[-1]
    draw = torch.rand((count, 5), generator=chance) * 2 - 1
    angle = draw[:, 0] * torch.deg2rad(torch.tensor(settings.rotation_deg))
    scale = 1 / (1 + draw[:, 1] * settings.scale)
    mirror = torch.where((draw[:, 4] > 0) & settings.flip, -1.0, 1.0)
    cos, sin, aspect = torch.cos(angle) * scale, torch.sin(angle) * scale, rows / columns
    x_row = torch.stack((cos * mirror, -sin * aspect, draw[:, 2] * settings.shift * 2), dim=1)
    y_row = torch.stack((sin * mirror / aspect, cos, draw[:, 3] * settings.shift * 2), dim=1)
    return torch.stack((x_row, y_row), dim=1)


def _moved(values: Tensor, pull: Tensor, name: str) -> Tensor:
    flat = values.flatten(1, -3)
    grid = functional.affine_grid(pull.to(values), [flat.shape[0], 1, *flat.shape[-2:]], align_corners=False)
    beyond = BEYOND.get(name, 0.0)
    mode = "nearest" if name in _NEAREST else "bilinear"
    moved = functional.grid_sample(flat - beyond, grid, mode=mode, align_corners=False) + beyond
    return moved.view(values.shape)
