"""Numbers as they are read: digits by unit, a true minus sign, a dash where there is none."""

from __future__ import annotations

import math
import re

from terasu.safety.verdict import Finding

NOTHING = "–"
_DIGITS = {"%": 1, "mm": 1, "Gy": 2, "HU": 0, "degree": 1, "days": 0, "cc": 1, "s": 1, "HU/px": 1}
_ABBREVIATIONS = ("hu", "ct", "cbct")
_UNITS = {"1": "", "degree": "°"}


def shown(value: float | str | None, unit: str = "", *, signed: bool = False, extra_digits: int = 0) -> str:
    """A value without its unit; words stay, what is missing or not finite becomes a dash."""
    if value is None or isinstance(value, str):
        return value or NOTHING
    if not math.isfinite(value):
        return NOTHING
    digits = _DIGITS.get(unit, _three_significant(value)) + extra_digits
    number = round(float(value), digits) + 0.0  # + 0.0 turns a negative zero into zero
    return f"{number:{'+' if signed and number else ''}.{digits}f}".replace("-", "−")


def as_words(name: str) -> str:
    """An arm's name as read: ``hu_calibration`` becomes ``HU calibration``."""
    return " ".join(word.upper() if word in _ABBREVIATIONS else word for word in name.split("_"))


def unit_shown(unit: str) -> str:
    """A unit as printed after a number: nothing for a pure number, ° for degrees."""
    return _UNITS.get(unit, unit)


def with_unit(value: float | str | None, unit: str, *, signed: bool = False) -> str:
    """Value and unit, joined by a space that does not break."""
    number = shown(value, unit, signed=signed)
    if number == NOTHING or isinstance(value, str) or not unit_shown(unit):
        return number
    return f"{number}{'' if unit == 'degree' else chr(0xA0)}{unit_shown(unit)}"


def value_of(finding: Finding) -> str:
    """A finding's value with as many digits as tell it from its limits; no unit."""
    if finding.value is None or isinstance(finding.value, str):
        return shown(finding.value)
    is_change = any(word in finding.measure for word in ("Δ", "change", "Similarity"))
    limits = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", finding.limit)]
    text = NOTHING
    for extra in range(3):
        text = shown(finding.value, finding.unit, signed=is_change, extra_digits=extra)
        if text == NOTHING or not _looks_like_a_limit(text, finding.value, limits):
            break
    return text


def value_and_unit(finding: Finding) -> str:
    """A finding's value followed by its unit."""
    number = value_of(finding)
    if number == NOTHING or isinstance(finding.value, str) or not unit_shown(finding.unit):
        return number
    return f"{number}{'' if finding.unit == 'degree' else chr(0xA0)}{unit_shown(finding.unit)}"


def limit_shown(finding: Finding) -> str:
    """A finding's limit followed by its unit, with true minus signs."""
    text = re.sub(r"(?<![\w-])-(?=\d)", "−", finding.limit)
    unit = unit_shown(finding.unit)
    glue = "" if unit == "°" else " "
    return f"{text}{glue}{unit}".strip() if re.search(r"\d", text) else text


def _looks_like_a_limit(text: str, value: float, limits: list[float]) -> bool:
    rounded = float(text.replace("−", "-"))
    return any(rounded == limit and value != limit for limit in limits)


def _three_significant(value: float) -> int:
    if value == 0:
        return 0
    return max(0, min(4, 2 - math.floor(math.log10(abs(value)))))
