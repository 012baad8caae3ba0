"""Jacobian and way back of fields that are known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from terasu.patient.grid import Grid
from terasu.patient.transform import Deformation, Rigid
from terasu.register.field import (
    after_rigid,
    displacement_at,
    jacobian_determinant,
    there_and_back_mm,
    voxel_centres_lps_mm,
)

angles = st.floats(-180, 180)


def oblique(rotation: tuple[float, float, float]) -> Grid:
    return Grid.from_axes(
        (7, 8, 9),
        spacing_zyx_mm=(3.0, 1.5, 2.0),
        origin_lps_mm=(10, -20, 30),
        direction_lps=Rotation.from_euler("xyz", rotation, degrees=True).as_matrix(),
    )


@settings(max_examples=30, deadline=None)
@given(angles, angles, angles, st.lists(st.floats(-0.6, 0.6), min_size=9, max_size=9))
def test_jacobian_of_a_linear_map_is_its_determinant(
    a: float, b: float, c: float, entries: list[float]
) -> None:
    """On any oblique grid: p → (I + A) p changes volume by det(I + A), also where that folds."""
    grid, linear = oblique((a, b, c)), np.reshape(entries, (3, 3))
    field = (voxel_centres_lps_mm(grid) @ linear.T).astype(np.float32)
    found = jacobian_determinant(Deformation(field, grid))
    assert np.allclose(found, np.linalg.det(np.eye(3) + linear), atol=2e-3)


def test_there_and_back_of_a_shift_is_nothing_and_of_two_shifts_their_sum() -> None:
    grid = oblique((10, 20, 30))
    shift = np.broadcast_to(np.float32([3.0, -2.0, 1.0]), (*grid.shape_zyx, 3)).copy()
    where = np.ones(grid.shape_zyx, bool)
    assert np.allclose(
        there_and_back_mm(Deformation(shift, grid), Deformation(-shift, grid), where), 0, atol=1e-5
    )
    twice = there_and_back_mm(Deformation(shift, grid), Deformation(shift, grid), where)
    assert np.allclose(twice, 2 * np.linalg.norm([3, -2, 1]), atol=1e-4)


def test_after_rigid_maps_a_point_through_both() -> None:
    grid = oblique((0, 0, 40))
    local = Deformation(np.full((*grid.shape_zyx, 3), 2.5, np.float32), grid)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("z", 10, degrees=True).as_matrix()
    matrix[:3, 3] = (1, 2, 3)
    rigid, point = Rigid(matrix), grid.centre_lps_mm
    whole = after_rigid(local, rigid)
    assert np.allclose(point + displacement_at(whole, point), rigid.apply(point + 2.5), atol=1e-4)


def test_one_slice_has_a_jacobian() -> None:
    grid = Grid.from_axes((1, 5, 5), spacing_zyx_mm=(1, 1, 1))
    assert jacobian_determinant(Deformation(np.zeros((1, 5, 5, 3), np.float32), grid)) == pytest.approx(1.0)
