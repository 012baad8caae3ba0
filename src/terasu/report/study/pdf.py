"""The report of a study on A4: the same parts in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_pdf import PdfPages

from terasu.report.paper import MARGIN_MM, WIDTH_MM, Cell, Paper, footers, line_mm, wrapped
from terasu.report.pdf import put_table
from terasu.report.study.checklist import Checklist
from terasu.report.study.html import MARK, STANDING_LEVEL, headings_of
from terasu.report.study.page import Section, StudyFigure, StudyPage
from terasu.report.style import INK, LEVEL_INK, LEVEL_TINT, SOFT, width_mm
from terasu.report.tables import Table

_GAP_MM = 6.0
_LONG_NAMES_IN = 1.0
_READABLE_MM = 26.0
_COLUMN_MM = (WIDTH_MM - _GAP_MM) / 2
_ITEM_WIDTHS_MM = (9.0, 62.0, 24.0, WIDTH_MM - 95.0)


def write_study_pdf(page: StudyPage, path: Path) -> None:
    """Write the pages."""
    paper = Paper()
    _conclusion(paper, page)
    _tiles(paper, page)
    _pairs(paper, "How the study was made", page.facts)
    for section in page.sections:
        _section(paper, section)
    for one in page.checklists:
        _checklist(paper, one, headings_of(page))
    _pairs(paper, "Where this comes from", page.provenance)
    footers(paper.pages, page.footer)
    with PdfPages(path, metadata={"Title": page.name, "Creator": "Terasu"}) as pdf:
        for sheet in paper.pages:
            pdf.savefig(sheet)


def _conclusion(paper: Paper, page: StudyPage) -> None:
    level = STANDING_LEVEL[page.standing]
    sentence = wrapped(page.sentence, WIDTH_MM - 12, 10, bold=True)
    cautions = [wrapped(f"•  {one}", WIDTH_MM - 12, 8) for one in page.cautions]
    height = 17 + len(sentence) * line_mm(10) + sum(map(len, cautions)) * line_mm(8) + 4
    paper.need(height)
    paper.block(MARGIN_MM, paper.y_mm, (WIDTH_MM, height), LEVEL_TINT[level])
    paper.block(MARGIN_MM, paper.y_mm, (2.2, height), LEVEL_INK[level])
    x, y = MARGIN_MM + 7, paper.y_mm + 4
    paper.put(page.standing, x, y, 17, color=LEVEL_INK[level], fontweight="bold")
    paper.put(page.name, MARGIN_MM + WIDTH_MM - 4, y + 2, 8, color=SOFT, ha="right")
    y += 10
    for line in sentence:
        paper.put(line, x, y, 10, fontweight="bold")
        y += line_mm(10)
    y += 1.5
    for lines in cautions:
        for line in lines:
            paper.put(line, x, y, 8)
            y += line_mm(8)
    paper.y_mm += height + 4


def _tiles(paper: Paper, page: StudyPage) -> None:
    width = (WIDTH_MM - 2.0 * (len(page.tiles) - 1)) / len(page.tiles)
    paper.need(24)
    for place, tile in enumerate(page.tiles):
        x, y = MARGIN_MM + place * (width + 2.0), paper.y_mm
        paper.block(x, y, (width, 0.9), SOFT)
        for row, line in enumerate(wrapped(tile.title, width - 1, 6.6, bold=True)[:2]):
            paper.put(line, x, y + 2.2 + row * line_mm(6.6), 6.6, color=SOFT, fontweight="bold")
        for row, line in enumerate(wrapped(tile.value, width - 1, 9.5)[:2]):
            paper.put(line, x, y + 9 + row * line_mm(9.5), 9.5)
        for row, line in enumerate(wrapped(tile.told, width - 1, 6.4)[:2]):
            paper.put(line, x, y + 18.5 + row * line_mm(6.4), 6.4, color=SOFT)
    paper.y_mm += 26


def _pairs(paper: Paper, title: str, pairs: Sequence[tuple[str, str]]) -> None:
    paper.heading(title, keep_mm=20)
    for label, value in pairs:
        lines = wrapped(value, WIDTH_MM - 52, 8)
        paper.need(len(lines) * line_mm(8))
        paper.put(label, MARGIN_MM, paper.y_mm, 8, color=SOFT)
        paper.write(value, size_pt=8, indent_mm=52, after_mm=0.4)


def _section(paper: Paper, section: Section) -> None:
    paper.heading(section.title, keep_mm=95 if section.figures else 30)
    for line in section.intro:
        paper.write(line, size_pt=8)
    for row in _rows(section.figures):
        _row(paper, row)
    for caption, table in section.tables:
        put_table(paper, table, caption, widths_mm(table))


def widths_mm(table: Table, size_pt: float = 7.2) -> list[float]:
    """Every column as wide as its longest cell; where that is too wide, words are broken, numbers last."""
    columns = list(zip(table.heads, *table.rows, strict=True))
    least = [
        max(width_mm(word, size_pt, bold=True) for cell in cells for word in cell.split() or [""]) + 4.0
        for cells in columns
    ]
    wanted = [
        max([low, *(width_mm(cell, size_pt, bold=True) + 4.0 for cell in cells[1:])])
        for low, cells in zip(least, columns, strict=True)
    ]
    is_word = [n < table.texts or head == "Note" for n, head in enumerate(table.heads)]
    least = [
        max(low, min(wide, _READABLE_MM)) if word else low
        for low, wide, word in zip(least, wanted, is_word, strict=True)
    ]
    for shrinks in (True, False):
        over = sum(wanted) - WIDTH_MM
        give = [
            w - low if word == shrinks else 0.0 for w, low, word in zip(wanted, least, is_word, strict=True)
        ]
        if over > 0 and sum(give) > 0:
            part = min(1.0, over / sum(give))
            wanted = [w - part * g for w, g in zip(wanted, give, strict=True)]
    scale = min(1.0, WIDTH_MM / sum(wanted))
    return [scale * one for one in wanted]


def _rows(figures: Sequence[StudyFigure]) -> list[list[StudyFigure]]:
    """Two beside each other, but one with long names at its side stands alone."""
    rows: list[list[StudyFigure]] = []
    for one in figures:
        is_wide = one.margins_in[0] > _LONG_NAMES_IN
        if rows and not is_wide and len(rows[-1]) == 1 and rows[-1][0].margins_in[0] <= _LONG_NAMES_IN:
            rows[-1].append(one)
        else:
            rows.append([one])
    return rows


def _row(paper: Paper, figures: Sequence[StudyFigure]) -> None:
    """Two figures side by side, or one over the width that two would take."""
    width = _COLUMN_MM if len(figures) == 2 else min(WIDTH_MM, 125.0)
    heights = [width * one.size_in[1] / one.size_in[0] for one in figures]
    notes = [wrapped(one.note, width, 6.8) for one in figures]
    titles = [wrapped(one.title, width, 8, bold=True) for one in figures]
    head = max(map(len, titles)) * line_mm(8) + 1.5
    room = head + max(h + len(n) * line_mm(6.8) for h, n in zip(heights, notes, strict=True)) + 3
    paper.need(room)
    for place, (one, height, lines) in enumerate(zip(figures, heights, notes, strict=True)):
        x = MARGIN_MM + place * (width + _GAP_MM)
        for row, line in enumerate(titles[place]):
            paper.put(line, x, paper.y_mm + row * line_mm(8), 8, fontweight="bold", color=INK)
        _draw(paper, one, x, paper.y_mm + head, width)
        for row, line in enumerate(lines):
            paper.put(line, x, paper.y_mm + head + height + row * line_mm(6.8), 6.8, color=SOFT)
    paper.y_mm += room


def _draw(paper: Paper, one: StudyFigure, x_mm: float, y_mm: float, width_mm: float) -> None:
    """Margins stay as large as on screen: letters do not shrink with the figure."""
    height = width_mm * one.size_in[1] / one.size_in[0]
    left, bottom, right, top = (25.4 * inch for inch in one.margins_in)
    one.draw(paper.axes(x_mm + left, y_mm + top, width_mm - left - right, height - top - bottom))


def _checklist(paper: Paper, of: Checklist, headings: dict[str, str]) -> None:
    paper.heading(f"{of.name}: what this run shows", keep_mm=40)
    paper.write(
        f"{of.about} ({of.source}). Shown by the run: {of.count('shown')}; not met: {of.count('not met')}; "
        f"for the author to answer: {of.count('author')}.",
        size_pt=8,
    )
    heads = [Cell(text, SOFT, True) for text in ("No.", "Item", "State", "Proof")]
    rows = [
        [
            Cell(str(one.number)),
            Cell(one.text),
            Cell(f"{MARK[one.state]} {'author' if one.state == 'author' else one.state}"),
            Cell(f"{one.proof} {f'→ {headings[one.section]}' if one.section else ''}".strip()),
        ]
        for one in of.items
    ]
    paper.table(heads, rows, _ITEM_WIDTHS_MM, size_pt=6.8)
