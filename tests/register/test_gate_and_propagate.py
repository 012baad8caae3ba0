"""The gate lets identity pass, throws folded fields away, and falls back organ by organ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from made_body import MadeBody, made_body, made_cbct, smooth_push
from terasu.patient.agreement import dice
from terasu.patient.grid import Grid
from terasu.patient.structures import Mask, StructureSet
from terasu.patient.transform import Deformation, Rigid
from terasu.patient.volume import Volume
from terasu.register.deformable import DeformableResult
from terasu.register.gate import GateLimits, GateResult, gate
from terasu.register.propagate import contour_changes, propagate


@pytest.fixture(scope="module")
def made() -> tuple[MadeBody, Volume, Mask]:
    body = made_body()
    return (body, *made_cbct(body.ct))


def result_of(field: np.ndarray, back: np.ndarray, grid: Grid, view: Mask) -> DeformableResult:
    return DeformableResult(
        Deformation(field.astype(np.float32), grid),
        Deformation(back.astype(np.float32), grid),
        Rigid.identity(),
        view,
        "made",
        0.0,
    )


def judged(
    made: tuple[MadeBody, Volume, Mask], result: DeformableResult, limits: GateLimits | None = None
) -> GateResult:
    body, day, view = made
    rigid, bent = (propagate(body.structures, how, day.grid) for how in (result.rigid, result.deformation))
    return gate(
        result,
        planning=body.ct,
        day=day,
        rigid_structures=rigid,
        deformed_structures=bent,
        view=view,
        limits=limits,
    )


def zero(grid: Grid) -> np.ndarray:
    return np.zeros((*grid.shape_zyx, 3), np.float32)


def test_identity_passes(made: tuple[MadeBody, Volume, Mask]) -> None:
    grid = made[1].grid
    said = judged(made, result_of(zero(grid), zero(grid), grid, made[2]))
    assert said.accepted and not said.reasons
    assert said.measures.folding_percent == 0 and said.measures.jacobian_min == pytest.approx(1)
    assert said.measures.inconsistency_95_mm == 0 and said.measures.similarity_gain == 0
    assert set(said.origins.values()) == {"deformed"}
    for organ in said.organs.values():
        assert organ.change.dice_with_rigid == 1 and organ.change.volume_change_percent == 0


def test_folded_field_is_refused_and_rigid_serves(made: tuple[MadeBody, Volume, Mask]) -> None:
    grid = made[1].grid
    field = zero(grid)
    field[..., 0] = 12 * np.sin(np.arange(grid.shape_zyx[2]) * 1.2)
    said = judged(made, result_of(field, -field, grid, made[2]))
    assert not said.accepted and said.measures.jacobian_min < 0
    assert any("folded" in reason for reason in said.reasons)
    assert set(said.origins.values()) == {"rigid"}
    rigid = propagate(made[0].structures, Rigid.identity(), grid)
    assert all(np.array_equal(said.structures[name], rigid[name]) for name in rigid.names)


def test_a_way_there_that_does_not_lead_back_is_refused(made: tuple[MadeBody, Volume, Mask]) -> None:
    grid = made[1].grid
    field = smooth_push(grid, peak_mm=20, width_mm=60)
    said = judged(made, result_of(field, zero(grid), grid, made[2]), GateLimits(similarity_gain=-1))
    assert not said.accepted
    assert any("there and back" in reason for reason in said.reasons)


def test_one_organ_falls_back_alone(made: tuple[MadeBody, Volume, Mask]) -> None:
    """The push sits in the left kidney: with its limits tight it is rigid, the others stay deformed."""
    grid = made[1].grid
    field = smooth_push(grid, peak_mm=9, width_mm=15)
    loose = GateLimits(
        similarity_gain=-1, organ_similarity_gain=-1, organ_inconsistency_95_mm=50, inconsistency_95_mm=50
    )
    tight = replace(loose, organ_displacement_95_mm=4.0)
    said = judged(made, result_of(field, -field, grid, made[2]), tight)
    assert said.accepted
    assert said.origins["Kidney_L"] == "rigid" and said.origins["Kidney_R"] == "deformed"
    assert "displacement" in said.organs["Kidney_L"].reasons[0]
    assert judged(made, result_of(field, -field, grid, made[2]), loose).origins["Kidney_L"] == "deformed"


def test_what_cannot_be_measured_is_refused(made: tuple[MadeBody, Volume, Mask]) -> None:
    grid = made[1].grid
    back = np.full((*grid.shape_zyx, 3), np.nan, np.float32)
    assert not judged(made, result_of(zero(grid), back, grid, made[2])).accepted


def test_propagation_by_a_whole_voxel_is_exact(made: tuple[MadeBody, Volume, Mask]) -> None:
    body, day, _ = made
    matrix = np.eye(4)
    matrix[:3, 3] = (7.0, -3.5, 6.0)
    moved = propagate(body.structures, Rigid(matrix), day.grid)
    for name in body.structures.names:
        expected = np.roll(body.structures[name], (-2, 1, -2), axis=(0, 1, 2))
        inner = (slice(3, -3),) * 3
        assert np.array_equal(moved[name][inner], expected[inner]), name


def test_propagation_through_a_field_agrees_with_the_whole_image(made: tuple[MadeBody, Volume, Mask]) -> None:
    from terasu.patient.resample import resample

    body, day, _ = made
    through = Deformation(smooth_push(day.grid, peak_mm=12), day.grid)
    moved = propagate(body.structures, through, day.grid, names=["Kidney_L", "Lungs"])
    assert moved.names == ("Kidney_L", "Lungs")
    for name in moved.names:
        whole = Volume(body.structures[name].astype(np.float32), day.grid)
        assert np.array_equal(moved[name], resample(whole, day.grid, through=through, outside=0).values > 0.5)


def test_changes_are_told_inside_of_the_view_only(made: tuple[MadeBody, Volume, Mask]) -> None:
    grid = made[1].grid
    first, second, view = np.zeros((3, *grid.shape_zyx), bool)
    first[10:20, 20:40, 20:40] = True
    second[10:20, 20:40, 22:42] = True
    view[:, :, :60] = True
    sets = [StructureSet(grid, {"A": mask, "Gone": mask & ~view}) for mask in (first, second)]
    (change,) = contour_changes(*sets, view=view)
    assert change.name == "A" and change.volume_change_percent == pytest.approx(0)
    assert change.centroid_shift_mm == pytest.approx(2 * 3.5)
    assert change.dice_with_rigid == pytest.approx(dice(first, second)) == pytest.approx(0.9)
    assert change.inside_view_percent == 100
