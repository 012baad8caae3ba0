"""CycleGAN for CT from few images: what is added keeps the patient's structures where they are.

In the line of Ozaki et al., Med Phys 2022, doi 10.1002/mp.15626, arXiv 2107.05238. From the paper's summary:
a CycleGAN with terms made for CT, so that structures are kept and little data is enough. Each term here is
switchable, so that its part can be measured. The names of the terms follow that line of work; their exact
form, all weights, the two windows and the residual are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from terasu.enhance.models.configuration import Configuration
from terasu.enhance.models.cyclegan import TERMS as ORIGINAL
from terasu.enhance.models.cyclegan import CycleGan
from terasu.enhance.models.hu import HuNetwork
from terasu.enhance.models.perceptual import perceptual_of
from terasu.enhance.models.terms import air, apart, gradient, total_variation

TERMS: Mapping[str, float] = MappingProxyType(
    {
        **ORIGINAL,
        "autoencoder": 1.0,
        "identity": 1.0,
        "gradient": 1.0,
        "air": 1.0,
        "total_variation": 0.1,
        "perceptual": 0.5,
        "idempotence": 1.0,
    }
)
"""Domain autoencoder: a domain's encoder and the decoder back to it give the image itself. Identity: an image
of the target stays as it is. Gradient: edges stay. Air: only where exactly one of the two images is air.
Total variation: towards the target alone, since the source has its noise. Idempotence: improving twice is
improving once."""


class CycleGanCt(CycleGan):
    """Unpaired, as ``CycleGan``, with further terms in both directions."""

    defaults = TERMS

    def __init__(self, configuration: Configuration, device: torch.device) -> None:
        super().__init__(configuration, device)
        self.perceptual = perceptual_of(configuration.feature_extractor, self.terms["perceptual"], device)
        if self.perceptual is None:
            self.terms["perceptual"] = 0.0

    @property
    def cautions(self) -> tuple[str, ...]:
        """Says so where the perceptual term is off."""
        off = "" if self.perceptual else "The perceptual term was off: no feature extractor was named."
        return tuple(one for one in (*super().cautions, off) if one)

    def _further(self, image: Tensor, made: Tensor, there: HuNetwork, back: HuNetwork) -> dict[str, Tensor]:
        weights, found = self.terms, dict[str, Tensor]()
        if weights["autoencoder"]:
            found["autoencoder"] = apart(back.decode(there.encode(image), image), image)
        if weights["identity"]:
            found["identity"] = apart(back(image), image)
        if weights["gradient"]:
            found["gradient"] = gradient(made, image)
        if weights["air"]:
            found["air"] = air(made, image)
        if weights["total_variation"] and there is self.to_target:
            found["total_variation"] = total_variation(made)
        if self.perceptual is not None:
            found["perceptual"] = self.perceptual(made, image)
        if weights["idempotence"]:
            found["idempotence"] = apart(there(made), made)
        return {name: weights[name] * one for name, one in found.items()}
