"""Numbers as DICOM decimal strings (DS): at most 16 characters, as exact as that allows.

Eclipse refuses a structure set with one longer value; Python's ``repr`` of a coordinate has up to 24.
Source: DICOM PS3.5 section 6.2, value representation DS.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from terasu.errors import OutputError

LONGEST = 16


def ds_text(value: float) -> str:
    """The decimal string nearest to ``value`` that fits into 16 characters.

    Raises:
        OutputError: NaN or infinite, which DS cannot hold.
    """
    number = float(value)
    text = repr(number)
    if len(text) <= LONGEST and math.isfinite(number):
        return text.removesuffix(".0")
    return _shortened(number)


def ds_texts(values: Iterable[float]) -> str:
    """Several decimal strings, joined by backslashes as DICOM stores them."""
    return "\\".join(map(ds_text, values))


def _shortened(number: float) -> str:
    if not math.isfinite(number):
        raise OutputError(
            "A number that is not finite cannot be written to DICOM.",
            got=str(number),
            expected="finite values",
            todo="Look for the step before this one that made it.",
        )
    candidates = (
        text
        for digits in range(16, 0, -1)
        for text in (f"{number:.{digits}g}", _without_zero(f"{number:.{digits}e}"))
    )
    fitting = [text for text in candidates if len(text) <= LONGEST]
    return min(fitting, key=lambda text: abs(float(text) - number))


def _without_zero(text: str) -> str:
    """``1.5e-07`` as ``1.5e-7``: a digit more for the mantissa."""
    mantissa, exponent = text.split("e")
    return f"{mantissa}e{int(exponent)}"
