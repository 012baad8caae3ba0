"""The verdict in a few plain lines, for the terminal."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from terasu.report.digest import MARK, MEANING, counts, headline, limit_line
from terasu.safety.verdict import Level, Verdict


@dataclass(frozen=True)
class Line:
    """One line of the summary.

    Attributes:
        text: ready to print.
        level: for a command line that colours; None for a plain line.
        role: ``verdict``, ``meaning``, ``reason``, ``detail`` or ``more``.
    """

    text: str
    level: Level | None
    role: str


def summary_lines(verdict: Verdict, *, most: int = 3, width: int = 100) -> tuple[Line, ...]:
    """Verdict, what it means, and the gravest reasons.

    Args:
        most: how many reasons are told.
        width: columns of the terminal.
    """
    level = verdict.level
    lines = [
        Line(f"{MARK[level]} {level.name}   ({counts(verdict)}; policy {verdict.policy})", level, "verdict"),
        *(Line(text, None, "meaning") for text in textwrap.wrap(MEANING[level], width)),
    ]
    reasons = verdict.reasons()
    for finding in reasons[:most]:
        lines.append(Line(f"{MARK[finding.level]} {headline(finding)}", finding.level, "reason"))
        told = f"{finding.why} {limit_line(finding)}. {finding.todo}".strip()
        lines += [Line(f"  {text}", None, "detail") for text in textwrap.wrap(told, width - 2)]
    if len(reasons) > most:
        lines.append(Line(f"… and {len(reasons) - most} more in the report.", None, "more"))
    return tuple(lines)


def summary_text(verdict: Verdict, *, most: int = 3, width: int = 100) -> str:
    """``summary_lines`` as one text."""
    return "\n".join(line.text for line in summary_lines(verdict, most=most, width=width))
