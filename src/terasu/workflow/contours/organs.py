"""Which ROI of one drawing is which organ, and which drawings one structure set holds."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from terasu.errors import InputError
from terasu.patient.names import tg263_name

OTHERS = ("external", "support")


def chosen(names: Iterable[str], patterns: Iterable[str]) -> tuple[str, ...]:
    """The ROIs that fit a name or pattern, case ignored; all where none is given.

    Raises:
        InputError: none fits.
    """
    here, asked = tuple(names), tuple(patterns)
    if not asked:
        return here
    fit = tuple(name for name in here if any(fnmatchcase(name.lower(), one.lower()) for one in asked))
    if not fit:
        raise InputError(
            "No ROI fits what was asked for.",
            got=f"asked for {', '.join(asked)}; there are {', '.join(here)}",
            expected="names or patterns of ROIs that are there",
            todo="Name one of these, or leave the choice out to take every ROI.",
        )
    return fit


def by_organ(names: Iterable[str]) -> dict[str, str]:
    """ROI name → organ (TG-263 name, else its own), external and supports left out.

    Raises:
        InputError: two of them are the same organ.
    """
    found: dict[str, str] = {}
    for name in names:
        known = tg263_name(name)
        if known is not None and known.role in OTHERS:
            continue
        organ = name if known is None else known.name
        twice = [other for other, its in found.items() if its == organ]
        if twice:
            raise InputError(
                f"Two ROIs are both {organ}.",
                got=f"{twice[0]} and {name}",
                expected="one drawing of each organ",
                todo="Choose one drawing by a pattern of its ROI names, such as '*_DL'.",
            )
        found[name] = organ
    return found


def drawings_in(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Drawings that one structure set holds, told apart by what their names add to the organ's.

    ``Prostate_DL`` and ``Prostate_MBS`` belong to two drawings, ``DL`` and ``MBS``; one without an addition
    to the drawing ``""``. Targets and names that are not understood are nobody's organ and are left out; an
    organ that comes again within a drawing makes a drawing of its own, called after its ROI.

    Returns:
        Drawing → (ROI name → organ).
    """
    drawings: dict[str, dict[str, str]] = {}
    for name in names:
        known = tg263_name(name)
        if known is None or known.role != "oar":
            continue
        drawing = " ".join(known.stripped)
        if known.name in drawings.get(drawing, {}).values():
            drawing = name
        drawings.setdefault(drawing, {})[name] = known.name
    return drawings
