"""Small DICOM files written with pydicom alone, so that readers are not tested against our own writers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian

CT_CLASS, MR_CLASS = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
STRUCTURE_SET_CLASS, PLAN_CLASS = "1.2.840.10008.5.1.4.1.1.481.3", "1.2.840.10008.5.1.4.1.1.481.5"
DOSE_CLASS, REGISTRATION_CLASS = "1.2.840.10008.5.1.4.1.1.481.2", "1.2.840.10008.5.1.4.1.1.66.1"
DEFORMABLE_CLASS = "1.2.840.10008.5.1.4.1.1.66.3"
FRAME, OTHER_FRAME = "1.2.3.100", "1.2.3.200"
PLANNING, DAILY = "1.2.3.1", "1.2.3.2"
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def new(sop_class: str, modality: str, uid: str, series: str, **attributes: Any) -> FileDataset:
    """An object of one patient with the attributes that every object has."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", Dataset(), file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = sop_class, uid, modality
    data.SeriesInstanceUID, data.StudyInstanceUID = series, "1.2.3"
    data.PatientID, data.PatientName, data.PatientBirthDate = "P1", "Made^Up", "19500101"
    for keyword, value in attributes.items():
        setattr(data, keyword, value)
    return data


def slice_of(
    stored: np.ndarray[Any, Any],
    *,
    number: int,
    position: Sequence[float],
    series: str = PLANNING,
    frame: str = FRAME,
    orientation: Sequence[float] = AXIAL,
    spacing: Sequence[float] = (1.0, 1.0),
    modality: str = "CT",
    **attributes: Any,
) -> FileDataset:
    """One slice; ``stored`` are int16 stored values, −1024 HU at 0."""
    data = new(CT_CLASS if modality == "CT" else MR_CLASS, modality, f"{series}.{number}", series)
    data.FrameOfReferenceUID, data.InstanceNumber = frame, number
    data.ImagePositionPatient, data.ImageOrientationPatient = list(position), list(orientation)
    data.PixelSpacing, data.SliceThickness = list(spacing), 3.0
    data.Rows, data.Columns = stored.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
    if modality == "CT":
        data.RescaleSlope, data.RescaleIntercept = 1, -1024
    data.PixelData = stored.astype("<i2").tobytes()
    for keyword, value in attributes.items():
        setattr(data, keyword, value)
    return data


def stored_values(slices: int = 4, rows: int = 3, columns: int = 5, seed: int = 0) -> np.ndarray[Any, Any]:
    """Random stored values of tissue, (slices, rows, columns)."""
    return np.random.default_rng(seed).integers(900, 1200, (slices, rows, columns)).astype(np.int16)


def write_series(
    folder: Path, stored: np.ndarray[Any, Any], *, z_mm: Sequence[float] | None = None, **attributes: Any
) -> list[Path]:
    """An axial series, a file a slice, named without any order."""
    folder.mkdir(parents=True, exist_ok=True)
    places = [3.0 * k for k in range(len(stored))] if z_mm is None else z_mm
    paths = []
    for k, (plane, z) in enumerate(zip(stored, places, strict=True)):
        data = slice_of(plane, number=k + 1, position=(-10.0, -20.0, z), **attributes)
        paths.append(folder / f"{(k * 7919) % 1000:03d}_{data.SeriesInstanceUID}")
        data.save_as(paths[-1])
    return paths


def structure_set(
    uid: str = "1.2.3.50",
    *,
    series: str | None = PLANNING,
    images: Sequence[str] = (),
    frame: str | None = FRAME,
    contour_images: Sequence[str] = (),
    **attributes: Any,
) -> FileDataset:
    """An RTSTRUCT that refers by series, by images, by contour images, or by frame alone."""
    data = new(STRUCTURE_SET_CLASS, "RTSTRUCT", uid, f"{uid}.9", StructureSetLabel="MADE", **attributes)
    if frame is not None:
        item, study, referenced = Dataset(), Dataset(), Dataset()
        item.FrameOfReferenceUID = frame
        if series is not None or images:
            referenced.SeriesInstanceUID = series or "1.2.3.404"
            referenced.ContourImageSequence = Items(_image(one) for one in images)
            study.RTReferencedSeriesSequence = Items([referenced])
            item.RTReferencedStudySequence = Items([study])
        data.ReferencedFrameOfReferenceSequence = Items([item])
    contour = Dataset()
    contour.ContourImageSequence = Items(_image(one) for one in contour_images)
    contour.ContourData = [0.0, 0.0, 0.0]
    roi = Dataset()
    roi.ContourSequence = Items([contour])
    data.ROIContourSequence = Items([roi])
    return data


def plan(uid: str = "1.2.3.60", *, structures: str | None = "1.2.3.50", **attributes: Any) -> FileDataset:
    """An RTPLAN without beams."""
    data = new(PLAN_CLASS, "RTPLAN", uid, f"{uid}.9", RTPlanLabel="MADE", FrameOfReferenceUID=FRAME)
    if structures is not None:
        data.ReferencedStructureSetSequence = Items([_reference(STRUCTURE_SET_CLASS, structures)])
    for keyword, value in attributes.items():
        setattr(data, keyword, value)
    return data


def dose(uid: str = "1.2.3.70", *, of_plan: str = "1.2.3.60", summation: str = "PLAN") -> FileDataset:
    """An RTDOSE without a grid."""
    data = new(DOSE_CLASS, "RTDOSE", uid, f"{uid}.9", DoseSummationType=summation, FrameOfReferenceUID=FRAME)
    data.ReferencedRTPlanSequence = Items([_reference(PLAN_CLASS, of_plan)])
    return data


def registration(
    matrices: Sequence[Sequence[np.ndarray[Any, Any]]],
    frames: Sequence[str],
    *,
    registered: str = FRAME,
    kind: str = "RIGID",
) -> FileDataset:
    """A Spatial Registration: for each source frame, its matrices in order."""
    data = new(REGISTRATION_CLASS, "REG", "1.2.3.80", "1.2.3.80.9", FrameOfReferenceUID=registered)
    data.RegistrationSequence = Items(
        _registration_item(frame, chain, kind) for frame, chain in zip(frames, matrices, strict=True)
    )
    return data


def deformable_registration(
    vectors: np.ndarray[Any, Any], *, before: np.ndarray[Any, Any], after: np.ndarray[Any, Any]
) -> FileDataset:
    """A Deformable Spatial Registration on an axial grid of 2 × 3 × 4 mm (x, y, z) from (1, 2, 3)."""
    data = new(DEFORMABLE_CLASS, "REG", "1.2.3.90", "1.2.3.90.9", FrameOfReferenceUID=FRAME)
    field = Dataset()
    field.ImagePositionPatient, field.ImageOrientationPatient = [1, 2, 3], list(AXIAL)
    field.GridDimensions, field.GridResolution = list(vectors.shape[2::-1]), [2.0, 3.0, 4.0]
    field.VectorGridData = vectors.astype("<f4").tobytes()
    item = Dataset()
    item.SourceFrameOfReferenceUID = OTHER_FRAME
    item.DeformableRegistrationGridSequence = Items([field])
    item.PreDeformationMatrixRegistrationSequence = Items([_matrix(before, "RIGID")])
    item.PostDeformationMatrixRegistrationSequence = Items([_matrix(after, "RIGID")])
    data.DeformableRegistrationSequence = Items([item])
    return data


def _registration_item(frame: str, chain: Sequence[np.ndarray[Any, Any]], kind: str) -> Dataset:
    inner = Dataset()
    inner.MatrixSequence = Items(_matrix(one, kind) for one in chain)
    item = Dataset()
    item.FrameOfReferenceUID = frame
    item.MatrixRegistrationSequence = Items([inner])
    return item


def _matrix(matrix: np.ndarray[Any, Any], kind: str) -> Dataset:
    item = Dataset()
    item.FrameOfReferenceTransformationMatrixType = kind
    item.FrameOfReferenceTransformationMatrix = [f"{value:.12g}"[:16] for value in matrix.ravel()]
    return item


def _reference(sop_class: str, uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
    return item


def _image(uid: str) -> Dataset:
    return _reference(CT_CLASS, uid)
