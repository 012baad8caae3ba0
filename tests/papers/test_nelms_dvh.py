"""Cylinders and cones in a linear gradient, whose DVHs are known exactly.

Source: Nelms et al., Methods, software and datasets to verify DVH calculations against analytical values,
Med Phys 2015;42:4435, doi 10.1118/1.4923175. The shapes are made here in the same way: contours on CT
slices, a dose grid that is coarser, a dose linear along one axis. 1 Gy per mm is steep. The contours stand in
the middle of slabs that fill the shape from end to end: that is the end cap.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from terasu.dose.dvh import Dvh, dvh_of, dvh_of_mask
from terasu.patient.contours import polygons_volume_cc, rasterise
from terasu.patient.grid import Grid
from terasu.patient.structures import Roi
from terasu.patient.volume import Volume

GY_PER_MM = 1.0
PERCENTS = (98, 95, 50, 5, 2)
SIZES_MM = [(5.0, 12.0), (5.0, 24.0), (12.0, 24.0)]
"""Radius and height."""


def gradient_dose(direction: tuple[float, float, float], spacing_mm: float) -> Volume:
    """40 Gy at the origin, rising along x, y, z."""
    n = int(80 / spacing_mm)
    grid = Grid.from_axes((n, n, n), spacing_zyx_mm=(spacing_mm,) * 3, origin_lps_mm=(-39.3, -40.1, -38.7))
    places = grid.to_lps_mm(np.moveaxis(np.indices(grid.shape_zyx), 0, -1))
    return Volume((40 + GY_PER_MM * places @ np.array(direction)).astype(np.float32), grid, "Gy")


X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def stack(radius_mm: float, height_mm: float, slab_mm: float, taper: float) -> Roi:
    """A cylinder (taper 0), or a cone with its tip at the top (1) or at the bottom (−1)."""
    planes = np.arange(-height_mm / 2 + slab_mm / 2, height_mm / 2, slab_mm)
    angle = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    contours = []
    for z in planes:
        r = radius_mm * shrunk(z / height_mm + 0.5, taper)
        contours.append(np.c_[r * np.cos(angle), r * np.sin(angle), np.full(360, z)])
    return Roi("shape", 1, tuple(contours))


def shrunk(part: float, taper: float) -> float:
    """Radius at a part of the height, as a part of the radius."""
    if taper == 0:
        return 1.0
    return 1 - part if taper > 0 else part


def beyond_chord(y: float) -> float:
    """Share of a unit disc's area above y."""
    y = min(max(y, -1.0), 1.0)
    return float((np.arccos(y) - y * np.sqrt(1 - y**2)) / np.pi)


def beyond_plane(taper: float, along_axis: bool, radius: float, height: float, gy: float) -> float:
    """Share of the shape's volume with at least this dose."""
    parts = (np.arange(4000) + 0.5) / 4000
    radii = np.array([radius * shrunk(part, taper) for part in parts])
    weight = radii**2 / np.sum(radii**2)
    if along_axis:
        edges = np.arange(4001) / 4000
        above = np.concatenate([np.cumsum(weight[::-1])[::-1], [0.0]])
        return float(np.interp((gy - 40) / height + 0.5, edges, above))
    return float(sum(w * beyond_chord((gy - 40) / r) for w, r in zip(weight, radii, strict=True)))


def errors_gy(dvh: Dvh, taper: float, along_axis: bool, radius: float, height: float) -> np.ndarray:
    reach = height / 2 if along_axis else radius

    def truth(percent: float) -> float:
        return brentq(
            lambda gy: beyond_plane(taper, along_axis, radius, height, gy) - percent / 100,
            40 - reach,
            40 + reach,
            xtol=1e-3,
        )

    return np.array([dvh.d_percent(percent) - truth(percent) for percent in PERCENTS])


@pytest.mark.parametrize("direction", [X, Z])
@pytest.mark.parametrize("slab_mm", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("taper", [0.0, 1.0, -1.0])
@pytest.mark.parametrize(("radius", "height"), SIZES_MM)
def test_cylinders_and_cones_in_a_gradient(
    radius: float, height: float, taper: float, slab_mm: float, direction: tuple[float, float, float]
) -> None:
    roi = stack(radius, height, slab_mm, taper)
    dvh = dvh_of(gradient_dose(direction, 2.5), roi)
    volume_cc = np.pi * radius**2 * height / (1 if taper == 0 else 3) / 1000
    assert abs(dvh.volume_cc / volume_cc - 1) < 0.01
    assert np.abs(errors_gy(dvh, taper, direction == Z, radius, height)).max() < 0.05


@pytest.mark.parametrize("slab_mm", [1.0, 2.0])
def test_a_cylinder_that_lies_across_the_slices(slab_mm: float) -> None:
    """Its contours are oblongs. What lies beyond the outermost is guessed, and stated here as it is."""
    radius, half = 12.0, 12.0
    planes = np.arange(-radius + slab_mm / 2, radius, slab_mm)
    wide = np.sqrt(radius**2 - planes**2)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    oblongs = [np.c_[corners * (w, half), np.full(4, z)] for w, z in zip(wide, planes, strict=True)]
    roi = Roi("lying", 1, tuple(oblongs))
    for direction, bound in ((X, 0.15), (Z, 0.3)):
        dvh = dvh_of(gradient_dose(direction, 2.5), roi)
        assert np.abs(errors_gy(dvh, 0.0, False, radius, 2 * half)).max() < bound


def test_a_thin_structure_between_two_dose_planes_has_a_d95() -> None:
    """Contours 1 mm apart within one gap of a 3 mm dose grid (dicompyler-core: D95 = 0)."""
    roi = stack(5.0, 2.0, 1.0, 0.0)
    dvh = dvh_of(gradient_dose(X, 3.0), roi)
    assert np.abs(errors_gy(dvh, 0.0, False, 5.0, 2.0)).max() < 0.05


def test_mask_and_polygons_agree() -> None:
    dose = gradient_dose(Y, 2.5)
    grid = Grid.from_axes((60, 200, 200), spacing_zyx_mm=(1, 0.25, 0.25), origin_lps_mm=(-25, -25, -30))
    roi = stack(12.0, 24.0, 1.0, 0.0)
    by_mask = dvh_of_mask(dose, rasterise(roi.contours_lps_mm, grid), grid)
    by_polygons = dvh_of(dose, roi)
    for percent in PERCENTS:
        assert abs(by_mask.d_percent(percent) - by_polygons.d_percent(percent)) < 0.05


def test_a_ring_and_its_keyhole_are_one_structure() -> None:
    """A hole as a contour of its own, and as a seam to and fro, hold the same volume and dose."""
    outer, inner = stack(12.0, 12.0, 2.0, 0.0), stack(6.0, 12.0, 2.0, 0.0)
    both = zip(outer.contours_lps_mm, inner.contours_lps_mm, strict=True)
    keyholes = tuple(np.concatenate([a, a[:1], b[:1], b[::-1]]) for a, b in both)
    ring = replace(outer, contours_lps_mm=outer.contours_lps_mm + inner.contours_lps_mm)
    dose = gradient_dose(X, 2.5)
    one, other = dvh_of(dose, ring), dvh_of(dose, replace(outer, contours_lps_mm=keyholes))
    assert abs(one.volume_cc / (np.pi * (144 - 36) * 12 / 1000) - 1) < 0.002
    assert abs(other.volume_cc / one.volume_cc - 1) < 0.005
    for percent in PERCENTS:
        assert abs(one.d_percent(percent) - other.d_percent(percent)) < 0.05


def test_two_parts_with_a_gap_are_not_joined() -> None:
    part = stack(6.0, 8.0, 2.0, 0.0)
    moved = tuple(contour + np.array([0, 0, 20]) for contour in part.contours_lps_mm)
    both = replace(part, contours_lps_mm=part.contours_lps_mm + moved)
    found = dvh_of(gradient_dose(Z, 2.5), both)
    assert abs(found.volume_cc / polygons_volume_cc(both.contours_lps_mm) - 1) < 0.002
    assert abs(found.v_gy(50) - 50) < 0.1
