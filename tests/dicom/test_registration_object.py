"""Registration objects: which way they map, in which order, and what is refused."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.testing import assert_allclose
from numpy.typing import NDArray

import made_dicom as made
from terasu.dicom.find import index_folder
from terasu.dicom.image import read_image
from terasu.dicom.registration import read_deformable_registration, read_registration, rigid_between
from terasu.dicom.write_registration import write_registration
from terasu.errors import DicomError, InputError, OutputError
from terasu.patient.resample import to_sitk_transform
from terasu.patient.transform import Rigid
from terasu.patient.volume import Volume

POINT = np.array([12.0, -7.0, 30.0])
THIRD_FRAME = "1.2.3.300"


def matrix_of(angle: float, shift: tuple[float, float, float]) -> NDArray[np.float64]:
    result = np.eye(4)
    result[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    result[:3, 3] = shift
    return result


def moved(matrix: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    return (matrix @ np.append(point, 1))[:3]


def an_image(folder: Path, series: str, frame: str) -> Volume:
    made.write_series(folder, made.stored_values(3), series=series, frame=frame)
    return read_image(index_folder(folder).series[0]).volume


def test_maps_source_to_registered_frame(tmp_path: Path) -> None:
    matrix = matrix_of(0.2, (5, -3, 1))
    made.registration([[np.eye(4)], [matrix]], [made.FRAME, made.OTHER_FRAME]).save_as(tmp_path / "r")
    maps = read_registration(tmp_path / "r")
    rigid = rigid_between(maps, made.OTHER_FRAME, made.FRAME)
    assert_allclose(rigid.apply(POINT), moved(matrix, POINT), atol=1e-9)
    back = rigid_between(maps, made.FRAME, made.OTHER_FRAME)
    assert_allclose(back.apply(rigid.apply(POINT)), POINT, atol=1e-9)


def test_matrices_multiply_in_the_order_of_the_items(tmp_path: Path) -> None:
    """PS3.3 equation C.20.2-2: M₁ · M₂, so that the last item meets the point first."""
    first, second = matrix_of(0.5, (0, 0, 0)), matrix_of(0.0, (10, 0, 0))
    made.registration([[first, second]], [made.OTHER_FRAME]).save_as(tmp_path / "r")
    (rigid,) = read_registration(tmp_path / "r")
    assert_allclose(rigid.apply(POINT), moved(first, moved(second, POINT)), atol=1e-9)


def test_two_sources_meet_in_a_third_frame(tmp_path: Path) -> None:
    one, two = matrix_of(0.1, (1, 2, 3)), matrix_of(-0.3, (0, 5, 0))
    data = made.registration([[one], [two]], [made.FRAME, made.OTHER_FRAME], registered=THIRD_FRAME)
    data.save_as(tmp_path / "r")
    rigid = rigid_between(read_registration(tmp_path / "r"), made.OTHER_FRAME, made.FRAME)
    assert (rigid.from_frame_uid, rigid.to_frame_uid) == (made.OTHER_FRAME, made.FRAME)
    assert_allclose(rigid.apply(POINT), moved(np.linalg.inv(one), moved(two, POINT)), atol=1e-9)


def test_frames_that_nothing_joins_are_refused() -> None:
    with pytest.raises(InputError, match="No registration joins"):
        rigid_between([Rigid.identity(frame_uid=made.FRAME)], made.OTHER_FRAME, made.FRAME)
    assert rigid_between([], made.FRAME, made.FRAME).shift_mm == 0


@pytest.mark.parametrize(
    ("matrix", "kind"),
    [(np.diag([1.1, 1, 1, 1]), "RIGID"), (np.diag([-1.0, 1, 1, 1]), "RIGID"), (np.eye(4), "AFFINE")],
)
def test_maps_that_are_not_rigid_are_refused(tmp_path: Path, matrix: NDArray[np.float64], kind: str) -> None:
    made.registration([[matrix]], [made.OTHER_FRAME], kind=kind).save_as(tmp_path / "r")
    with pytest.raises(DicomError, match="not rigid"):
        read_registration(tmp_path / "r")


@pytest.mark.parametrize("damage", ["short", "last row"])
def test_damaged_matrix_is_refused(tmp_path: Path, damage: str) -> None:
    data = made.registration([[np.eye(4)]], [made.OTHER_FRAME])
    item = data.RegistrationSequence[0].MatrixRegistrationSequence[0].MatrixSequence[0]
    numbers = [float(value) for value in np.eye(4).ravel()]
    numbers[-2] = 1.0
    item.FrameOfReferenceTransformationMatrix = numbers[:12] if damage == "short" else numbers
    data.save_as(tmp_path / "r")
    with pytest.raises(DicomError, match="makes no sense"):
        read_registration(tmp_path / "r")


def test_another_object_is_refused(tmp_path: Path) -> None:
    made.plan().save_as(tmp_path / "p")
    with pytest.raises(DicomError, match="no Spatial Registration"):
        read_registration(tmp_path / "p")


def test_deformation_with_matrices_before_and_after(tmp_path: Path) -> None:
    """PS3.3 C.20.3.1.1, held against a composition that SimpleITK makes at the grid's voxels."""
    vectors = np.random.default_rng(1).normal(0, 3, (3, 4, 5, 3)).astype(np.float32)
    before, after = matrix_of(0.1, (1, 0, 0)), matrix_of(-0.2, (0, 2, 0))
    made.deformable_registration(vectors, before=before, after=after).save_as(tmp_path / "d")
    (found,) = read_deformable_registration(tmp_path / "d")
    grid = found.deformation.grid
    assert (grid.shape_zyx, grid.spacing_zyx_mm) == ((3, 4, 5), (4.0, 3.0, 2.0))
    assert (grid.frame_of_reference_uid, found.source_frame_uid) == (made.FRAME, made.OTHER_FRAME)
    itk = to_sitk_transform(found.deformation)
    assert isinstance(itk, sitk.DisplacementFieldTransform)
    for index in ((0, 0, 0), (2, 1, 4), (1, 3, 2)):
        point = grid.to_lps_mm(index)
        expected = moved(after, moved(before, point) + vectors[index])
        assert_allclose(itk.TransformPoint(point.tolist()), expected, atol=1e-4)


def test_undefined_vectors_are_noted(tmp_path: Path) -> None:
    vectors = np.ones((2, 2, 2, 3), np.float32)
    vectors[0, 0, 0] = np.nan
    made.deformable_registration(vectors, before=np.eye(4), after=np.eye(4)).save_as(tmp_path / "d")
    (found,) = read_deformable_registration(tmp_path / "d")
    assert_allclose(found.deformation.displacement_lps_mm[0, 0, 0], 0)
    assert np.isfinite(found.deformation.displacement_lps_mm).all()
    assert "undefined in 12 %" in found.notes[0]


def test_vectors_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    data = made.deformable_registration(np.zeros((2, 2, 2, 3)), before=np.eye(4), after=np.eye(4))
    field = data.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0]
    field.GridDimensions = [200000, 200000, 2]
    data.save_as(tmp_path / "d")
    with pytest.raises(DicomError, match="makes no sense"):
        read_deformable_registration(tmp_path / "d")
    field.GridDimensions = [2, 2, 3]
    data.save_as(tmp_path / "d")
    with pytest.raises(DicomError, match="do not fit"):
        read_deformable_registration(tmp_path / "d")


def test_written_object_is_read_found_and_valid(tmp_path: Path) -> None:
    planning = an_image(tmp_path / "a", made.PLANNING, made.FRAME)
    daily = an_image(tmp_path / "b", made.DAILY, made.OTHER_FRAME)
    rigid = Rigid(matrix_of(0.03, (2.5, -1.25, 4)), made.OTHER_FRAME, made.FRAME, "mutual information")
    path = tmp_path / "c" / "reg.dcm"
    write_registration(rigid, daily, planning, path)
    again = rigid_between(read_registration(path), made.OTHER_FRAME, made.FRAME)
    assert_allclose(again.matrix, rigid.matrix, atol=1e-12)
    (header,) = index_folder(path.parent).headers("REG")
    assert {made.FRAME, made.OTHER_FRAME} <= set(header.references.frame_uids)
    if checker := shutil.which("dciodvfy"):
        said = subprocess.run([checker, str(path)], capture_output=True, text=True, check=False)
        assert "Error" not in said.stdout + said.stderr


def test_writing_without_a_frame_is_refused(tmp_path: Path) -> None:
    image = an_image(tmp_path / "a", made.PLANNING, made.FRAME)
    lost = Volume(image.values, image.grid.in_frame(""), image.unit, image.source)
    with pytest.raises(OutputError, match="frames of reference"):
        write_registration(Rigid.identity(), lost, image, tmp_path / "r.dcm")
    assert not (tmp_path / "r.dcm").exists()
