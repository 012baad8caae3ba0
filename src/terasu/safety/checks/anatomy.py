"""Is the patient the same shape, and are the organs where they were planned?"""

from __future__ import annotations

from dataclasses import dataclass

from terasu.safety.policy import Policy, Words, failed, judge
from terasu.safety.verdict import Finding


@dataclass(frozen=True)
class OrganOfTheDay:
    """One organ, day against plan, in the treated position.

    Attributes:
        name: structure.
        origin: how the day's contour came about: ``drawn``, ``deformed``, ``rigid``.
        centroid_shift_mm, surface_shift_mm: surface is the 95th percentile of the distance.
        volume_change_percent: day against plan, over the part that the day's image covers.
        dice: with a contour drawn on the day by somebody else, NaN where there is none.
        is_target: CTV, GTV or PTV.
    """

    name: str
    origin: str
    centroid_shift_mm: float
    surface_shift_mm: float
    volume_change_percent: float
    dice: float = float("nan")
    is_target: bool = False


def body_surface(policy: Policy, distance_95_mm: float, mean_mm: float) -> list[Finding]:
    """The patient's outline against the planning CT's, inside the field of view.

    Args:
        distance_95_mm: 95th percentile of the distance between both outlines.
        mean_mm: mean signed distance, positive where the patient has become larger.
    """
    sense = "larger" if mean_mm > 0 else "smaller"
    words = Words(
        "Body outline, day against plan, 95th percentile",
        f"The outline lies within {distance_95_mm:.1f} mm; on average the patient is "
        f"{abs(mean_mm):.1f} mm {sense}.",
        "Check weight, positioning and immobilisation; consider a new planning CT.",
        "External",
    )
    return [judge(policy, "body", "body_surface_mm", distance_95_mm, words)]


def organs_in_place(policy: Policy, organs: tuple[OrganOfTheDay, ...]) -> list[Finding]:
    """Centroid, surface, volume and agreement of every organ."""
    findings = [finding for organ in organs for finding in _one(policy, organ)]
    if findings:
        return findings
    return [failed("organs", "Organs of the day", "No organ could be placed on the day's image.")]


def _one(policy: Policy, organ: OrganOfTheDay) -> list[Finding]:
    origin = f"({organ.origin} contour)"
    shift_limit = "target_centroid_shift_mm" if organ.is_target else "organ_centroid_shift_mm"
    todo = "Look at this contour on the day's image; draw it again if it is wrong."
    findings = [
        judge(
            policy,
            "organs",
            shift_limit,
            organ.centroid_shift_mm,
            Words(
                "Centroid shift, day against plan",
                f"The centre moved by {organ.centroid_shift_mm:.1f} mm {origin}.",
                todo,
                organ.name,
            ),
        ),
        judge(
            policy,
            "organs",
            "organ_surface_shift_mm",
            organ.surface_shift_mm,
            Words(
                "Surface shift, day against plan, 95th percentile",
                f"95 % of the surface moved by at most {organ.surface_shift_mm:.1f} mm {origin}.",
                todo,
                organ.name,
            ),
        ),
        judge(
            policy,
            "organs",
            "organ_volume_change_percent",
            organ.volume_change_percent,
            Words(
                "Volume change, day against plan",
                f"The volume changed by {organ.volume_change_percent:+.0f} % {origin}.",
                todo,
                organ.name,
            ),
        ),
    ]
    if organ.dice == organ.dice:
        words = Words(
            "Dice of the propagated and the drawn contour",
            f"The propagated contour meets the one drawn on the day with a Dice of {organ.dice:.2f}.",
            "Propagation is not reliable for this organ: use the drawn contour.",
            organ.name,
        )
        findings.append(judge(policy, "organs", "contour_dice", organ.dice, words))
    return findings
