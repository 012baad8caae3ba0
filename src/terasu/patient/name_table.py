"""The table of standard names (names.toml), looked up by exact spelling and side."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, TypeVar

from terasu.patient.name_words import SIDES, Side, Words, compact, side_of, words

Role = Literal["target", "oar", "external", "support", "other"]

_ROLE_OF_REGION: dict[str, Role] = {"external": "external", "support": "support"}


_T = TypeVar("_T")


@dataclass(frozen=True)
class _Pair:
    """One of a pair: its name without the side, and the name of both together (may be empty)."""

    one: str
    both: str


@dataclass(frozen=True)
class _Table:
    """Spelling → what it stands for; ``single`` holds the names of both of a pair, too."""

    single: dict[str, tuple[str, Role]]
    paired: dict[str, _Pair]
    unlisted: frozenset[str]


def look_up(parts: Words) -> tuple[str, Role] | None:
    """Standard name and role of words that spell one, side included; None if unknown or sideless."""
    table = _table()
    whole = table.single.get(compact(parts))
    if whole is not None:
        return whole
    pair, side = _pair_and_side(parts)
    if pair is None or not side or (side == "both" and not pair.both):
        return None
    return (pair.both if side == "both" else f"{pair.one}_{side}"), "oar"


def is_known_organ(parts: Words) -> bool:
    """True if the words spell an organ, even where its side is missing."""
    known = look_up(parts)
    return (known is not None and known[1] == "oar") or _pair_and_side(parts)[0] is not None


def is_listed(name: str) -> bool:
    """True if the name is in the report's own list."""
    return name not in _table().unlisted


def standard_names() -> tuple[str, ...]:
    """Every standard name that the table can give, targets aside."""
    singles = {name for name, _ in _table().single.values()}
    pairs = {f"{pair.one}_{side}" for pair in _table().paired.values() for side in ("L", "R")}
    return tuple(sorted(singles | pairs))


def _pair_and_side(parts: Words) -> tuple[_Pair | None, Side]:
    """One of a pair and the side said: by words of its own, or joined to the name (femoresin, 右肺)."""
    paired = _table().paired
    said = {side_of(part) for part in parts} - {""}
    rest = compact([part for part in parts if not side_of(part)])
    if rest in paired:
        side: Side = next(iter(said)) if len(said) == 1 else ("both" if said == {"L", "R"} else "")
        return paired[rest], side
    key = compact(parts)
    for affix, side in SIDES.items():
        for inner in (key.removeprefix(affix), key.removesuffix(affix)):
            if inner != key and inner in paired:
                return paired[inner], side
    return None, ""


@cache
def _table() -> _Table:
    data: dict[str, Any] = tomllib.loads(files("terasu.patient").joinpath("names.toml").read_text("utf-8"))
    single: dict[str, tuple[str, Role]] = {}
    paired: dict[str, _Pair] = {}
    for region, entries in data.items():
        if region not in ("unlisted", "paired"):
            for name, spellings in entries.items():
                single.update(_keys((name, *spellings), (name, _ROLE_OF_REGION.get(region, "oar"))))
    for one, entry in data["paired"].items():
        both = entry.get("both", "")
        paired.update(_keys((one, *entry["names"]), _Pair(one, both)))
        if both:
            single.update(_keys((both, *entry.get("both_names", ())), (both, "oar")))
    return _Table(single, paired, frozenset(data["unlisted"]))


def _keys(spellings: tuple[str, ...], meaning: _T) -> dict[str, _T]:
    return {compact(words(spelling)): meaning for spelling in spellings}
