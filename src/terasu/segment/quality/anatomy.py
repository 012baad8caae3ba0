"""What anatomy allows: which organs share no voxel, which side of another one lies on, which are apart."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import combinations
from typing import Any, Literal

Side = Literal["left", "posterior", "superior"]
SIDES: tuple[Side, ...] = ("left", "posterior", "superior")
"""Along +x, +y, +z of LPS."""


@dataclass(frozen=True)
class Order:
    """The centre of ``first`` lies to this side of that of ``second``."""

    first: str
    side: Side
    second: str


def disjoint_pairs(organs: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of these organs that share no voxel."""
    here = set(organs)
    groups = [[one for one in row["organs"] if one in here] for row in _table()["disjoint"]]
    pairs = {(min(pair), max(pair)) for group in groups for pair in combinations(group, 2)}
    return tuple(sorted(pairs))


def orders(organs: Iterable[str]) -> tuple[Order, ...]:
    """What is known about the order of these organs; of every pair the left one lies left."""
    here = set(organs)
    known = [Order(**row) for row in _table()["order"]]
    known += [Order(one, "left", f"{one[:-2]}_R") for one in sorted(here) if one.endswith("_L")]
    return tuple(one for one in known if one.first in here and one.second in here)


def apart_pairs(organs: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of these organs with tissue between them."""
    return tuple(_pairs("apart", set(organs)))


def unlike_pairs(organs: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of these organs that do not look alike on a CT."""
    return tuple(_pairs("unlike", set(organs)))


def is_whole(organ: str) -> bool:
    """True if the organ ends within any scan of its region."""
    return organ in _table()["whole"]["organs"]


def may_be_several(organ: str) -> bool:
    """True for a structure of several pieces: ``Lungs``, bowel, lymph nodes."""
    return organ in _table()["several"]["organs"] or organ.startswith("LN_")


def _pairs(kind: str, here: set[str]) -> Iterator[tuple[str, str]]:
    for row in _table()[kind]:
        first, second = row["organs"]
        if first in here and second in here:
            yield first, second


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return tomllib.loads((files("terasu.segment.quality") / "anatomy.toml").read_text(encoding="utf-8"))
