"""What one file says about itself: enough to choose by, without pixels, contours or the patient's name."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from pydicom.datadict import tag_for_keyword

from terasu.dicom.identity import NOBODY, Identity, identity_of
from terasu.dicom.scan import Nested, NotDicomError, Scan, scan_file, text_of
from terasu.errors import DicomError

DICOMDIR_CLASS = "1.2.840.10008.1.3.10"
IMAGES = ("CT", "MR", "PT")
LARGEST_IMAGE_PIXELS = 1 << 30
_UID = re.compile(r"[0-9.]{1,64}")
_NO_TEXT: Mapping[str, str] = MappingProxyType({})


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return tag


_TEXT = (
    *("Modality", "ImageType", "Manufacturer", "ManufacturerModelName", "SeriesDescription"),
    *("StudyDate", "SeriesDate", "SeriesTime", "AcquisitionDate", "AcquisitionTime", "ContentDate"),
    *("PatientPosition", "KVP", "ConvolutionKernel", "SliceThickness", "ApprovalStatus"),
    *("StructureSetLabel", "StructureSetDate", "StructureSetTime"),
    *("RTPlanLabel", "RTPlanDate", "RTPlanTime", "PlanIntent", "DoseSummationType", "DoseUnits"),
)
_TEXT_TAGS = {_tag(keyword): keyword for keyword in _TEXT}
_SOP_CLASS, _SOP_INSTANCE = _tag("SOPClassUID"), _tag("SOPInstanceUID")
_SERIES, _STUDY, _FRAME = _tag("SeriesInstanceUID"), _tag("StudyInstanceUID"), _tag("FrameOfReferenceUID")
_POSITION, _ORIENTATION = _tag("ImagePositionPatient"), _tag("ImageOrientationPatient")
_SPACING, _ROWS, _COLUMNS = _tag("PixelSpacing"), _tag("Rows"), _tag("Columns")
_FRAMES, _INSTANCE = _tag("NumberOfFrames"), _tag("InstanceNumber")
_ID, _NAME, _BIRTH = _tag("PatientID"), _tag("PatientName"), _tag("PatientBirthDate")
_CHARSET = _tag("SpecificCharacterSet")
_SOP_REFERENCE, _SOURCE_FRAME = _tag("ReferencedSOPInstanceUID"), _tag("SourceFrameOfReferenceUID")
_ROI_FRAME = _tag("ReferencedFrameOfReferenceUID")
_PLAIN = (_SOP_CLASS, _SOP_INSTANCE, _SERIES, _STUDY, _FRAME, _POSITION, _ORIENTATION, _SPACING)
_OTHERS = (_ROWS, _COLUMNS, _FRAMES, _INSTANCE, _ID, _NAME, _BIRTH, _CHARSET)
_NESTED = (_SOP_REFERENCE, _SOURCE_FRAME, _ROI_FRAME)
_WANTED = frozenset((*_TEXT_TAGS, *_PLAIN, *_OTHERS, *_NESTED))

_SERIES_REFERENCE = _tag("RTReferencedSeriesSequence"), _tag("ReferencedSeriesSequence")
_IMAGE_REFERENCE = _tag("ContourImageSequence"), _tag("ReferencedImageSequence")
_STRUCTURE_SET_REFERENCE = (_tag("ReferencedStructureSetSequence"),)
_PLAN_REFERENCE = (_tag("ReferencedRTPlanSequence"),)
_ON_THE_WAY = (
    *("ReferencedFrameOfReference", "RTReferencedStudy", "StructureSetROI", "ROIContour", "Contour"),
    *("Registration", "DeformableRegistration", "StudiesContainingOtherReferencedInstances"),
)
_ENTER = frozenset(
    (
        *(*_SERIES_REFERENCE, *_IMAGE_REFERENCE, *_STRUCTURE_SET_REFERENCE, *_PLAN_REFERENCE),
        *(_tag(f"{name}Sequence") for name in _ON_THE_WAY),
    )
)
_LAST_TAG = 0x7FE00010


@dataclass(frozen=True)
class References:
    """Which other objects a file names.

    Attributes:
        series_uids: image series (RTSTRUCT, registration).
        image_uids: single images that contours were drawn on or a registration is about.
        structure_set_uids: structure sets (RTPLAN, RTDOSE).
        plan_uids: plans (RTDOSE).
        frame_uids: frames of reference: of the ROIs (RTSTRUCT), both sides of a registration.
    """

    series_uids: tuple[str, ...] = ()
    image_uids: frozenset[str] = frozenset()
    structure_set_uids: tuple[str, ...] = ()
    plan_uids: tuple[str, ...] = ()
    frame_uids: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileHeader:
    """One DICOM file, headers only.

    Attributes:
        path: where it lies.
        modality, …_uid: as DICOM names them, empty where the file is silent.
        patient_key: digest of PatientID, PatientName and PatientBirthDate together.
        identity: digests of the three apart, for objects that leave one of them out.
        position_lps_mm: Image Position (Patient), None for anything but a plain image.
        orientation_lps: Image Orientation (Patient): row direction, then column direction.
        pixel_spacing_mm: between rows, between columns.
        rows, columns, frames: size of the pixel matrix; frames is 1 unless multi-frame.
        instance_number: None where not said.
        text: keyword → text of what helps to choose (manufacturer, image type, dates, labels).
        references: which other objects it names.
        truncated: the file ends before its contents do.
    """

    path: Path
    modality: str
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str = ""
    frame_of_reference_uid: str = ""
    transfer_syntax_uid: str = ""
    patient_key: str = ""
    identity: Identity = NOBODY
    position_lps_mm: tuple[float, ...] | None = None
    orientation_lps: tuple[float, ...] | None = None
    pixel_spacing_mm: tuple[float, ...] | None = None
    rows: int = 0
    columns: int = 0
    frames: int = 1
    instance_number: int | None = None
    text: Mapping[str, str] = field(default_factory=lambda: _NO_TEXT)
    references: References = References()
    truncated: bool = False


def read_header(path: Path) -> FileHeader:
    """The header of one file.

    Raises:
        DicomError: no DICOM file, a DICOMDIR, hostile, or without the attributes that every object has.
        OSError: the file cannot be read.
    """
    scan = scan_file(path, wanted=_WANTED, enter=_ENTER, last_tag=_LAST_TAG)
    return header_of_scan(path, scan)


def header_of_scan(path: Path, scan: Scan) -> FileHeader:
    """Make sense of a scan; see ``read_header``."""
    found = {tag: text_of(value) for tag, value in scan.elements.items()}
    sop_class = found.get(_SOP_CLASS) or scan.media_class_uid
    if DICOMDIR_CLASS in (sop_class, scan.media_class_uid):
        raise NotDicomError(
            "A DICOMDIR, which is not needed: every file is looked at anyway.",
            got="a list of files",
            expected="an image or an object of a plan",
            todo="Name the files that it lists.",
        )
    identity = _identity(scan)
    header = FileHeader(
        path=path,
        modality=_required(found, _tag("Modality"), "Modality", scan),
        sop_class_uid=_uid(sop_class, "SOPClassUID", scan),
        sop_instance_uid=_uid(found.get(_SOP_INSTANCE, ""), "SOPInstanceUID", scan),
        series_instance_uid=_uid(found.get(_SERIES, ""), "SeriesInstanceUID", scan),
        study_instance_uid=_uid(found.get(_STUDY, ""), "StudyInstanceUID", None),
        frame_of_reference_uid=_uid(found.get(_FRAME, ""), "FrameOfReferenceUID", None),
        transfer_syntax_uid=scan.transfer_syntax_uid,
        patient_key=identity.key,
        identity=identity,
        position_lps_mm=_numbers(found.get(_POSITION, ""), 3),
        orientation_lps=_numbers(found.get(_ORIENTATION, ""), 6),
        pixel_spacing_mm=_numbers(found.get(_SPACING, ""), 2),
        rows=_short(scan, _ROWS),
        columns=_short(scan, _COLUMNS),
        frames=max(1, _whole(found.get(_FRAMES, "")) or 1),
        instance_number=_whole(found.get(_INSTANCE, "")),
        text={name: found[tag] for tag, name in _TEXT_TAGS.items() if found.get(tag)},
        references=_references(scan.nested),
        truncated=scan.truncated,
    )
    _refuse_absurd_size(header)
    if header.modality in IMAGES and scan.truncated and not scan.has_pixels:
        raise _missing("Pixel Data", scan)
    return header


def _required(found: Mapping[int, str], tag: int, name: str, scan: Scan) -> str:
    value = found.get(tag, "")
    if not value:
        raise _missing(name, scan)
    return value


def _missing(name: str, scan: Scan) -> DicomError:
    if scan.truncated or scan.warning:
        why = scan.warning or "the file ends in the middle of its header"
        return DicomError(
            f"A damaged DICOM file: {why}.", got=f"no {name}", expected=name, todo="Export it again."
        )
    return DicomError(
        f"A DICOM file without {name}.", got="empty or absent", expected=name, todo="Export it again."
    )


def _uid(value: str, name: str, required_by: Scan | None) -> str:
    if not value:
        if required_by is not None:
            raise _missing(name, required_by)
        return ""
    if not _UID.fullmatch(value):
        raise DicomError(
            f"{name} is no UID; the file is left alone.",
            got=f"{len(value)} characters, among them others than digits and dots",
            expected="digits and dots, at most 64 characters (DICOM PS3.5 section 9)",
            todo="Find out where this file comes from.",
        )
    return value


def _refuse_absurd_size(header: FileHeader) -> None:
    pixels = header.rows * header.columns * header.frames
    if pixels > LARGEST_IMAGE_PIXELS:
        raise DicomError(
            "The image claims an absurd size; the file is left alone.",
            got=f"{header.frames} frames of {header.rows} × {header.columns} pixels",
            expected=f"at most {LARGEST_IMAGE_PIXELS} pixels in one file",
            todo="Find out where this file comes from.",
        )


def _references(nested: Iterable[Nested]) -> References:
    nested = list(nested)

    def uids(sequences: Iterable[int], tags: Iterable[int]) -> tuple[str, ...]:
        inside, names = frozenset(sequences), frozenset(tags)
        values = (text_of(v) for s, t, v in nested if t in names and s in inside)
        return tuple(dict.fromkeys(value for value in values if _UID.fullmatch(value)))

    return References(
        series_uids=uids(_SERIES_REFERENCE, (_SERIES,)),
        image_uids=frozenset(uids(_IMAGE_REFERENCE, (_SOP_REFERENCE,))),
        structure_set_uids=uids(_STRUCTURE_SET_REFERENCE, (_SOP_REFERENCE,)),
        plan_uids=uids(_PLAN_REFERENCE, (_SOP_REFERENCE,)),
        frame_uids=uids(_ENTER, (_FRAME, _SOURCE_FRAME, _ROI_FRAME)),
    )


def _identity(scan: Scan) -> Identity:
    values = (scan.elements.get(tag, b"") for tag in (_ID, _NAME, _BIRTH))
    return identity_of(*values, character_sets=text_of(scan.elements.get(_CHARSET, b"")))


def _numbers(text: str, count: int) -> tuple[float, ...] | None:
    """Exactly ``count`` finite decimal strings, or None."""
    parts = text.split("\\")
    if len(parts) != count:
        return None
    try:
        values = tuple(float(part) for part in parts)
    except ValueError:
        return None
    return values if all(math.isfinite(value) and abs(value) < 1e6 for value in values) else None


def _whole(text: str) -> int | None:
    try:
        return int(text[:12])
    except ValueError:
        return None


def _short(scan: Scan, tag: int) -> int:
    value = scan.elements.get(tag, b"")
    return int.from_bytes(value[:2], "little" if scan.little_endian else "big")
