"""The report on A4: the same content as the HTML, in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_pdf import PdfPages

from terasu.report import digest, tables
from terasu.report.content import ReportContent
from terasu.report.curves import draw_dvh, draw_histogram, draw_profile
from terasu.report.numbers import NOTHING, limit_shown, shown, value_and_unit
from terasu.report.panels import Sheet
from terasu.report.paper import MARGIN_MM, WIDTH_MM, Cell, Paper, footers, line_mm, wrapped
from terasu.report.pictures import Pictures
from terasu.report.style import INK, LEVEL_INK, LEVEL_TINT, SOFT, width_mm
from terasu.report.tables import Table
from terasu.safety.verdict import Finding, Level

WHY_NOT = "It was not calculated in this run."
_GAP_MM = 2.0


def write_pdf(content: ReportContent, pictures: Pictures, path: Path, notes: tuple[str, ...] = ()) -> None:
    """Write the pages.

    Args:
        content: in one frame of reference.
        pictures: of this content.
        path: file to write.
        notes: what could not be drawn, and why.
    """
    paper = Paper()
    _verdict(paper, content)
    _tiles(paper, content)
    _case(paper, content)
    _anatomy(paper, content, pictures, notes)
    _dose(paper, content, pictures)
    _hounsfield(paper, content, pictures)
    _findings(paper, content)
    _provenance(paper, content)
    _release(paper)
    level, label = content.verdict.level.name, content.case.label or "case"
    footers(
        paper.pages, f"{level} · {label} · {content.provenance.software or 'Terasu'} · not a medical device"
    )
    with PdfPages(path, metadata={"Title": f"{level} · {label}", "Creator": "Terasu"}) as pdf:
        for page in paper.pages:
            pdf.savefig(page, dpi=200)


def _verdict(paper: Paper, content: ReportContent) -> None:
    verdict = content.verdict
    reasons = verdict.reasons()[:3]
    told = [(finding, _told(finding)) for finding in reasons]
    height = 24.0 + sum(_reason_mm(lines) for _, lines in told)
    paper.need(height)
    paper.block(MARGIN_MM, paper.y_mm, (WIDTH_MM, height), LEVEL_TINT[verdict.level])
    paper.block(MARGIN_MM, paper.y_mm, (2.2, height), LEVEL_INK[verdict.level])
    x, y = MARGIN_MM + 7, paper.y_mm + 5
    style = {"color": LEVEL_INK[verdict.level], "fontweight": "bold"}
    paper.put(f"{digest.MARK[verdict.level]} {verdict.level.name}", x, y, 30, **style)
    meaning = wrapped(digest.MEANING[verdict.level], WIDTH_MM - 80, 9, bold=True)
    for number, line in enumerate(meaning):
        paper.put(line, x + 72, y + number * line_mm(9), 9, fontweight="bold")
    under = y + len(meaning) * line_mm(9) + 0.8
    paper.put(f"{digest.counts(verdict)} · limits: {verdict.policy}", x + 72, under, 7, color=SOFT)
    y += 16
    for finding, lines in told:
        _reason(paper, finding, lines, y)
        y += _reason_mm(lines)
    paper.y_mm += height + 4


def _told(finding: Finding) -> list[str]:
    text = f"{finding.why} {finding.todo}".strip()
    return [*wrapped(text, WIDTH_MM - 34, 8), *wrapped(digest.limit_line(finding), WIDTH_MM - 34, 7)]


def _reason_mm(lines: list[str]) -> float:
    return (1 + len(lines)) * line_mm(8) + 2.4


def _reason(paper: Paper, finding: Finding, lines: list[str], y_mm: float) -> None:
    x = MARGIN_MM + 7
    style = {"color": LEVEL_INK[finding.level], "fontweight": "bold"}
    paper.put(f"{digest.MARK[finding.level]} {finding.level.name}", x, y_mm, 8, **style)
    paper.put(digest.headline(finding), x + 22, y_mm, 8.5, fontweight="bold")
    own = len(wrapped(f"{finding.why} {finding.todo}".strip(), WIDTH_MM - 34, 8))
    for number, line in enumerate(lines):
        is_limit = number >= own
        size, colour = (7, SOFT) if is_limit else (8, INK)
        paper.put(line, x + 22, y_mm + (1 + number) * line_mm(8), size, color=colour)


def _tiles(paper: Paper, content: ReportContent) -> None:
    found = digest.tiles(content.verdict)
    width = (WIDTH_MM - 4 * _GAP_MM) / 5
    height = 33.0
    paper.need(height)
    for number, tile in enumerate(found):
        x, y = MARGIN_MM + number * (width + _GAP_MM), paper.y_mm
        colour = SOFT if tile.level is None else LEVEL_INK[tile.level]
        paper.block(x, y, (width, 0.9), colour)
        paper.put(tile.title, x, y + 2.4, 7, color=SOFT, fontweight="bold")
        paper.put(tile.value, x, y + 6, 14)
        for line_number, line in enumerate(wrapped(tile.measure, width - 1, 6.6)[:3]):
            paper.put(line, x, y + 13.6 + line_number * line_mm(6.6), 6.6)
        for line_number, line in enumerate(wrapped(tile.limit, width - 1, 6)[:2]):
            paper.put(line, x, y + 23.4 + line_number * line_mm(6), 6, color=SOFT)
        word = "not measured" if tile.level is None else f"{digest.MARK[tile.level]} {tile.level.name}"
        paper.put(word, x, y + 29.4, 7, color=colour, fontweight="bold")
    paper.y_mm += height + 2
    for tile in found:
        if tile.also:
            paper.write(f"{tile.title}: {tile.also}", size_pt=7, colour=SOFT, after_mm=0.4)
    paper.skip(1.5)


def _case(paper: Paper, content: ReportContent) -> None:
    paper.heading(content.case.label or "Case", keep_mm=12)
    for label, value in tables.case_facts(content.case):
        paper.need(line_mm(8))
        paper.put(label, MARGIN_MM, paper.y_mm, 8, color=SOFT)
        paper.write(value, size_pt=8, indent_mm=36, after_mm=0.2)
    paper.skip(1.5)
    for statement in content.statements:
        paper.write(f"•  {statement}", size_pt=8, after_mm=0.3)


def _anatomy(paper: Paper, content: ReportContent, pictures: Pictures, notes: tuple[str, ...]) -> None:
    paper.heading("Anatomy", keep_mm=50)
    if not pictures.anatomy.rows:
        _absent(paper, content, "images")
    else:
        _key(paper, pictures)
        _sheet(paper, pictures.anatomy)
        level, width = (shown(hu, "HU") for hu in (content.images.level_hu, content.images.width_hu))
        hatch = " Hatched: not imaged today, filled from the planning CT." if content.images.filled else ""
        paper.write(
            f"Level {level} HU, width {width} HU. Planned contours dashed, those of the day solid.{hatch} "
            "The patient's left is on the right.",
            size_pt=7,
            colour=SOFT,
        )
    for note in notes:
        paper.write(note, size_pt=8)


def _key(paper: Paper, pictures: Pictures) -> None:
    x = MARGIN_MM
    for name, colour in pictures.colours.items():
        if x > MARGIN_MM + WIDTH_MM - 30:
            x, paper.y_mm = MARGIN_MM, paper.y_mm + 4
        paper.block(x, paper.y_mm + 1.1, (4.5, 0.9), colour.on_white)
        paper.put(name[:18], x + 6, paper.y_mm, 7)
        x += 30
    paper.y_mm += 5


def _sheet(paper: Paper, sheet: Sheet) -> None:
    for title, drawn in sheet.rows:
        width = (WIDTH_MM - 3 * _GAP_MM) / max(4, len(drawn))
        height = width * drawn[0].pixels.shape[0] / drawn[0].pixels.shape[1]
        paper.need(height + 9)
        paper.put(title, MARGIN_MM, paper.y_mm, 7, color=SOFT)
        y = paper.y_mm + 3.6
        for number, one in enumerate(drawn):
            x = MARGIN_MM + number * (width + _GAP_MM)
            paper.picture(one.pixels, x, y, width)
            caption = wrapped(one.title, width, 6.4)[0]
            paper.put(caption, x, y + height + 0.6, 6.4)
        paper.y_mm = y + height + 4.6
    if sheet.scales:
        paper.need(12)
        for number, one in enumerate(sheet.scales):
            paper.picture(one.pixels, MARGIN_MM + number * 58, paper.y_mm, 52)
        paper.y_mm += 10.5


def _dose(paper: Paper, content: ReportContent, pictures: Pictures) -> None:
    paper.heading("Dose", keep_mm=50)
    if pictures.dose.rows:
        _sheet(paper, pictures.dose)
        line = " Black: 95 % of the prescription." if content.case.prescription_gy else ""
        paper.write(f"White: contours, planned ones dashed.{line} Total dose.", size_pt=7, colour=SOFT)
    else:
        _absent(paper, content, "dose")
    if content.dvh:
        paper.need(76)
        axes = paper.axes(MARGIN_MM + 11, paper.y_mm + 6, WIDTH_MM - 14, 56)
        draw_dvh(axes, content.dvh, pictures.colours, prescription_gy=content.case.prescription_gy)
        paper.y_mm += 75
    put_table(
        paper, tables.dose_table(content), "DVH quantities, plan and day; Δ and ratio: day against plan"
    )
    put_table(paper, tables.other_doses_table(content), "The same quantities on the other images")
    put_table(paper, tables.gamma_table(content), "Gamma against the plan; read it together with the DVH")


def _hounsfield(paper: Paper, content: ReportContent, pictures: Pictures) -> None:
    paper.heading("HU", keep_mm=50)
    if pictures.hu_difference.rows:
        _sheet(paper, pictures.hu_difference)
    if pictures.profile:
        paper.need(64)
        half = (WIDTH_MM - 26) / 2
        left = paper.axes(MARGIN_MM + 11, paper.y_mm + 8, half, 42)
        draw_profile(left, pictures.profile, target_mm=pictures.target_mm, key_columns=2)
        right = paper.axes(MARGIN_MM + half + 26, paper.y_mm + 8, half, 42)
        draw_histogram(right, pictures.histogram, key_columns=2)
        paper.y_mm += 63
    reference = {row.reference for row in content.hu_rows}
    against = f", against the {reference.pop()}" if len(reference) == 1 else ""
    table = tables.hu_table(content.hu_rows)
    if table is None:
        _absent(paper, content, "hounsfield")
    put_table(paper, table, f"Mean error (mean absolute error) by tissue [HU]{against}")
    put_table(paper, tables.arms_table(content.arms), "The ways to an image of the day")


def _findings(paper: Paper, content: ReportContent) -> None:
    paper.heading("All findings", keep_mm=40)
    widths = (18.0, 44.0, 20.0, 46.0, WIDTH_MM - 128)
    heads = ("Level", "Measure", "Value", "Limit, and whose it is", "What it means, what to do")
    rows: list[tuple[Cell, ...]] = []
    for title, findings in digest.by_check(content.verdict):
        rows.append((Cell(title, bold=True),))
        rows += [_finding_cells(finding) for finding in findings]
    if rows:
        paper.table([Cell(head, SOFT, bold=True) for head in heads], rows, widths, size_pt=6.6)
    else:
        paper.write("No check has spoken. A case without findings is blocked.")


def _finding_cells(finding: Finding) -> tuple[Cell, ...]:
    word = f"{digest.MARK[finding.level]} {finding.level.name}"
    limit = f"{limit_shown(finding)} · {finding.limit_source}".strip(" ·")
    return (
        Cell(word, LEVEL_INK[finding.level], bold=finding.level > Level.PASS),
        Cell(digest.named(finding)),
        Cell(value_and_unit(finding)),
        Cell(limit or NOTHING, SOFT),
        Cell(f"{finding.why} {finding.todo}".strip()),
    )


def _provenance(paper: Paper, content: ReportContent) -> None:
    made = content.provenance
    paper.heading("Where this comes from", keep_mm=20)
    rules = {True: "commissioned", False: "not commissioned: read ratios", None: ""}[made.commissioned]
    facts = [
        ("Software", made.software),
        ("Limits", content.verdict.policy),
        ("Dose engine", made.engine),
        ("Machine model", " · ".join(part for part in (made.machine, rules) if part)),
        *((f"SHA-256, {what}", digits) for what, digits in made.hashes.items()),
        *((f"Read: {one.what}", f"{one.which}. {one.why}") for one in made.inputs),
        *((f"Written: {one.what}", f"{one.uid} {one.file}".strip()) for one in made.written),
        *(("Note", note) for note in made.notes),
        ("Seconds", ", ".join(f"{step} {shown(seconds, 's')}" for step, seconds in made.seconds.items())),
    ]
    rows = [(Cell(label, SOFT), Cell(value)) for label, value in facts if value]
    if rows:
        paper.table((Cell(""), Cell("")), rows, (46.0, WIDTH_MM - 46), size_pt=6.8)


def _release(paper: Paper) -> None:
    paper.need(34)
    paper.skip(4)
    paper.write("Nothing is released by the software.", bold=True, size_pt=10, after_mm=12)
    x = MARGIN_MM
    for label, width in (("Released by", 66.0), ("Date", 44.0), ("Signature", 68.0)):
        paper.put(label, x, paper.y_mm, 8)
        paper.block(x + 20, paper.y_mm + 3.4, (width - 23, 0.3), INK)
        x += width
    paper.y_mm += 8


def _absent(paper: Paper, content: ReportContent, part: str) -> None:
    paper.write(f"Not available. {content.missing.get(part, WHY_NOT)}", colour=SOFT)


def put_table(
    paper: Paper, table: Table | None, caption: str, widths_mm: Sequence[float] | None = None
) -> None:
    """A table with its caption; nothing where there is none.

    Args:
        widths_mm: of the columns; found from the words if None.
    """
    if table is None:
        return
    paper.need(24)
    paper.write(caption, size_pt=7.2, colour=SOFT, after_mm=0.8)
    widths = widths_mm or _widths_mm(table)

    def cells(texts: tuple[str, ...], *, colour: str, bold: bool) -> list[Cell]:
        heads = table.heads
        return [
            Cell(text, colour, bold, to_right=number >= table.texts and heads[number] != "Note")
            for number, text in enumerate(texts)
        ]

    rows = [cells(row, colour=INK, bold=number in table.strong) for number, row in enumerate(table.rows)]
    paper.table(cells(table.heads, colour=SOFT, bold=True), rows, widths)


def _widths_mm(table: Table, size_pt: float = 7.2) -> list[float]:
    """Numbers get what their longest word takes, words share the rest; narrow tables stay narrow."""
    columns = list(zip(table.heads, *table.rows, strict=True))
    widths = [
        max(width_mm(word, size_pt, bold=True) for cell in column for word in cell.split() or [""]) + 4.0
        for column in columns
    ]
    is_word = [n < table.texts or head == "Note" for n, head in enumerate(table.heads)]
    room = WIDTH_MM - sum(width for width, word in zip(widths, is_word, strict=True) if not word)
    share = min(46.0, max(18.0, room / sum(is_word)))
    return [share if word else width for width, word in zip(widths, is_word, strict=True)]
