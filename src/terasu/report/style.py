"""Type and colours of the report: one place for both, on paper and on screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import matplotlib
from matplotlib import font_manager

from terasu.safety.verdict import Level

INK, SOFT, FAINT, RULE, PAPER = "#16202a", "#4a5763", "#7b8792", "#d9dfe4", "#ffffff"
LEVEL_INK = {Level.PASS: "#14603a", Level.REVIEW: "#7d4e00", Level.BLOCK: "#9b1520"}
LEVEL_TINT = {Level.PASS: "#e4f2ea", Level.REVIEW: "#fcf0d4", Level.BLOCK: "#fbe4e4"}

# On white, and the same hue lighter for grey images. After Okabe and Ito, for eyes that miss red or green.
_TARGETS = (("#c4391d", "#ff7a52"), ("#9a2a78", "#f08ad0"), ("#7a4a12", "#e0a060"))
_ORGANS = (
    ("#0a62a8", "#5db8ff"),
    ("#00795a", "#3fd6a8"),
    ("#8a6d00", "#f2dc4e"),
    ("#5b4bb5", "#b3a6ff"),
    ("#00737f", "#5fdbe6"),
    ("#57733a", "#a9d26f"),
    ("#6b6b6b", "#d0d0d0"),
)
_MEASURE_PT = 200  # large, so that hinting does not shift widths
_WIDE_FONTS = ("Noto Sans CJK JP", "IPAGothic", "IPAexGothic", "TakaoPGothic", "VL PGothic", "Yu Gothic")


@dataclass(frozen=True)
class Colour:
    """One structure's colour, on white and on a grey image."""

    on_white: str
    on_image: str


def colours_of(targets: Iterable[str], organs: Iterable[str]) -> dict[str, Colour]:
    """A colour for each structure, steady by order."""
    found: dict[str, Colour] = {}
    for names, palette in ((targets, _TARGETS), (organs, _ORGANS)):
        for index, name in enumerate(names):
            found[name] = Colour(*palette[index % len(palette)])
    return found


@contextmanager
def drawing() -> Iterator[None]:
    """The report's own drawing settings, whatever the user's are; they are put back afterwards."""
    settings: dict[Any, Any] = {
        "font.family": list(_families()),
        "font.size": 9.0,
        "text.parse_math": False,  # a ROI may be called "PTV $60$"
        "text.color": INK,
        "axes.edgecolor": FAINT,
        "axes.labelcolor": SOFT,
        "axes.linewidth": 0.8,
        "axes.unicode_minus": True,
        "xtick.color": SOFT,
        "ytick.color": SOFT,
        "hatch.linewidth": 0.6,
        "svg.fonttype": "path",
        "svg.hashsalt": "terasu",
        "figure.facecolor": PAPER,
        "savefig.facecolor": "auto",
    }
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(settings)
        yield


def drawable(text: str) -> str:
    """The text with every character that no font here can draw replaced by a box."""
    known = _characters()
    return "".join(letter if ord(letter) in known else "□" for letter in " ".join(text.split()))


def width_mm(text: str, size_pt: float, *, bold: bool = False) -> float:
    """Width of one line of text as drawn [mm], pairs of letters not drawn together."""
    ems = sum(_letter_em(letter, bold) for letter in text if letter.isprintable())
    return ems * size_pt * 25.4 / 72


@lru_cache(maxsize=4096)
def _letter_em(letter: str, bold: bool) -> float:
    """Width of one letter in units of its size; one that DejaVu lacks counts as a W, a wide letter."""
    font = _font(bold)
    font.set_size(_MEASURE_PT, 72)
    code = ord(letter) if ord(letter) in font.get_charmap() else ord("W")
    return float(font.load_char(code).linearHoriAdvance) / 65536 / _MEASURE_PT


def _font(bold: bool) -> Any:
    weight = "bold" if bold else "normal"
    return font_manager.get_font(
        font_manager.findfont(font_manager.FontProperties(family="DejaVu Sans", weight=weight))
    )


@lru_cache(maxsize=1)
def _families() -> tuple[str, ...]:
    installed = {entry.name for entry in font_manager.fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in _WIDE_FONTS if name in installed))


@lru_cache(maxsize=1)
def _characters() -> frozenset[int]:
    found: set[int] = set()
    for family in _families():
        found |= set(font_manager.get_font(font_manager.findfont(family)).get_charmap())
    return frozenset(found)
