"""Enhanced CT and MR: one file, many frames, each with its own place and scale.

Source: DICOM PS3.3 C.7.6.16 (multi-frame functional groups).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from terasu.dicom.dataset import read_dataset, teaching_dicom_errors
from terasu.dicom.pixels import Pixels, decode, finite_scale, to_values
from terasu.dicom.stack import Plane
from terasu.errors import InputError


@dataclass(frozen=True, eq=False)
class Frames:
    """The frames of one multi-frame file."""

    planes: tuple[Plane, ...]
    pixels: tuple[Pixels, ...]
    frame_of_reference_uid: str


def read_frames(path: Path, *, is_ct: bool) -> Frames:
    """Read every frame of an Enhanced CT or MR file.

    Raises:
        InputError: a multi-frame file that does not say where its frames lie.
        DicomError: damaged, or not decodable.
    """
    dataset = read_dataset(path)
    with teaching_dicom_errors(path):
        per_frame = dataset.get("PerFrameFunctionalGroupsSequence")
        if not per_frame or "SharedFunctionalGroupsSequence" not in dataset:
            raise InputError(
                "A multi-frame image does not say where its frames lie.",
                got=path.name,
                expected="an Enhanced CT or MR with functional groups, or one file a slice",
                todo="Export the series as single-frame CT or MR images.",
            )
        shared = dataset.SharedFunctionalGroupsSequence[0]
        planes = tuple(_plane(dataset, shared, group, path) for group in per_frame)
        scales = [_scale(shared, group) for group in per_frame]
    stored = decode(dataset, path)
    stored = stored[np.newaxis] if stored.ndim == 2 else stored
    if len(stored) != len(planes):
        raise InputError(
            "A multi-frame image has not as many frames as it describes.",
            got=f"{path.name}: {len(stored)} frames, {len(planes)} described",
            expected="a place for each frame",
            todo="Export the file again from the system that made it.",
        )
    pixels = tuple(
        to_values(frame, finite_scale(*scale), is_ct=is_ct)
        for frame, scale in zip(stored, scales, strict=True)
    )
    return Frames(planes, pixels, str(dataset.get("FrameOfReferenceUID") or ""))


def _plane(dataset: Dataset, shared: Dataset, group: Dataset, path: Path) -> Plane:
    position = _find(shared, group, "PlanePositionSequence", "ImagePositionPatient")
    orientation = _find(shared, group, "PlaneOrientationSequence", "ImageOrientationPatient")
    spacing = _find(shared, group, "PixelMeasuresSequence", "PixelSpacing")
    thickness = _find(shared, group, "PixelMeasuresSequence", "SliceThickness")
    return Plane(
        name=path.name,
        position_lps_mm=_numbers(position, 3),
        orientation_lps=_numbers(orientation, 6),
        pixel_spacing_mm=_numbers(spacing, 2),
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        thickness_mm=None if thickness is None else float(thickness),
    )


def _scale(shared: Dataset, group: Dataset) -> tuple[float, float]:
    slope = _find(shared, group, "PixelValueTransformationSequence", "RescaleSlope")
    intercept = _find(shared, group, "PixelValueTransformationSequence", "RescaleIntercept")
    return (1.0 if slope is None else float(slope)), (0.0 if intercept is None else float(intercept))


def _find(shared: Dataset, group: Dataset, sequence: str, keyword: str) -> Any:
    """A value of the frame itself, or else of all frames."""
    for where in (group, shared):
        items = where.get(sequence)
        if items and keyword in items[0]:
            return items[0].get(keyword)
    return None


def _numbers(values: Any, count: int) -> tuple[float, ...] | None:
    if values is None or len(values) != count:
        return None
    numbers = tuple(float(value) for value in values)
    return numbers if np.isfinite(numbers).all() else None
