"""The Laplacian of Gaussian (IBSI-2, L6PA)."""

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
from terasu.radiomics.filters.description import (
    Dimensions,
    named,
    refuse_dimensions,
    refuse_length,
    refuse_unless,
)
from terasu.radiomics.regrid import Box

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LaplacianOfGaussian:
    """Second derivatives of the image smoothed by a Gaussian; high in dark blobs, zero where it is even.

    The standard's kernel, cut off at a multiple of sigma, does not quite sum to zero. Here it does, so that
    the CT number of water or air does not shift the response; this is 0.1 % of the response's range or less.
    Derivatives are taken by voxel as the standard does; where voxels are not cubes, by the cube root of
    their volume.

    Attributes:
        sigma_mm: standard deviation of the Gaussian.
        cutoff_sigma: where the kernel ends, in multiples of sigma.
        dimensions: 2 for every slice by itself.
    Raises:
        InputError: a sigma or an end that is not positive.
    Source: IBSI-2 reference manual, arXiv 2006.05470; IBSI code L6PA
    """

    sigma_mm: float
    cutoff_sigma: float = 4.0
    dimensions: Dimensions = 3
    boundary: Boundary = "mirror"

    def __post_init__(self) -> None:
        refuse_length("sigma_mm", self.sigma_mm)
        positive = self.cutoff_sigma > 0
        refuse_unless(positive, "cutoff_sigma", self.cutoff_sigma, "a positive number", "IBSI-2 takes 4.")
        refuse_dimensions(self.dimensions)
        refuse_unknown_boundary(self.boundary)

    @property
    def name(self) -> str:
        """As in ``log_3d_sigma1.5mm_mirror``."""
        cutoff = "" if self.cutoff_sigma == 4 else f"cutoff{self.cutoff_sigma:g}"
        return named("log", self.dimensions, f"sigma{self.sigma_mm:g}mm", cutoff, boundary=self.boundary)

    def apply(self, values: NDArray[Any], spacing_zyx_mm: Spacing, box: Box | None = None) -> Array:
        """The response map; see ``Filter.apply``."""
        refuse_unfit_image(values, spacing_zyx_mm)
        box = box_in(values, box)
        axes = range(3 - self.dimensions, 3)
        edge_mm = float(np.prod([spacing_zyx_mm[axis] for axis in axes])) ** (1 / self.dimensions)
        response = np.zeros([one.stop - one.start for one in box])
        for derived in axes:
            kernels = [ALONE] * 3
            for axis in axes:
                smooth, second = self._kernels(spacing_zyx_mm[axis])
                scale = (edge_mm / spacing_zyx_mm[axis]) ** 2
                kernels[axis] = second * scale if axis == derived else smooth
            response += convolved(values, kernels, box, self.boundary)
        return response

    def _kernels(self, spacing_mm: float) -> tuple[Array, Array]:
        """A Gaussian that sums to one and its second derivative that sums to zero, by voxel."""
        sigma = self.sigma_mm / spacing_mm
        half = int(self.cutoff_sigma * sigma + 0.5)
        x = np.arange(-half, half + 1.0)
        smooth = np.exp(-(x**2) / (2 * sigma**2))
        smooth /= smooth.sum()
        second = (x**2 / sigma**4 - 1 / sigma**2) * smooth
        return smooth, second - second.sum() * smooth
