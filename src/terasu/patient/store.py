"""Nothing half written: write aside, fsync, rename."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from terasu.errors import OutputError


@contextmanager
def whole_folder(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a folder aside of ``target`` that becomes ``target`` only if the block ends well.

    Args:
        target: the folder that is to appear, whole.
        replace: whether a folder of that name may be there already; it is then replaced as one.
    Raises:
        OutputError: the folder is there already, or the disk refuses.
    """
    if target.exists() and not replace:
        raise OutputError(
            "The output folder is there already.",
            got=str(target),
            expected="a name that is free",
            todo="Choose another --out, or say --overwrite.",
        )
    with _teaching_os_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.part-", dir=target.parent))
    try:
        with _teaching_os_errors(target):
            yield aside
            _sync_tree(aside)
            aside.chmod(0o755)
            _swap(aside, target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def refuse_unwritable(target: Path) -> None:
    """Say before the work, not after it, that ``target`` cannot be made.

    Raises:
        OutputError: the nearest folder above it that exists is none, or may not be written to.
    """
    nearest = next(path for path in target.absolute().parents if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise OutputError(
            "Nothing can be written there.",
            got=f"{nearest} is {'not for this user to write to' if nearest.is_dir() else 'a file'}",
            expected="a folder with room and permission to write",
            todo="Choose another --out.",
        )


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` make a file aside, fsync it and rename it to ``path``.

    Raises:
        OutputError: the disk refuses.
    """
    with _teaching_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.part-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        aside = Path(name)
        try:
            write(aside)
            aside.chmod(0o644)
            _sync(aside)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)


def _swap(aside: Path, target: Path) -> None:
    if not target.exists():
        aside.rename(target)
        _sync(target.parent)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old-", dir=target.parent))
    target.rename(old / target.name)
    try:
        aside.rename(target)
    except OSError:
        (old / target.name).rename(target)
        raise
    _sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _sync_tree(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _teaching_os_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            "Nothing could be written; what was there before is untouched.",
            got=f"{error.strerror or error} ({target})",
            expected="a folder with room and permission to write",
            todo="Free some space or choose another --out.",
        ) from error
