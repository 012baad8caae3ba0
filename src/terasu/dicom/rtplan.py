"""RT Plans: read every control point whole, refuse what cannot be calculated, and write plans.

Source: DICOM PS3.3 sections A.20, C.8.8.9 to C.8.8.14.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from terasu.dicom import elements
from terasu.dicom.control_points import ControlPoints, LeafBank, read_control_points, read_leaf_bank
from terasu.dicom.plan_refusals import refuse_beam, refuse_patient_position, unsupported
from terasu.dicom.prescription import read_prescription
from terasu.dicom.rt_file import RT_ION_PLAN, RT_PLAN, open_rt, reading_rt, source_of
from terasu.dicom.write_rtplan import write_plan as write_plan
from terasu.errors import DicomError
from terasu.patient.delivery import Beam, Delivery

_HEADER = (
    "RTPlanLabel",
    "RTPlanName",
    "RTPlanDate",
    "ApprovalStatus",
    "Manufacturer",
    "ManufacturerModelName",
)
_TREATING = ("", "TREATMENT", "CONTINUATION")


def read_plan(path: Path, *, fraction_group: int | None = None) -> Delivery:
    """The treatment beams of one RTPLAN, every control point complete.

    Args:
        path: the file; file meta may be missing.
        fraction_group: Fraction Group Number; the first one if left out, with a note if there are more.
    Returns:
        A Delivery with set-up beams left out; what was assumed stands in ``notes``.
    Raises:
        DicomError: no RTPLAN, damaged, or it contradicts itself.
        UnsupportedPlanError: wedge, couch rotation, electrons, ions, brachytherapy, bolus, patient not
            head first supine …: whatever the dose engine would calculate wrongly.
    """
    with reading_rt(path):
        return _read(_open(path), fraction_group)


def _read(data: Dataset, fraction_group: int | None) -> Delivery:
    notes: list[str] = []
    group = _fraction_group(data, fraction_group, notes)
    positions = _patient_positions(data)
    metersets = _metersets(group)
    described = _beams_by_number(data, metersets)
    treated = {n: mu for n, mu in metersets.items() if _is_treated(described[n], mu, notes)}
    notes += [f"{_title(one)} is in no chosen fraction group; left out." for one in _others(data, metersets)]
    position = _position_of([described[n] for n in treated], positions, notes)
    beams = tuple(_read_beam(described[n], mu, notes) for n, mu in treated.items())
    if not beams:
        raise unsupported(
            "This plan has no beam that treats.",
            got=f"{len(described)} beams, none with a meterset",
            expected="at least one photon beam with monitor units",
        )
    prescription_gy, target = read_prescription(data, group, notes)
    structures = elements.first(data, "ReferencedStructureSetSequence")
    return Delivery(
        beams=beams,
        fractions=_fractions(group, notes),
        prescription_gy=prescription_gy,
        target_name=target,
        patient_position=position,
        label=elements.text(data, "RTPlanLabel"),
        frame_of_reference_uid=elements.text(data, "FrameOfReferenceUID"),
        referenced_structure_set_uid=(
            elements.text(structures, "ReferencedSOPInstanceUID") if structures is not None else ""
        ),
        source=source_of(data, _HEADER),
        notes=tuple(notes),
    )


def _open(path: Path) -> Dataset:
    try:
        return open_rt(path, sop_class_uid=RT_PLAN, modality="RTPLAN")
    except DicomError:
        _refuse_ions(path)
        raise


def _refuse_ions(path: Path) -> None:
    try:
        open_rt(path, sop_class_uid=RT_ION_PLAN, modality="RT Ion Plan")
    except DicomError:
        return
    raise unsupported(
        "This is an RT Ion Plan; protons and ions are not supported.",
        got="RT Ion Plan Storage",
        expected="a photon plan, RT Plan Storage",
    )


def _fraction_group(data: Dataset, wanted: int | None, notes: list[str]) -> Dataset:
    groups = elements.items(data, "FractionGroupSequence")
    numbers = [elements.whole_number(one, "FractionGroupNumber") for one in groups]
    if not groups or (wanted is not None and wanted not in numbers):
        raise DicomError(
            "This plan does not have the fraction group that is to be calculated.",
            got=f"fraction groups {numbers}",
            expected="at least one" if wanted is None else f"number {wanted}",
            todo="Choose one of the groups that are there, or export the plan again.",
        )
    chosen = groups[0] if wanted is None else groups[numbers.index(wanted)]
    if wanted is None and len(groups) > 1:
        notes.append(
            f"The plan has {len(groups)} fraction groups {numbers}; only group {numbers[0]} is read."
        )
    brachy = elements.number(chosen, "NumberOfBrachyApplicationSetups") or 0
    if brachy or elements.items(data, "ApplicationSetupSequence"):
        raise unsupported(
            "This plan holds brachytherapy; only external photon beams are supported.",
            got=f"{int(brachy) or 'some'} brachy application setups",
            expected="none",
        )
    return chosen


def _metersets(group: Dataset) -> dict[int, float | None]:
    """Beam Number → Beam Meterset of one fraction, None where none is stated."""
    found: dict[int, float | None] = {}
    for one in elements.items(group, "ReferencedBeamSequence"):
        number = elements.whole_number(one, "ReferencedBeamNumber")
        if number is None or number in found:
            raise DicomError(
                "The fraction group of this plan names a beam twice, or by no number.",
                got=elements.text(one, "ReferencedBeamNumber")[:16] or "no number",
                expected="each Referenced Beam Number once",
                todo="Export the plan again.",
            )
        found[number] = elements.number(one, "BeamMeterset")
    return found


def _beams_by_number(data: Dataset, metersets: dict[int, float | None]) -> dict[int, Dataset]:
    described: dict[int, Dataset] = {}
    for one in elements.items(data, "BeamSequence"):
        number = elements.whole_number(one, "BeamNumber")
        if number is not None:
            described.setdefault(number, one)
    missing = sorted(set(metersets) - set(described))
    if missing or len(described) != len(elements.items(data, "BeamSequence")):
        raise DicomError(
            "The beams of this plan and those of its fraction group do not fit together.",
            got=f"described {sorted(described)}, to be delivered {sorted(metersets)}",
            expected="each beam described once",
            todo="Export the plan again.",
        )
    return described


def _others(data: Dataset, metersets: dict[int, float | None]) -> list[Dataset]:
    beams = elements.items(data, "BeamSequence")
    return [one for one in beams if elements.whole_number(one, "BeamNumber") not in metersets]


def _title(beam: Dataset) -> str:
    """``Beam 3 (LPO)``, for messages."""
    number, name = elements.text(beam, "BeamNumber")[:12], elements.text(beam, "BeamName")[:64]
    return f"Beam {number} ({name})" if name else f"Beam {number}"


def _is_treated(beam: Dataset, meterset_mu: float | None, notes: list[str]) -> bool:
    kind = elements.text(beam, "TreatmentDeliveryType").upper()
    if kind in _TREATING and meterset_mu:
        return True
    why = f"its delivery type is {kind[:16]}" if kind not in _TREATING else "it has no meterset"
    carried = f" with {meterset_mu:g} MU" if meterset_mu else ""
    notes.append(f"{_title(beam)}{carried} is left out: {why}.")
    return False


def _patient_positions(data: Dataset) -> dict[int | None, str]:
    return {
        elements.whole_number(one, "PatientSetupNumber"): elements.text(one, "PatientPosition").upper()
        for one in elements.items(data, "PatientSetupSequence")
    }


def _position_of(beams: list[Dataset], positions: dict[int | None, str], notes: list[str]) -> str:
    """The one patient position of the treated beams; HFS with a note where the plan is silent."""
    referred = {elements.whole_number(one, "ReferencedPatientSetupNumber") for one in beams}
    stated = {positions[number] for number in referred if positions.get(number)}
    stated = stated or {position for position in positions.values() if position}
    for position in sorted(stated):
        refuse_patient_position(position)
    if not stated:
        notes.append("The plan does not state the patient position; head first supine (HFS) is assumed.")
    return "HFS"


def _fractions(group: Dataset, notes: list[str]) -> int:
    planned = elements.whole_number(group, "NumberOfFractionsPlanned")
    if planned is None or planned < 1:
        notes.append("The plan does not state its number of fractions; doses are those of one fraction.")
        return 1
    return planned


def _read_beam(beam: Dataset, meterset_mu: float | None, notes: list[str]) -> Beam:
    title = _title(beam)
    points = _ordered_points(beam, title)
    refuse_beam(beam, points, title)
    energy = elements.number(points[0], "NominalBeamEnergy")
    sad = elements.number(beam, "SourceAxisDistance")
    if energy is None or energy <= 0 or meterset_mu is None or meterset_mu < 0:
        raise DicomError(
            f"{title} states no usable energy or meterset.",
            got=f"{energy} MV, {meterset_mu} MU",
            expected="both above zero",
            todo="Export the plan again.",
        )
    if sad is None or sad <= 0:
        notes.append(f"{title} states no source-axis distance; 1000 mm is assumed.")
        sad = 1000.0
    bank = read_leaf_bank(beam, title)
    complete, assumed = read_control_points(beam, points, bank, title)
    notes += assumed
    return _assembled(beam, complete, bank, energy_mv=energy, meterset_mu=meterset_mu, sad_mm=sad)


def _assembled(
    beam: Dataset,
    points: ControlPoints,
    bank: LeafBank,
    *,
    energy_mv: float,
    meterset_mu: float,
    sad_mm: float,
) -> Beam:
    number = elements.whole_number(beam, "BeamNumber")
    return Beam(
        number=0 if number is None else number,
        name=elements.text(beam, "BeamName"),
        machine=elements.text(beam, "TreatmentMachineName"),
        radiation=elements.text(beam, "RadiationType").upper(),
        energy_mv=energy_mv,
        meterset_mu=meterset_mu,
        meterset_fraction=points.meterset_fraction,
        gantry_deg=points.gantry_deg,
        collimator_deg=points.collimator_deg,
        couch_deg=points.couch_deg,
        isocentre_lps_mm=points.isocentre_lps_mm,
        jaws_x_mm=points.jaws_x_mm,
        jaws_y_mm=points.jaws_y_mm,
        leaves_mm=points.leaves_mm,
        leaf_boundaries_mm=bank.boundaries_mm,
        leaf_axis=bank.axis,
        sad_mm=sad_mm,
        fff=_is_flattening_filter_free(beam),
        kind=elements.text(beam, "BeamType").upper() or "DYNAMIC",
    )


def _ordered_points(beam: Dataset, title: str) -> list[Dataset]:
    points = elements.items(beam, "ControlPointSequence")
    stated = elements.whole_number(beam, "NumberOfControlPoints")
    if len(points) < 2 or (stated is not None and stated != len(points)):
        raise DicomError(
            f"{title} does not have all of its control points.",
            got=f"{len(points)} of {stated if stated is not None else 'an unstated number'}",
            expected="all of them, at least two",
            todo="Export or copy the plan again.",
        )
    index = [elements.number(point, "ControlPointIndex") for point in points]
    if any(one is None for one in index):
        return points
    order = np.argsort(np.array(index, dtype=float), kind="stable")
    return [points[i] for i in order]


def _is_flattening_filter_free(beam: Dataset) -> bool:
    for mode in elements.items(beam, "PrimaryFluenceModeSequence"):
        said = elements.text(mode, "FluenceMode").upper(), elements.text(mode, "FluenceModeID").upper()
        if said[0] == "NON_STANDARD" and "FFF" in said[1]:
            return True
    return False
