"""One organ of a drawing against the policy: its form and what it holds."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from terasu.safety.policy import Policy, Words, failed, judge, stated
from terasu.safety.verdict import Finding, Level
from terasu.segment.quality.anatomy import is_whole, may_be_several
from terasu.segment.quality.content import Content
from terasu.segment.quality.drawing import Organ
from terasu.segment.quality.form import Form

CHECK = "contours"
LOOK = "Look at this contour on the image; draw it again if it is wrong."


def organ_findings(policy: Policy, organ: Organ) -> list[Finding]:
    """Every finding about one organ. A measure without a limit for it in the policy says nothing."""
    if organ.form is None:
        return [failed(CHECK, "Contour", "The contour holds no voxel of the image.", subject=organ.name)]
    asked = [
        *_form(organ.form, several=may_be_several(organ.name)),
        *(_content(organ.content) if organ.content else ()),
        *_others(organ),
    ]
    found = [_judged(policy, organ.name, *one) for one in asked]
    return [one for one in found if one is not None] + _cut(organ)


def limit_name(policy: Policy, measure: str, organ: str) -> str | None:
    """The limit of this organ, else that of every organ, else None."""
    both_sides = re.sub(r"_[LR]$", "", organ)
    names = (f"contour_{measure}_{both_sides}", f"contour_{measure}")
    return next((name for name in names if name in policy.limits), None)


def _judged(policy: Policy, organ: str, measure: str, value: float, words: str, why: str) -> Finding | None:
    limit = limit_name(policy, measure, organ)
    return None if limit is None else judge(policy, CHECK, limit, value, Words(words, why, LOOK, organ))


def _form(form: Form, *, several: bool) -> Iterator[tuple[str, float, str, str]]:
    yield "volume_cc", form.volume_cc, "Volume", f"The contour encloses {form.volume_cc:.1f} cm³."
    yield (
        "mean_section_cm2",
        form.mean_section_cm2,
        "Mean cross-section",
        f"Volume by length: {form.volume_cc:.0f} cm³ over {form.length_mm:.0f} mm.",
    )
    yield "sphericity", form.sphericity, "Sphericity", "1 is a ball; low values are ragged or flat."
    yield "elongation", form.elongation, "Elongation", "The longest by the shortest principal axis."
    if not several and not form.at_the_end:  # what the image cuts may be cut in two
        yield from _of_one_piece(form)
    yield "hole_percent", form.hole_percent, "Holes", "Area enclosed by the contour and left out."


def _of_one_piece(form: Form) -> Iterator[tuple[str, float, str, str]]:
    yield (
        "stray_percent",
        form.stray_percent,
        "Volume outside of the largest piece",
        f"The contour has {form.pieces} separate piece{'s' if form.pieces > 1 else ''}.",
    )
    yield (
        "missing_slices",
        float(form.missing_slices),
        "Slices without a contour",
        "Counted between the first and the last slice that has one.",
    )
    yield (
        "jump_mm",
        form.jump_mm,
        "Largest step from slice to slice",
        "How far the centre moves between neighbouring slices, both ends left out.",
    )


def _content(content: Content) -> Iterator[tuple[str, float, str, str]]:
    yield (
        "median_hu",
        content.median_hu,
        "Median HU",
        f"Half of the voxels lie above {content.median_hu:.0f} HU.",
    )
    yield "gas_percent", content.gas_percent, "Gas inside", "Voxels below -200 HU."
    yield "fat_percent", content.fat_percent, "Fat inside", "Voxels between -200 and -30 HU."
    yield "bone_percent", content.bone_percent, "Bone inside", "Voxels above 150 HU."
    yield (
        "open_edge_percent",
        content.open_edge_percent,
        "Same content outside",
        "Share of a shell 3 to 6 mm outside that looks like the inside.",
    )


def _others(organ: Organ) -> Iterator[tuple[str, float, str, str]]:
    if math.isfinite(organ.planning_95_mm):
        yield (
            "planning_mm",
            organ.planning_95_mm,
            "Distance to the registered planning contour, 95th percentile",
            "Organs move and fill; a contour far from the planned one is asked about.",
        )
    if math.isfinite(organ.ensemble_dice):
        yield (
            "ensemble_dice",
            organ.ensemble_dice,
            "Mean Dice between the members of the ensemble",
            "Where networks disagree, none of them knows.",
        )


def _cut(organ: Organ) -> list[Finding]:
    if organ.form is None or not organ.form.at_the_end or not is_whole(organ.name):
        return []
    words = Words(
        "Contour at the end of the image",
        "The contour reaches the first or the last slice of the image, so the organ may go on beyond.",
        "Image the whole organ, or know that its volume and dose are not whole.",
        organ.name,
    )
    return [stated(CHECK, Level.REVIEW, words, value="cut", limit="ends within the image")]
