"""PASS, REVIEW or BLOCK, and the findings that it rests on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How grave a finding is; the verdict is the gravest of all."""

    PASS = 0
    REVIEW = 1
    BLOCK = 2


@dataclass(frozen=True)
class Finding:
    """One measured thing, held against one limit.

    Attributes:
        check: which check spoke, e.g. ``target_dose``.
        measure: what was measured, in the field's words: ``ΔD95% PTV, improved CBCT − plan``.
        value: the number, or a short text where no number says it; None if it could not be measured
            (then the level is BLOCK and ``why`` says why).
        limit: what it was held against, as read: ``REVIEW above 2, BLOCK above 5``.
        unit: of value and limit.
        limit_source: report, paper or ``ours``.
        level: PASS, REVIEW or BLOCK.
        why: one sentence: what this means here.
        todo: what the reader can do, empty for PASS.
        subject: structure, image or file that it is about.
    """

    check: str
    measure: str
    value: float | str | None
    limit: str
    unit: str
    limit_source: str
    level: Level
    why: str
    todo: str = ""
    subject: str = ""


@dataclass(frozen=True)
class Verdict:
    """What may be done with the case, and why.

    Attributes:
        findings: every finding, in the order of the checks.
        policy: name and version of the policy that set the limits.
    """

    findings: tuple[Finding, ...]
    policy: str

    @property
    def level(self) -> Level:
        """The gravest finding; BLOCK where nothing at all was checked."""
        return max((finding.level for finding in self.findings), default=Level.BLOCK)

    def reasons(self) -> tuple[Finding, ...]:
        """Findings that are not PASS, the gravest first."""
        raised = [finding for finding in self.findings if finding.level > Level.PASS]
        return tuple(sorted(raised, key=lambda finding: -finding.level))


def verdict_of(findings: Iterable[Finding], *, policy: str) -> Verdict:
    """Gather findings into a verdict."""
    return Verdict(tuple(findings), policy)
