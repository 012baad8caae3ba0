"""Registration objects: how one frame of reference maps onto another, as DICOM stores it.

A Spatial Registration maps points of each source frame into its own (the registered) frame. A Deformable
Spatial Registration goes the other way: a point of the registered frame finds its source.

Source: DICOM PS3.3 C.20.2 (rigid), C.20.3 (deformable).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from terasu.dicom.dataset import read_dataset, teaching_dicom_errors, without_pydicom_warnings
from terasu.dicom.elements import first, items, numbers, raw, text
from terasu.errors import DicomError, InputError
from terasu.patient.grid import Grid
from terasu.patient.transform import Deformation, Rigid

SPATIAL_REGISTRATION = "1.2.840.10008.5.1.4.1.1.66.1"
DEFORMABLE_REGISTRATION = "1.2.840.10008.5.1.4.1.1.66.3"
MOST_VECTORS = 1 << 28

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DeformableRegistration:
    """A deformation from a registration object.

    Attributes:
        deformation: on a grid in the registered frame; a point p finds its source at p + d(p). The matrices
            before and after the deformation are already in it.
        source_frame_uid: frame of reference of the source.
        notes: what had to be assumed.
    """

    deformation: Deformation
    source_frame_uid: str
    notes: tuple[str, ...] = ()


def read_registration(path: Path) -> tuple[Rigid, ...]:
    """The rigid maps of a Spatial Registration object, source frame → registered frame.

    Raises:
        DicomError: another kind of object, damaged, or a map that is not rigid.
    """
    with without_pydicom_warnings(), teaching_dicom_errors(path):
        data = _open(path, SPATIAL_REGISTRATION, "Spatial Registration")
        registered = text(data, "FrameOfReferenceUID")
        maps = tuple(_rigid(item, registered, path) for item in items(data, "RegistrationSequence"))
    if not maps:
        raise DicomError(
            "The registration object holds no registration.",
            got=path.name,
            expected="at least one item in the Registration Sequence",
            todo="Export the registration again.",
        )
    return maps


def read_deformable_registration(path: Path) -> tuple[DeformableRegistration, ...]:
    """The deformations of a Deformable Spatial Registration object.

    Raises:
        DicomError: another kind of object, or damaged.
    """
    with without_pydicom_warnings(), teaching_dicom_errors(path):
        data = _open(path, DEFORMABLE_REGISTRATION, "Deformable Spatial Registration")
        registered = text(data, "FrameOfReferenceUID")
        found = tuple(
            _deformable(item, registered, path)
            for item in items(data, "DeformableRegistrationSequence")
            if items(item, "DeformableRegistrationGridSequence")
        )
    if not found:
        raise DicomError(
            "The registration object holds no deformation.",
            got=path.name,
            expected="a deformation grid",
            todo="Export the registration again.",
        )
    return found


def rigid_between(maps: Iterable[Rigid], from_frame_uid: str, to_frame_uid: str) -> Rigid:
    """The rigid map from one frame to another, through a common registered frame where needed.

    Raises:
        InputError: the maps do not join the two frames.
    """
    maps = tuple(maps)
    if from_frame_uid == to_frame_uid and from_frame_uid:
        return Rigid.identity(frame_uid=from_frame_uid, origin="same frame of reference")
    both = (*maps, *(one.inverse() for one in maps))
    for one in both:
        if (one.from_frame_uid, one.to_frame_uid) == (from_frame_uid, to_frame_uid):
            return one
    for one in both:
        for two in both:
            ends = one.from_frame_uid, two.to_frame_uid
            if ends == (from_frame_uid, to_frame_uid) and one.to_frame_uid == two.from_frame_uid:
                return Rigid(two.matrix @ one.matrix, *ends, origin="registration object")
    raise InputError(
        "No registration joins the two frames of reference.",
        got="; ".join(f"{one.from_frame_uid} → {one.to_frame_uid}" for one in maps) or "no registration",
        expected=f"{from_frame_uid} → {to_frame_uid}",
        todo="Export the registration of the treated position together with the day's image.",
    )


def _open(path: Path, sop_class_uid: str, name: str) -> Dataset:
    data = read_dataset(path)
    if text(data, "SOPClassUID") != sop_class_uid:
        raise DicomError(
            f"This is no {name} object.",
            got=f"{path.name}: modality {text(data, 'Modality') or 'not said'}",
            expected=f"SOP class {sop_class_uid}",
            todo="Choose another file; terasu inspect FOLDER lists what there is.",
        )
    return data


def _rigid(item: Dataset, registered: str, path: Path) -> Rigid:
    registration = first(item, "MatrixRegistrationSequence")
    matrices = [] if registration is None else items(registration, "MatrixSequence")
    if not matrices:
        raise DicomError(
            "A registration without a matrix.",
            got=path.name,
            expected="a Matrix Sequence",
            todo="Export the registration again.",
        )
    # PS3.3 C.20.2.1.1: the order of the items is the order of matrix multiplication, M₁ · M₂ · M₃.
    product = np.eye(4)
    for matrix in matrices:
        kind = text(matrix, "FrameOfReferenceTransformationMatrixType")
        if kind not in ("RIGID", ""):
            raise _not_rigid(path, kind)
        product = product @ _matrix(matrix, path)
    return _as_rigid(product, text(item, "FrameOfReferenceUID"), registered, path)


def _matrix(item: Dataset, path: Path) -> Array:
    values = numbers(item, "FrameOfReferenceTransformationMatrix")
    if len(values) != 16 or not np.isfinite(values).all() or not np.allclose(values[12:], (0, 0, 0, 1)):
        raise DicomError(
            "A registration's matrix makes no sense.",
            got=f"{path.name}: {len(values)} numbers",
            expected="16 finite numbers, the last row 0, 0, 0, 1",
            todo="Export the registration again.",
        )
    return values.reshape(4, 4)


def _as_rigid(matrix: Array, source: str, registered: str, path: Path) -> Rigid:
    rotation = matrix[:3, :3]
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3) or np.linalg.det(rotation) <= 0:
        raise _not_rigid(path, "a matrix with scale, shear or mirror")
    return Rigid(matrix, source, registered, "registration object")


def _not_rigid(path: Path, kind: str) -> DicomError:
    return DicomError(
        "The registration is not rigid.",
        got=f"{path.name}: {kind}",
        expected="rotation and shift only",
        todo="Register the two images rigidly and export that.",
    )


def _deformable(item: Dataset, registered: str, path: Path) -> DeformableRegistration:
    field = items(item, "DeformableRegistrationGridSequence")[0]
    grid = _grid(field, registered, path)
    vectors, notes = _vectors(field, grid, path)
    before = _outer_matrix(item, "PreDeformationMatrixRegistrationSequence", path)
    after = _outer_matrix(item, "PostDeformationMatrixRegistrationSequence", path)
    if not (np.array_equal(before, np.eye(4)) and np.array_equal(after, np.eye(4))):
        vectors = _with_matrices(vectors, grid, before, after)
    deformation = Deformation(vectors, grid, "deformable registration object")
    return DeformableRegistration(deformation, text(item, "SourceFrameOfReferenceUID"), notes)


def _with_matrices(
    vectors: NDArray[np.float32], grid: Grid, before: Array, after: Array
) -> NDArray[np.float32]:
    """PS3.3 C.20.3.1.1: source = after · (before · p + d), so the whole displacement is that minus p."""
    result = np.empty_like(vectors)
    rows, columns = np.indices(grid.shape_zyx[1:])
    for k in range(grid.shape_zyx[0]):
        points = grid.to_lps_mm(np.stack([np.full(rows.shape, k), rows, columns], axis=-1))
        moved = points @ before[:3, :3].T + before[:3, 3] + vectors[k]
        result[k] = moved @ after[:3, :3].T + after[:3, 3] - points
    return result


def _grid(field: Dataset, registered: str, path: Path) -> Grid:
    orientation = numbers(field, "ImageOrientationPatient")
    origin = numbers(field, "ImagePositionPatient")
    size = numbers(field, "GridDimensions")
    step = numbers(field, "GridResolution")
    sizes = tuple(map(len, (orientation, origin, size, step)))
    everything = np.concatenate((orientation, origin, size, step))
    if sizes != (6, 3, 3, 3) or not np.isfinite(everything).all() or not 0 < np.prod(size) <= MOST_VECTORS:
        raise DicomError(
            "The deformation's grid makes no sense.",
            got=f"{path.name}: dimensions {size.tolist()}, resolution {step.tolist()}",
            expected="three sizes, three steps, a position and an orientation",
            todo="Export the registration again.",
        )
    row, column = orientation[:3], orientation[3:]
    axes = np.stack((row, column, np.cross(row, column)), axis=1)
    return Grid.from_axes(
        [int(n) for n in size[::-1]],
        spacing_zyx_mm=step[::-1].tolist(),
        origin_lps_mm=origin.tolist(),
        direction_lps=axes,
        frame_of_reference_uid=registered,
    )


def _vectors(field: Dataset, grid: Grid, path: Path) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    data = raw(field, "VectorGridData") or b""
    if len(data) != grid.size * 12:
        raise DicomError(
            "The deformation's vectors do not fit its grid.",
            got=f"{path.name}: {len(data)} bytes",
            expected=f"{grid.size * 12} bytes (three numbers of four bytes a voxel)",
            todo="Export the registration again.",
        )
    order = "<f4" if getattr(field.get_item("VectorGridData"), "is_little_endian", True) else ">f4"
    vectors = np.frombuffer(data, order).astype(np.float32).reshape(*grid.shape_zyx, 3)
    undefined = ~np.isfinite(vectors).all(axis=-1)
    if not undefined.any():
        return vectors, ()
    vectors[undefined] = 0.0
    share = 100.0 * float(undefined.mean())
    return vectors, (f"The deformation is undefined in {share:.2g} % of its grid; nothing moves there.",)


def _outer_matrix(item: Dataset, sequence: str, path: Path) -> Array:
    found = first(item, sequence)
    return np.eye(4) if found is None else _matrix(found, path)
