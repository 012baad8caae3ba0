"""A series of CT, CBCT or MR images as one Volume."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.dicom.dataset import read_dataset, teaching_dicom_errors, without_pydicom_warnings
from terasu.dicom.elements import header_of
from terasu.dicom.enhanced import read_frames
from terasu.dicom.find import Series
from terasu.dicom.headers import IMAGES, FileHeader, read_header
from terasu.dicom.pixels import Pixels, read_pixels
from terasu.dicom.stack import Plane, Stack, stack_of
from terasu.errors import DicomError, InputError
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume

WORKERS = 4
MOST_VOXELS = 1 << 31

# Patient, study, frame of reference and equipment: what derived objects inherit and what checks ask for.
_HEADER = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge"),
    *("PatientWeight", "PatientIdentityRemoved", "StudyInstanceUID", "StudyID", "StudyDate", "StudyTime"),
    *("StudyDescription", "AccessionNumber", "ReferringPhysicianName", "FrameOfReferenceUID"),
    *("PositionReferenceIndicator", "PatientPosition", "Modality", "SeriesInstanceUID", "SeriesNumber"),
    *("SeriesDescription", "SeriesDate", "SeriesTime", "BodyPartExamined", "ProtocolName", "ImageType"),
    *("AcquisitionDate", "AcquisitionTime", "ContentDate", "ContentTime", "Manufacturer"),
    *("ManufacturerModelName", "StationName", "InstitutionName", "SoftwareVersions", "KVP"),
    *("ConvolutionKernel", "SliceThickness", "ReconstructionDiameter", "RescaleType", "Units"),
)


@dataclass(frozen=True, eq=False)
class ImageRead:
    """A volume, and what had to be assumed, dropped or filled, one sentence each."""

    volume: Volume
    notes: tuple[str, ...] = ()


def read_image(series: Series | Sequence[Path]) -> ImageRead:
    """Read a series as one volume.

    Args:
        series: from an Index; or the paths of its files.
    Returns:
        HU for CT (−1000 outside of the field of view), the stored scale for others; int16 where all
        values are whole numbers that fit, else float32. The axes follow position and orientation only.
    Raises:
        InputError: wrong modality, missing or contradictory slices.
        GeometryError: a tilted gantry.
        DicomError: a damaged or compressed file.
    """
    headers = series.files if isinstance(series, Series) else tuple(map(_header, series))
    _refuse_unfit(headers)
    is_ct = headers[0].modality == "CT"
    with without_pydicom_warnings():
        source = _source_of(headers[0])
        if headers[0].frames > 1 or headers[0].position_lps_mm is None:
            frames = read_frames(headers[0].path, is_ct=is_ct)
            uids: tuple[str, ...] = (headers[0].sop_instance_uid,)
            stack = stack_of(frames.planes, frame_of_reference_uid=headers[0].frame_of_reference_uid)
            pixels: Iterator[Pixels] = (frames.pixels[place[0]] for place in stack.places)
            values, remarks = _fill(stack, pixels, frames.pixels.__getitem__)
        else:
            planes = tuple(_plane(header) for header in headers)
            stack = stack_of(planes, frame_of_reference_uid=headers[0].frame_of_reference_uid)
            uids = tuple(headers[place[0]].sop_instance_uid for place in stack.places)
            values, remarks = _fill_from_files(stack, headers, is_ct)
    grid, notes = stack.grid, list(remarks)
    if not stack.is_even:
        values = _resampled(values, stack)
        notes.append(stack.note)
    _add_scale_note(headers[0], source.header, is_ct, notes)
    volume = Volume(values, grid, "HU" if is_ct else "1", replace(source, sop_instance_uids=uids))
    return ImageRead(volume, tuple(notes))


def _header(path: Path) -> FileHeader:
    with teaching_dicom_errors(path):
        return read_header(path)


def _refuse_unfit(headers: Sequence[FileHeader]) -> None:
    if not headers:
        raise InputError(
            "There is no file to read.",
            got="no files",
            expected="the files of one series",
            todo="Check the folder with terasu inspect.",
        )
    modalities = {header.modality for header in headers}
    if len(modalities) > 1 or not modalities <= set(IMAGES):
        raise InputError(
            "This is no series of slices.",
            got=", ".join(sorted(modalities)),
            expected="one of CT (CBCT too), MR, PT",
            todo="Choose a series of images; terasu inspect FOLDER lists them.",
        )
    series = {header.series_instance_uid for header in headers}
    frames = {header.frame_of_reference_uid for header in headers}
    multi = any(header.frames > 1 for header in headers) and len(headers) > 1
    if len(series) > 1 or len(frames) > 1 or multi:
        raise InputError(
            "The files belong to several series, frames of reference or multi-frame objects.",
            got=f"{len(series)} series, {len(frames)} frames of reference, {len(headers)} files",
            expected="one series in one frame of reference",
            todo="Index the folder and read one of its series.",
        )
    cut = [header.path.name for header in headers if header.truncated]
    if cut:
        raise DicomError(
            "A file ends before its pixels do: it was cut off.",
            got=f"{cut[0]}" + (f" and {len(cut) - 1} more" if len(cut) > 1 else ""),
            expected="whole files",
            todo="Copy or export the series again.",
        )
    voxels = sum(header.rows * header.columns * header.frames for header in headers)
    if voxels > MOST_VOXELS:
        raise InputError(
            "The series is larger than any scan.",
            got=f"{voxels} voxels",
            expected=f"at most {MOST_VOXELS}",
            todo="Take away what does not belong to the series.",
        )


def _plane(header: FileHeader) -> Plane:
    try:
        thickness = float(header.text.get("SliceThickness", "nan"))
    except ValueError:
        thickness = float("nan")
    return Plane(
        name=header.path.name,
        position_lps_mm=header.position_lps_mm,
        orientation_lps=header.orientation_lps,
        pixel_spacing_mm=header.pixel_spacing_mm,
        rows=header.rows,
        columns=header.columns,
        instance_number=header.instance_number,
        thickness_mm=thickness if np.isfinite(thickness) else None,
    )


def _fill_from_files(
    stack: Stack, headers: Sequence[FileHeader], is_ct: bool
) -> tuple[NDArray[Any], tuple[str, ...]]:
    def read(index: int) -> Pixels:
        return read_pixels(headers[index].path, is_ct=is_ct)

    with ThreadPoolExecutor(WORKERS) as pool:
        return _fill(stack, pool.map(read, [place[0] for place in stack.places]), read)


def _fill(
    stack: Stack, pixels: Iterator[Pixels], again: Callable[[int], Pixels]
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Values of each place (place, row, column); ``again`` reads a plane, for those that are there twice."""
    shape = (len(stack.places), *stack.grid.shape_zyx[1:])
    values: NDArray[Any] = np.empty(shape, np.int16)
    padded, dropped, remarks = 0, 0, dict[str, None]()
    for k, (place, one) in enumerate(zip(stack.places, pixels, strict=True)):
        _refuse_other_size(one, shape)
        for twin in place[1:]:
            _refuse_different_twin(one, again(twin), stack, k)
            dropped += 1
        if one.values.dtype != values.dtype and values.dtype == np.int16:
            values = values.astype(np.float32)
        values[k] = one.values
        padded += one.padded
        remarks.update(dict.fromkeys(one.remarks))
    if padded:
        share = 100.0 * padded / values.size
        remarks[f"{share:.2g} % of the voxels were padding or below −1024 HU; they read −1000 HU now."] = None
    if dropped:
        remarks[f"{dropped} slices were there twice with the same pixels; one of each was kept."] = None
    return values, tuple(remarks)


def _refuse_other_size(one: Pixels, shape: tuple[int, ...]) -> None:
    if one.values.shape != shape[1:]:
        raise InputError(
            "A slice holds another number of pixels than its header says.",
            got=str(one.values.shape),
            expected=str(shape[1:]),
            todo="Export the series again from the system that made it.",
        )


def _refuse_different_twin(one: Pixels, twin: Pixels, stack: Stack, place: int) -> None:
    if np.array_equal(one.values, twin.values):
        return
    x, y, z = stack.grid.to_lps_mm((0, 0, 0)) + stack.grid.direction_lps[:, 2] * (
        stack.along_mm[place] - stack.along_mm[0]
    )
    raise InputError(
        "Two different slices of one series lie at the same place.",
        got=f"two images at ({x:.2f}, {y:.2f}, {z:.2f})",
        expected="one image at each place",
        todo="Export one phase or reconstruction as a series of its own (4D CT, a scan done twice).",
    )


def _resampled(values: NDArray[Any], stack: Stack) -> NDArray[Any]:
    below, share = stack.weights()
    result = np.empty(stack.grid.shape_zyx, np.float32)
    for k, (low, weight) in enumerate(zip(below, share, strict=True)):
        result[k] = values[low] * np.float32(1 - weight) + values[low + 1] * np.float32(weight)
    return result


def _source_of(header: FileHeader) -> Source:
    dataset = read_dataset(header.path, stop_before_pixels=True)
    return Source(
        modality=header.modality,
        series_instance_uid=header.series_instance_uid,
        sop_class_uid=header.sop_class_uid,
        header=header_of(dataset, _HEADER),
    )


def _add_scale_note(header: FileHeader, texts: Mapping[str, str], is_ct: bool, notes: list[str]) -> None:
    unit = texts.get("RescaleType", "")
    if is_ct and unit not in ("", "HU", "US"):
        notes.append(f"The file says that its values are {unit}, not HU.")
    if not header.frame_of_reference_uid:
        notes.append("The series names no frame of reference.")


def grid_of_series(series: Series) -> Grid:
    """The grid of a series from its headers alone, without reading pixels."""
    planes = [_plane(header) for header in series.files]
    return stack_of(planes, frame_of_reference_uid=series.frame_of_reference_uid).grid
