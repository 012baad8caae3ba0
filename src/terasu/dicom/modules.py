"""The DICOM modules that every object written here has: patient, study, series, equipment, SOP common.

Foreign text is inherited only where it is valid: a hashed date or a sex of 36 characters becomes empty.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

import terasu
from terasu.dicom.uid import is_uid, new_uid
from terasu.errors import OutputError
from terasu.patient.store import write_whole

MANUFACTURER = "Terasu"
MODEL = "Terasu"
_IMPLEMENTATION = new_uid("terasu implementation class", "1")
_LENGTHS = {"LO": 64, "SH": 16, "PN": 64, "ST": 1024, "LT": 10240}
_POSITIONS = re.compile(r"(HF|FF)(S|P|DL|DR)|(LF|RF|AF|PF)(S|P|DL|DR)")


def new_object(
    *,
    sop_class_uid: str,
    sop_instance_uid: str,
    header: Mapping[str, str],
    modality: str,
    series_instance_uid: str,
    series_number: int,
    series_description: str,
    when: datetime,
) -> Dataset:
    """A data set with patient, study, series, equipment and SOP common modules filled in."""
    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 192"
    data.InstanceCreationDate, data.InstanceCreationTime = date_and_time(when)
    data.SOPClassUID, data.SOPInstanceUID = UID(sop_class_uid), UID(sop_instance_uid)
    _add_patient_and_study(data, header)
    data.Modality = modality
    data.SeriesInstanceUID = UID(series_instance_uid)
    data.SeriesNumber = series_number
    data.SeriesDate, data.SeriesTime = date_and_time(when)
    data.SeriesDescription = line(series_description, "LO")
    data.OperatorsName = ""
    data.Manufacturer, data.ManufacturerModelName = MANUFACTURER, MODEL
    data.SoftwareVersions = terasu.__version__
    return data


def add_frame_of_reference(data: Dataset, frame_of_reference_uid: str, header: Mapping[str, str]) -> None:
    """Frame of Reference module; a frame that is not known gets a new UID, so nothing is claimed."""
    uid = frame_of_reference_uid or header.get("FrameOfReferenceUID", "")
    data.FrameOfReferenceUID = UID(uid if is_uid(uid) else new_uid())
    data.PositionReferenceIndicator = line(header.get("PositionReferenceIndicator", ""), "LO")


def reference(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    """An item that refers to another instance."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = UID(sop_class_uid), UID(sop_instance_uid)
    return item


def code(value: str, meaning: str, scheme: str = "DCM") -> Dataset:
    """An item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def line(value: str, vr: str) -> str:
    """Text that fits the value representation: no control characters, no backslash, not too long."""
    clean = "".join(" " if ord(ch) < 32 or ch in "\\\x7f" else ch for ch in value)
    return clean[: _LENGTHS[vr]].strip()


def date_and_time(when: datetime) -> tuple[str, str]:
    """DA and TM of a moment."""
    return when.strftime("%Y%m%d"), when.strftime("%H%M%S")


def patient_position(header: Mapping[str, str]) -> str:
    """Patient Position if it is one of DICOM's terms, else empty."""
    text = header.get("PatientPosition", "")
    return text if _POSITIONS.fullmatch(text) else ""


def save(data: Dataset, path: Path, *, explicit: bool) -> None:
    """Write the object to ``path``, whole or not at all.

    Args:
        explicit: Explicit VR for images. RT objects use Implicit VR, in which a contour of more than
            64 KiB stays a decimal string.
    Raises:
        OutputError: the disk refuses.
    """
    whole = as_file(data, explicit=explicit)
    write_whole(Path(path), lambda aside: write_now(whole, aside))


def as_file(data: Dataset, *, explicit: bool) -> FileDataset:
    """The object with its file meta information."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = data.SOPClassUID, data.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
    meta.ImplementationClassUID = UID(_IMPLEMENTATION)
    meta.ImplementationVersionName = line(f"TERASU {terasu.__version__}", "SH")
    return FileDataset("", data, file_meta=meta, preamble=b"\0" * 128)


def write_now(data: FileDataset, path: Path) -> None:
    """Write without a detour; for use inside of ``write_whole`` or ``whole_folder``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            data.save_as(path, enforce_file_format=True)
    except (UserWarning, ValueError, TypeError) as error:
        raise OutputError(
            "This object would not be valid DICOM, so it is not written.",
            got=type(error).__name__,
            expected="values that DICOM can hold",
            todo="Report this: an input held a value that should have been refused earlier.",
        ) from error


def _add_patient_and_study(data: Dataset, header: Mapping[str, str]) -> None:
    data.PatientName = line_of_name(header.get("PatientName", ""))
    data.PatientID = line(header.get("PatientID", ""), "LO")
    data.PatientBirthDate = _date(header.get("PatientBirthDate", ""))
    sex = header.get("PatientSex", "")
    data.PatientSex = sex if sex in ("M", "F", "O") else ""
    study = header.get("StudyInstanceUID", "")
    data.StudyInstanceUID = UID(study if is_uid(study) else new_uid())
    data.StudyDate = _date(header.get("StudyDate", ""))
    data.StudyTime = _time(header.get("StudyTime", ""))
    data.StudyID = line(header.get("StudyID", ""), "SH")
    data.AccessionNumber = line(header.get("AccessionNumber", ""), "SH")
    data.ReferringPhysicianName = line_of_name(header.get("ReferringPhysicianName", ""))
    if header.get("StudyDescription"):
        data.StudyDescription = line(header["StudyDescription"], "LO")


def line_of_name(value: str) -> str:
    """A person name as it came, up to 64 characters for each of its three representations."""
    clean = "".join(" " if ord(ch) < 32 or ch in "\\\x7f" else ch for ch in value)
    return "=".join(group[:64].strip() for group in clean.split("=")[:3])


def _date(text: str) -> str:
    try:
        return datetime.strptime(text, "%Y%m%d").strftime("%Y%m%d")
    except ValueError:
        return ""


def _time(text: str) -> str:
    found = re.fullmatch(r"([01]\d|2[0-3])([0-5]\d)([0-5]\d)(\.\d{1,6})?", text)
    return text if found else ""
