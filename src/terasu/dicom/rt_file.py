"""Open one radiotherapy object and refuse what is not one."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.filereader import read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian

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
_LARGEST_INFLATED = 1 << 30


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
        raise DicomError(f"There is no {modality} file of this name.", got=str(path), expected="a DICOM file")
    _refuse_bomb(path)
    data = _read(path, modality)
    _refuse_other_kind(data, path, sop_class_uid, modality)
    _refuse_cut_off(data, path)
    return data


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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = dcmread(path, force=True)
    except Exception as error:
        raise DicomError(
            f"This {modality} file cannot be read; it is damaged, cut off, or no DICOM.",
            got=f"{path.name}: {type(error).__name__}",
            expected="a whole DICOM file",
            todo="Export or copy the file again.",
        ) from error
    return data


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
        raise DicomError(
            "This file ends before its last element does: it was cut off.",
            got=f"{path.name}: {len(value)} of {length} bytes",
            expected="a whole DICOM file",
            todo="Export or copy the file again.",
        )


def _refuse_bomb(path: Path) -> None:
    """Inflate a deflated file block by block and stop where no honest file would still grow."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            meta = read_file_meta_info(path)
            deflated = meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian
            start = 132 + 12 + int(meta.get("FileMetaInformationGroupLength", 0))
    except Exception:  # no file meta: not deflated
        return
    if not deflated:
        return
    inflater, grown = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with path.open("rb") as file:
        file.seek(start)
        waiting = file.read(1 << 20)
        while waiting and not inflater.eof:
            try:
                grown += len(inflater.decompress(waiting, 1 << 24))
            except zlib.error:
                return
            waiting = inflater.unconsumed_tail or file.read(1 << 20)
            if grown > _LARGEST_INFLATED:
                raise DicomError(
                    "This deflated file grows beyond all measure when it is opened.",
                    got=f"{path.name}: more than {_LARGEST_INFLATED >> 20} MiB",
                    expected="a radiotherapy object of ordinary size",
                    todo="Do not open it; ask where it came from.",
                )
