"""The engine ``mesh`` on shapes whose surfaces are known, isotropic and with slices of 3 mm."""

from __future__ import annotations

import numpy as np
import pytest

from analytic_masks import Triple, ball, cube, ellipsoid
from terasu.segment.engines import SurfaceDistances, surface_distances
from terasu.segment.surface_measures import hausdorff_mm, mean_distance_mm, surface_dice
from terasu.segment.surface_net import mesh_of

FINE, THICK = (60, 60, 60), (23, 60, 60)


def spheres(shape: tuple[int, int, int], spacing: Triple, centre: Triple) -> SurfaceDistances:
    return surface_distances(ball(shape, spacing, 20, centre), ball(shape, spacing, 22, centre), spacing)


@pytest.mark.parametrize("centre", [(0, 0, 0), (0.3, -0.2, 0.1), (0.5, 0.5, 0.5)])
def test_concentric_spheres_lie_2_mm_apart(centre: Triple) -> None:
    found = spheres(FINE, (1, 1, 1), centre)
    assert hausdorff_mm(found) == pytest.approx(2, abs=0.35)
    assert hausdorff_mm(found, 95) == pytest.approx(2, abs=0.15)
    assert mean_distance_mm(found) == pytest.approx(2, abs=0.02)
    assert surface_dice(found, 1) == 0
    assert surface_dice(found, 3) == 1


@pytest.mark.parametrize("centre", [(0, 0, 0), (0.3, -0.2, 0.1), (1.0, 0.5, 0.5)])
def test_concentric_spheres_in_slices_of_3_mm(centre: Triple) -> None:
    """At the poles nobody knows better than half a slice where an organ ends."""
    found = spheres(THICK, (3, 1, 1), centre)
    assert hausdorff_mm(found) <= 2 + 1.5
    assert hausdorff_mm(found, 95) == pytest.approx(2, abs=0.4)
    assert mean_distance_mm(found) == pytest.approx(2, abs=0.03)
    assert surface_dice(found, 1) <= 0.02
    assert surface_dice(found, 3) == 1


@pytest.mark.parametrize("spacing", [(1, 1, 1), (3, 1, 1)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_shifted_cube_lies_as_far_away_as_it_was_shifted(spacing: Triple, axis: int) -> None:
    begin = [6, 6, 6]
    begin[axis] += 3
    found = surface_distances(
        cube((30, 30, 30), (6, 6, 6), 14), cube((30, 30, 30), tuple(begin), 14), spacing
    )
    assert hausdorff_mm(found) == pytest.approx(3 * spacing[axis], rel=1e-3)


def test_ellipsoids_differ_by_their_axes() -> None:
    first = ellipsoid((70, 80, 60), (1, 1, 1), (28, 24, 20))
    second = ellipsoid((70, 80, 60), (1, 1, 1), (28, 28, 20))
    found = surface_distances(first, second, (1, 1, 1))
    assert hausdorff_mm(found) == pytest.approx(4, abs=0.35)


@pytest.mark.parametrize(("spacing", "shape"), [((1, 1, 1), FINE), ((3, 1, 1), THICK)])
def test_the_area_of_a_sphere(spacing: Triple, shape: tuple[int, int, int]) -> None:
    mesh = mesh_of(ball(shape, spacing, 20), spacing)
    assert mesh.vertex_areas_mm2().sum() == pytest.approx(4 * np.pi * 400, rel=0.02)


def test_every_edge_belongs_to_two_triangles() -> None:
    triangles = mesh_of(ball(THICK, (3, 1, 1), 20), (3, 1, 1)).triangles
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()


def test_a_thin_organ_does_not_vanish() -> None:
    mask = np.zeros((12, 12, 30), dtype=bool)
    mask[5, 6, 4:26] = True
    mesh = mesh_of(mask, (1, 1, 1))
    assert np.ptp(mesh.vertices_mm[:, 2]) == pytest.approx(22, abs=1)
