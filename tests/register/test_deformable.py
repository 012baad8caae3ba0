"""A known smooth deformation is found again by both tools; without one, nothing is bent."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from made_body import made_body, made_cbct, smooth_push
from terasu.errors import GeometryError, MissingPartError
from terasu.patient.resample import resample
from terasu.patient.transform import Deformation, Rigid
from terasu.register import deformable
from terasu.register.deformable import (
    DeformableResult,
    DeformableSettings,
    Tool,
    register_deformable,
    working_grid,
)
from terasu.register.field import (
    displacement_at,
    jacobian_determinant,
    there_and_back_mm,
    voxel_centres_lps_mm,
)
from terasu.register.greedy import greedy_both_ways, has_greedy

TOOLS = ["demons", pytest.param("greedy", marks=pytest.mark.skipif(not has_greedy(), reason="picsl-greedy"))]


@pytest.fixture(scope="module", params=TOOLS)
def bent(request: pytest.FixtureRequest) -> tuple[Deformation, DeformableResult]:
    planning = made_body().ct
    true = Deformation(smooth_push(planning.grid), planning.grid)
    cbct, view = made_cbct(resample(planning, planning.grid, through=true, outside=-1000), noise_hu=10)
    tool = cast(Tool, request.param)
    found = register_deformable(
        planning,
        cbct,
        rigid=Rigid.identity(),
        view=view,
        settings=DeformableSettings(tool=tool, spacing_mm=3.5),
    )
    return true, found


def test_known_deformation_is_found(bent: tuple[Deformation, DeformableResult]) -> None:
    """To less than a voxel (3.5 mm) in the median where it moves at all, and far better than nothing."""
    true, found = bent
    moved = np.linalg.norm(true.displacement_lps_mm, axis=-1) > 3
    points = true.grid.to_lps_mm(np.argwhere(moved & made_body().body))
    inside = np.hypot(points[:, 0], points[:, 1]) < 90
    wanted = displacement_at(true, points[inside])
    error = np.linalg.norm(displacement_at(found.deformation, points[inside]) - wanted, axis=-1)
    assert np.median(error) < 3.5
    assert np.median(error) < 0.6 * np.median(np.linalg.norm(wanted, axis=-1))


def test_it_does_not_fold_and_finds_its_way_back(bent: tuple[Deformation, DeformableResult]) -> None:
    _, found = bent
    assert jacobian_determinant(found.local).min() > 0
    assert np.median(there_and_back_mm(found.local, found.reverse, found.view)) < 2.0


def test_far_outside_of_the_view_it_is_rigid(bent: tuple[Deformation, DeformableResult]) -> None:
    _, found = bent
    points = voxel_centres_lps_mm(found.local.grid)
    far = np.hypot(points[..., 0], points[..., 1]) > 110 + 30 + 8
    assert np.abs(found.local.displacement_lps_mm[far]).max() == 0


@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_in_nothing_out(tool: Tool) -> None:
    planning = made_body().ct
    cbct, view = made_cbct(planning, noise_hu=0, shading=0)
    found = register_deformable(
        planning,
        cbct,
        rigid=Rigid.identity(),
        view=view,
        settings=DeformableSettings(tool=tool, spacing_mm=5.0),
    )
    length = np.linalg.norm(found.local.displacement_lps_mm, axis=-1)[found.view]
    assert np.median(length) < 0.2


@pytest.mark.skipif(not has_greedy(), reason="picsl-greedy")
def test_greedy_is_equal_to_the_bit() -> None:
    planning = made_body().ct
    cbct, view = made_cbct(planning)
    fields = [
        register_deformable(planning, cbct, rigid=Rigid.identity(), view=view).local.displacement_lps_mm
        for _ in range(2)
    ]
    assert np.array_equal(*fields)


def test_without_greedy_demons_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deformable, "has_greedy", lambda: False)
    monkeypatch.setattr("terasu.register.greedy.has_greedy", lambda: False)
    planning = made_body().ct
    cbct, view = made_cbct(planning)
    found = register_deformable(
        planning, cbct, rigid=Rigid.identity(), view=view, settings=DeformableSettings(spacing_mm=7)
    )
    assert "demons" in found.tool
    with pytest.raises(MissingPartError, match="terasu\\[deformable\\]"):
        greedy_both_ways(None, None, None)


def test_view_on_another_grid_is_refused() -> None:
    planning = made_body().ct
    with pytest.raises(GeometryError):
        register_deformable(planning, planning, rigid=Rigid.identity(), view=np.ones((3, 3, 3), bool))


def test_working_grid_keeps_the_box_and_coarse_axes() -> None:
    grid = made_body().ct.grid
    coarse = working_grid(grid, 3.2)
    assert coarse.spacing_zyx_mm == pytest.approx((3.2, 3.5, 3.5))
    assert coarse.contains(grid.to_lps_mm(np.argwhere(np.ones((2, 2, 2))))).all()
