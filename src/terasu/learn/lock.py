"""One process at a time in a folder; the lock goes when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from terasu.errors import InputError


@contextmanager
def alone_in(folder: Path, work: str) -> Iterator[None]:
    """Hold ``folder`` for this process.

    Args:
        folder: made if it is not there.
        work: what is done here, for the refusal.
    Raises:
        InputError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"Another process is at work in this folder ({work}).",
                got=folder.name,
                expected="a folder that nobody works in",
                todo="Wait until it has finished, or choose another folder.",
            ) from error
        yield
