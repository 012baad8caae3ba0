"""A hash of what a series says, whatever its files are called or wrapped in."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable
from pathlib import Path

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from terasu.errors import DicomError


def content_sha256(paths: Iterable[Path], *, z_range_mm: tuple[float, float] | None = None) -> str:
    """SHA-256 over the SOP Instance UIDs and the pixels (images) or contour points (RTSTRUCT).

    Args:
        paths: files of one series, in any order.
        z_range_mm: only slices whose Image Position z lies in here [mm], ends included.
    Returns:
        Hexadecimal digest, the same for any file names, order, file meta or private wrapping.
    Raises:
        DicomError: a file cannot be read.
    """
    parts = sorted(part for path in paths if (part := _part(path, z_range_mm)) is not None)
    digest = hashlib.sha256()
    for uid, content in parts:
        digest.update(uid.encode())
        digest.update(content)
    return digest.hexdigest()


def _part(path: Path, z_range_mm: tuple[float, float] | None) -> tuple[str, bytes] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is odd in a file is not what is asked here
            return _read_part(path, z_range_mm)
    except (InvalidDicomError, AttributeError, ValueError, EOFError, OSError) as error:
        raise DicomError(
            "A file of the example cannot be read.",
            got=f"{path.name}: {type(error).__name__}",
            expected="a DICOM file as it was published",
            todo="Fetch the example again.",
        ) from error


def _read_part(path: Path, z_range_mm: tuple[float, float] | None) -> tuple[str, bytes] | None:
    dataset = pydicom.dcmread(path)
    if z_range_mm is not None and "ImagePositionPatient" in dataset:
        z = float(dataset.ImagePositionPatient[2])
        if not z_range_mm[0] - 0.1 <= z <= z_range_mm[1] + 0.1:
            return None
    return str(dataset.SOPInstanceUID), _content(dataset)


def _content(dataset: Dataset) -> bytes:
    if "PixelData" in dataset:
        return hashlib.sha256(dataset.PixelData).digest()
    points = [
        _as_written(contour)
        for roi in dataset.get("ROIContourSequence", [])
        for contour in roi.get("ContourSequence", [])
    ]
    return hashlib.sha256("\n".join(points).encode()).digest()


def _as_written(contour: Dataset) -> str:
    """The numbers of a contour as text, without making numbers of them: there are hundreds of thousands."""
    element: object = contour.get_item("ContourData")
    if isinstance(element, RawDataElement) and element.value is not None:
        return "\\".join(text.strip(" \0") for text in element.value.decode("ascii").split("\\"))
    return "\\".join(str(value) for value in contour.ContourData)
