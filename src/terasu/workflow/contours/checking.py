"""Quality control of one RTSTRUCT from any system, on the CT that it was drawn on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terasu.errors import InputError
from terasu.patient.grid import Grid
from terasu.patient.structures import StructureSet
from terasu.report.verdict_json import finding_as_dict
from terasu.safety.contours.together import drawing_findings
from terasu.safety.policy import read_policy
from terasu.safety.verdict import Finding, Level, Verdict, verdict_of
from terasu.segment.quality.drawing import measure_drawing
from terasu.workflow.contours.organs import by_organ, chosen, drawings_in
from terasu.workflow.contours.sources import drawing_at, image_at, laid_on, roi_names


@dataclass(frozen=True)
class Checked:
    """One structure set, drawing by drawing.

    Attributes:
        drawings: name of the drawing (what its ROI names add to the organ's) → its verdict.
        rois: drawing → (organ → ROI name).
        not_checked: ROIs that are no organ by their names: targets, aids, and what is not understood.
    """

    drawings: dict[str, Verdict]
    rois: dict[str, dict[str, str]]
    not_checked: tuple[str, ...]

    @property
    def level(self) -> Level:
        """The gravest of all drawings."""
        return max(one.level for one in self.drawings.values())


def check_contours(
    image: Path,
    contours: Path,
    *,
    rois: Sequence[str] = (),
    planning: Path | None = None,
    ensemble: Sequence[Path] = (),
    policy: Path | None = None,
) -> Checked:
    """Check every drawing that a structure set holds.

    Args:
        image: folder of the CT, or a volume file.
        contours: RTSTRUCT or mask file.
        rois: names or patterns; all if empty.
        planning: registered planning contours in the frame of this image.
        ensemble: the same organs as several networks drew them.
    """
    limits = read_policy(policy)
    drawn = drawing_at(contours)
    ct = image_at(image, drawn=drawn)
    planned = None if planning is None else _organs_on(ct.grid, planning)
    members = [_organs_on(ct.grid, one) for one in ensemble]
    asked = chosen(roi_names(drawn), rois)
    groups = drawings_in(asked)
    if not groups:
        raise InputError(
            "None of these ROIs is an organ by its name.",
            got=", ".join(asked),
            expected="at least one organ under a name that AAPM TG-263 or a clinic's language has for it",
            todo="Rename the ROI, or the mask file, after its organ: Prostate, Parotid_L.",
        )
    verdicts = {}
    for name, organs in groups.items():
        measured = measure_drawing(laid_on(ct.grid, drawn, organs), ct, planning=planned, ensemble=members)
        verdicts[name] = verdict_of(drawing_findings(limits, measured), policy=limits.label)
    return Checked(
        verdicts,
        {name: {its: roi for roi, its in one.items()} for name, one in groups.items()},
        tuple(name for name in asked if not any(name in one for one in groups.values())),
    )


def by_organ_level(verdict: Verdict) -> dict[str, Level]:
    """The gravest finding about every organ, in the order in which they were checked."""
    levels: dict[str, Level] = {}
    for one in verdict.findings:
        levels[one.subject] = max(levels.get(one.subject, Level.PASS), one.level)
    return levels


def as_dict(checked: Checked) -> dict[str, Any]:
    """What ``terasu contours check --json`` prints."""
    return {
        "level": checked.level.name,
        "not_checked": list(checked.not_checked),
        "drawings": [
            {"drawing": name, "level": one.level.name, "policy": one.policy, "organs": _organs(checked, name)}
            for name, one in checked.drawings.items()
        ],
    }


def _organs(checked: Checked, drawing: str) -> list[dict[str, Any]]:
    verdict = checked.drawings[drawing]
    return [
        {
            "organ": organ,
            "roi": checked.rois[drawing].get(organ, organ),
            "level": level.name,
            "findings": [finding_as_dict(one) for one in _about(verdict, organ)],
        }
        for organ, level in by_organ_level(verdict).items()
    ]


def _about(verdict: Verdict, organ: str) -> list[Finding]:
    return [one for one in verdict.findings if one.subject == organ]


def _organs_on(grid: Grid, path: Path) -> StructureSet:
    drawn = drawing_at(path)
    return laid_on(grid, drawn, by_organ(roi_names(drawn)))
