"""A U-Net of residual blocks, in two or three dimensions, with deep supervision if wanted.

Source: Ronneberger et al., MICCAI 2015, doi 10.1007/978-3-319-24574-4_28; blocks and strided convolutions
as in the residual encoder of Isensee et al., MICCAI 2024, doi 10.1007/978-3-031-72114-4_47
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

_CONV: dict[int, type[nn.Conv2d | nn.Conv3d]] = {2: nn.Conv2d, 3: nn.Conv3d}
_UP: dict[int, type[nn.ConvTranspose2d | nn.ConvTranspose3d]] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_NORM: dict[int, type[nn.InstanceNorm2d | nn.InstanceNorm3d]] = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}


class ConvBlock(nn.Module):
    """Two convolutions beside a short cut."""

    def __init__(self, dims: int, channels_in: int, channels_out: int, *, stride: int = 1) -> None:
        super().__init__()
        conv, norm = _CONV[dims], _NORM[dims]
        self.body = nn.Sequential(
            conv(channels_in, channels_out, 3, stride=stride, padding=1),
            norm(channels_out, affine=True),
            nn.LeakyReLU(0.01),
            conv(channels_out, channels_out, 3, padding=1),
            norm(channels_out, affine=True),
        )
        same = channels_in == channels_out and stride == 1
        self.short: nn.Module = nn.Identity() if same else conv(channels_in, channels_out, 1, stride=stride)
        self.act = nn.LeakyReLU(0.01)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, …) → (n, channels_out, …), every side divided by the stride."""
        out: Tensor = self.act(self.body(x) + self.short(x))
        return out


class ResidualUnet(nn.Module):
    """Encoder by strided blocks, decoder by transposed convolutions and one block a level.

    Args:
        dims: 2 or 3.
        channels_in, channels_out: of the image and of the result.
        widths: channels of each level, finest first.
        deep_supervision: whether ``forward`` gives the coarser levels' results as well.
    """

    def __init__(
        self,
        dims: int,
        channels_in: int,
        channels_out: int,
        *,
        widths: Sequence[int] = (32, 64, 128, 256, 320),
        deep_supervision: bool = False,
    ) -> None:
        super().__init__()
        self.deep_supervision = deep_supervision
        before = (channels_in, *widths[:-1])
        self.down = nn.ModuleList(
            ConvBlock(dims, old, new, stride=1 if level == 0 else 2)
            for level, (old, new) in enumerate(zip(before, widths, strict=True))
        )
        finer = list(reversed(list(zip(widths[1:], widths[:-1], strict=True))))
        self.up = nn.ModuleList(_UP[dims](old, new, 2, stride=2) for old, new in finer)
        self.merge = nn.ModuleList(ConvBlock(dims, 2 * new, new) for _, new in finer)
        levels = finer if deep_supervision else finer[-1:]
        self.heads = nn.ModuleList(_CONV[dims](new, channels_out, 1) for _, new in levels)

    @property
    def multiple(self) -> int:
        """Every side of an image has to be a multiple of this."""
        return int(2 ** (len(self.down) - 1))

    @property
    def last(self) -> nn.Module:
        """The layer that gives the result at full resolution."""
        return self.heads[-1]

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """(n, channels_in, …) → (n, channels_out, …); under deep supervision a list, finest first."""
        passed = []
        for block in self.down:
            x = block(x)
            passed.append(x)
        decoded = []
        for up, merge, skip in zip(self.up, self.merge, reversed(passed[:-1]), strict=True):
            x = merge(torch.cat((up(x), skip), dim=1))
            decoded.append(x)
        if not self.deep_supervision:
            out: Tensor = self.heads[0](x)
            return out
        return [head(one) for head, one in zip(reversed(self.heads), reversed(decoded), strict=True)]
