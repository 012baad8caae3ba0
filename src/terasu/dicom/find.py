"""What is in a folder: every file looked at, headers only, grouped into series."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from terasu.dicom.dataset import without_pydicom_warnings
from terasu.dicom.headers import FileHeader, read_header
from terasu.dicom.scan import NotDicomError
from terasu.errors import DicomError, InputError

# Scanning itself takes 0.2 ms a file under the interpreter's lock; the threads are there for the
# latency of a network share.
DEFAULT_WORKERS = 4

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Rejected:
    """A file that was passed over.

    Attributes:
        path: where it lies.
        reason: why, in a sentence.
        is_suspect: it may be a part of a case (damaged, unreadable, hostile); False for other kinds of file.
    """

    path: Path
    reason: str
    is_suspect: bool = True


@dataclass(frozen=True)
class Series:
    """Files of one series that lie in one frame of reference, with one orientation and size.

    Attributes:
        files: in file order; ``dicom.image`` sorts them by where they lie.
    """

    files: tuple[FileHeader, ...]

    @property
    def first(self) -> FileHeader:
        """The header that speaks for all."""
        return self.files[0]

    @property
    def modality(self) -> str:
        """DICOM modality."""
        return self.first.modality

    @property
    def uid(self) -> str:
        """Series Instance UID."""
        return self.first.series_instance_uid

    @property
    def frame_of_reference_uid(self) -> str:
        """Frame of Reference UID, empty where not said."""
        return self.first.frame_of_reference_uid

    @property
    def n_images(self) -> int:
        """Number of images, frames counted."""
        return sum(header.frames for header in self.files)

    @property
    def sop_instance_uids(self) -> frozenset[str]:
        """SOP Instance UIDs of the files."""
        return frozenset(header.sop_instance_uid for header in self.files)

    @property
    def day(self) -> str:
        """When it was acquired, YYYYMMDD, empty where no attribute holds a date."""
        days = (self.first.text.get(name, "") for name in ("AcquisitionDate", "SeriesDate", "StudyDate"))
        return next((day for day in days if len(day) == 8 and day.isdigit()), "")

    @property
    def machine(self) -> str:
        """Manufacturer and model."""
        text = self.first.text
        return " ".join(text[name] for name in ("Manufacturer", "ManufacturerModelName") if name in text)

    def describe(self) -> str:
        """One line for errors and lists: what, how many, which machine, when, UID."""
        size = f"{self.n_images} images of {self.first.rows} × {self.first.columns}"
        parts = (size if self.first.rows else "", self.machine, self.day, f"series {self.uid}")
        return ", ".join(part for part in (self.modality, *parts) if part)


@dataclass(frozen=True)
class Index:
    """Everything found in a folder.

    Attributes:
        series: largest first within a modality.
        rejected: files that were passed over.
        folder: where was looked.
    """

    series: tuple[Series, ...]
    rejected: tuple[Rejected, ...]
    folder: Path

    @property
    def n_files(self) -> int:
        """Number of DICOM files kept."""
        return sum(len(series.files) for series in self.series)

    def of_modality(self, *modalities: str) -> tuple[Series, ...]:
        """The series of these modalities."""
        return tuple(series for series in self.series if series.modality in modalities)

    def headers(self, modality: str) -> tuple[FileHeader, ...]:
        """Every file of a modality, for objects that are one file each (RTSTRUCT, RTPLAN, …)."""
        return tuple(header for series in self.of_modality(modality) for header in series.files)


def index_folder(folder: Path, *, workers: int | None = None, progress: Progress | None = None) -> Index:
    """Look at every file in a folder and below it, headers only.

    Args:
        folder: any names, any extensions, nested, with other files between; a DICOMDIR is not needed.
        workers: threads, ``DEFAULT_WORKERS`` if left out.
        progress: called with (files done, files in all).
    Returns:
        The series found; whatever could not be used is in ``rejected`` with the reason.
    Raises:
        InputError: the folder is not there or is no folder.
    """
    if not folder.is_dir():
        raise InputError(
            "There is no such folder.",
            got=str(folder),
            expected="a folder with DICOM files",
            todo="Check the path; a single file has to lie in a folder.",
        )
    rejected: list[Rejected] = []
    paths = sorted(_files_below(folder, rejected))
    headers: list[FileHeader] = []
    with without_pydicom_warnings(), ThreadPoolExecutor(workers or DEFAULT_WORKERS) as pool:
        for done, found in enumerate(pool.map(_look_at, paths), start=1):
            if isinstance(found, FileHeader):
                headers.append(found)
            else:
                rejected.append(found)
            if progress is not None:
                progress(done, len(paths))
    return Index(group_series(headers), tuple(rejected), folder)


def group_series(headers: Iterable[FileHeader]) -> tuple[Series, ...]:
    """Group files that may be slices of one volume; the largest series first within a modality."""
    groups: dict[tuple[object, ...], list[FileHeader]] = defaultdict(list)
    for header in headers:
        groups[_group_key(header)].append(header)
    series = [Series(tuple(files)) for files in groups.values()]
    return tuple(sorted(series, key=lambda one: (one.modality, -one.n_images, one.uid)))


def _group_key(header: FileHeader) -> tuple[object, ...]:
    orientation = tuple(round(value, 3) for value in header.orientation_lps or ())
    spacing = tuple(round(value, 3) for value in header.pixel_spacing_mm or ())
    alone = header.sop_instance_uid if header.frames > 1 else ""
    size = (header.rows, header.columns)
    who = (header.series_instance_uid, header.frame_of_reference_uid, header.modality)
    return (*who, orientation, spacing, size, alone)


def _look_at(path: Path) -> FileHeader | Rejected:
    try:
        return read_header(path)
    except DicomError as error:
        reason = " ".join(part for part in (error.what, error.got) if part)
        return Rejected(path, reason, is_suspect=not isinstance(error, NotDicomError))
    except OSError as error:
        return Rejected(path, f"The file cannot be read: {error.strerror or error}.")


def _files_below(folder: Path, rejected: list[Rejected]) -> Iterator[Path]:
    """Regular files; links to folders are followed once, so that a loop ends."""
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            status = here.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            entries = list(os.scandir(here))
        except OSError as error:
            rejected.append(Rejected(here, f"The folder cannot be read: {error.strerror or error}."))
            continue
        for entry in entries:
            path = Path(entry.path)
            kind = _kind(path)
            if kind == "folder":
                waiting.append(path)
            elif kind == "file":
                yield path
            else:
                rejected.append(Rejected(path, kind))


def _kind(path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return f"The file cannot be read: {error.strerror or error}."
    if stat.S_ISDIR(mode):
        return "folder"
    return "file" if stat.S_ISREG(mode) else "Neither a file nor a folder (a pipe, a device)."
