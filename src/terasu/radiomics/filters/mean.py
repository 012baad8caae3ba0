"""The mean filter (IBSI-2, S60F)."""

from __future__ import annotations

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
from terasu.radiomics.filters.convolution import ALONE, convolved
from terasu.radiomics.filters.description import Dimensions, named, refuse_dimensions, refuse_unless
from terasu.radiomics.regrid import Box

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Mean:
    """The mean of the voxels around a voxel.

    Attributes:
        support: edge of the square or cube that is averaged [voxels], odd.
        dimensions: 2 for every slice by itself.
    Raises:
        InputError: an even or negative support.
    Source: IBSI-2 reference manual, arXiv 2006.05470; IBSI code S60F
    """

    support: int
    dimensions: Dimensions = 3
    boundary: Boundary = "mirror"

    def __post_init__(self) -> None:
        odd = isinstance(self.support, int) and self.support > 0 and self.support % 2 == 1
        refuse_unless(odd, "support", self.support, "an odd number of voxels", "Take the next odd number.")
        refuse_dimensions(self.dimensions)
        refuse_unknown_boundary(self.boundary)

    @property
    def name(self) -> str:
        """As in ``mean_3d_support5_mirror``."""
        return named("mean", self.dimensions, f"support{self.support}", boundary=self.boundary)

    def apply(self, values: NDArray[Any], spacing_zyx_mm: Spacing, box: Box | None = None) -> Array:
        """The response map; see ``Filter.apply``."""
        refuse_unfit_image(values, spacing_zyx_mm)
        return mean_of_cube(values, self.support, self.dimensions, box_in(values, box), self.boundary)


def mean_of_cube(
    values: NDArray[Any], support: int, dimensions: Dimensions, box: Box, boundary: Boundary
) -> Array:
    """Mean over ``support`` voxels along every axis, z left out in two dimensions."""
    kernel: Array = np.full(support, 1 / support)
    return convolved(values, [kernel if dimensions == 3 else ALONE, kernel, kernel], box, boundary)
