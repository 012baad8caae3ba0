"""Values out of a foreign data set, without trusting it.

pydicom converts and checks a value when it is asked for, and warns or stops at a hashed date, a
decimal string of 17 characters or an unknown character set. All of these are in real files, so values
are taken here as the bytes that they are.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset

from terasu.errors import DicomError

_BINARY = {"FL": "<f4", "FD": "<f8", "US": "<u2", "SS": "<i2", "UL": "<u4", "SL": "<i4"}


def raw(data: Dataset, keyword: str) -> bytes | None:
    """The bytes of an element as they stand in the file, None where it is missing or not text."""
    tag = _tag(keyword)
    if tag not in data:
        return None
    element = data.get_item(tag)
    value: Any = None if element is None else element.value
    if isinstance(value, bytes):
        return value
    if value is None:
        return b""
    many = isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue"
    original = [getattr(one, "original_string", one) for one in (value if many else [value])]
    return "\\".join(str(one) for one in original).encode("utf-8")


def text(data: Dataset, keyword: str) -> str:
    """An element as text without padding, empty where it is missing; several values keep backslashes."""
    value = raw(data, keyword)
    return "" if value is None else _decoded(value, data).strip(" \0\r\n\t")


def number(data: Dataset, keyword: str) -> float | None:
    """The first value of an element as a float; None where missing, empty, or no finite number."""
    values = numbers(data, keyword)
    if values.size == 0 or not math.isfinite(values[0]):
        return None
    return float(values[0])


def whole_number(data: Dataset, keyword: str) -> int | None:
    """The first value of an element as an int; None where missing, empty or not whole."""
    value = number(data, keyword)
    return None if value is None or value != round(value) else int(value)


def numbers(data: Dataset, keyword: str) -> NDArray[np.float64]:
    """All values of an element; NaN where one is no number, empty where the element is missing."""
    tag = _tag(keyword)
    element = data.get_item(tag) if tag in data else None
    if element is None:
        return np.empty(0)
    if isinstance(element.value, bytes) and (kind := _binary_kind(element, tag)):
        whole = len(element.value) // np.dtype(kind).itemsize * np.dtype(kind).itemsize
        return np.frombuffer(element.value[:whole], kind).astype(np.float64)
    value = (raw(data, keyword) or b"").strip(b" \0")
    if not value:
        return np.empty(0)
    return np.array(_floats(value.split(b"\\")), dtype=np.float64)


def items(data: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence, an empty list where it is missing.

    Raises:
        DicomError: the sequence cannot be read.
    """
    tag = _tag(keyword)
    if tag not in data:
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = data[tag].value
    except Exception as error:
        raise damaged(keyword, f"{type(error).__name__}") from error
    return list(value) if isinstance(value, list) or hasattr(value, "__iter__") else []


def first(data: Dataset, keyword: str) -> Dataset | None:
    """The first item of a sequence, None where there is none."""
    found = items(data, keyword)
    return found[0] if found else None


def damaged(keyword: str, got: str) -> DicomError:
    """The error for an element that cannot be read."""
    return DicomError(
        f"{keyword} cannot be read; the file is damaged.",
        got=got,
        expected="a whole DICOM file",
        todo="Export or copy the file again.",
    )


def header_of(data: Dataset, keywords: tuple[str, ...]) -> Mapping[str, str]:
    """Keyword → text of those elements that have a value."""
    found = {keyword: text(data, keyword) for keyword in keywords}
    return {keyword: value for keyword, value in found.items() if value}


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return tag


def _binary_kind(element: Any, tag: int) -> str | None:
    vr = element.VR or dictionary_VR(tag)
    kind = _BINARY.get("FL" if vr == "UN" and dictionary_VR(tag) == "FL" else str(vr))
    if kind is None or getattr(element, "is_little_endian", True):
        return kind
    return kind.replace("<", ">")


def _floats(parts: list[bytes]) -> list[float]:
    try:
        return list(map(float, parts))
    except ValueError:
        return [_float_or_nan(part) for part in parts]


def _float_or_nan(part: bytes) -> float:
    try:
        return float(part.strip(b" \0"))
    except ValueError:
        return math.nan


def _decoded(value: bytes, data: Dataset) -> str:
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    claimed = _claimed_codecs(data)
    trial = claimed if claimed[:1] in (["GB18030"], ["GBK"]) else ["utf-8", *claimed]
    for codec in trial:
        try:
            if b"\x1b" in value:
                return str(decode_bytes(value, claimed, set()))
            return value.decode(codec)
        except (UnicodeError, LookupError):
            continue
    return value.decode("latin-1")


def _claimed_codecs(data: Dataset) -> list[str]:
    """Python's names of the character sets that the file says it uses, as far as they exist."""
    own = raw(data, "SpecificCharacterSet")
    claimed: str | list[str] = ""
    if own is not None:
        claimed = [part.strip() for part in own.decode("ascii", "replace").split("\\")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(convert_encodings(claimed or data.original_character_set))
    except Exception:
        return []
