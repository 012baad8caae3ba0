"""What in an RT Plan must not be calculated: each refusal names the beam and what it has.

The dose engine knows photons, jaws and one multileaf collimator, on a couch at 0°, for a patient head
first supine. Anything else would give a dose that looks right and is wrong.
Source: DICOM PS3.3 section C.8.8.14 (RT Beams).
"""

from __future__ import annotations

from pydicom.dataset import Dataset

from terasu.dicom import elements
from terasu.errors import UnsupportedPlanError

STRAIGHT_DEG = 0.05
"""An angle up to this counts as 0°: planning systems write 8e-10, and no couch is more exact."""

_ATTACHED = (
    ("NumberOfBlocks", "BlockSequence", "a block"),
    ("NumberOfBoli", "ReferencedBolusSequence", "a bolus, which the images of the day do not show"),
)
_TABLE_ANGLES = (
    ("PatientSupportAngle", "a couch rotation"),
    ("TableTopEccentricAngle", "an eccentric table top rotation"),
    ("TableTopPitchAngle", "a couch pitch"),
    ("TableTopRollAngle", "a couch roll"),
    ("GantryPitchAngle", "a gantry pitch"),
)


def unsupported(what: str, *, got: str, expected: str) -> UnsupportedPlanError:
    """The refusal of a plan."""
    return UnsupportedPlanError(
        what,
        got=got,
        expected=expected,
        todo="Calculate this plan in the planning system; nothing was calculated here.",
    )


def refuse_beam(beam: Dataset, points: list[Dataset], title: str) -> None:
    """Raise UnsupportedPlanError if the beam has anything that the dose engine does not know.

    Args:
        beam: item of the Beam Sequence.
        points: its control points, in order.
        title: number and name of the beam, for the message.
    """
    _refuse_radiation(beam, title)
    _refuse_wedges(beam, points, title)
    _refuse_attachments(beam, title)
    _refuse_compensators(beam, title)
    _refuse_angles(points, title)
    _refuse_energy_change(points, title)


def refuse_patient_position(position: str) -> None:
    """Raise UnsupportedPlanError unless the patient lies head first supine."""
    if position and position != "HFS":
        raise unsupported(
            f"The patient lies {position}; only head first supine is supported.",
            got=position[:16],
            expected="HFS",
        )


def _refuse_radiation(beam: Dataset, title: str) -> None:
    radiation = elements.text(beam, "RadiationType").upper()
    if radiation != "PHOTON":
        raise unsupported(
            f"{title} is no photon beam.",
            got=radiation[:16] or "no Radiation Type",
            expected="PHOTON",
        )
    unit = elements.text(beam, "PrimaryDosimeterUnit").upper()
    if unit not in ("", "MU"):
        raise unsupported(f"{title} is not metered in monitor units.", got=unit[:16], expected="MU")
    applicators = elements.items(beam, "ApplicatorSequence")
    if applicators:
        kind = elements.text(applicators[0], "ApplicatorType") or "an applicator"
        raise unsupported(f"{title} has an applicator or cone.", got=kind[:32], expected="jaws and MLC only")


def _refuse_wedges(beam: Dataset, points: list[Dataset], title: str) -> None:
    """A wedge counts as used unless every position that the beam states is OUT."""
    wedges = elements.items(beam, "WedgeSequence")
    number = elements.number(beam, "NumberOfWedges") or 0
    positions = [
        elements.text(one, "WedgePosition").upper()
        for point in points
        for one in elements.items(point, "WedgePositionSequence")
    ]
    if not (wedges or number or positions) or (positions and set(positions) == {"OUT"}):
        return
    kinds = sorted({elements.text(one, "WedgeType") for one in wedges} - {""})
    raise unsupported(
        f"{title} has a wedge; wedges are not supported.",
        got=f"{max(int(number), len(wedges), 1)} wedge(s) {', '.join(kinds)[:48]}".strip(),
        expected="no wedge, or one whose every position is OUT",
    )


def _refuse_attachments(beam: Dataset, title: str) -> None:
    for count, sequence, what in _ATTACHED:
        number = int(elements.number(beam, count) or 0)
        if number or elements.items(beam, sequence):
            raise unsupported(
                f"{title} has {what}; this is not supported.",
                got=f"{count} {number}",
                expected=f"{count} 0",
            )


def _refuse_compensators(beam: Dataset, title: str) -> None:
    """A compensator of no material that moving leaves make (Eclipse's fluence maps) is none."""
    listed = elements.items(beam, "CompensatorSequence")
    number = max(int(elements.number(beam, "NumberOfCompensators") or 0), len(listed))
    virtual = [
        one
        for one in listed
        if not elements.text(one, "MaterialID")
        and elements.text(one, "CompensatorType").upper() not in ("", "STANDARD")
    ]
    if number > len(virtual):
        materials = sorted({elements.text(one, "MaterialID") for one in listed} - {""})
        raise unsupported(
            f"{title} has a compensator; this is not supported.",
            got=f"{number} compensator(s) {', '.join(materials)[:48]}".strip(),
            expected="none that is made of a material",
        )


def _refuse_angles(points: list[Dataset], title: str) -> None:
    for keyword, what in _TABLE_ANGLES:
        for point in points:
            angle = elements.number(point, keyword) or 0.0
            if abs((angle + 180.0) % 360.0 - 180.0) > STRAIGHT_DEG:
                raise unsupported(
                    f"{title} has {what}; this is not supported.",
                    got=f"{keyword} {angle:g}°",
                    expected="0°",
                )


def _refuse_energy_change(points: list[Dataset], title: str) -> None:
    energies = {elements.number(point, "NominalBeamEnergy") for point in points} - {None}
    if len(energies) > 1:
        raise unsupported(
            f"{title} changes its energy on the way.",
            got=", ".join(f"{energy:g} MV" for energy in sorted(e for e in energies if e is not None)),
            expected="one energy a beam",
        )
