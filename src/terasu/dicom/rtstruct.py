"""RT Structure Sets: read them as they are in clinics, and write them (see ``write_rtstruct.py``).

Source: DICOM PS3.3 sections A.19, C.8.8.5 (structure set), C.8.8.6 (contours), C.8.8.8 (observations).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from terasu.dicom import elements
from terasu.dicom.contour_slab import slab_of
from terasu.dicom.rt_file import RT_STRUCTURE_SET, open_rt, reading_rt, source_of
from terasu.dicom.write_rtstruct import write_structures as write_structures
from terasu.errors import DicomError
from terasu.patient.structures import ContourSet, Roi
from terasu.patient.volume import Volume

Polygon = NDArray[np.float64]

FARTHEST_MM = 10_000.0
"""No patient reaches that far: a coordinate beyond it is damage."""
FLATTEST_MM = 0.5
"""A contour that leaves its plane by more than this is no planar contour."""
_HEADER = ("StructureSetLabel", "StructureSetDate", "ApprovalStatus", "Manufacturer", "ManufacturerModelName")
_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR", "")


def read_structures(path: Path) -> ContourSet:
    """The ROIs of one RTSTRUCT.

    Args:
        path: the file.
    Returns:
        Every ROI in file order, closed planar contours only; what was left out or repaired stands in
        ``notes``. An ROI without a usable contour is kept with an empty tuple.
    Raises:
        DicomError: not an RTSTRUCT, cut off, or its sequences contradict one another.
    """
    with reading_rt(path):
        return _read(open_rt(path, sop_class_uid=RT_STRUCTURE_SET, modality="RTSTRUCT"))


def missing_slices(contours: ContourSet, image: Volume) -> tuple[str, ...]:
    """Notes on images that a structure set refers to and that are not in the series at hand.

    Cropped series keep their UIDs, so this is a finding and not an error.
    """
    here = set(image.source.sop_instance_uids)
    wanted = contours.referenced_sop_uids
    gone = [uid for uid in wanted if uid not in here]
    if not wanted or not gone:
        return ()
    return (
        f"{len(gone)} of the {len(wanted)} images that the structure set refers to are not in this series.",
    )


def _read(data: Dataset) -> ContourSet:
    described = elements.items(data, "StructureSetROISequence")
    if not described:
        raise DicomError(
            "This structure set describes no ROI.",
            got="no Structure Set ROI Sequence, or an empty one",
            expected="at least one ROI",
            todo="Export it again with its structures.",
        )
    drawn = _by_roi_number(elements.items(data, "ROIContourSequence"), described)
    observed = _observations(elements.items(data, "RTROIObservationsSequence"))
    frame, frame_notes = _frame_of_reference(data, described)
    notes = list(frame_notes)
    rois = []
    for one in described:
        roi, roi_notes = _read_roi(one, drawn.get(_roi_number(one)), observed, frame)
        rois.append(roi)
        notes += roi_notes
    notes += _duplicate_names(rois)
    series, images = _referenced_images(data, drawn.values())
    return ContourSet(tuple(rois), frame, series, images, source_of(data, _HEADER), tuple(notes))


def _roi_number(item: Dataset) -> int:
    number = elements.whole_number(item, "ROINumber")
    if number is None:
        raise DicomError(
            "An ROI of this structure set has no ROI Number.",
            got=repr(elements.text(item, "ROINumber")[:32]),
            expected="a whole number for each ROI",
            todo="Export the structure set again.",
        )
    return number


def _by_roi_number(contour_items: list[Dataset], described: list[Dataset]) -> dict[int, Dataset]:
    """ROI Number → item of the ROI Contour Sequence, refusing what does not fit together."""
    known = [_roi_number(one) for one in described]
    referred = [elements.whole_number(one, "ReferencedROINumber") for one in contour_items]
    repeated = [n for n, times in Counter(known).items() if times > 1]
    repeated += [n for n, times in Counter(referred).items() if times > 1 and n is not None]
    stray = sorted({str(n) for n in referred if n not in known})
    if repeated or stray:
        raise DicomError(
            "The ROI numbers of this structure set contradict one another: contours have no sure name.",
            got=f"described {sorted(known)}, drawn {sorted(str(n) for n in referred)}",
            expected="each Referenced ROI Number once, and described in the Structure Set ROI Sequence",
            todo="Export the structure set again; do not merge structure sets by hand.",
        )
    return {n: one for n, one in zip(referred, contour_items, strict=True) if n is not None}


def _observations(observed: list[Dataset]) -> dict[int, str]:
    types: dict[int, str] = {}
    for one in observed:
        number = elements.whole_number(one, "ReferencedROINumber")
        if number is not None and not types.get(number):
            types[number] = elements.text(one, "RTROIInterpretedType")
    return types


def _frame_of_reference(data: Dataset, described: list[Dataset]) -> tuple[str, list[str]]:
    """The frame most ROIs are drawn in; top level and reference sequence where ROIs do not say."""
    of_rois = Counter(elements.text(one, "ReferencedFrameOfReferenceUID") for one in described)
    del of_rois[""]
    referenced = elements.items(data, "ReferencedFrameOfReferenceSequence")
    others = [elements.text(one, "FrameOfReferenceUID") for one in referenced]
    others.append(elements.text(data, "FrameOfReferenceUID"))
    candidates = [uid for uid, _ in of_rois.most_common()] + [uid for uid in others if uid]
    if not candidates:
        return "", ["The structure set names no frame of reference."]
    return candidates[0], []


@dataclass
class _LeftOut:
    """What was left out of one ROI, counted by reason."""

    reasons: Counter[str] = field(default_factory=Counter)

    def notes(self, name: str) -> list[str]:
        return [
            f"ROI {name!r}: {count} contour{'s' if count > 1 else ''} left out: {reason}."
            for reason, count in self.reasons.items()
        ]


def _read_roi(
    described: Dataset, drawn: Dataset | None, types: dict[int, str], frame: str
) -> tuple[Roi, list[str]]:
    number, name = _roi_number(described), elements.text(described, "ROIName")
    own_frame = elements.text(described, "ReferencedFrameOfReferenceUID")
    left_out = _LeftOut()
    contours: tuple[Polygon, ...] = ()
    items = elements.items(drawn, "ContourSequence") if drawn is not None else []
    notes = [] if items else [f"ROI {name!r} has no contours."]
    if own_frame and own_frame != frame and items:
        notes = [f"ROI {name!r} is drawn in another frame of reference; its contours are left out."]
    else:
        read = (_read_contour(one, left_out) for one in items)
        contours = tuple(one for one in read if one is not None)
        notes += left_out.notes(name)
    roi = Roi(
        name=name or f"ROI {number}",
        number=number,
        contours_lps_mm=contours,
        interpreted_type=types.get(number, ""),
        colour_rgb=_colour(drawn),
        algorithm=elements.text(described, "ROIGenerationAlgorithm"),
        slab_mm=slab_of(items, contours),
    )
    return roi, notes


def _read_contour(item: Dataset, left_out: _LeftOut) -> Polygon | None:
    """One closed polygon, or None with its reason counted."""
    kind = elements.text(item, "ContourGeometricType").upper()
    values = elements.numbers(item, "ContourData")
    reason = ""
    if kind not in _CLOSED:
        reason = f"{kind[:32]} is not a closed planar contour"
    elif values.size % 3:
        reason = "its coordinates are not triples"
    elif not np.isfinite(values).all() or np.abs(values).max(initial=0.0) > FARTHEST_MM:
        reason = "a coordinate is no number, or beyond 10 m"
    if reason:
        left_out.reasons[reason] += 1
        return None
    points = _without_closing_point(values.reshape(-1, 3))
    if len(points) < 3:
        reason = "fewer than three points enclose nothing"
    elif _out_of_plane_mm(points) > FLATTEST_MM:
        reason = f"it leaves its plane by more than {FLATTEST_MM} mm"
    if reason:
        left_out.reasons[reason] += 1
        return None
    return points


def _without_closing_point(points: Polygon) -> Polygon:
    while len(points) > 1 and np.array_equal(points[0], points[-1]):
        points = points[:-1]
    return points


def _out_of_plane_mm(points: Polygon) -> float:
    """Largest distance of a point from the plane that fits the polygon best [mm]."""
    if np.ptp(points[:, 2]) <= FLATTEST_MM:
        return float(np.ptp(points[:, 2]))
    around = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(around.T @ around)
    return float(np.abs(around @ axes[2]).max())


def _colour(drawn: Dataset | None) -> tuple[int, int, int]:
    values = elements.numbers(drawn, "ROIDisplayColor") if drawn is not None else np.empty(0)
    if values.size != 3 or not np.isfinite(values).all():
        return (255, 160, 0)
    red, green, blue = (int(n) for n in np.clip(values, 0, 255))
    return red, green, blue


def _duplicate_names(rois: list[Roi]) -> list[str]:
    times = Counter(roi.name for roi in rois)
    return [f"The ROI name {name!r} occurs {n} times." for name, n in times.items() if n > 1]


def _referenced_images(data: Dataset, drawn: Iterable[Dataset]) -> tuple[str, tuple[str, ...]]:
    """Series UID and SOP Instance UIDs that the set refers to, in file order, each once."""
    series, images = "", []
    for frame in elements.items(data, "ReferencedFrameOfReferenceSequence"):
        for study in elements.items(frame, "RTReferencedStudySequence"):
            for one in elements.items(study, "RTReferencedSeriesSequence"):
                series = series or elements.text(one, "SeriesInstanceUID")
                images += _image_uids(one)
    for roi in drawn:
        for contour in elements.items(roi, "ContourSequence"):
            images += _image_uids(contour)
    return series, tuple(dict.fromkeys(images))


def _image_uids(item: Dataset) -> list[str]:
    found = (
        elements.text(one, "ReferencedSOPInstanceUID") for one in elements.items(item, "ContourImageSequence")
    )
    return [uid for uid in found if uid]
