"""Small configurations of every model, and batches for them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch

from made_prepared import disc
from terasu.enhance.models.configuration import Configuration, as_configuration
from terasu.learn.trainable import Batch

CPU = torch.device("cpu")


class Extractor(torch.nn.Module):
    """Two layers of features, as a real extractor gives them."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Conv3d(1, 2, 3, padding=1)

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        one = self.first(image)
        return [one, torch.tanh(one)]


def write_extractor(path: Path) -> str:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(Extractor()).save(str(path))
    return str(path)


def small(model: str, **more: Any) -> Configuration:
    """64 × 64, few channels."""
    content: dict[str, Any] = {
        "model": model,
        "seed": 1,
        "images": {"size_px": 64, "neighbours": 1 if model == "unet" else 0},
        "network": {"base": 4, "blocks": 2, "judge_base": 4, "widths": [4, 8, 8]},
        "training": {"steps": 4, "batch": 2, "checkpoint_every": 2, "log_every": 1, "preview_every": 2},
        **more,
    }
    return as_configuration(content)


def batch_of(configuration: Configuration, *, seed: int = 0, size: int = 64) -> Batch:
    """Tissue, a bone and gas on a disc, twice; values near the threshold of air, too."""
    chance = torch.Generator().manual_seed(seed)
    slices = 2 * configuration.images.neighbours + 1
    body = torch.from_numpy(disc(size)).float().expand(2, 1, size, size)

    def image(channels: int, off: float) -> torch.Tensor:
        hu = 40 + off + 150 * torch.randn((2, channels, size, size), generator=chance)
        hu[:, :, 28:34, 28:34] = 900
        hu[:, :, 40:46, 20:30] = -700 + 20 * torch.randn((2, channels, 6, 10), generator=chance)
        return torch.where(body.expand_as(hu) > 0, hu, torch.tensor(-1000.0))

    truth = image(1, 0)
    return {"source": image(slices, -150), "target": image(1, 0), "truth": truth, "body": body}
