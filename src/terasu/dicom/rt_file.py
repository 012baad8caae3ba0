"""Open one radiotherapy object and refuse what is not one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from pydicom.dataset import Dataset, FileDataset

from terasu.dicom.dataset import read_dataset, teaching_dicom_errors, without_pydicom_warnings
from terasu.dicom.elements import header_of, text
from terasu.errors import DicomError
from terasu.patient.volume import Source

RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
RT_PLAN = "1.2.840.10008.5.1.4.1.1.481.5"
RT_ION_PLAN = "1.2.840.10008.5.1.4.1.1.481.8"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"

PATIENT_AND_STUDY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "StudyDescription",
    "AccessionNumber",
    "ReferringPhysicianName",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
    "PatientPosition",
)


def open_rt(path: Path, *, sop_class_uid: str, modality: str) -> FileDataset:
    """The data set of one file, if it is of the kind wanted and whole.

    Args:
        path: the file; file meta and preamble may be missing.
        sop_class_uid, modality: what it has to be.
    Raises:
        DicomError: no such file, not DICOM, another kind of object, cut off, or one that inflates
            beyond all measure.
    """
    path = Path(path)
    if not path.is_file():
        raise DicomError(
            f"There is no {modality} file of this name.",
            got=str(path),
            expected="a DICOM file",
            todo="Check the path.",
        )
    data = _read(path, modality)
    _refuse_other_kind(data, path, sop_class_uid, modality)
    _refuse_cut_off(data, path)
    return data


@contextmanager
def reading_rt(path: Path) -> Iterator[None]:
    """Around everything that reads one RT object: pydicom converts a value only when it is asked for.

    What a damaged value makes it raise becomes a DicomError; what it would warn of is said in notes.
    """
    with without_pydicom_warnings(), teaching_dicom_errors(Path(path)):
        yield


def source_of(data: Dataset, extra: tuple[str, ...] = ()) -> Source:
    """Where an RT object came from, with the patient and study attributes that others inherit."""
    header: Mapping[str, str] = header_of(data, PATIENT_AND_STUDY + extra)
    return Source(
        modality=text(data, "Modality"),
        series_instance_uid=text(data, "SeriesInstanceUID"),
        sop_instance_uids=(text(data, "SOPInstanceUID"),),
        sop_class_uid=text(data, "SOPClassUID"),
        header=header,
    )


def _read(path: Path, modality: str) -> FileDataset:
    try:
        data = read_dataset(path)
    except DicomError as error:
        if not isinstance(error.__cause__, OSError) or error.__cause__.errno is not None:
            raise
        raise _cut_off(path, f"its last {modality} element is not whole") from error
    return cast(FileDataset, data)


def _refuse_other_kind(data: Dataset, path: Path, sop_class_uid: str, modality: str) -> None:
    kind, said = text(data, "SOPClassUID"), text(data, "Modality")
    if kind == sop_class_uid or (not kind and said == modality):
        return
    raise DicomError(
        f"This file is not a {modality} object.",
        got=f"{path.name}: modality {said or 'not said'}, SOP class {kind[:64] or 'not said'}",
        expected=f"{modality}, {sop_class_uid}",
        todo=f"Give the {modality} file of the case.",
    )


def _refuse_cut_off(data: Dataset, path: Path) -> None:
    tags = sorted(data.keys())
    last = data.get_item(tags[-1]) if tags else None
    length, value = getattr(last, "length", None), getattr(last, "value", None)
    if isinstance(value, bytes) and isinstance(length, int) and length != 0xFFFFFFFF and len(value) < length:
        raise _cut_off(path, f"{len(value)} of {length} bytes")


def _cut_off(path: Path, got: str) -> DicomError:
    return DicomError(
        "This file ends before its last element does: it was cut off.",
        got=f"{path.name}: {got}",
        expected="a whole DICOM file",
        todo="Export or copy the file again.",
    )
