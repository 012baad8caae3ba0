"""Write a study's report: HTML, PDF, and every figure as SVG."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from terasu.patient.store import write_whole
from terasu.prognosis.study.results import StudyResults
from terasu.report.curves import as_svg
from terasu.report.study.compose import study_page
from terasu.report.study.html import render_study
from terasu.report.study.pdf import write_study_pdf
from terasu.report.style import drawing

HTML, PDF, FIGURES = "report.html", "report.pdf", "figures"


@dataclass(frozen=True)
class StudyReport:
    """Where the report is."""

    html: Path
    pdf: Path
    figures: tuple[Path, ...]


def write_study_report(results: StudyResults, folder: Path) -> StudyReport:
    """Write ``report.html``, ``report.pdf`` and ``figures/`` into the folder of a study.

    Raises:
        OutputError: the disk refuses; a file that was there before is untouched.
    """
    with drawing():
        page = study_page(results)
        figures = [one for section in page.sections for one in section.figures]
        drawn = {one.key: as_svg(one.draw, size_in=one.size_in, margins_in=one.margins_in) for one in figures}
        written = [_svg(folder / FIGURES / f"{key}.svg", svg) for key, svg in drawn.items()]
        told = render_study(page, drawn)
        write_whole(folder / HTML, lambda path: _text(path, told))
        write_whole(folder / PDF, lambda path: write_study_pdf(page, path))
    _drop_others(folder / FIGURES, written)
    return StudyReport(folder / HTML, folder / PDF, tuple(written))


def _svg(path: Path, svg: bytes) -> Path:
    write_whole(path, lambda aside: _bytes(aside, svg))
    return path


def _drop_others(folder: Path, written: list[Path]) -> None:
    """Figures of an earlier report that this one does not have."""
    for path in folder.glob("*.svg"):
        if path not in written:
            path.unlink()


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)
