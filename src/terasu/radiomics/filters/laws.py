"""Laws' kernels and their texture energy (IBSI-2, JTXT)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
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
from terasu.radiomics.filters.convolution import Pooling, in_all_turns
from terasu.radiomics.filters.description import Dimensions, named, refuse_pooling, refuse_unless
from terasu.radiomics.filters.mean import mean_of_cube
from terasu.radiomics.regrid import Box

Array = NDArray[np.float64]


def _unit(*taps: float) -> Array:
    return np.asarray(np.array(taps) / np.linalg.norm(taps))


KERNELS: Mapping[str, Array] = MappingProxyType(
    {
        "L3": _unit(1, 2, 1),
        "E3": _unit(-1, 0, 1),
        "S3": _unit(-1, 2, -1),
        "L5": _unit(1, 4, 6, 4, 1),
        "E5": _unit(-1, -2, 0, 2, 1),
        "S5": _unit(-1, 0, 2, 0, -1),
        "W5": _unit(-1, 2, 0, -2, 1),
        "R5": _unit(1, -4, 6, -4, 1),
    }
)
"""Level, edge, spot, wave and ripple; their squares sum to one (IBSI-2, table of Laws' kernels)."""


@dataclass(frozen=True)
class Laws:
    """A product of Laws' kernels, its mean amount around every voxel if wanted.

    Attributes:
        kernels: along x, y and z, as in ``E5L5S5``; two of them work on every slice by itself.
        pooling: over the 24 turns in 3-D, the 4 in a slice; None for one orientation.
        energy_distance: how many voxels far the energy is averaged; None for the response itself.
    Raises:
        InputError: kernels that Laws did not define, or a negative distance.
    Source: Laws 1980, doi 10.1117/12.959169; IBSI-2 reference manual, arXiv 2006.05470; IBSI code JTXT
    """

    kernels: str
    pooling: Pooling | None = None
    energy_distance: int | None = None
    boundary: Boundary = "mirror"

    def __post_init__(self) -> None:
        known = len(self._names) in (2, 3) and all(one in KERNELS for one in self._names)
        many = f"two or three of {', '.join(KERNELS)}, one after the other"
        refuse_unless(known, "kernels", self.kernels, many, "Write them as in E5L5S5.")
        far = self.energy_distance is None or self.energy_distance >= 0
        refuse_unless(far, "energy_distance", self.energy_distance, "0 voxels or more", "IBSI-2 takes 7.")
        refuse_pooling(self.pooling)
        refuse_unknown_boundary(self.boundary)

    @property
    def dimensions(self) -> Dimensions:
        """As many as kernels."""
        return 3 if len(self._names) == 3 else 2

    @property
    def name(self) -> str:
        """As in ``laws_3d_E5L5S5_max_energy7_mirror``."""
        energy = "" if self.energy_distance is None else f"energy{self.energy_distance}"
        details = (self.kernels, self.pooling or "", energy)
        return named("laws", self.dimensions, *details, boundary=self.boundary)

    def apply(self, values: NDArray[Any], spacing_zyx_mm: Spacing, box: Box | None = None) -> Array:
        """The response map; see ``Filter.apply``."""
        refuse_unfit_image(values, spacing_zyx_mm)
        box = box_in(values, box)
        if self.energy_distance is None:
            return self._response(values, box)
        around, inner = _grown(box, self.energy_distance, values.shape, self.boundary == "periodic")
        amount = np.abs(self._response(values, around))
        beyond = self.boundary if isinstance(self.boundary, str) else "zero"
        return mean_of_cube(amount, 2 * self.energy_distance + 1, self.dimensions, inner, beyond)

    def _response(self, values: NDArray[Any], box: Box) -> Array:
        kernels = [KERNELS[one] for one in self._names]
        return in_all_turns(values, kernels, box, self.boundary, self.pooling)

    @property
    def _names(self) -> list[str]:
        return [self.kernels[i : i + 2] for i in range(0, len(self.kernels), 2)]


def _grown(box: Box, by: int, shape: tuple[int, ...], round_about: bool) -> tuple[Box, Box]:
    """The box grown as far as the image goes, and where the box lies in it."""
    around, inner = [], []
    for bounds, n in zip(box, shape, strict=True):
        low, high = max(bounds.start - by, 0), min(bounds.stop + by, n)
        if round_about and (bounds.start < by or bounds.stop + by > n):
            low, high = 0, n
        around.append(slice(low, high))
        inner.append(slice(bounds.start - low, bounds.stop - low))
    return (around[0], around[1], around[2]), (inner[0], inner[1], inner[2])
