"""Separable wavelets without decimation (IBSI-2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pywt
from numpy.typing import NDArray

from terasu.radiomics.filters.boundary import (
    Boundary,
    Spacing,
    box_in,
    refuse_unfit_image,
    refuse_unknown_boundary,
)
from terasu.radiomics.filters.convolution import Pooling, in_all_turns
from terasu.radiomics.filters.description import Dimensions, named, refuse_pooling, refuse_unless
from terasu.radiomics.regrid import Box

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SeparableWavelet:
    """A sub-band of the stationary (undecimated) wavelet transform, on the image's grid.

    All levels are one kernel, applied to the image as it goes on beyond its border.

    Attributes:
        wavelet: a discrete wavelet's name, ``haar``, ``db2``, ``coif1`` …
        band: L (low) or H (high) along x, y and z, as in ``LLH``; two letters work on every slice by itself.
        level: of the decomposition; the levels before take the low band along every axis.
        pooling: over the 24 turns in 3-D, the 4 in a slice; None for one orientation.
    Raises:
        InputError: no such wavelet or band, or a level below one.
    Source: IBSI-2 reference manual, arXiv 2006.05470
    """

    wavelet: str
    band: str
    level: int = 1
    pooling: Pooling | None = None
    boundary: Boundary = "mirror"

    def __post_init__(self) -> None:
        known = self.wavelet in pywt.wavelist(kind="discrete")
        refuse_unless(known, "wavelet", self.wavelet, "a discrete wavelet", "Take haar, db2, db3 or coif1.")
        letters = len(self.band) in (2, 3) and set(self.band) <= {"L", "H"}
        refuse_unless(letters, "band", self.band, "L or H for two or three axes", "Write it as in LLH.")
        high = isinstance(self.level, int) and self.level >= 1
        refuse_unless(high, "level", self.level, "a whole number from 1", "Correct the recipe.")
        refuse_pooling(self.pooling)
        refuse_unknown_boundary(self.boundary)

    @property
    def dimensions(self) -> Dimensions:
        """As many as letters."""
        return 3 if len(self.band) == 3 else 2

    @property
    def name(self) -> str:
        """As in ``wavelet_3d_db3_LLH_level1_average_mirror``."""
        details = (self.wavelet, self.band, f"level{self.level}", self.pooling or "")
        return named("wavelet", self.dimensions, *details, boundary=self.boundary)

    def apply(self, values: NDArray[Any], spacing_zyx_mm: Spacing, box: Box | None = None) -> Array:
        """The response map; see ``Filter.apply``."""
        refuse_unfit_image(values, spacing_zyx_mm)
        kernels = [self._kernel(letter) for letter in self.band]
        return in_all_turns(values, kernels, box_in(values, box), self.boundary, self.pooling)

    def _kernel(self, letter: str) -> Array:
        """Of all levels, along one axis."""
        bank = pywt.Wavelet(self.wavelet)
        last = bank.dec_lo if letter == "L" else bank.dec_hi
        kernel = _spread(last, 2 ** (self.level - 1))
        for level in range(self.level - 1):
            kernel = np.convolve(kernel, _spread(bank.dec_lo, 2**level))
        return kernel


def _spread(taps: list[float], step: int) -> Array:
    """Taps ``step`` voxels apart; of an even number the one after the middle is at the voxel."""
    middle = len(taps) // 2
    kernel = np.zeros(2 * middle * step + 1)
    kernel[: len(taps) * step : step] = taps
    return kernel
