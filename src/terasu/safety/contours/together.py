"""A whole drawing against the policy: organs one by one, in pairs, and several signs at once."""

from __future__ import annotations

from collections.abc import Sequence

from terasu.safety.contours.one_organ import CHECK, LOOK, organ_findings
from terasu.safety.policy import Policy, Words, failed, judge
from terasu.safety.verdict import Finding, Level
from terasu.segment.quality.drawing import Drawing, Pair

_LIMITS = {
    "overlap": "contour_overlap_percent",
    "order": "contour_order_mm",
    "gap": "contour_gap_mm",
    "contrast": "contour_contrast_hu",
}


def drawing_findings(policy: Policy, drawing: Drawing) -> list[Finding]:
    """Every finding about a drawing, organ by organ.

    A finding about a pair is told of both organs, since either may be the wrong one.
    """
    if not drawing.organs:
        return [failed(CHECK, "Contours", "There is no contour to check.")]
    findings: list[Finding] = []
    for organ in drawing.organs:
        own = organ_findings(policy, organ)
        own += [
            _of_pair(policy, pair, organ.name)
            for pair in drawing.pairs
            if organ.name in (pair.first, pair.second) and _LIMITS[pair.kind] in policy.limits
        ]
        findings += [*own, *_signs(policy, organ.name, own)]
    return findings


def _of_pair(policy: Policy, pair: Pair, subject: str) -> Finding:
    other = pair.second if subject == pair.first else pair.first
    measures = {
        "overlap": (f"Overlap with {other}", "Two organs cannot hold the same voxel; % of the smaller one."),
        "order": (
            f"{pair.first} {pair.side} of {pair.second}",
            "Distance of the centres to the side where anatomy has them.",
        ),
        "gap": (f"Gap to {other}", "There is tissue between these organs in every patient."),
        "contrast": (
            f"Difference of the median HU from {other}",
            "A contour that looks like its neighbour is likely to lie in it.",
        ),
    }
    measure, why = measures[pair.kind]
    return judge(policy, CHECK, _LIMITS[pair.kind], pair.value, Words(measure, why, LOOK, subject))


def _signs(policy: Policy, organ: str, own: Sequence[Finding]) -> list[Finding]:
    """Several deviations together say more than each of them alone.

    Source: Hui et al. 2018, doi 10.1002/mp.12835
    """
    if "contour_signs" not in policy.limits:
        return []
    raised = [one for one in own if one.level > Level.PASS]
    words = Words(
        "Signs at once",
        "; ".join(one.measure for one in raised) or "None of the measures is beyond its limit.",
        LOOK,
        organ,
    )
    return [judge(policy, CHECK, "contour_signs", float(len(raised)), words)]
