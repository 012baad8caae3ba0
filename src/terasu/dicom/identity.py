"""Is it the same patient? Compared by digests, so that no name travels with a header."""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

from pydicom import charset

from terasu.dicom.scan import text_of

_NAME_DELIMITERS = {ord(mark) for mark in "^="}


class Identity(NamedTuple):
    """Digests of who the patient is, empty where the file says nothing. A comparison aid, no anonymiser."""

    patient_id: str = ""
    name: str = ""
    birth_date: str = ""

    @property
    def key(self) -> str:
        """One digest of the three together."""
        return _digest("|".join(self))

    def may_be(self, other: Identity) -> bool:
        """True if nothing that both know differs, and both know the ID or the name."""
        pairs = list(zip(self, other, strict=True))
        return not any(a and b and a != b for a, b in pairs) and any(a and b for a, b in pairs[:2])


NOBODY = Identity()


def identity_of(patient_id: bytes, name: bytes, birth_date: bytes, *, character_sets: str) -> Identity:
    """The identity that raw PatientID, PatientName and PatientBirthDate stand for."""
    parts = text_of(patient_id), _plain_name(_decode(name, character_sets)), text_of(birth_date)
    return Identity(*(_digest(part) if part else "" for part in parts))


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _plain_name(name: str) -> str:
    """Planning systems change case and pad carets; the first group that says something counts."""
    groups = ("^".join(part.strip() for part in group.split("^")).rstrip("^") for group in name.split("="))
    return next((group.casefold() for group in groups if group), "")


def _decode(value: bytes, character_sets: str) -> str:
    if value.isascii() and b"\x1b" not in value:
        return text_of(value)
    try:
        encodings = charset.convert_encodings(character_sets.split("\\"))
        return charset.decode_bytes(value, encodings, _NAME_DELIMITERS).strip("\0 ")
    except (LookupError, UnicodeError, ValueError, Warning):
        return value.decode("latin-1").strip("\0 ")
