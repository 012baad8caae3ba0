"""The models by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch

from terasu.enhance.models.configuration import Configuration
from terasu.enhance.models.contract import Model
from terasu.enhance.models.cut import Cut
from terasu.enhance.models.cyclegan import CycleGan
from terasu.enhance.models.cyclegan_ct import CycleGanCt
from terasu.enhance.models.unet import Unet
from terasu.errors import InputError

Builder = Callable[[Configuration, torch.device], Model]
MODELS: Mapping[str, Builder] = MappingProxyType(
    {"cyclegan": CycleGan, "cyclegan_ct": CycleGanCt, "cut": Cut, "fastcut": Cut, "unet": Unet}
)


def build(configuration: Configuration, device: torch.device) -> Model:
    """The model that a configuration names, its weights drawn from its seed.

    Raises:
        InputError: no such model, or terms that it does not have.
    """
    if configuration.model not in MODELS:
        raise InputError(
            "There is no model of this name.",
            got=configuration.model,
            expected=", ".join(MODELS),
            todo="Correct model in the configuration.",
        )
    return MODELS[configuration.model](configuration, device)
