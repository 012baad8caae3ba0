"""Simoncelli's wavelet, which looks the same in every direction (IBSI-2, PRT7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.radiomics.filters.boundary import (
    Boundary,
    Spacing,
    box_in,
    refuse_unfit_image,
    refuse_unknown_boundary,
)
from terasu.radiomics.filters.description import Dimensions, named, refuse_dimensions, refuse_unless
from terasu.radiomics.filters.frequency import half_more, weighted
from terasu.radiomics.regrid import Box

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Simoncelli:
    """The band of frequencies between π/4 and π at the first level, half of it at each next one.

    The wavelet has no end, so the whole image is transformed whatever the box. It goes on periodically, as
    in the benchmarks; with another boundary it is continued by half of its size on each side.

    Attributes:
        level: of the decomposition, 1 for the highest frequencies.
        dimensions: 2 for every slice by itself.
    Raises:
        InputError: a level below one.
    Source: Portilla and Simoncelli 2000, doi 10.1023/A:1026553619983; IBSI-2 reference manual, arXiv
    2006.05470; IBSI code PRT7
    """

    level: int = 1
    dimensions: Dimensions = 3
    boundary: Boundary = "periodic"

    def __post_init__(self) -> None:
        high = isinstance(self.level, int) and self.level >= 1
        refuse_unless(high, "level", self.level, "a whole number from 1", "Correct the recipe.")
        refuse_dimensions(self.dimensions)
        refuse_unknown_boundary(self.boundary)

    @property
    def name(self) -> str:
        """As in ``simoncelli_3d_level1_periodic``."""
        return named("simoncelli", self.dimensions, f"level{self.level}", boundary=self.boundary)

    def apply(self, values: NDArray[Any], spacing_zyx_mm: Spacing, box: Box | None = None) -> Array:
        """The response map; see ``Filter.apply``."""
        refuse_unfit_image(values, spacing_zyx_mm)
        block, inner = half_more(values, self.dimensions, box_in(values, box), self.boundary)
        return np.ascontiguousarray(weighted(block, self.dimensions, self.gain)[inner])

    def gain(self, frequencies: Sequence[Array]) -> Array:
        """How much of every angular frequency [rad by voxel] stays, 0 to 1."""
        squares = sum(np.square(one) for one in frequencies)
        distance = np.sqrt(squares) * 2 ** (self.level - 1)
        band = (distance > np.pi / 4) & (distance <= np.pi)
        octaves = np.log2(2 * np.where(band, distance, np.pi / 2) / np.pi)
        return np.where(band, np.cos(np.pi / 2 * octaves), 0.0)
