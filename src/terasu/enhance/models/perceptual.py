"""Distance between what a CT feature extractor sees in two images.

The extractor is a TorchScript file: two layers of a 3-D network trained on CT and MR, not on photographs.
Source of the idea: Johnson et al., ECCV 2016, doi 10.1007/978-3-319-46475-6_43; extractor: IMPACT, Boussot et
al. 2025, arXiv 2503.24121
"""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from terasu.errors import InputError

_LOW_HU, _HIGH_HU, _SCALE_HU = -1024.0, 1500.0, 500.0


class Perceptual:
    """Mean absolute difference of features, layer by layer; the extractor does not learn.

    Args:
        path: TorchScript file; takes (n, 1, z, y, x), gives a list of feature maps.
    Raises:
        InputError: no such file, or no network in it.
    """

    def __init__(self, path: Path, device: torch.device) -> None:
        try:
            with warnings.catch_warnings():  # TorchScript is on its way out, and the extractor comes in it
                warnings.simplefilter("ignore", DeprecationWarning)
                self.network: nn.Module = torch.jit.load(str(path), map_location=device)  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError, OSError) as error:
            raise InputError(
                "The feature extractor cannot be read.",
                got=path.name,
                expected="a TorchScript file",
                todo="Correct feature_extractor, or leave it out: the perceptual term is then off.",
            ) from error
        self.network.eval()
        for one in self.network.parameters():
            one.requires_grad_(False)
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()

    def __call__(self, made: Tensor, image: Tensor) -> Tensor:
        """Distance of two images (n, 1, y, x) [HU]; gradients flow to ``made``."""
        pairs = zip(self._features(made), self._features(image.detach()), strict=True)
        return torch.stack([(one - other).abs().mean() for one, other in pairs]).mean()

    def _features(self, hu: Tensor) -> list[Tensor]:
        scaled = hu.clamp(_LOW_HU, _HIGH_HU) / _SCALE_HU
        # the first calls of an optimised script differ in the last bits from those that follow
        with torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
            features: list[Tensor] = self.network(scaled[:, :, None])
        return features


def perceptual_of(path: str | None, weight: float, device: torch.device) -> Perceptual | None:
    """The extractor, or None where the term is off or nobody named a file."""
    return Perceptual(Path(path), device) if path and weight else None
