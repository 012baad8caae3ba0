"""Write the report: HTML, PDF and verdict.json, each whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from terasu.patient.store import write_whole
from terasu.report.content import ReportContent
from terasu.report.html import render_html
from terasu.report.pdf import write_pdf
from terasu.report.pictures import draw_pictures
from terasu.report.stage import in_one_frame
from terasu.report.style import drawing
from terasu.report.verdict_json import verdict_as_json


@dataclass(frozen=True)
class ReportFiles:
    """Where the report is."""

    html: Path
    pdf: Path
    verdict_json: Path


def write_report(content: ReportContent, folder: Path) -> ReportFiles:
    """Write ``report.html``, ``report.pdf`` and ``verdict.json`` into a folder.

    Args:
        content: parts that are missing are left out, with the reason that ``content.missing`` gives.
        folder: made if it is not there; files of these names are replaced.
    Raises:
        OutputError: the disk refuses; files that were there before are untouched.
    """
    files = ReportFiles(folder / "report.html", folder / "report.pdf", folder / "verdict.json")
    together, notes = in_one_frame(content)
    with drawing():
        pictures = draw_pictures(together)
        page = render_html(together, pictures, notes)
        write_whole(files.html, lambda path: _write_text(path, page))
        write_whole(files.pdf, lambda path: write_pdf(together, pictures, path, notes))
    write_whole(files.verdict_json, lambda path: _write_text(path, verdict_as_json(content)))
    return files


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
