"""The pixels of one file as HU (CT) or as the scanner's own values (MR): slope, intercept, padding."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from terasu.dicom.dataset import read_dataset, teaching_dicom_errors, transfer_syntax_name
from terasu.dicom.headers import LARGEST_IMAGE_PIXELS
from terasu.errors import DicomError, InputError

AIR_HU = -1000
LOWEST_HU = -1024
# A padding value that would be soft tissue cannot be told from tissue by its value.
HIGHEST_BELIEVED_PADDING_HU = -900

_INT16 = np.iinfo(np.int16)


@dataclass(frozen=True, eq=False)
class Pixels:
    """Values of one slice.

    Attributes:
        values: (rows, columns), int16 where slope and intercept are whole numbers and all fit, else float32.
        padded: how many were padding and now read −1000 HU.
        remarks: what had to be assumed, one sentence each.
    """

    values: NDArray[Any]
    padded: int = 0
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scale:
    """Stored value → value: slope, intercept, and the stored values that mean *nothing here*."""

    slope: float = 1.0
    intercept: float = 0.0
    padding: tuple[float, float] | None = None


def read_pixels(path: Path, *, is_ct: bool) -> Pixels:
    """Read and decode one single-frame file.

    Raises:
        DicomError: truncated, damaged, or compressed in a way that nothing here decodes.
        InputError: a colour image.
    """
    dataset = read_dataset(path)
    stored = decode(dataset, path)
    if stored.ndim != 2:
        raise InputError(
            "A slice is no plain grey image.",
            got=f"{path.name}: {stored.shape}",
            expected="(rows, columns)",
            todo="Choose a series of CT, CBCT or MR slices.",
        )
    with teaching_dicom_errors(path):
        scale = scale_of(dataset)
        says_scale = "RescaleSlope" in dataset and "RescaleIntercept" in dataset
    return to_values(stored, scale, is_ct=is_ct, says_scale=says_scale)


def decode(dataset: Dataset, path: Path) -> NDArray[Any]:
    """Stored values, (rows, columns) or (frames, rows, columns)."""
    with teaching_dicom_errors(path):
        pixels = int(dataset.Rows) * int(dataset.Columns) * int(dataset.get("NumberOfFrames") or 1)
        if not 0 < pixels <= LARGEST_IMAGE_PIXELS:
            raise DicomError(
                "The image claims an absurd size.",
                got=f"{path.name}: {pixels} pixels",
                expected=f"1 to {LARGEST_IMAGE_PIXELS}",
                todo="Take the file out of the folder; it is damaged or hostile.",
            )
        if int(dataset.get("SamplesPerPixel") or 1) != 1:
            raise InputError(
                "A colour image is no slice of a CT or MR.",
                got=f"{path.name}: {dataset.get('PhotometricInterpretation')}",
                expected="one grey value a pixel",
                todo="Choose a series of CT, CBCT or MR slices.",
            )
        syntax = dataset.file_meta.get("TransferSyntaxUID")
    try:
        return np.asarray(dataset.pixel_array)
    except NotImplementedError as error:
        raise _cannot_decode(path, syntax) from error
    except Exception as error:
        if syntax is not None and syntax.is_compressed:
            raise _cannot_decode(path, syntax) from error
        raise DicomError(
            "The pixels of a file are incomplete or damaged.",
            got=f"{path.name} ({type(error).__name__})",
            expected=f"{pixels} pixels",
            todo="Copy or export the file again.",
        ) from error


def _cannot_decode(path: Path, syntax: str | None) -> DicomError:
    return DicomError(
        "A compressed image cannot be decoded here.",
        got=f"{path.name}: {transfer_syntax_name(str(syntax or ''))}",
        expected="uncompressed or RLE pixels, or a compression that an installed decoder knows",
        todo="Export the series uncompressed (Explicit VR Little Endian), or install python-gdcm.",
    )


def scale_of(dataset: Dataset) -> Scale:
    """Rescale slope, intercept and padding of a plain image."""
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    return finite_scale(
        1.0 if slope is None else float(slope),
        0.0 if intercept is None else float(intercept),
        _padding(dataset),
    )


def finite_scale(slope: float, intercept: float, padding: tuple[float, float] | None = None) -> Scale:
    """A scale, refused if it would make every value the same, infinite or NaN."""
    if not (
        np.isfinite(slope) and np.isfinite(intercept) and slope != 0 and abs(slope) + abs(intercept) < 1e9
    ):
        raise DicomError(
            "Rescale Slope and Intercept make no sense.",
            got=f"{slope:g} and {intercept:g}",
            expected="finite numbers, the slope not 0",
            todo="Export the series again.",
        )
    return Scale(slope, intercept, padding)


def to_values(stored: NDArray[Any], scale: Scale, *, is_ct: bool, says_scale: bool = True) -> Pixels:
    """Apply the scale; for CT, padding and everything below −1024 HU becomes −1000 HU."""
    values = _rescaled(stored, scale)
    if values.dtype != np.int16 and not np.isfinite(values).all():
        raise DicomError(
            "The pixels hold values that are no numbers.",
            got="NaN or infinity",
            expected="finite values after slope and intercept",
            todo="Export the series again from the system that made it.",
        )
    if not is_ct:
        return Pixels(values)
    remarks: tuple[str, ...] = (
        () if says_scale else ("No rescale slope and intercept: stored values were taken as HU.",)
    )
    empty = values < LOWEST_HU
    if scale.padding is not None:
        low, high = sorted(value * scale.slope + scale.intercept for value in scale.padding)
        if high <= HIGHEST_BELIEVED_PADDING_HU:
            empty |= (values >= low) & (values <= high)
        elif ((values >= low) & (values <= high)).any():
            remarks += (f"The padding value stands for {high:g} HU, which tissue has too; it was left.",)
    padded = int(np.count_nonzero(empty))
    if padded:
        values[empty] = AIR_HU
    return Pixels(values, padded, remarks)


def _rescaled(stored: NDArray[Any], scale: Scale) -> NDArray[Any]:
    whole = float(scale.slope).is_integer() and float(scale.intercept).is_integer()
    if whole and np.issubdtype(stored.dtype, np.integer) and stored.dtype.itemsize <= 2:
        ends = [int(end) * scale.slope + scale.intercept for end in (stored.min(), stored.max())]
        if _INT16.min <= min(ends) and max(ends) <= _INT16.max:
            # Modulo 2¹⁶ throughout: what wraps on the way comes back, since the ends fit.
            wrapped = stored.astype(np.int16) * np.array(int(scale.slope)).astype(np.int16)
            return np.asarray(wrapped + np.array(int(scale.intercept)).astype(np.int16))
    return (stored.astype(np.float64) * scale.slope + scale.intercept).astype(np.float32)


def _padding(dataset: Dataset) -> tuple[float, float] | None:
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return None
    limit = dataset.get("PixelPaddingRangeLimit")
    ends = [_signed(int(end), dataset) for end in (value, value if limit is None else limit)]
    return float(min(ends)), float(max(ends))


def _signed(value: int, dataset: Dataset) -> int:
    """Some writers store a negative padding value as an unsigned short."""
    bits = int(dataset.get("BitsAllocated") or 16)
    if dataset.get("PixelRepresentation") == 1 and value >= 1 << (bits - 1):
        return value - (1 << bits)
    return value
