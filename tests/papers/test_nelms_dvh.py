"""Cylinders and cones in a linear gradient, whose DVHs are known exactly.

Source: Nelms et al., Methods, software and datasets to verify DVH calculations against analytical values,
Med Phys 2015;42:4435, doi 10.1118/1.4923175. The shapes are made here in the same way; 1 Gy per mm is steep.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from terasu.dose.dvh import dvh_of, dvh_of_mask
from terasu.patient.contours import rasterise
from terasu.patient.grid import Grid
from terasu.patient.structures import Roi
from terasu.patient.volume import Volume

GY_PER_MM = 1.0
PERCENTS = (98, 95, 50, 5, 2)


def gradient_dose(axis: int, spacing_mm: float) -> Volume:
    """40 Gy at the origin, rising along x, y or z (0, 1, 2)."""
    n = int(120 / spacing_mm)
    grid = Grid.from_axes((n, n, n), spacing_zyx_mm=(spacing_mm,) * 3, origin_lps_mm=(-59.3, -60.1, -58.7))
    places = grid.to_lps_mm(np.moveaxis(np.indices(grid.shape_zyx), 0, -1))
    return Volume((40 + GY_PER_MM * places[..., axis]).astype(np.float32), grid, "Gy")


def disc(radius_mm: float, z_mm: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    return np.c_[radius_mm * np.cos(angle), radius_mm * np.sin(angle), np.full(360, z_mm)]


def cylinder(radius_mm: float, height_mm: float, slab_mm: float) -> Roi:
    planes = np.arange(-height_mm / 2 + slab_mm / 2, height_mm / 2, slab_mm)
    return Roi("cylinder", 1, tuple(disc(radius_mm, z) for z in planes))


def beyond_chord(y: float) -> float:
    """Share of a unit disc's area above y."""
    return float((np.arccos(y) - y * np.sqrt(1 - y**2)) / np.pi)


@pytest.mark.parametrize("radius_mm", [5.0, 12.0])
@pytest.mark.parametrize("slab_mm", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("axis", [1, 2])
def test_cylinder_in_a_gradient(radius_mm: float, slab_mm: float, axis: int) -> None:
    height = 24.0
    dvh = dvh_of(gradient_dose(axis, 2.5), cylinder(radius_mm, height, slab_mm))
    assert abs(dvh.volume_cc / (np.pi * radius_mm**2 * height / 1000) - 1) < 0.001
    for percent in PERCENTS:
        if axis == 2:
            truth = 40 + height / 2 - height * percent / 100
        else:
            truth = 40 + radius_mm * brentq(lambda y, p=percent: beyond_chord(y) - p / 100, -1, 1)
        assert abs(dvh.d_percent(percent) - truth) < 0.1


@pytest.mark.parametrize("slab_mm", [1.0, 3.0])
def test_cone_in_a_gradient_along_its_axis(slab_mm: float) -> None:
    """A cone as contours draw it is a staircase of discs; its own DVH is that of the discs."""
    height, radius = 24.0, 12.0
    planes = np.arange(slab_mm / 2, height, slab_mm)
    radii = radius * planes / height
    roi = Roi("cone", 1, tuple(disc(r, z) for r, z in zip(radii, planes, strict=True)))
    dvh = dvh_of(gradient_dose(2, 2.5), roi)
    weight = radii**2 / np.sum(radii**2)
    edges = np.concatenate([[0], np.arange(1, len(planes) + 1) * slab_mm])
    below = np.concatenate([[0], np.cumsum(weight)])
    for percent in PERCENTS:
        truth = 40 + np.interp(1 - percent / 100, below, edges)
        assert abs(dvh.d_percent(percent) - truth) < 0.1


def test_mask_and_polygons_agree() -> None:
    dose = gradient_dose(1, 2.5)
    grid = Grid.from_axes((60, 200, 200), spacing_zyx_mm=(1, 0.25, 0.25), origin_lps_mm=(-25, -25, -30))
    roi = cylinder(12.0, 24.0, 1.0)
    by_mask = dvh_of_mask(dose, rasterise(roi.contours_lps_mm, grid), grid)
    by_polygons = dvh_of(dose, roi)
    for percent in PERCENTS:
        assert abs(by_mask.d_percent(percent) - by_polygons.d_percent(percent)) < 0.1
