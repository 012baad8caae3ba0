"""The prescription that an RT Plan states for its target.

Source: DICOM PS3.3 section C.8.8.10 (RT Prescription).
"""

from __future__ import annotations

from pydicom.dataset import Dataset

from terasu.dicom import elements


def read_prescription(data: Dataset, group: Dataset, notes: list[str]) -> tuple[float, str]:
    """Dose to the target over all fractions of one fraction group, and what the target is called.

    Of several targets the highest dose is taken and the others are noted; a dose stated for a site or a
    volume goes before one stated at a point.

    Args:
        data, group: the plan and the fraction group that is read.
        notes: gets a sentence where the plan states no prescription, or several.
    Returns:
        Dose [Gy], 0 where none is stated, and the Dose Reference Description.
    """
    targets = _targets(data, group)
    if not targets:
        notes.append("The plan states no target prescription dose.")
        return 0.0, ""
    best = max(targets, key=lambda target: (target[0] != "POINT", target[1]))
    others = sorted({dose for kind, dose, _ in targets if kind != "POINT" and dose != best[1]})
    if others:
        stated = ", ".join(f"{dose:g}" for dose in others)
        notes.append(f"The plan prescribes several doses; {best[1]:g} Gy is taken, not {stated} Gy.")
    return best[1], best[2]


def _targets(data: Dataset, group: Dataset) -> list[tuple[str, float, str]]:
    """POINT or SITE, dose [Gy] and description of each target that this group prescribes."""
    referred = {
        elements.whole_number(one, "ReferencedDoseReferenceNumber")
        for one in elements.items(group, "ReferencedDoseReferenceSequence")
    }
    found = []
    for one in elements.items(data, "DoseReferenceSequence"):
        dose = elements.number(one, "TargetPrescriptionDose")
        ours = not referred or elements.whole_number(one, "DoseReferenceNumber") in referred
        if ours and dose and dose > 0 and elements.text(one, "DoseReferenceType").upper() == "TARGET":
            kind = elements.text(one, "DoseReferenceStructureType").upper()
            at_point = "POINT" if kind in ("POINT", "COORDINATES") else "SITE"
            found.append((at_point, dose, elements.text(one, "DoseReferenceDescription")))
    return found
