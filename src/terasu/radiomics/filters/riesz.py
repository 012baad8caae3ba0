"""The Riesz transform of a filter that looks the same in every direction (IBSI-2, AYRS)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.radiomics.filters.boundary import Spacing, box_in, refuse_unfit_image
from terasu.radiomics.filters.description import refuse_unless
from terasu.radiomics.filters.frequency import half_more, weighted
from terasu.radiomics.filters.laplacian import LaplacianOfGaussian
from terasu.radiomics.filters.simoncelli import Simoncelli
from terasu.radiomics.regrid import Box

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Riesz:
    """Directional derivatives of a response, of all frequencies alike.

    The image is continued by half of its size on each side as the filter's boundary says, filtered, and
    transformed.

    Attributes:
        of: the filter before.
        order_xyz: of the derivative along x, y and z, as in (0, 2, 0); (x, y) for a filter in slices.
    Raises:
        InputError: an order that does not fit the filter, or of nothing.
    Source: Unser and Van De Ville 2010, doi 10.1109/TIP.2009.2038832; IBSI-2 reference manual, arXiv
    2006.05470; IBSI code AYRS
    """

    of: LaplacianOfGaussian | Simoncelli
    order_xyz: tuple[int, ...]

    def __post_init__(self) -> None:
        fits = len(self.order_xyz) == self.of.dimensions and sum(self.order_xyz) > 0
        fits = fits and all(isinstance(one, int) and one >= 0 for one in self.order_xyz)
        wanted = f"{self.of.dimensions} whole numbers from 0, not all of them 0"
        refuse_unless(fits, "order_xyz", self.order_xyz, wanted, "One order for each axis of the filter.")

    @property
    def name(self) -> str:
        """As in ``riesz_order020_simoncelli_3d_level1_nearest``."""
        return "_".join(("riesz", "order" + "".join(str(one) for one in self.order_xyz), self.of.name))

    def apply(self, values: NDArray[Any], spacing_zyx_mm: Spacing, box: Box | None = None) -> Array:
        """The response map; see ``Filter.apply``."""
        refuse_unfit_image(values, spacing_zyx_mm)
        block, inner = half_more(values, self.of.dimensions, box_in(values, box), self.of.boundary)
        if isinstance(self.of, LaplacianOfGaussian):
            block = self.of.apply(block, spacing_zyx_mm)
        return np.ascontiguousarray(weighted(block, self.of.dimensions, self._gain)[inner])

    def _gain(self, frequencies: Sequence[Array]) -> NDArray[Any]:
        """Of the transform, and of the filter before where that is a gain, too."""
        total = sum(self.order_xyz)
        ways = math.factorial(total) / math.prod(math.factorial(one) for one in self.order_xyz)
        distance = np.sqrt(sum(np.square(one) for one in frequencies))
        unit = np.where(distance > 0, distance, 1.0)
        gain = np.asarray((-1j) ** total * math.sqrt(ways) * (distance > 0))
        for frequency, order in zip(frequencies, reversed(self.order_xyz), strict=True):
            gain = gain * (frequency / unit) ** order
        return gain * self.of.gain(frequencies) if isinstance(self.of, Simoncelli) else gain
