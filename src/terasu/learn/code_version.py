"""Which code made a run: the version and a hash of the sources that decide about the result."""

from __future__ import annotations

import hashlib
from pathlib import Path

import terasu
from terasu import __version__


def code_version(*rooms: str) -> str:
    """Version and hash of ``nets``, ``learn`` and of further rooms.

    Args:
        rooms: folders below the package, such as ``enhance/models``.
    """
    package = Path(terasu.__file__).parent
    digest = hashlib.sha256()
    for room in sorted({"nets", "learn", *rooms}):
        for path in sorted((package / room).glob("*.py")):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"
