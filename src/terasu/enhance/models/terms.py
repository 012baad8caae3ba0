"""Terms that several models share; images in HU, results in units of 1000 HU."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from terasu.enhance.models.hu import UNIT_HU
from terasu.errors import InputError

AIR_BELOW_HU = -700.0


def weights_of(defaults: Mapping[str, float], chosen: Mapping[str, float], model: str) -> dict[str, float]:
    """A model's weights with those that the configuration chose.

    Raises:
        InputError: a term that the model does not have, or a weight below 0.
    """
    unknown = sorted(set(chosen) - set(defaults))
    if unknown or any(not 0 <= weight < float("inf") for weight in chosen.values()):
        raise InputError(
            f"The model {model} cannot weigh its terms like this.",
            got=", ".join(f"{name} = {weight}" for name, weight in chosen.items()),
            expected=f"weights of 0 or more for {', '.join(defaults)}",
            todo="Correct [terms] in the configuration.",
        )
    return {**defaults, **chosen}


def apart(first: Tensor, second: Tensor) -> Tensor:
    """Mean absolute difference."""
    return (first - second).abs().mean() / UNIT_HU


def says_true(judged: Tensor) -> Tensor:
    """Least-squares distance to 1. Source: Mao et al., ICCV 2017, doi 10.1109/ICCV.2017.304"""
    return (judged.float() - 1).square().mean()


def says_made(judged: Tensor) -> Tensor:
    """Least-squares distance to 0."""
    return judged.float().square().mean()


def gradient(made: Tensor, image: Tensor) -> Tensor:
    """How much the steps to the next row and to the next column differ, signs included: edges stay."""
    rows = (made.diff(dim=2) - image.diff(dim=2)).abs().mean()
    columns = (made.diff(dim=3) - image.diff(dim=3)).abs().mean()
    return (rows + columns) / UNIT_HU


def air(made: Tensor, image: Tensor) -> Tensor:
    """Difference where exactly one of the two is air: gas stays gas, and none is invented."""
    one = (made.detach() < AIR_BELOW_HU) ^ (image < AIR_BELOW_HU)
    return ((made - image).abs() * one).mean() / UNIT_HU


def total_variation(made: Tensor) -> Tensor:
    """Mean absolute step to the next row and column: less noise.

    Source: Rudin et al., Physica D 1992;60:259, doi 10.1016/0167-2789(92)90242-F
    """
    return (made.diff(dim=2).abs().mean() + made.diff(dim=3).abs().mean()) / UNIT_HU


def masked_apart(first: Tensor, second: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute difference inside of a mask."""
    return ((first - second).abs() * mask).sum() / mask.sum().clamp(min=1) / UNIT_HU


def summed(terms: Mapping[str, Tensor]) -> Tensor:
    """All terms together."""
    return torch.stack([one.float() for one in terms.values()]).sum()
