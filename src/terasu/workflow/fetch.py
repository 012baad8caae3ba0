"""One published series over HTTP: the zip that TCIA's NBIA API answers with, unpacked with mistrust."""

from __future__ import annotations

import os
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import IO

from terasu import __version__
from terasu.errors import InputError

TCIA = (
    "https://services.cancerimagingarchive.net/nbia-api/services/v1/getImage?SeriesInstanceUID=",
    "https://nbia.cancerimagingarchive.net/nbia-api/services/v4/getImage?SeriesInstanceUID=",
)
"""Addresses that a Series Instance UID is put behind, in the order in which they are asked.

Source: NBIA Search REST API Guide (v1, public collections, no login); the answer is a zip that holds
LICENSE and 00000001.dcm, 00000002.dcm, … v4 answers alike and is asked if v1 does not.
"""
LARGEST_SERIES_BYTES = 1 << 30
PATIENCE_S = 60.0


class _Unfetched(Exception):
    """One address gave nothing usable; the text says why."""


def fetch_series(uid: str, folder: Path, *, role: str) -> None:
    """Fetch one series and unpack its DICOM files into ``folder``, under names of our own.

    Args:
        uid: Series Instance UID.
        folder: is made; what was in it is gone.
        role: what the series is, for the reader of an error.
    Raises:
        InputError: no address gave the whole series.
        OSError: the disk refuses.
    """
    failures = []
    for base in addresses():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            with tempfile.TemporaryFile() as packed:
                for chunk in _chunks(base + uid):
                    packed.write(chunk)
                _unpack(packed, folder)
        except _Unfetched as failure:
            failures.append(str(failure))
        else:
            return
    raise InputError(
        f"The {role} could not be fetched from TCIA.",
        got="; then ".join(dict.fromkeys(failures)),
        expected="a zip of the series from the public archive (services.cancerimagingarchive.net)",
        todo="Try again, or pass a local copy with --from FOLDER; terasu demo needs no network.",
    )


def addresses() -> tuple[str, ...]:
    """Where the series are asked for: TERASU_TCIA (a mirror) if it is set, TCIA else."""
    mirror = os.environ.get("TERASU_TCIA")
    return (mirror,) if mirror else TCIA


def _chunks(url: str) -> Iterator[bytes]:
    """The answer in pieces; only what the network does is caught here, not what the disk does with it."""
    total = 0
    try:
        request = urllib.request.Request(url, headers={"User-Agent": f"terasu/{__version__}"})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            while chunk := answer.read(1 << 20):
                total += len(chunk)
                if total > LARGEST_SERIES_BYTES:
                    raise _Unfetched("an answer larger than any series of the example")
                yield chunk
    except urllib.error.HTTPError as error:
        error.close()
        raise _Unfetched(f"HTTP status {error.code}") from error
    except (HTTPException, OSError, ValueError) as error:
        raise _Unfetched(f"no whole answer ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(inner) or type(inner).__name__


def _unpack(packed: IO[bytes], folder: Path) -> None:
    try:
        with zipfile.ZipFile(packed) as archive:
            for number, info in enumerate(_dicom_members(archive)):
                with archive.open(info) as member:
                    _write(member, folder / f"{number:04d}.dcm")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise _Unfetched(f"an answer that is not a whole zip archive ({error})") from error


def _dicom_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """What is to be unpacked; an archive that is hostile or holds nothing is refused as a whole."""
    for info in archive.infolist():
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise _Unfetched("an archive with a file name that leads out of its folder")
    inside = [info for info in archive.infolist() if info.filename.lower().endswith(".dcm")]
    if not inside:
        raise _Unfetched("an archive without a DICOM file")
    if sum(info.file_size for info in inside) > LARGEST_SERIES_BYTES:
        raise _Unfetched("an archive that unpacks to more than any series of the example")
    return inside


def _write(member: IO[bytes], path: Path) -> None:
    with path.open("wb") as out:
        shutil.copyfileobj(member, out, 1 << 20)
