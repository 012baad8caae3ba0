"""Made tumours on made CBCT images, day by day, with a course that is known.

The images are simple on purpose: a textured ellipsoid in even soft tissue, with the shading, the offset and
the noise of a cone-beam CT that differ from day to day, and contours that are not drawn twice the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.patient.grid import Grid
from terasu.patient.volume import Volume

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
FRACTIONS = 5
GRID = Grid.from_axes((26, 32, 32), spacing_zyx_mm=(3.0, 2.5, 2.5), origin_lps_mm=(-38.75, -38.75, -37.5))
_TISSUE_HU, _TUMOUR_HU = 20.0, 45.0
_TEXTURE_HU, _TEXTURE_VOXELS = 20.0, 1.2
_NOISE_HU, _OFFSET_HU, _CUPPING_HU = 18.0, 8.0, 15.0
_CONTOUR = 0.015  # of the radius, from day to day


@dataclass(frozen=True)
class Course:
    """One tumour over its treatment.

    Attributes:
        radii_zyx_mm: on the first day.
        shrinkage: logarithm of the volume's loss, first day to last.
        roughening: logarithm of the texture's gain.
    """

    radii_zyx_mm: tuple[float, float, float]
    shrinkage: float
    roughening: float

    @property
    def volume_cc(self) -> float:
        """On the first day."""
        return float(4 / 3 * np.pi * np.prod(self.radii_zyx_mm) / 1000)


def scan(course: Course, fraction: int, rng: np.random.Generator) -> tuple[Volume, Mask]:
    """The CBCT of one fraction (from 1) and the contour drawn on it."""
    passed = (fraction - 1) / (FRACTIONS - 1)
    size = np.exp(-course.shrinkage * passed / 3)
    at = np.moveaxis(np.indices(GRID.shape_zyx), 0, -1)
    lps_mm = GRID.to_lps_mm(at) - rng.uniform(-1.0, 1.0, 3)
    radii_mm = np.array(course.radii_zyx_mm)[::-1] * size
    true = (np.square(lps_mm / radii_mm)).sum(axis=-1) < 1
    drawn = (np.square(lps_mm / (radii_mm * rng.normal(1.0, _CONTOUR)))).sum(axis=-1) < 1
    texture = ndimage.gaussian_filter(rng.standard_normal(GRID.shape_zyx), _TEXTURE_VOXELS)
    texture *= _TEXTURE_HU * np.exp(course.roughening * passed) / texture.std()
    shown = np.where(true, _TUMOUR_HU + texture, _TISSUE_HU)
    return Volume((shown + _of_the_day(lps_mm, rng)).astype(np.float32), GRID, "HU"), drawn


def _of_the_day(lps_mm: Array, rng: np.random.Generator) -> Array:
    """Offset, cupping and noise of a cone-beam CT [HU]."""
    away = np.square(lps_mm[..., :2]).sum(axis=-1) / 40.0**2
    cupping = _CUPPING_HU * rng.uniform(0.5, 1.5) * away
    return np.asarray(rng.normal(0, _OFFSET_HU) + cupping + rng.normal(0, _NOISE_HU, GRID.shape_zyx))
