"""Write an RT Structure Set that other systems take: UNAPPROVED, automatic, with its images named."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import UID

import terasu
from terasu.dicom.contour_slab import is_needed
from terasu.dicom.decimal import ds_text, ds_texts
from terasu.dicom.modules import (
    MANUFACTURER,
    add_frame_of_reference,
    date_and_time,
    line,
    new_object,
    reference,
    save,
)
from terasu.dicom.rt_file import CT_IMAGE, RT_STRUCTURE_SET
from terasu.dicom.uid import is_uid, new_uid
from terasu.errors import GeometryError, OutputError
from terasu.patient.structures import ContourSet, Roi
from terasu.patient.volume import Source, Volume

_STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"  # Detached Study Management, as every planning system writes it
_CONTOUR_DATA = Tag("ContourData")
_TYPES = frozenset(
    {"AVOIDANCE", "BOLUS", "BRACHY_ACCESSORY", "BRACHY_CHANNEL", "BRACHY_CHNL_SHLD", "BRACHY_SRC_APP"}
    | {"CAVITY", "CONTRAST_AGENT", "CONTROL", "CTV", "DEVICE", "DOSE_MEASUREMENT", "DOSE_REGION", "EXTERNAL"}
    | {"FIXATION", "GTV", "IRRAD_VOLUME", "ISOCENTER", "MARKER", "OAR", "ORGAN", "PTV", "REGISTRATION"}
    | {"SUPPORT", "TREATED_VOLUME"}
)
Algorithm = Literal["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"]


def write_structures(
    rois: ContourSet | Iterable[Roi],
    image: Volume,
    path: Path,
    *,
    label: str,
    description: str = "",
    algorithm: Algorithm = "AUTOMATIC",
    algorithm_description: str = "",
    seed: str = "",
) -> Source:
    """Write ROIs as an RT Structure Set drawn on ``image``.

    Args:
        rois: names as they are to appear; numbers are given anew, 1 … n, in this order.
        image: the series drawn on: its Source has the SOP and series UIDs and the patient, its grid the
            frame of reference.
        path: the file to write.
        label: Structure Set Label, cut to 16 characters.
        description: Structure Set Description and Series Description.
        algorithm: how the contours came about; what this software drew is AUTOMATIC.
        algorithm_description: what drew them, with version.
        seed: makes the UIDs reproducible; for made patients only.
    Returns:
        The Source of the new object.
    Raises:
        GeometryError: the contours lie in another frame of reference than the image.
        OutputError: an ROI has no name, a coordinate is not finite, or the disk refuses.
    """
    chosen = tuple(rois)
    _refuse_what_cannot_be_written(rois, chosen, image)
    when = datetime.now()
    series, instance = new_uid(seed, "RTSTRUCT series", label), new_uid(seed, "RTSTRUCT", label)
    data = new_object(
        sop_class_uid=RT_STRUCTURE_SET,
        sop_instance_uid=instance,
        header=image.source.header,
        modality="RTSTRUCT",
        series_instance_uid=series,
        series_number=1,
        series_description=description or label,
        when=when,
    )
    add_frame_of_reference(data, image.grid.frame_of_reference_uid, image.source.header)
    data.StructureSetLabel = line(label, "SH") or "STRUCTURES"
    data.StructureSetDescription = line(description, "ST")
    data.StructureSetDate, data.StructureSetTime = date_and_time(when)
    data.InstanceNumber = 1
    data.ApprovalStatus = "UNAPPROVED"
    data.ReferencedFrameOfReferenceSequence = Sequence([_referenced_frame(data, image.source)])
    made_by = algorithm_description or f"{MANUFACTURER} {terasu.__version__}"
    numbered = list(enumerate(chosen, start=1))
    frame = data.FrameOfReferenceUID
    data.StructureSetROISequence = Sequence(
        _described(number, roi, frame, algorithm, made_by) for number, roi in numbered
    )
    data.ROIContourSequence = Sequence(_drawn(number, roi, image) for number, roi in numbered)
    data.RTROIObservationsSequence = Sequence(_observed(number, roi) for number, roi in numbered)
    save(data, path, explicit=False)
    return Source("RTSTRUCT", series, (instance,), RT_STRUCTURE_SET, image.source.header, made_by)


def _refuse_what_cannot_be_written(
    rois: ContourSet | Iterable[Roi], chosen: tuple[Roi, ...], image: Volume
) -> None:
    frame = rois.frame_of_reference_uid if isinstance(rois, ContourSet) else ""
    ours = image.grid.frame_of_reference_uid
    if frame and ours and frame != ours:
        raise GeometryError(
            "The contours and the image that they are to be written on lie in different frames of reference.",
            got=f"contours {frame}, image {ours}",
            expected="one frame of reference",
            todo="Register the two and propagate the contours first.",
        )
    if not chosen or any(not line(roi.name, "LO") for roi in chosen):
        raise OutputError(
            "A structure set needs at least one ROI, and each ROI a name.",
            got=f"{len(chosen)} ROIs, {sum(not line(roi.name, 'LO') for roi in chosen)} without a name",
            expected="names after TG-263",
            todo="Name each ROI before it is written.",
        )


def _referenced_frame(data: Dataset, source: Source) -> Dataset:
    """Frame, study, series and images that the contours are drawn on, as far as they are known."""
    frame = Dataset()
    frame.FrameOfReferenceUID = data.FrameOfReferenceUID
    images = _images(source, range(len(source.sop_instance_uids)))
    if not images or not is_uid(source.series_instance_uid):
        return frame
    series = Dataset()
    series.SeriesInstanceUID = UID(source.series_instance_uid)
    series.ContourImageSequence = Sequence(images)
    study = reference(_STUDY_CLASS, data.StudyInstanceUID)
    study.RTReferencedSeriesSequence = Sequence([series])
    frame.RTReferencedStudySequence = Sequence([study])
    return frame


def _images(source: Source, slices: Iterable[int]) -> list[Dataset]:
    uids = source.sop_instance_uids
    kind = source.sop_class_uid or CT_IMAGE
    return [reference(kind, uids[k]) for k in slices if 0 <= k < len(uids) and is_uid(uids[k])]


def _described(number: int, roi: Roi, frame_uid: str, algorithm: Algorithm, made_by: str) -> Dataset:
    item = Dataset()
    item.ROINumber = number
    item.ReferencedFrameOfReferenceUID = frame_uid
    item.ROIName = line(roi.name, "LO")
    item.ROIGenerationAlgorithm = algorithm
    item.ROIGenerationDescription = line(made_by, "LO")
    return item


def _drawn(number: int, roi: Roi, image: Volume) -> Dataset:
    item = Dataset()
    item.ROIDisplayColor = [int(n) for n in roi.colour_rgb]
    item.ReferencedROINumber = number
    slab_mm = roi.slab_mm or image.grid.spacing_zyx_mm[0]
    if not is_needed(roi.contours_lps_mm, slab_mm):
        slab_mm = 0.0
    contours = [
        _contour(index, np.asarray(points, float), image, slab_mm)
        for index, points in enumerate(roi.contours_lps_mm, start=1)
    ]
    if contours:
        item.ContourSequence = Sequence(contours)
    return item


def _contour(index: int, points: NDArray[np.float64], image: Volume, slab_mm: float) -> Dataset:
    item = Dataset()
    found = _slice_of(points, image)
    if found is not None and slab_mm:
        item.ContourSlabThickness = ds_text(slab_mm)
    images = [] if found is None else _images(image.source, [found])
    if images:
        item.ContourImageSequence = Sequence(images)
    item.ContourGeometricType = "CLOSED_PLANAR"
    item.NumberOfContourPoints = len(points)
    item.ContourNumber = index
    # One ready text: as a list of pydicom values, half a million coordinates take four times as long.
    text = ds_texts(points.ravel().tolist())
    item[_CONTOUR_DATA] = DataElement(_CONTOUR_DATA, "DS", text, already_converted=True)
    return item


def _slice_of(points: NDArray[np.float64], image: Volume) -> int | None:
    """The slice that all points lie in, to half a slice; None if there is none."""
    along = image.grid.to_index_kji(points)[:, 0]
    if len(image.source.sop_instance_uids) != image.grid.shape_zyx[0] or not np.isfinite(along).all():
        return None
    nearest = round(float(along.mean()))
    inside = 0 <= nearest < image.grid.shape_zyx[0]
    return nearest if inside and np.abs(along - nearest).max() <= 0.5 else None


def _observed(number: int, roi: Roi) -> Dataset:
    item = Dataset()
    item.ObservationNumber = number
    item.ReferencedROINumber = number
    item.ROIObservationLabel = line(roi.name, "SH")
    item.RTROIInterpretedType = roi.interpreted_type if roi.interpreted_type in _TYPES else ""
    item.ROIInterpreter = ""
    return item
