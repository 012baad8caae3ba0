"""A structure's name as words: what separates them, which say a side, which say nothing about the organ."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Literal

Side = Literal["", "L", "R", "both"]
Words = tuple[str, ...]


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LEFT = (
    "left",
    "lt",
    "l",
    "sinistra",
    "sinistro",
    "sinistri",
    "sinistre",
    "sin",
    "sx",
    "sn",
    "hidari",
    "左側",
    "左",
)
_RIGHT = (
    "right",
    "rt",
    "r",
    "destra",
    "destro",
    "destri",
    "destre",
    "des",
    "dex",
    "dx",
    "migi",
    "右側",
    "右",
)
_BOTH = ("both", "bilateral", "bilat", "bilaterali", "bilaterale", "bil", "ryougawa", "両側", "左右", "両")
SIDES: dict[str, Side] = {
    **dict.fromkeys(_LEFT, "L"),
    **dict.fromkeys(_RIGHT, "R"),
    **dict.fromkeys(_BOTH, "both"),
}

# Who drew it, on which image, and which version: nothing about what is drawn.
_SUFFIXES = _listed(
    """
    dl mbs ai auto autoseg atlas abas manual man dlc ts totalsegmentator limbus mvision mim raystation rs
    ct pct planct planningct planning plan cbct mvct kvct mr mri pet petct 4dct avg mip
    v ver version rev final new old copy orig original approved edited edit mod modified corr corrected
    def deformed rigid prop propagated mapped day fx fraction fr week contour roi organ oar
    手動 自動 修正 計画 計画ct コピー 最終 臓器
    """
)

PLANNING_AIDS = _listed(
    """
    opt optim optimise optimize optimisation optimization ring rings shell avoid avoidance dummy help helper
    tmp temp test overlap ovl ovlp minus sub subtract subtracted not non exp expanded expansion crop cropped
    cut margin union combo combined hot hotspot cold coldspot isodose norm control nt ntd in out outside
    anello evitare sovrapposizione meno 最適化 リング ダミー 補助 除く
    """
)

# A target's type stays one word (GTVp: GTV and p); then CamelCase, runs of capitals, numbers, other scripts.
_WORD = re.compile(
    r"(?:I?GTV|I?CTV|ITV|PTV|PRV)(?=sb(?![a-z])|(?![a-z]{2}))"
    r"|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+(?:\.\d+)?|[^\W\d_A-Za-z]+"
)


def words(name: str) -> Words:
    """The words of a name: full-width letters made plain, accents taken off, split where they join."""
    plain = "".join(_without_accent(letter) for letter in unicodedata.normalize("NFKC", name))
    return tuple(_WORD.findall(plain))


def compact(parts: Sequence[str]) -> str:
    """Words as one key that spacing and case do not change."""
    return "".join(parts).casefold()


def side_of(word: str) -> Side:
    """The side that one word says, empty if none."""
    return SIDES.get(word.casefold(), "")


def is_suffix(word: str) -> bool:
    """True for a word, version or date that says nothing about what is drawn."""
    number = word.isdigit() and (len(word) in (6, 8) or int(word) < 20)
    return number or word.casefold() in _SUFFIXES


def is_planning_aid(name: str) -> bool:
    """True if a name speaks of a structure made for the optimiser, not of anatomy."""
    marked = name.strip().startswith(("_", "z_", "Z_", "zz")) or "+" in name
    return marked or any(word.casefold() in PLANNING_AIDS for word in words(name))


def cores(parts: Words) -> Iterator[tuple[Words, Words]]:
    """The words as they are, then with one after the other of the known suffixes taken off."""
    core: Words = parts
    stripped: Words = ()
    yield core, stripped
    while len(core) > 1:
        if is_suffix(core[-1]):
            core, stripped = core[:-1], (core[-1], *stripped)
        elif is_suffix(core[0]):
            core, stripped = core[1:], (core[0], *stripped)
        else:
            return
        yield core, stripped


def _without_accent(letter: str) -> str:
    if ord(letter) >= 0x250:
        return letter
    return "".join(part for part in unicodedata.normalize("NFD", letter) if not unicodedata.combining(part))
