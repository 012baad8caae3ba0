"""The residual generator of image translation: down twice, nine residual blocks, up twice.

Source: Johnson et al., ECCV 2016, doi 10.1007/978-3-319-46475-6_43; as in Zhu et al., ICCV 2017, doi
10.1109/ICCV.2017.244, appendix 7.2: c7s1-64, d128, d256, R256 × 9, u128, u64, c7s1. Here without the tanh at
the end, since an image in HU has no bounds of that kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

MULTIPLE = 4
"""Height and width of an image have to be multiples of this."""


class ResidualBlock(nn.Module):
    """x + conv(relu(norm(conv(x)))), borders reflected."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, y, x) → the same shape."""
        out: Tensor = x + self.body(x)
        return out


class ResnetGenerator(nn.Module):
    """Encoder (down, first half of the blocks) and decoder (the other blocks, up).

    The two halves can be called alone: a domain's autoencoder is one generator's encoder and the decoder of
    the generator that goes back.

    Args:
        channels_in, channels_out: of the image.
        base: channels of the first layer; 64 in the papers.
        blocks: residual blocks; 9 in the papers for 256 × 256 and more.
    """

    def __init__(
        self, channels_in: int = 3, channels_out: int = 3, *, base: int = 64, blocks: int = 9
    ) -> None:
        super().__init__()
        wide = 4 * base
        half = blocks // 2
        self.encoder = nn.ModuleList(
            [
                nn.Sequential(
                    nn.ReflectionPad2d(3), nn.Conv2d(channels_in, base, 7), nn.InstanceNorm2d(base), nn.ReLU()
                ),
                _down(base),
                _down(2 * base),
                *(ResidualBlock(wide) for _ in range(half)),
            ]
        )
        self.decoder = nn.Sequential(
            *(ResidualBlock(wide) for _ in range(blocks - half)), _up(wide), _up(2 * base)
        )
        self.last = nn.Conv2d(base, channels_out, 7)
        self.border = nn.ReflectionPad2d(3)

    def encode(self, x: Tensor) -> Tensor:
        """(n, channels_in, y, x) → (n, 4 · base, y / 4, x / 4)."""
        for layer in self.encoder:
            x = layer(x)
        return x

    def decode(self, latent: Tensor) -> Tensor:
        """(n, 4 · base, y / 4, x / 4) → (n, channels_out, y, x), without bounds."""
        out: Tensor = self.last(self.border(self.decoder(latent)))
        return out

    def features(self, x: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """What chosen layers of the encoder give; layer 0 is the image itself."""
        found = [x] if 0 in layers else []
        for number, layer in enumerate(self.encoder, start=1):
            x = layer(x)
            if number in layers:
                found.append(x)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels_in, y, x) → (n, channels_out, y, x); y and x multiples of 4."""
        return self.decode(self.encode(x))


def reach_px(blocks: int) -> int:
    """Side of the receptive field [pixels], at most; how much of it one pixel sees depends on its place.

    Normalisation over the whole image does not count.
    """
    return 2 * (3 + 1 + 2 + blocks * 2 * 4 + 4 + 2 + 3) + 1


def _down(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.InstanceNorm2d(2 * width), nn.ReLU()
    )


def _up(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(width, width // 2, 3, stride=2, padding=1, output_padding=1),
        nn.InstanceNorm2d(width // 2),
        nn.ReLU(),
    )


def smallest_side(network: nn.Module) -> int:
    """Fewest rows and columns that the reflected borders allow [pixels]."""
    reflect = [one.padding[0] for one in network.modules() if isinstance(one, nn.ReflectionPad2d)]
    return max(8, max(reflect, default=0) + 1)
