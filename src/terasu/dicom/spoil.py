"""Bad cases on purpose: each takes a written made case and puts one thing wrong that happens in clinics.

For challenges and tests only; it changes files in place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from terasu.dicom.uid import new_uid
from terasu.errors import InputError

OTHER_PATIENT = "TERASU-PHANTOM-OTHER"


def spoil(patient: Path, how: str) -> None:
    """Put one thing wrong in a made case.

    Args:
        patient: folder ``patient`` of a made case with ``RTSTRUCT.dcm``, ``RTPLAN.dcm``, ``RTDOSE.dcm``,
            ``planning_ct/`` and ``cbct/``.
        how: one of ``SPOILS``.
    Raises:
        InputError: no such way, or a file that it needs is not there.
    """
    if how not in SPOILS:
        raise InputError(
            "There is no way of that name to spoil a case.",
            got=how,
            expected=", ".join(SPOILS),
            todo="Choose one of these.",
        )
    try:
        SPOILS[how](patient)
    except (FileNotFoundError, IndexError) as error:
        raise InputError(
            f"This folder cannot be spoilt by {how!r}.",
            got=patient.name,
            expected="a made case with contours, plan, dose and both images",
            todo="Make one with terasu phantom.",
        ) from error


def _edit(path: Path, change: Callable[[FileDataset], None]) -> None:
    data = pydicom.dcmread(path)
    change(data)
    data.save_as(path, enforce_file_format=True)


def _slices(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.dcm"))


def _other_patients_contours(patient: Path) -> None:
    def change(data: FileDataset) -> None:
        data.PatientID, data.PatientName, data.PatientBirthDate = OTHER_PATIENT, "Other^Phantom", "19500505"

    _edit(patient / "RTSTRUCT.dcm", change)


def _other_patients_cbct(patient: Path) -> None:
    def change(data: FileDataset) -> None:
        data.PatientID, data.PatientName, data.PatientBirthDate = OTHER_PATIENT, "Other^Phantom", "19500505"

    for path in _slices(patient / "cbct"):
        _edit(path, change)


def _cbct_of_unknown_frame(patient: Path) -> None:
    frame = UID(new_uid("spoilt", "frame"))

    def change(data: FileDataset) -> None:
        data.FrameOfReferenceUID = frame

    for path in _slices(patient / "cbct"):
        _edit(path, change)
    (patient / "REG.dcm").unlink(missing_ok=True)


def _missing_slice(folder: str) -> Callable[[Path], None]:
    def remove(patient: Path) -> None:
        paths = _slices(patient / folder)
        paths[len(paths) // 2].unlink()

    return remove


def _truncated_file(patient: Path) -> None:
    paths = _slices(patient / "planning_ct")
    path = paths[len(paths) // 2]
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def _truncated_plan(patient: Path) -> None:
    path = patient / "RTPLAN.dcm"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _wedge(patient: Path) -> None:
    def change(data: FileDataset) -> None:
        beam = data.BeamSequence[0]
        wedge = Dataset()
        wedge.WedgeNumber, wedge.WedgeType, wedge.WedgeID = 1, "STANDARD", "W30"
        wedge.WedgeAngle, wedge.WedgeFactor, wedge.WedgeOrientation = 30, "0.6", "0"
        beam.NumberOfWedges, beam.WedgeSequence = 1, Sequence([wedge])
        position = Dataset()
        position.WedgePosition, position.ReferencedWedgeNumber = "IN", 1
        beam.ControlPointSequence[0].WedgePositionSequence = Sequence([position])

    _edit(patient / "RTPLAN.dcm", change)


def _couch_angle(patient: Path) -> None:
    def change(data: FileDataset) -> None:
        data.BeamSequence[1].ControlPointSequence[0].PatientSupportAngle = "20"

    _edit(patient / "RTPLAN.dcm", change)


def _particles(kind: str) -> Callable[[Path], None]:
    def change(data: FileDataset) -> None:
        data.BeamSequence[0].RadiationType = kind

    return lambda patient: _edit(patient / "RTPLAN.dcm", change)


def _prone(patient: Path) -> None:
    def change(data: FileDataset) -> None:
        data.PatientSetupSequence[0].PatientPosition = "HFP"

    _edit(patient / "RTPLAN.dcm", change)


def _lying(folder: str, position: str) -> Callable[[Path], None]:
    """The images say so; the plan does not state a position."""

    def change(data: FileDataset) -> None:
        data.PatientPosition = position

    def silence(data: FileDataset) -> None:
        del data.PatientSetupSequence[0].PatientPosition

    def turn(patient: Path) -> None:
        _edit(patient / "RTPLAN.dcm", silence)
        for path in _slices(patient / folder):
            _edit(path, change)

    return turn


def _without_contours(roi_name: str) -> Callable[[Path], None]:
    def change(data: FileDataset) -> None:
        numbers = {item.ROIName: item.ROINumber for item in data.StructureSetROISequence}
        for item in data.ROIContourSequence:
            if item.ReferencedROINumber == numbers[roi_name] and "ContourSequence" in item:
                del item.ContourSequence

    return lambda patient: _edit(patient / "RTSTRUCT.dcm", change)


def _small_dose_grid(patient: Path) -> None:
    """Keep the lowest fifth of the slices: the dose ends below the target."""

    def change(data: FileDataset) -> None:
        frames = int(data.NumberOfFrames)
        kept = max(2, frames // 5)
        bytes_per_frame = len(data.PixelData) // frames
        data.PixelData = data.PixelData[: kept * bytes_per_frame]
        data.NumberOfFrames = kept
        data.GridFrameOffsetVector = list(data.GridFrameOffsetVector)[:kept]

    _edit(patient / "RTDOSE.dcm", change)


def _wrong_modality(patient: Path) -> None:
    def change(data: FileDataset) -> None:
        data.Modality, data.SOPClassUID = "PT", UID("1.2.840.10008.5.1.4.1.1.128")
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID

    for path in _slices(patient / "cbct"):
        _edit(path, change)


SPOILS: Mapping[str, Callable[[Path], None]] = MappingProxyType(
    {
        "other patient's contours": _other_patients_contours,
        "other patient's CBCT": _other_patients_cbct,
        "CBCT of an unknown frame": _cbct_of_unknown_frame,
        "missing slice of the planning CT": _missing_slice("planning_ct"),
        "missing slice of the CBCT": _missing_slice("cbct"),
        "truncated slice": _truncated_file,
        "truncated plan": _truncated_plan,
        "wedge": _wedge,
        "couch angle": _couch_angle,
        "electrons": _particles("ELECTRON"),
        "protons": _particles("PROTON"),
        "prone": _prone,
        "planning CT feet first": _lying("planning_ct", "FFS"),
        "CBCT prone": _lying("cbct", "HFP"),
        "target without contours": _without_contours("PTV"),
        "organ without contours": _without_contours("Rectum"),
        "dose grid too small": _small_dose_grid,
        "wrong modality": _wrong_modality,
    }
)
"""What can be put wrong, by name."""
