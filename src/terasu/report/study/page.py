"""What the report of a study is made of; the same on screen and on paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.axes import Axes

from terasu.report.study.checklist import Checklist
from terasu.report.tables import Table


@dataclass(frozen=True, eq=False)
class StudyFigure:
    """One figure.

    Attributes:
        key: file name of its SVG.
        note: what to know when reading it.
        alt: what it shows, in words.
        margins_in: left, bottom, right, top.
    """

    key: str
    title: str
    note: str
    alt: str
    draw: Callable[[Axes], None]
    size_in: tuple[float, float] = (5.6, 4.2)
    margins_in: tuple[float, float, float, float] = (0.65, 0.5, 0.15, 0.4)


@dataclass(frozen=True, eq=False)
class Section:
    """One part of the page.

    Attributes:
        key: the anchor that a checklist's proof points to.
        intro: paragraphs before figures and tables.
        tables: caption and table.
    """

    key: str
    title: str
    intro: tuple[str, ...]
    figures: tuple[StudyFigure, ...] = ()
    tables: tuple[tuple[str, Table], ...] = ()


@dataclass(frozen=True)
class StudyTile:
    """One number on top."""

    title: str
    value: str
    told: str


@dataclass(frozen=True, eq=False)
class StudyPage:
    """The whole report.

    Attributes:
        standing: where the conclusion stands; sentence, cautions: the conclusion.
        facts: label and value: how the study was made.
        provenance: label and value: hashes and versions.
    """

    name: str
    standing: str
    sentence: str
    cautions: tuple[str, ...]
    tiles: tuple[StudyTile, ...]
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    checklists: tuple[Checklist, ...]
    provenance: tuple[tuple[str, str], ...]
    footer: str
