"""New unique identifiers, and a check of those that came from elsewhere."""

from __future__ import annotations

import re
import uuid

from terasu.errors import DicomError

_FORM = re.compile(r"[0-9]+(\.[0-9]+)+")
_LONGEST = 64
_OURS = uuid.UUID("6f6b1c52-3f0e-5a2b-9f0f-54455241535a")


def new_uid(seed: str = "", *parts: object) -> str:
    """A new UID under the root 2.25, which needs no registration.

    Args:
        seed: empty for a random UID. With a seed the same seed and parts always give the same UID:
            only for made patients, never for objects of a real one.
        parts: what the UID is for (``"series"``, ``17``), used with a seed only.
    Source: DICOM PS3.5 section B.2 (UUID derived UID), RFC 9562 (versions 4 and 5).
    """
    number = uuid.uuid5(_OURS, "|".join((seed, *map(str, parts)))) if seed else uuid.uuid4()
    return f"2.25.{number.int}"


def is_uid(text: str) -> bool:
    """True if ``text`` is a DICOM UID: digits and dots, at most 64 characters, no path, no blank.

    Components with leading zeros are let pass: they are forbidden, and common.
    Source: DICOM PS3.5 section 9.1
    """
    return len(text) <= _LONGEST and _FORM.fullmatch(text) is not None


def require_uid(text: str, *, of: str) -> str:
    """``text`` itself if it is a UID.

    Raises:
        DicomError: it is not; it may hold a path or a script, so it is not repeated whole.
    """
    if is_uid(text):
        return text
    raise DicomError(
        f"The {of} is not a DICOM UID.",
        got=f"{len(text)} characters, beginning {text[:24]!r}",
        expected="digits and dots, at most 64 characters",
        todo="Export the object again; do not edit UIDs by hand.",
    )
