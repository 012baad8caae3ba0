"""Gabor's waves in a plane (IBSI-2, Q88H)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from terasu.radiomics.filters.boundary import (
    Boundary,
    Spacing,
    box_in,
    extended,
    refuse_unfit_image,
    refuse_unknown_boundary,
)
from terasu.radiomics.filters.convolution import Pooling
from terasu.radiomics.filters.description import (
    Dimensions,
    named,
    refuse_dimensions,
    refuse_length,
    refuse_pooling,
    refuse_unless,
)
from terasu.radiomics.regrid import Box

Array = NDArray[np.float64]
_END_SIGMA = 7.0  # the Gaussian has fallen to 2e-11
_AT_ONCE = 8  # slices that are transformed together


@dataclass(frozen=True)
class Gabor:
    """How strong a wave of one length and direction is: the modulus of the complex Gabor response.

    Attributes:
        sigma_mm: standard deviation of the envelope along the wave.
        lambda_mm: wave length.
        gamma: sigma along the wave over that across it.
        theta_deg: direction of the wave, from x towards y (the columns of the image towards its rows).
        theta_step_deg: take directions this far apart all around, beginning with ``theta_deg``; None for one.
        pooling: of all directions and planes.
        dimensions: 2 for slices; 3 for the planes (x, y), (x, z) and (y, z) through every voxel.
    Raises:
        InputError: lengths or a gamma that are not positive, steps that do not divide the circle; when
            applied, a wave shorter than two voxels.
    Source: IBSI-2 reference manual, arXiv 2006.05470; IBSI code Q88H
    """

    sigma_mm: float
    lambda_mm: float
    gamma: float = 1.0
    theta_deg: float = 0.0
    theta_step_deg: float | None = None
    pooling: Pooling = "average"
    dimensions: Dimensions = 3
    boundary: Boundary = "mirror"

    def __post_init__(self) -> None:
        refuse_length("sigma_mm", self.sigma_mm)
        refuse_length("lambda_mm", self.lambda_mm)
        refuse_unless(
            self.gamma > 0, "gamma", self.gamma, "a positive number", "Take 1 for a round envelope."
        )
        step = self.theta_step_deg
        divides = step is None or (step > 0 and abs(360 / step - round(360 / step)) < 1e-9)
        refuse_unless(divides, "theta_step_deg", step, "a whole part of 360", "Take 45 or 22.5.")
        refuse_unless(self.pooling is not None, "pooling", self.pooling, "average or max", "Name one.")
        refuse_pooling(self.pooling)
        refuse_dimensions(self.dimensions)
        refuse_unknown_boundary(self.boundary)

    @property
    def name(self) -> str:
        """As in ``gabor_3d_sigma5mm_lambda2mm_gamma1.5_theta0_step22.5_average_mirror``."""
        step = "" if self.theta_step_deg is None else f"step{self.theta_step_deg:g}"
        sizes = (f"sigma{self.sigma_mm:g}mm", f"lambda{self.lambda_mm:g}mm", f"gamma{self.gamma:g}")
        details = (*sizes, f"theta{self.theta_deg:g}", step, self.pooling)
        return named("gabor", self.dimensions, *details, boundary=self.boundary)

    def apply(self, values: NDArray[Any], spacing_zyx_mm: Spacing, box: Box | None = None) -> Array:
        """The response map; see ``Filter.apply``."""
        refuse_unfit_image(values, spacing_zyx_mm)
        planes = ((1, 2),) if self.dimensions == 2 else ((1, 2), (0, 2), (0, 1))
        maps = [self._in_plane(values, plane, spacing_zyx_mm, box_in(values, box)) for plane in planes]
        return np.asarray(np.mean(maps, axis=0) if self.pooling == "average" else np.max(maps, axis=0))

    def _in_plane(self, values: NDArray[Any], plane: tuple[int, int], spacing: Spacing, box: Box) -> Array:
        """Pooled over directions; ``plane`` names its (second, first) axis."""
        steps = spacing[plane[0]], spacing[plane[1]]
        self._refuse_short_wave(steps)
        end = _END_SIGMA * self.sigma_mm / min(self.gamma, 1.0)
        reach = [0, 0, 0]
        for axis, step in zip(plane, steps, strict=True):
            reach[axis] = int(np.ceil(end / step))
        block = extended(values, box, (reach[0], reach[1], reach[2]), self.boundary)
        slices = np.moveaxis(block, plane, (1, 2))
        halves = reach[plane[0]], reach[plane[1]]
        sizes = [fft.next_fast_len(n) for n in slices.shape[1:]]
        gains = [self._gain(theta, halves, steps, sizes) for theta in self._directions()]
        y, x = (slice(half, n - half) for half, n in zip(halves, slices.shape[1:], strict=True))
        found = [self._pooled(part, gains, sizes)[:, y, x] for part in _parts(slices)]
        return np.ascontiguousarray(np.moveaxis(np.concatenate(found), (1, 2), plane))

    def _pooled(self, slices: Array, gains: list[Array], sizes: list[int]) -> Array:
        spectrum = fft.fft2(slices, s=sizes)
        pooled = np.zeros(spectrum.shape)
        for gain in gains:
            modulus = np.abs(fft.ifft2(spectrum * gain))
            pooled = pooled + modulus if self.pooling == "average" else np.maximum(pooled, modulus)
        return pooled / len(gains) if self.pooling == "average" else pooled

    def _gain(
        self, theta: float, halves: tuple[int, int], steps: tuple[float, float], sizes: list[int]
    ) -> Array:
        """The kernel's transform; it is real, since turning the kernel by half a circle conjugates it."""
        y, x = (np.arange(-half, half + 1) * step for half, step in zip(halves, steps, strict=True))
        along = x[None, :] * np.cos(theta) + y[:, None] * np.sin(theta)
        across = -x[None, :] * np.sin(theta) + y[:, None] * np.cos(theta)
        envelope = np.exp(-(along**2 + (self.gamma * across) ** 2) / (2 * self.sigma_mm**2))
        placed = np.zeros(sizes, np.complex128)
        placed[: len(y), : len(x)] = envelope * np.exp(2j * np.pi * along / self.lambda_mm)
        return np.asarray(fft.fft2(np.roll(placed, (-halves[0], -halves[1]), (0, 1))).real)

    def _directions(self) -> list[float]:
        """In radians; opposite directions have the same modulus, so half a circle is enough if steps fit."""
        if self.theta_step_deg is None:
            return [float(np.deg2rad(self.theta_deg))]
        n = round(360 / self.theta_step_deg)
        n = n // 2 if n % 2 == 0 else n
        return [float(np.deg2rad(self.theta_deg + i * self.theta_step_deg)) for i in range(n)]

    def _refuse_short_wave(self, steps: tuple[float, float]) -> None:
        shortest = 2 * max(steps)
        long = self.lambda_mm >= shortest * (1 - 1e-6)
        todo = "Interpolate to smaller voxels, take a longer wave, or filter in slices."
        refuse_unless(long, "lambda_mm", self.lambda_mm, f"two voxels or more, {shortest:g} mm here", todo)


def _parts(slices: Array) -> Iterator[Array]:
    for first in range(0, len(slices), _AT_ONCE):
        yield slices[first : first + _AT_ONCE]
