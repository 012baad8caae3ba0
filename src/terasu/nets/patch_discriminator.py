"""The discriminator that judges patches of 70 × 70 pixels: each output value sees one.

Source: Isola et al., CVPR 2017, doi 10.1109/CVPR.2017.632, section 6.1.2: C64-C128-C256-C512
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from terasu.nets.parameters import receptive_field

if TYPE_CHECKING:
    from torch import Tensor


class PatchDiscriminator(nn.Module):
    """Convolutions 4 × 4: ``strided`` of stride 2, then two of stride 1; no sigmoid, for least squares.

    Args:
        channels: of the image.
        base: channels of the first layer; 64 in the papers.
        strided: 3 gives the 70 × 70 patches of the papers, 2 gives 34 × 34, 1 gives 16 × 16.
        normalised: False leaves the instance normalisation out (to measure the receptive field).
    """

    def __init__(
        self, channels: int = 3, *, base: int = 64, strided: int = 3, normalised: bool = True
    ) -> None:
        super().__init__()
        widths = [min(2**level, 8) * base for level in range(strided + 1)]
        layers: list[nn.Module] = [nn.Conv2d(channels, base, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for level in range(1, strided + 1):
            stride = 2 if level < strided else 1
            layers.append(nn.Conv2d(widths[level - 1], widths[level], 4, stride=stride, padding=1))
            if normalised:
                layers.append(nn.InstanceNorm2d(widths[level]))
            layers.append(nn.LeakyReLU(0.2))
        layers.append(nn.Conv2d(widths[-1], 1, 4, padding=1))
        self.layers = nn.Sequential(*layers)
        self.strided = strided

    @property
    def receptive_field_px(self) -> int:
        """Side of the patch that one output value judges [pixels]."""
        return receptive_field([(4, 2)] * self.strided + [(4, 1)] * 2)

    def forward(self, image: Tensor) -> Tensor:
        """(n, channels, y, x) → (n, 1, y', x'), one judgement a patch."""
        out: Tensor = self.layers(image)
        return out
