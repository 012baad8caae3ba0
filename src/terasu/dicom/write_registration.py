"""A rigid registration as a Spatial Registration object."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from terasu.dicom.decimal import ds_text
from terasu.dicom.modules import code, line, new_object, reference, save
from terasu.dicom.registration import SPATIAL_REGISTRATION
from terasu.dicom.uid import new_uid
from terasu.errors import OutputError
from terasu.patient.transform import Rigid
from terasu.patient.volume import Source, Volume


def write_registration(
    rigid: Rigid, source: Volume, registered: Volume, path: Path, *, label: str = "REGISTRATION"
) -> Source:
    """Write where the points of one image lie in the frame of reference of another.

    Args:
        rigid: points of ``source`` → points of ``registered`` [mm].
        source: the image that is brought over (the day's image).
        registered: the image whose frame the object lives in (the planning CT).
        path: the file to write.
        label: Content Label, cut to 16 characters.
    Raises:
        OutputError: an image has no frame of reference, or the disk refuses.
    """
    frames = source.grid.frame_of_reference_uid, registered.grid.frame_of_reference_uid
    if not all(frames):
        raise OutputError(
            "A registration needs two frames of reference.",
            got=f"{frames[0] or 'none'} and {frames[1] or 'none'}",
            expected="a Frame of Reference UID in both images",
            todo="Read the images from files that name their frame of reference.",
        )
    when = datetime.now()
    series, instance = new_uid(), new_uid()
    data = new_object(
        sop_class_uid=SPATIAL_REGISTRATION,
        sop_instance_uid=instance,
        header=registered.source.header,
        modality="REG",
        series_instance_uid=series,
        series_number=1,
        series_description=label,
        when=when,
    )
    data.FrameOfReferenceUID = UID(frames[1])
    data.PositionReferenceIndicator = ""
    data.Laterality = ""
    data.InstanceNumber = 1
    data.ContentDate, data.ContentTime = data.SeriesDate, data.SeriesTime
    data.ContentLabel = "".join(ch if ch.isalnum() else "_" for ch in line(label, "SH")).upper()
    data.ContentDescription = line(rigid.origin, "LO")
    data.ContentCreatorName = ""
    data.RegistrationSequence = Sequence(
        (_item(Rigid.identity(frame_uid=frames[1]), registered), _item(rigid, source))
    )
    data.ReferencedSeriesSequence = Sequence([_referenced_series(registered)])
    _refer_to_other_study(data, source, registered)
    save(data, path, explicit=True)
    return Source("REG", series, (instance,), SPATIAL_REGISTRATION, registered.source.header)


def _item(rigid: Rigid, image: Volume) -> Dataset:
    matrix = Dataset()
    matrix.FrameOfReferenceTransformationMatrixType = "RIGID"
    matrix.FrameOfReferenceTransformationMatrix = [ds_text(value) for value in rigid.matrix.ravel()]
    registration = Dataset()
    registration.MatrixSequence = Sequence([matrix])
    registration.RegistrationTypeCodeSequence = Sequence([code("125024", "Image Content-based Alignment")])
    item = Dataset()
    item.FrameOfReferenceUID = UID(image.grid.frame_of_reference_uid)
    item.ReferencedImageSequence = Sequence(_references(image))
    item.MatrixRegistrationSequence = Sequence([registration])
    return item


def _references(image: Volume) -> list[Dataset]:
    return [reference(image.source.sop_class_uid, uid) for uid in image.source.sop_instance_uids]


def _referenced_series(image: Volume) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = UID(image.source.series_instance_uid)
    series.ReferencedInstanceSequence = Sequence(_references(image))
    return series


def _refer_to_other_study(data: Dataset, source: Volume, registered: Volume) -> None:
    """Common Instance Reference module: series of this study beside, of other studies below their study."""
    study = source.source.header.get("StudyInstanceUID", "")
    if study == registered.source.header.get("StudyInstanceUID", ""):
        data.ReferencedSeriesSequence.append(_referenced_series(source))
        return
    other = Dataset()
    other.StudyInstanceUID = UID(study)
    other.ReferencedSeriesSequence = Sequence([_referenced_series(source)])
    data.StudiesContainingOtherReferencedInstancesSequence = Sequence([other])
