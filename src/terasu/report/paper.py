"""A4 pages that fill from top to bottom: text that wraps, tables that break, pictures, rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import BboxImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox, TransformedBbox
from numpy.typing import NDArray

from terasu.report.style import INK, RULE, SOFT, drawable, width_mm

PAGE_MM = (210.0, 297.0)
MARGIN_MM = 14.0
WIDTH_MM = PAGE_MM[0] - 2 * MARGIN_MM
_BOTTOM_MM = PAGE_MM[1] - 16.0
_PT_MM = 25.4 / 72


@dataclass(frozen=True)
class Cell:
    """Text of one table cell."""

    text: str
    colour: str = INK
    bold: bool = False
    to_right: bool = False


@dataclass
class Paper:
    """Pages so far, and how far the last one is filled.

    Attributes:
        pages: A4 figures.
        y_mm: next free line, from the top.
    """

    pages: list[Figure] = field(default_factory=list)
    y_mm: float = _BOTTOM_MM

    @property
    def page(self) -> Figure:
        """The page that is being filled."""
        return self.pages[-1]

    def need(self, height_mm: float) -> None:
        """Go to a new page unless there is room for ``height_mm``."""
        if not self.pages or self.y_mm + height_mm > _BOTTOM_MM:
            self.pages.append(Figure(figsize=(PAGE_MM[0] / 25.4, PAGE_MM[1] / 25.4)))
            self.y_mm = MARGIN_MM

    def skip(self, height_mm: float) -> None:
        """Leave some room."""
        self.y_mm += height_mm

    def put(self, text: str, x_mm: float, y_mm: float, size_pt: float, **style: Any) -> None:
        """One line of text on the page with its top at ``y_mm``; ``style`` goes to matplotlib's text."""
        style = {"va": "top", "color": INK} | style
        self.page.text(x_mm / PAGE_MM[0], 1 - y_mm / PAGE_MM[1], drawable(text), fontsize=size_pt, **style)

    def write(
        self,
        text: str,
        *,
        size_pt: float = 8.5,
        bold: bool = False,
        colour: str = INK,
        indent_mm: float = 0.0,
        after_mm: float = 1.2,
    ) -> None:
        """A paragraph over the whole width."""
        step = line_mm(size_pt)
        for line in wrapped(text, WIDTH_MM - indent_mm, size_pt, bold=bold):
            self.need(step)
            weight = "bold" if bold else "normal"
            self.put(line, MARGIN_MM + indent_mm, self.y_mm, size_pt, color=colour, fontweight=weight)
            self.y_mm += step
        self.y_mm += after_mm

    def heading(self, text: str, *, keep_mm: float = 30.0) -> None:
        """A heading that stays with what follows."""
        self.skip(3.0)
        self.need(keep_mm)
        self.write(text, size_pt=12.5, bold=True, after_mm=2.0)

    def axes(self, x_mm: float, y_mm: float, width_mm: float, height_mm: float) -> Axes:
        """Axes in a box on the page, measured from the top left."""
        box = (
            x_mm / PAGE_MM[0],
            1 - (y_mm + height_mm) / PAGE_MM[1],
            width_mm / PAGE_MM[0],
            height_mm / PAGE_MM[1],
        )
        return self.page.add_axes(box)

    def picture(self, pixels: NDArray[Any], x_mm: float, y_mm: float, width_mm: float) -> float:
        """A picture in true proportion; returns its height [mm]."""
        height = float(width_mm * pixels.shape[0] / pixels.shape[1])
        left, top = x_mm / PAGE_MM[0], 1 - y_mm / PAGE_MM[1]
        box = Bbox.from_bounds(left, top - height / PAGE_MM[1], width_mm / PAGE_MM[0], height / PAGE_MM[1])
        image = BboxImage(TransformedBbox(box, self.page.transFigure), interpolation="bilinear")
        image.set_data(pixels)
        # the resampled edge is half transparent black; leave it out
        inner = box.padded(-0.3 / PAGE_MM[0], -0.3 / PAGE_MM[1])
        image.set_clip_box(TransformedBbox(inner, self.page.transFigure))
        self.page.add_artist(image)
        return height

    def rule(self, *, colour: str = RULE) -> None:
        """A thin line over the whole width."""
        y = 1 - self.y_mm / PAGE_MM[1]
        ends = [MARGIN_MM / PAGE_MM[0], 1 - MARGIN_MM / PAGE_MM[0]]
        self.page.add_artist(Line2D(ends, [y, y], color=colour, linewidth=0.5))

    def block(self, x_mm: float, y_mm: float, size_mm: tuple[float, float], colour: str) -> None:
        """A filled rectangle behind what follows."""
        width, height = size_mm[0] / PAGE_MM[0], size_mm[1] / PAGE_MM[1]
        corner = (x_mm / PAGE_MM[0], 1 - y_mm / PAGE_MM[1] - height)
        self.page.add_artist(Rectangle(corner, width, height, facecolor=colour, edgecolor="none", zorder=-1))

    def table(
        self,
        heads: Sequence[Cell],
        rows: Sequence[Sequence[Cell]],
        widths_mm: Sequence[float],
        *,
        size_pt: float = 7.2,
    ) -> None:
        """Rows with wrapped cells, a row of one cell over the whole width; heads come again on every page."""
        self._row(heads, widths_mm, size_pt, keep_mm=3 * line_mm(size_pt))
        for row in rows:
            own_mm = widths_mm if len(row) > 1 else [WIDTH_MM]
            follows_mm = 0.0 if len(row) > 1 else 14.0
            if self._row(row, own_mm, size_pt, measure_only=True) + follows_mm + self.y_mm > _BOTTOM_MM:
                self.y_mm = _BOTTOM_MM
                self._row(heads, widths_mm, size_pt)
            self._row(row, own_mm, size_pt)
        self.skip(2.0)

    def _row(
        self,
        cells: Sequence[Cell],
        widths_mm: Sequence[float],
        size_pt: float,
        *,
        keep_mm: float = 0.0,
        measure_only: bool = False,
    ) -> float:
        lines = [
            wrapped(cell.text, width - 2.5, size_pt, bold=cell.bold)
            for cell, width in zip(cells, widths_mm, strict=True)
        ]
        height = max(len(one) for one in lines) * line_mm(size_pt) + 1.0
        if measure_only:
            return height
        self.need(height + keep_mm)
        x = MARGIN_MM
        for cell, width, told in zip(cells, widths_mm, lines, strict=True):
            self._cell(cell, told, (x, width), size_pt)
            x += width
        self.y_mm += height
        self.rule()
        self.y_mm += 0.8
        return height

    def _cell(self, cell: Cell, lines: list[str], box_mm: tuple[float, float], size_pt: float) -> None:
        x = box_mm[0] + (box_mm[1] - 2.5 if cell.to_right else 0.0)
        for number, line in enumerate(lines):
            self.put(
                line,
                x,
                self.y_mm + number * line_mm(size_pt),
                size_pt,
                color=cell.colour,
                fontweight="bold" if cell.bold else "normal",
                ha="right" if cell.to_right else "left",
            )


def line_mm(size_pt: float) -> float:
    """Height of one line [mm]."""
    return 1.38 * size_pt * _PT_MM


def wrapped(text: str, width: float, size_pt: float, *, bold: bool = False) -> list[str]:
    """Lines no wider than ``width`` [mm]; a word that is wider is broken."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        trial = f"{line} {word}" if line else word
        if width_mm(trial, size_pt, bold=bold) <= width:
            line = trial
            continue
        if line:
            lines.append(line)
        *full, line = _broken(word, width, size_pt, bold=bold)
        lines += full
    return [*lines, line] if line or not lines else lines


def _broken(word: str, width: float, size_pt: float, *, bold: bool) -> list[str]:
    pieces, piece = [], ""
    for letter in word:
        if piece and width_mm(piece + letter, size_pt, bold=bold) > width:
            pieces.append(piece)
            piece = ""
        piece += letter
    return [*pieces, piece]


def footers(pages: Sequence[Figure], text: str) -> None:
    """Text and page number at the foot of every page."""
    for number, page in enumerate(pages, start=1):
        y = 9.0 / PAGE_MM[1]
        page.text(MARGIN_MM / PAGE_MM[0], y, drawable(text), fontsize=6.8, color=SOFT)
        where = f"{number} of {len(pages)}"
        page.text(1 - MARGIN_MM / PAGE_MM[0], y, where, fontsize=6.8, color=SOFT, ha="right")
