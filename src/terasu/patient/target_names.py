"""Target names after TG-263: type, classifier, number, organ, relative or physical dose.

Source: AAPM Report 263 (2018), section 8: ``GTVp1``, ``CTV_Prostate``, ``PTV_High``, ``PTV_4140`` [cGy].
"""

from __future__ import annotations

import re

from terasu.patient.name_words import Words, compact

_TYPES = ("IGTV", "GTV", "ICTV", "CTV", "ITV", "PTV")
_CLASSES = {"p": "p", "t": "p", "primary": "p", "n": "n", "node": "n", "nodes": "n", "nodal": "n", "sb": "sb"}
_LEVELS = {
    **dict.fromkeys(("high", "hi"), "High"),
    **dict.fromkeys(("low", "lo"), "Low"),
    **{name.casefold(): name for name in ("Mid", "Boost", "Eval", "Postop", "Preop", "TumorBed")},
}
_SPELT = {
    "肉眼的腫瘍体積": "GTV",
    "臨床標的体積": "CTV",
    "計画標的体積": "PTV",
    "内的標的体積": "ITV",
}
_LEAST_DOSE_GY = 20
"""A smaller number counts targets (PTV2); a larger one is the dose prescribed to it (PTV60)."""


def read_target(parts: Words) -> tuple[str, Words, Words] | None:
    """Read a target's name.

    Args:
        parts: the words of the name.
    Returns:
        Type with classifier and number (``PTVp1``), the words that should name an organ, and the level
        or dose (``High``, ``4140``); None if this is no target.
    """
    head = _type_and_class(parts)
    if head is None:
        return None
    kind, rest = head
    number = ""
    organ: list[str] = []
    tail: list[str] = []
    position = 0
    while position < len(rest):
        dose, used = _dose_cgy(rest[position:])
        word = rest[position]
        if dose is not None:
            tail.append(dose)
        elif word.isdigit() and tail[-1:] == ["Mid"] and len(word) <= 2:
            tail[-1] += word.zfill(2)
        elif word.isdigit() and not organ and not tail and not number and len(word) <= 2:
            number = word.lstrip("0")
        elif compact([word]) in _LEVELS:
            tail.append(_LEVELS[compact([word])])
        elif tail:
            return None
        else:
            organ.append(word)
        position += max(used, 1)
    return kind + number, tuple(organ), tuple(tail)


def _type_and_class(parts: Words) -> tuple[str, Words] | None:
    """``GTVp`` or ``GTV p`` and the words behind it."""
    if not parts:
        return None
    first = compact(parts[:1])
    if first in _SPELT:
        return _SPELT[first], parts[1:]
    match = re.fullmatch(rf"({'|'.join(_TYPES)})(p|n|sb)?", first, re.IGNORECASE)
    if match is None:
        return None
    kind, classifier = match[1].upper(), match[2] or ""
    rest = parts[1:]
    if rest and not classifier and compact(rest[:1]) in _CLASSES:
        classifier, rest = _CLASSES[compact(rest[:1])], rest[1:]
    return kind + classifier, rest


def _dose_cgy(parts: Words) -> tuple[str | None, int]:
    """A physical dose at the beginning of the words, as whole cGy, and how many words it took."""
    if not re.fullmatch(r"\d+(\.\d+)?", parts[0]):
        return None, 0
    value = float(parts[0])
    unit = compact(parts[1:2])
    if unit == "cgy" or compact(parts[1:3]) == "cgy":
        return str(round(value)), 2 if unit == "cgy" else 3
    if unit == "gy":
        return str(round(value * 100)), 2
    if len(parts[0]) == 4 and value >= 100 * _LEAST_DOSE_GY:
        return str(round(value)), 1
    if _LEAST_DOSE_GY <= value < 100:
        return str(round(value * 100)), 1
    return None, 0


def names_target_type(parts: Words) -> bool:
    """True if the words begin with a target's type, whatever follows."""
    return _type_and_class(parts) is not None
