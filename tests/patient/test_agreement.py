"""Masks whose agreement is known."""

from __future__ import annotations

import numpy as np
import pytest

from terasu.errors import InputError
from terasu.patient.agreement import (
    bounding_box,
    centroid_lps_mm,
    dice,
    surface_distances_mm,
    surface_shift_95_mm,
)
from terasu.patient.grid import Grid

GRID = Grid.from_axes((40, 60, 60), spacing_zyx_mm=(2, 1, 1), origin_lps_mm=(-30, -30, -40))


def ball(radius_mm: float, centre_lps_mm: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    index = np.moveaxis(np.indices(GRID.shape_zyx), 0, -1)
    return np.linalg.norm(GRID.to_lps_mm(index) - np.asarray(centre_lps_mm), axis=-1) <= radius_mm


def test_concentric_balls_lie_as_far_apart_as_their_radii() -> None:
    distances = surface_distances_mm(ball(20), ball(15), GRID)
    assert abs(distances.mean() - 5) < 0.6  # voxel staircase
    assert distances.min() > 3
    assert surface_distances_mm(ball(15), ball(20), GRID).max() < -2


def test_a_shifted_ball() -> None:
    assert np.allclose(
        centroid_lps_mm(ball(12, (4, 0, 0)), GRID) - centroid_lps_mm(ball(12), GRID), (4, 0, 0)
    )
    assert 2.5 < surface_shift_95_mm(ball(12), ball(12, (4, 0, 0)), GRID) <= 4.5
    assert surface_shift_95_mm(ball(12), ball(12), GRID) <= 2.0


def test_only_the_part_that_was_seen_counts() -> None:
    seen = np.zeros(GRID.shape_zyx, bool)
    seen[:, :, 30:] = True
    left = surface_distances_mm(ball(12, (3, 0, 0)), ball(12), GRID, where=seen)
    assert left.mean() > 0.5
    assert surface_distances_mm(ball(12, (3, 0, 0)), ball(12), GRID, where=~seen).mean() < 0


def test_dice_and_empty_masks() -> None:
    empty = np.zeros(GRID.shape_zyx, bool)
    assert dice(ball(9), ball(9)) == 1
    assert dice(ball(9), empty) == 0
    assert np.isnan(dice(empty, empty))
    with pytest.raises(InputError):
        bounding_box(empty)


def test_where_an_image_ends_there_is_no_skin() -> None:
    """A cylinder seen in ten slices only: its cut faces lie deep inside of the whole one."""
    y, x = np.mgrid[-30:30, -30:30]
    whole = np.broadcast_to(np.hypot(x, y) <= 20, GRID.shape_zyx)
    part = np.zeros_like(whole)
    part[15:25] = np.hypot(x, y) <= 18
    assert surface_distances_mm(part, whole, GRID).min() < -10
    assert np.abs(surface_distances_mm(part, whole, GRID, in_slice=True) + 2).max() < 1.5
