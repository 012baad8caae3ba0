"""Is everything of the same patient, and does it lie in the same space?"""

from __future__ import annotations

from collections.abc import Mapping

from terasu.patient.transform import Rigid
from terasu.safety.policy import Words, stated
from terasu.safety.verdict import Finding, Level

CHECK = "identity"


def same_patient(keys: Mapping[str, str]) -> list[Finding]:
    """All objects carry the same patient key.

    Args:
        keys: what the object is (``planning CT``, ``RTSTRUCT`` …) → hash of the patient's identity.
    """
    reference = keys.get("planning CT", "")
    strangers = sorted(what for what, key in keys.items() if key != reference)
    return [
        stated(
            CHECK,
            Level.BLOCK if strangers else Level.PASS,
            Words(
                "Patient identity of all objects",
                f"Another patient's identity stands in: {', '.join(strangers)}."
                if strangers
                else "All objects carry the same patient identity.",
                "Find out whose data this is before anything else is done with it.",
            ),
            value="different" if strangers else "the same",
            limit="the same in every object",
            source="ours, without tolerance; risk analysis after AAPM TG-100 (doi 10.1118/1.4947547)",
        )
    ]


def same_space(
    planning_frame_uid: str, daily_frame_uid: str, plan_frame_uid: str, registration: Rigid | None
) -> list[Finding]:
    """Planning CT and daily image share a frame of reference, or a registration object joins them."""
    findings = [_joined(planning_frame_uid, daily_frame_uid, registration)]
    if plan_frame_uid and plan_frame_uid != planning_frame_uid:
        findings.append(
            stated(
                CHECK,
                Level.BLOCK,
                Words(
                    "Frame of reference of the plan",
                    "The plan's isocentre lies in another frame of reference than the planning CT.",
                    "Export the plan together with the CT that it was made on.",
                    "RTPLAN",
                ),
                value="different",
                limit="that of the planning CT",
                source="DICOM PS3.3 C.7.4.1",
            )
        )
    return findings


def _joined(planning_frame_uid: str, daily_frame_uid: str, registration: Rigid | None) -> Finding:
    measure = "Frame of reference of planning CT and daily image"
    limit, source = "the same, or joined by a registration object", "DICOM PS3.3 C.7.4.1"
    if planning_frame_uid and planning_frame_uid == daily_frame_uid:
        words = Words(measure, "Both images lie in one frame of reference: the day's position is known.")
        return stated(CHECK, Level.PASS, words, value="the same", limit=limit, source=source)
    if registration is not None:
        words = Words(measure, f"A registration joins the two frames ({registration.origin}).")
        return stated(CHECK, Level.PASS, words, value="joined", limit=limit, source=source)
    words = Words(
        measure,
        "Nothing says how the patient lay to the isocentre on the day: a dose would be a guess.",
        "Export the spatial registration of the treated position together with the daily image.",
    )
    return stated(CHECK, Level.BLOCK, words, value="different", limit=limit, source=source)
