"""Write an RT Plan: every beam of a Delivery, UNAPPROVED, with what does not change written once."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

import terasu
from terasu.dicom.control_points import turn_deg
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
from terasu.dicom.rt_file import RT_PLAN, RT_STRUCTURE_SET
from terasu.dicom.uid import is_uid, new_uid
from terasu.errors import OutputError
from terasu.patient.delivery import Beam, Delivery
from terasu.patient.volume import Source

Array = NDArray[np.float64]


def write_plan(
    delivery: Delivery,
    path: Path,
    *,
    like: Source,
    structure_set_uid: str = "",
    description: str = "",
    seed: str = "",
) -> Source:
    """Write a Delivery as an RT Plan.

    Args:
        delivery: the beams; set-up position, prescription and fractions come from it too.
        path: the file to write.
        like: the planning CT, or any object of the patient and study.
        structure_set_uid: SOP Instance UID of the RTSTRUCT planned on; the delivery's own if left out.
        description: RT Plan Description.
        seed: makes the UIDs reproducible; for made patients only.
    Returns:
        The Source of the new object.
    Raises:
        OutputError: a delivery without beams, or the disk refuses.
    """
    if not delivery.beams:
        raise OutputError(
            "A plan without beams is not written.",
            got="no beams",
            expected="at least one",
            todo="Give the plan a beam.",
        )
    when = datetime.now()
    series, instance = new_uid(seed, "RTPLAN series", delivery.label), new_uid(seed, "RTPLAN", delivery.label)
    data = new_object(
        sop_class_uid=RT_PLAN,
        sop_instance_uid=instance,
        header=like.header,
        modality="RTPLAN",
        series_instance_uid=series,
        series_number=2,
        series_description=description or delivery.label or "Plan",
        when=when,
    )
    add_frame_of_reference(data, delivery.frame_of_reference_uid, like.header)
    _add_general_plan(data, delivery, structure_set_uid, description, when)
    _add_prescription(data, delivery, seed)
    _add_fractions(data, delivery)
    data.BeamSequence = Sequence(_beam(beam) for beam in delivery.beams)
    setup = Dataset()
    setup.PatientSetupNumber, setup.PatientPosition = 1, delivery.patient_position
    data.PatientSetupSequence = Sequence([setup])
    data.ApprovalStatus = "UNAPPROVED"
    save(data, path, explicit=False)
    made_by = f"{MANUFACTURER} {terasu.__version__}"
    return Source("RTPLAN", series, (instance,), RT_PLAN, like.header, made_by)


def _add_general_plan(
    data: Dataset, delivery: Delivery, structure_set_uid: str, description: str, when: datetime
) -> None:
    data.InstanceNumber = 1
    data.RTPlanLabel = line(delivery.label, "SH") or "PLAN"
    if description:
        data.RTPlanDescription = line(description, "ST")
    data.RTPlanDate, data.RTPlanTime = date_and_time(when)
    structures = structure_set_uid or delivery.referenced_structure_set_uid
    data.RTPlanGeometry = "PATIENT" if is_uid(structures) else "TREATMENT_DEVICE"
    if is_uid(structures):
        data.ReferencedStructureSetSequence = Sequence([reference(RT_STRUCTURE_SET, structures)])


def _add_prescription(data: Dataset, delivery: Delivery, seed: str) -> None:
    if delivery.prescription_gy <= 0:
        return
    target = Dataset()
    target.DoseReferenceNumber = 1
    target.DoseReferenceUID = new_uid(seed, "dose reference", delivery.label)
    target.DoseReferenceStructureType = "SITE"
    target.DoseReferenceDescription = line(delivery.target_name, "LO")
    target.DoseReferenceType = "TARGET"
    target.TargetPrescriptionDose = ds_text(delivery.prescription_gy)
    data.DoseReferenceSequence = Sequence([target])


def _add_fractions(data: Dataset, delivery: Delivery) -> None:
    group = Dataset()
    group.FractionGroupNumber = 1
    group.NumberOfFractionsPlanned = delivery.fractions
    group.NumberOfBeams = len(delivery.beams)
    group.NumberOfBrachyApplicationSetups = 0
    referred = []
    for beam in delivery.beams:
        item = Dataset()
        item.ReferencedBeamNumber = beam.number
        item.BeamMeterset = ds_text(beam.meterset_mu)
        referred.append(item)
    group.ReferencedBeamSequence = Sequence(referred)
    if "DoseReferenceSequence" in data:
        target = Dataset()
        target.ReferencedDoseReferenceNumber = 1
        group.ReferencedDoseReferenceSequence = Sequence([target])
    data.FractionGroupSequence = Sequence([group])


def _beam(beam: Beam) -> Dataset:
    item = Dataset()
    item.Manufacturer = ""
    item.TreatmentMachineName = line(beam.machine, "SH")
    item.PrimaryFluenceModeSequence = Sequence([_fluence_mode(beam)])
    item.PrimaryDosimeterUnit = "MU"
    item.SourceAxisDistance = ds_text(beam.sad_mm)
    item.BeamLimitingDeviceSequence = Sequence(_devices(beam))
    item.BeamNumber = beam.number
    item.BeamName = line(beam.name, "LO")
    item.BeamType = beam.kind if beam.kind in ("STATIC", "DYNAMIC") else _kind_by_movement(beam)
    item.RadiationType = beam.radiation
    item.TreatmentDeliveryType = "TREATMENT"
    item.NumberOfWedges = item.NumberOfCompensators = item.NumberOfBoli = item.NumberOfBlocks = 0
    item.FinalCumulativeMetersetWeight = "1"
    item.NumberOfControlPoints = beam.n_control_points
    item.ReferencedPatientSetupNumber = 1
    item.ControlPointSequence = Sequence(_control_point(beam, i) for i in range(beam.n_control_points))
    return item


def _fluence_mode(beam: Beam) -> Dataset:
    mode = Dataset()
    mode.FluenceMode = "NON_STANDARD" if beam.fff else "STANDARD"
    if beam.fff:
        mode.FluenceModeID = "FFF"
    return mode


def _kind_by_movement(beam: Beam) -> str:
    rows = (beam.leaves_mm, beam.jaws_x_mm, beam.jaws_y_mm, beam.gantry_deg, beam.collimator_deg)
    return "DYNAMIC" if any(np.ptp(row, axis=0).any() for row in rows if row.size) else "STATIC"


def _devices(beam: Beam) -> list[Dataset]:
    devices = []
    for kind in ("ASYMX", "ASYMY"):
        jaw = Dataset()
        jaw.RTBeamLimitingDeviceType, jaw.NumberOfLeafJawPairs = kind, 1
        devices.append(jaw)
    if beam.leaves_mm.shape[-1]:
        bank = Dataset()
        bank.RTBeamLimitingDeviceType = f"MLC{beam.leaf_axis.upper()}"
        bank.NumberOfLeafJawPairs = beam.leaves_mm.shape[-1]
        _set_decimals(bank, "LeafPositionBoundaries", beam.leaf_boundaries_mm)
        devices.append(bank)
    return devices


def _control_point(beam: Beam, index: int) -> Dataset:
    """Everything in the first control point, later only what changes."""
    point = Dataset()
    point.ControlPointIndex = index
    positions = _positions(beam, index)
    if positions:
        point.BeamLimitingDevicePositionSequence = Sequence(positions)
    point.CumulativeMetersetWeight = ds_text(float(beam.meterset_fraction[index]))
    if index == 0:
        point.NominalBeamEnergy = ds_text(beam.energy_mv)
        _add_couch(point, beam)
    if _changes(beam.isocentre_lps_mm, index):
        _set_decimals(point, "IsocenterPosition", beam.isocentre_lps_mm[index])
    way, before = _direction(beam.gantry_deg, index), _direction(beam.gantry_deg, index - 1)
    if _changes(beam.gantry_deg, index) or way != before:
        point.GantryAngle = ds_text(float(beam.gantry_deg[index]))
        point.GantryRotationDirection = way
    way, before = _direction(beam.collimator_deg, index), _direction(beam.collimator_deg, index - 1)
    if _changes(beam.collimator_deg, index) or way != before:
        point.BeamLimitingDeviceAngle = ds_text(float(beam.collimator_deg[index]))
        point.BeamLimitingDeviceRotationDirection = way
    return point


def _add_couch(point: Dataset, beam: Beam) -> None:
    point.PatientSupportAngle = ds_text(float(beam.couch_deg[0]))
    point.PatientSupportRotationDirection = "NONE"
    point.TableTopEccentricAngle, point.TableTopEccentricRotationDirection = "0", "NONE"
    point.TableTopPitchAngle, point.TableTopPitchRotationDirection = 0.0, "NONE"
    point.TableTopRollAngle, point.TableTopRollRotationDirection = 0.0, "NONE"
    point.TableTopVerticalPosition = point.TableTopLongitudinalPosition = None
    point.TableTopLateralPosition = None


def _positions(beam: Beam, index: int) -> list[Dataset]:
    rows = [("ASYMX", beam.jaws_x_mm), ("ASYMY", beam.jaws_y_mm)]
    if beam.leaves_mm.shape[-1]:
        rows.append((f"MLC{beam.leaf_axis.upper()}", beam.leaves_mm))
    items = []
    for kind, values in rows:
        if _changes(values, index):
            item = Dataset()
            item.RTBeamLimitingDeviceType = kind
            _set_decimals(item, "LeafJawPositions", values[index])
            items.append(item)
    return items


def _changes(values: Array, index: int) -> bool:
    return index == 0 or not np.array_equal(values[index], values[index - 1])


def _direction(angles_deg: Array, index: int) -> str:
    """Rotation from this control point to the next, by the shorter way."""
    if index < 0 or index + 1 >= len(angles_deg):
        return "NONE"
    turn = turn_deg(float(angles_deg[index]), float(angles_deg[index + 1]), "NONE")
    return "NONE" if turn == 0 else "CW" if turn > 0 else "CC"


def _set_decimals(item: Dataset, keyword: str, values: Array) -> None:
    tag = Tag(keyword)
    item[tag] = DataElement(tag, "DS", ds_texts(values.ravel().tolist()), already_converted=True)
