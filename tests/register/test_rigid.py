"""A known rigid move is found again, to the bit on every run, and what cannot be matched is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from made_body import FRAME, made_body, made_cbct
from terasu.errors import RegistrationError
from terasu.patient.resample import resample
from terasu.patient.transform import Rigid
from terasu.patient.volume import Volume
from terasu.register.rigid import RigidSettings, register_rigid


def known(angles_deg: tuple[float, float, float], shift_mm: tuple[float, float, float]) -> Rigid:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", angles_deg, degrees=True).as_matrix()
    matrix[:3, 3] = shift_mm
    return Rigid(matrix)


def worst_mm(found: Rigid, true: Rigid, half_mm: float = 70.0) -> float:
    corners = half_mm * np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-0.6, 0.6)])
    return float(np.linalg.norm(found.apply(corners) - true.apply(corners), axis=-1).max())


@pytest.mark.parametrize(
    ("angles", "shift"),
    [
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        ((0.0, 0.0, 0.0), (7.0, -11.0, 15.0)),
        ((2.0, -1.5, 3.0), (-6.0, 4.0, -9.0)),
    ],
)
def test_known_move_is_found(angles: tuple[float, float, float], shift: tuple[float, float, float]) -> None:
    planning, true = made_body().ct, known(angles, shift)
    day = resample(planning, planning.grid, through=true, outside=-1000)
    cbct, view = made_cbct(day)
    result = register_rigid(planning, cbct, fixed_mask=view)
    assert np.linalg.norm(result.transform.shift_at((0, 0, 0)) - true.shift_at((0, 0, 0))) < 0.5
    assert worst_mm(result.transform, true) < 1.5
    assert result.similarity_after >= result.similarity_before - 0.01
    assert result.converged and result.overlap > 0.7
    assert result.shift_mm == pytest.approx(
        np.linalg.norm(result.transform.shift_at(result.centre_lps_mm)), abs=1e-6
    )


def test_runs_are_equal_to_the_bit() -> None:
    planning = made_body().ct
    cbct, view = made_cbct(
        resample(planning, planning.grid, through=known((1, 2, -1), (5, -4, 8)), outside=-1000)
    )
    first, second = (register_rigid(planning, cbct, fixed_mask=view) for _ in range(2))
    assert np.array_equal(first.transform.matrix, second.transform.matrix)
    assert first.similarity_after == second.similarity_after


def test_another_frame_of_reference_starts_at_the_centres() -> None:
    planning = made_body().ct
    cbct, view = made_cbct(planning)
    affine = cbct.grid.affine.copy()
    affine[:3, 3] += (500.0, -300.0, 1000.0)
    elsewhere = Volume(cbct.values, type(cbct.grid)(cbct.grid.shape_zyx, affine, "9.9.9"), "HU", cbct.source)
    result = register_rigid(planning, elsewhere, fixed_mask=view)
    assert result.start.origin == "centres of the grids"
    assert (result.transform.from_frame_uid, result.transform.to_frame_uid) == ("9.9.9", FRAME)
    assert np.allclose(result.transform.apply((500.0, -300.0, 1000.0)), 0.0, atol=0.5)


def test_the_start_is_kept_in_mind() -> None:
    planning = made_body().ct
    cbct, view = made_cbct(planning)
    result = register_rigid(planning, cbct, fixed_mask=view, start=known((0, 0, 0), (12, 0, 0)))
    assert result.shift_mm == pytest.approx(12.0, abs=0.6)
    assert result.similarity_gain > 0.02


@pytest.mark.parametrize("what", ["nan", "constant", "modality", "unit", "tiny view", "far away"])
def test_what_cannot_be_matched_is_refused(what: str) -> None:
    planning = made_body().ct
    cbct, view = made_cbct(planning)
    start = None
    if what == "nan":
        values = cbct.values.copy()
        values[3, 3, 3] = np.nan
        cbct = cbct.with_values(values)
    elif what == "constant":
        cbct = cbct.with_values(np.zeros_like(cbct.values))
    elif what == "modality":
        cbct = Volume(cbct.values, cbct.grid, "HU", replace(cbct.source, modality="MR"))
    elif what == "unit":
        cbct = cbct.with_values(cbct.values, unit="Gy")
    elif what == "tiny view":
        view = np.zeros_like(view)
        view[20, 40:44, 40:44] = True
    else:
        start = known((0, 0, 0), (2000.0, 0.0, 0.0))
    with pytest.raises(RegistrationError):
        register_rigid(planning, cbct, fixed_mask=view, start=start)


def test_global_threads_are_given_back() -> None:
    import SimpleITK as sitk

    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    planning = made_body().ct
    cbct, view = made_cbct(planning)
    register_rigid(planning, cbct, fixed_mask=view, settings=RigidSettings(iterations=(5, 5)))
    assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == before


def test_real_pelvis_moved_and_shaded(pelvis003: Path) -> None:
    """A real CT, moved by a known amount, truncated and shaded: found to half a millimetre."""
    from terasu.dicom.find import index_folder
    from terasu.dicom.image import read_image

    (series,) = index_folder(pelvis003).of_modality("CT")
    planning = read_image(series).volume
    centre = planning.grid.centre_lps_mm
    moved = known((1.0, -2.0, 1.5), (4.0, -6.0, 9.0))
    matrix = moved.matrix.copy()
    matrix[:3, 3] += centre - moved.matrix[:3, :3] @ centre
    true = Rigid(matrix)
    coarse = planning.grid.with_spacing((3.0, 2.0, 2.0))
    day = resample(planning, coarse, through=true, outside=-1000)
    index = np.indices(coarse.shape_zyx[1:])
    away = np.hypot(*((index[axis] - (coarse.shape_zyx[axis + 1] - 1) / 2) * 2.0 for axis in (0, 1)))
    view = np.broadcast_to(away <= 120, coarse.shape_zyx)
    shaded = (day.values + 1000) * (0.75 + 0.3 * (away / 120) ** 2) - 1000
    cbct = day.with_values(np.where(view, shaded, -1000).astype(np.float32))
    found = register_rigid(planning, cbct, fixed_mask=np.array(view))
    assert np.linalg.norm(found.transform.apply(centre) - true.apply(centre)) < 0.5
