"""Numbers as DICOM decimal strings (DS): at most 16 characters, as exact as that allows.

Eclipse refuses a structure set with one longer value; Python's ``repr`` of a coordinate has up to 24.
Source: DICOM PS3.5 section 6.2, value representation DS.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from terasu.errors import OutputError

LONGEST = 16


def ds_text(value: float, longest: int = LONGEST) -> str:
    """The decimal string nearest to ``value`` that fits into ``longest`` characters.

    Raises:
        OutputError: NaN or infinite, which DS cannot hold.
    """
    number = float(value)
    text = repr(number).removesuffix(".0")
    if len(text) <= longest and math.isfinite(number):
        return text
    return _shortened(number, longest)


def ds_texts(values: Sequence[float]) -> str:
    """Several decimal strings, joined by backslashes as DICOM stores them.

    Text of odd length is padded with a blank when it is written; the last value leaves room for it.
    """
    texts = list(map(ds_text, values))
    joined = "\\".join(texts)
    if len(joined) % 2 and len(texts[-1]) == LONGEST:
        texts[-1] = ds_text(values[-1], LONGEST - 1)
        joined = "\\".join(texts)
    return joined


def _shortened(number: float, longest: int) -> str:
    if not math.isfinite(number):
        raise OutputError(
            "A number that is not finite cannot be written to DICOM.",
            got=str(number),
            expected="finite values",
            todo="Look for the step before this one that made it.",
        )
    if 1 <= abs(number) < 1e9:
        # Nothing is closer than the fixed form here: an exponent would cost digits. Contours live here.
        places = longest - len(f"{math.trunc(number):d}") - 1
        text = f"{number:.{places}f}"
        if len(text) <= longest:
            return text.rstrip("0").rstrip(".")
    candidates = (
        text
        for digits in range(16, 0, -1)
        for text in (f"{number:.{digits}g}", _without_zero(f"{number:.{digits}e}"))
    )
    fitting = [text for text in candidates if len(text) <= longest]
    return min(fitting, key=lambda text: abs(float(text) - number))


def _without_zero(text: str) -> str:
    """``1.5e-07`` as ``1.5e-7``: a digit more for the mantissa."""
    mantissa, exponent = text.split("e")
    return f"{mantissa}e{int(exponent)}"
