"""What is read in the first minute: the gravest reasons, five tiles, findings by check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from terasu.report.numbers import NOTHING, limit_shown, value_and_unit
from terasu.safety.verdict import Finding, Level, Verdict

MEANING = {
    Level.PASS: "Every check that spoke lies within its limit.",
    Level.REVIEW: "A physicist has to look at the points below before anything is used.",
    Level.BLOCK: "Do not use the images, contours or doses of this case.",
}
MARK = {Level.PASS: "●", Level.REVIEW: "▲", Level.BLOCK: "■"}

CHECK_TITLES = {
    "identity": "Same patient, same space",
    "input": "The day's image as it came",
    "registration": "Registration",
    "hounsfield": "HU by tissue",
    "body": "Body outline",
    "organs": "Organs in place",
    "distortion": "Distortion by the improvement",
    "dose_bracket": "Do independent densities agree?",
    "target_dose": "Dose to the target",
    "oar_dose": "Dose to organs at risk",
    "gamma": "Gamma",
}


@dataclass(frozen=True)
class Tile:
    """One number of the first minute.

    Attributes:
        title: what it is about.
        value: with unit, a dash where nothing was measured.
        measure: what was measured, and on what.
        limit: as read.
        level: None where nothing was measured.
        also: names a graver finding of the same check, so that a calm number hides nothing.
    """

    title: str
    value: str
    measure: str
    limit: str
    level: Level | None
    also: str = ""


_TILES = (
    ("Target", "target_dose", "ΔD95"),
    ("Organ at risk, worst", "oar_dose", "ΔDmean"),
    ("Gamma", "gamma", ""),
    ("HU, worst tissue", "hounsfield", ""),
    ("Position", "registration", "Residual shift"),
)


def title_of(check: str) -> str:
    """A check's name as a heading."""
    return CHECK_TITLES.get(check, check.replace("_", " ").capitalize())


def tiles(verdict: Verdict) -> tuple[Tile, ...]:
    """Target, organ at risk, gamma, HU and position, each as one number."""
    return tuple(_tile(title, check, wanted, verdict.findings) for title, check, wanted in _TILES)


def by_check(verdict: Verdict) -> tuple[tuple[str, tuple[Finding, ...]], ...]:
    """Heading → findings, in the order of the checks."""
    groups: dict[str, list[Finding]] = {}
    for finding in verdict.findings:
        groups.setdefault(finding.check, []).append(finding)
    return tuple((title_of(check), tuple(found)) for check, found in groups.items())


def headline(finding: Finding) -> str:
    """What was measured, on what, and the value, in one line."""
    return f"{named(finding)}: {_or_not_measured(finding)}"


def named(finding: Finding) -> str:
    """Measure and subject."""
    return f"{finding.measure}, {finding.subject}" if finding.subject else finding.measure


def limit_line(finding: Finding) -> str:
    """The limit and whose it is."""
    limit = f"Limit: {limit_shown(finding)}" if finding.limit else "No limit is set"
    return f"{limit} ({finding.limit_source})" if finding.limit_source else limit


def counts(verdict: Verdict) -> str:
    """``3 BLOCK, 4 REVIEW, 12 PASS``."""
    found = [finding.level for finding in verdict.findings]
    parts = [f"{found.count(level)} {level.name}" for level in reversed(Level) if level in found]
    return ", ".join(parts) or "no findings"


def _or_not_measured(finding: Finding) -> str:
    text = value_and_unit(finding)
    return "not measured" if text == NOTHING else text


def _tile(title: str, check: str, wanted: str, findings: Sequence[Finding]) -> Tile:
    spoke = [finding for finding in findings if finding.check == check]
    if not spoke:
        return Tile(title, NOTHING, "", "", None)
    chosen = _worst([one for one in spoke if one.measure.startswith(wanted)] or spoke)
    gravest = _worst(spoke)
    also = f"{gravest.level.name} in this check: {named(gravest)}" if gravest.level > chosen.level else ""
    return Tile(title, value_and_unit(chosen), named(chosen), limit_shown(chosen), chosen.level, also)


def _worst(findings: Sequence[Finding]) -> Finding:
    """The gravest; of equals the largest number, or for a pass rate the smallest."""
    sense = -1.0 if findings[0].check == "gamma" else 1.0

    def gravity(finding: Finding) -> tuple[int, float]:
        is_number = isinstance(finding.value, int | float)
        return int(finding.level), sense * abs(float(finding.value or 0)) if is_number else 0.0

    return max(findings, key=gravity)
