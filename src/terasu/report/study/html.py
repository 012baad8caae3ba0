"""The report of a study as one HTML file that asks for nothing else."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import jinja2

from terasu.report.study.page import StudyPage
from terasu.report.style import LEVEL_INK, LEVEL_TINT
from terasu.safety.verdict import Level

STANDING_LEVEL = {
    "evidence": Level.PASS,
    "not tested": Level.REVIEW,
    "no gain": Level.REVIEW,
    "no evidence": Level.BLOCK,
}
MARK = {"shown": "✓", "not met": "✗", "author": "○", "not applicable": "–"}


def render_study(page: StudyPage, drawn: Mapping[str, bytes]) -> str:
    """The whole page.

    Args:
        drawn: figure's key → SVG.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("terasu.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["svg"] = lambda svg: f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
    level = STANDING_LEVEL[page.standing]
    return environment.get_template("study.html.j2").render(
        page=page,
        drawn=drawn,
        mark=MARK,
        titles=headings_of(page),
        ink=LEVEL_INK[level],
        tint=LEVEL_TINT[level],
    )


def headings_of(page: StudyPage) -> dict[str, str]:
    """Anchor → heading."""
    return {"design": "How the study was made"} | {one.key: one.title for one in page.sections}
