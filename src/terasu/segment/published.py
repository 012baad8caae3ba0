"""What the literature says by organ: the tolerance of the surface Dice, and how well experts agree."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Tolerance:
    """Of the surface Dice of one organ.

    Attributes:
        mm: distance that counts as agreement.
        source: paper, or ``ours``.
    """

    mm: float
    source: str


@dataclass(frozen=True)
class Observers:
    """How well experts agree on one organ.

    Attributes:
        organ: TG-263 name.
        image: that they drew on, ``CT`` or ``CBCT``.
        dice: between two of them, on average.
        source: paper, and how the number follows from it.
    """

    organ: str
    image: str
    dice: float
    source: str


def tolerance_of(organ: str) -> Tolerance:
    """The published tolerance of an organ, or the default.

    Args:
        organ: TG-263 name; both sides of a pair share theirs.
    """
    table = _read("tolerances.toml")
    for row in table["rows"]:
        if both_sides(organ) in row["organs_mm"]:
            return Tolerance(row["organs_mm"][both_sides(organ)], row["source"])
    return Tolerance(table["default_mm"], table["default_source"])


def observers_of(organ: str) -> tuple[Observers, ...]:
    """What is published about the agreement of experts on an organ; empty where nothing is listed."""
    rows = (Observers(**row) for row in _read("observers.toml")["rows"])
    return tuple(row for row in rows if row.organ == both_sides(organ))


def both_sides(organ: str) -> str:
    """``Parotid_L`` → ``Parotid``."""
    return re.sub(r"_[LR]$", "", organ)


@lru_cache(maxsize=2)
def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((files("terasu.segment") / name).read_text(encoding="utf-8"))
