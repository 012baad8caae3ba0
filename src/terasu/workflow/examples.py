"""The public, real patient: fetched or taken from a local copy, and known by the hash of its content."""

from __future__ import annotations

import lzma
import os
import tarfile
import tempfile
import tomllib
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from terasu.dicom.content import content_sha256
from terasu.dicom.find import index_folder
from terasu.errors import InputError
from terasu.patient.store import whole_folder
from terasu.workflow.fetch import fetch_series
from terasu.workflow.settings import Settings

NAMES = ("pancreas",)
LARGEST_ARCHIVE_BYTES = 4 << 30
_FETCH = "Fetch the example again: terasu example, without --from."
_FETCH_LATER = "Try again later, or pass a local copy with --from FOLDER."

Tell = Callable[[str], None]


@dataclass(frozen=True)
class ExampleSeries:
    """One series of the example and how its content is known."""

    role: str
    series_instance_uid: str
    files: int
    content_sha256: str
    z_range_mm: tuple[float, float] | None


@contextmanager
def example_case(name: str, from_folder: Path | None, *, tell: Tell) -> Iterator[tuple[Path, Settings]]:
    """Yield the folder of an example, its content checked, and the settings that it is run with.

    Args:
        name: one of ``NAMES``.
        from_folder: a local copy: its folder, its .tar.xz, or the folder that holds that; fetched from TCIA
            if None, and kept in the cache.
        tell: told what is done, one line each.
    Raises:
        InputError: no such example, nothing to be had, or content that is not what was published.
    """
    table = _table(name)
    series = tuple(_series(entry) for entry in table["series"])
    tell(f"{table['title']} ({table['source']}, {table['licence']})")
    with _at_hand(name, series, from_folder, tell) as folder:
        kept = f"Remove {folder}; the example is then fetched again." if from_folder is None else _FETCH
        for line in check_content(folder, series, todo=kept):
            tell(line)
        if from_folder is None:
            _require_all(folder, series, todo=kept)
        yield folder, _settings(table)


def check_content(folder: Path, series: tuple[ExampleSeries, ...], *, todo: str = _FETCH) -> list[str]:
    """Hold every series of a folder against the hash of its published content.

    Args:
        folder: a copy of the example, or of another fraction of it.
        series: what is known of the published series.
        todo: what the reader can do where the content is another.
    Returns:
        One sentence a series; a series that is not the known one (another fraction, say) is said to be so.
    Raises:
        InputError: a known series whose content differs, or a folder with none of them.
    """
    here = index_folder(folder)
    lines, known = [], {one.series_instance_uid: one for one in series}
    for found in here.series:
        expected = known.get(found.uid)
        if expected is None:
            lines.append(f"Not one of the published series known here, so no hash: {found.describe()}")
            continue
        paths = [header.path for header in found.files]
        if content_sha256(paths, z_range_mm=expected.z_range_mm) != expected.content_sha256:
            raise InputError(
                f"The {expected.role} is not what was published.",
                got=f"{len(paths)} files whose content has another hash",
                expected=f"{expected.files} files, content SHA-256 {expected.content_sha256[:16]}…",
                todo=todo,
            )
        lines.append(f"As published: {expected.role} ({len(paths)} files, content hash checked)")
    if not any(found.uid in known for found in here.series):
        raise InputError(
            "This folder does not hold the example.",
            got=f"{len(here.series)} series, none of them published in the data set",
            expected=", ".join(one.role for one in series),
            todo=f"{todo} For your own patient use terasu run.",
        )
    return lines


def _table(name: str) -> dict[str, Any]:
    if name not in NAMES:
        raise InputError(
            "There is no example of that name.",
            got=name,
            expected=", ".join(NAMES),
            todo=f"terasu example {NAMES[0]}",
        )
    text = (files("terasu.workflow") / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _series(entry: dict[str, Any]) -> ExampleSeries:
    low_high = entry.get("z_range_mm")
    return ExampleSeries(
        role=entry["role"],
        series_instance_uid=entry["series_instance_uid"],
        files=entry["files"],
        content_sha256=entry["content_sha256"],
        z_range_mm=(low_high[0], low_high[1]) if low_high else None,
    )


def _settings(table: dict[str, Any]) -> Settings:
    plan = table["plan"]
    return Settings(
        target=plan["target"],
        made_plan=True,
        made_target_margin_mm=plan["made_target_margin_mm"],
        prescription_gy=plan["prescription_gy"],
        fractions=plan["fractions"],
        statements=(table["note"],),
    )


@contextmanager
def _at_hand(
    name: str, series: tuple[ExampleSeries, ...], from_folder: Path | None, tell: Tell
) -> Iterator[Path]:
    if from_folder is None:
        yield _fetched(name, series, tell)
    elif from_folder.is_file():
        with _unpacked(from_folder, name) as folder:
            yield folder
    elif from_folder.is_dir():
        packed = sorted(from_folder.glob(f"{name}*.tar.xz"))
        if len(packed) == 1:  # a folder of archives
            with _unpacked(packed[0], name) as folder:
                yield folder
        else:
            yield from_folder
    else:
        raise InputError(
            "There is no such folder.",
            got=str(from_folder),
            expected="a folder or a .tar.xz of the example",
            todo="Correct --from, or leave it out: the example is then fetched.",
        )


@contextmanager
def _unpacked(archive: Path, name: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="terasu-example-") as aside:
        folder = Path(aside) / name  # the report calls the case by it
        try:
            with tarfile.open(archive) as tar:
                _extract(tar, str(folder))
        except (tarfile.TarError, OSError, EOFError, lzma.LZMAError, zlib.error) as error:
            raise InputError(
                "The archive cannot be unpacked.",
                got=f"{archive.name}: {error}",
                expected="a .tar.xz of the example",
                todo="Fetch or copy the archive again, and see that the temporary folder has room.",
            ) from error
        yield folder


def _extract(tar: tarfile.TarFile, folder: str) -> None:
    """One member after the other, so that a bomb is noticed before it has filled the disk."""
    total = 0
    for member in tar:
        total += member.size
        if total > LARGEST_ARCHIVE_BYTES:
            raise tarfile.TarError("it unpacks to more than any example")
        tar.extract(member, folder, filter="data")


def cache_folder() -> Path:
    """Where fetched examples are kept."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "terasu" / "examples"


def _fetched(name: str, series: tuple[ExampleSeries, ...], tell: Tell) -> Path:
    target = cache_folder() / name
    if not target.exists():
        with whole_folder(target) as aside:
            for one in series:
                tell(f"Fetching the {one.role} ({one.files} files or more) …")
                fetch_series(one.series_instance_uid, aside / one.role.replace(" ", "_"), role=one.role)
            _keep_known_slices(aside, series)
            check_content(aside, series, todo=_FETCH_LATER)
            _require_all(aside, series, todo=_FETCH_LATER)
    return target


def _require_all(folder: Path, series: tuple[ExampleSeries, ...], *, todo: str) -> None:
    here = {found.uid for found in index_folder(folder).series}
    absent = [one.role for one in series if one.series_instance_uid not in here]
    if absent:
        raise InputError(
            "Not all of the example is here.",
            got=f"nothing of: {', '.join(absent)}",
            expected=f"{len(series)} series, as they were published",
            todo=todo,
        )


def _keep_known_slices(folder: Path, series: tuple[ExampleSeries, ...]) -> None:
    """The example is the part of each scan that the CBCT shows; other slices are left out."""
    ranges = {one.series_instance_uid: one.z_range_mm for one in series}
    for found in index_folder(folder).series:
        low_high = ranges.get(found.uid)
        for header in found.files:
            if low_high is None or header.position_lps_mm is None:
                continue
            if not low_high[0] - 0.1 <= header.position_lps_mm[2] <= low_high[1] + 0.1:
                header.path.unlink()
