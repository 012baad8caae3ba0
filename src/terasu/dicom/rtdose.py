"""RT Doses: read the dose grid and the DVHs that a planning system put beside it, and write doses.

Source: DICOM PS3.3 sections A.18, C.8.8.3 (RT Dose), C.8.8.4 (RT DVH).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset

from terasu.dicom import elements
from terasu.dicom.rt_file import RT_DOSE, open_rt, reading_rt, source_of
from terasu.dicom.write_rtdose import write_dose as write_dose
from terasu.errors import DicomError
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume

Array = NDArray[np.float64]

_HEADER = ("DoseUnits", "DoseType", "DoseSummationType", "DoseComment", "TissueHeterogeneityCorrection")
_NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2", "")
_EVEN_MM = 0.01
_PER_GY = {"GY": 1.0, "CGY": 0.01}


@dataclass(frozen=True, eq=False)
class FileDvh:
    """A dose-volume histogram as the planning system stored it.

    Attributes:
        roi_numbers: ROIs that it is of, as numbers of the referenced structure set.
        kind: ``CUMULATIVE``, ``DIFFERENTIAL`` or ``NATURAL``.
        edges_gy: (n + 1,) bin edges from 0 [Gy], or [%] where ``dose_unit`` is ``RELATIVE``.
        volumes: (n,) cumulative: at or above the lower edge of the bin; else inside of the bin.
        volume_unit: ``CM3`` or ``PERCENT``.
        stated_min, stated_max, stated_mean: as they stand in the file, NaN where they do not. DICOM says
            Gy; real files hold % of the prescription here.
    """

    roi_numbers: tuple[int, ...]
    kind: str
    edges_gy: Array
    volumes: Array
    volume_unit: str
    dose_unit: str
    stated_min: float
    stated_max: float
    stated_mean: float


def read_dose(path: Path) -> Volume:
    """The dose grid of one RTDOSE [Gy].

    Args:
        path: the file.
    Returns:
        Dose [Gy] as float32 on its own grid, slices in ascending order along their normal. A single
        plane gets its Slice Thickness, or 1 mm, as its thickness. ``source.header`` says of what the
        dose is the sum (DoseSummationType) and which plan it belongs to
        (ReferencedRTPlanSequence: its SOP Instance UID).
    Raises:
        DicomError: no RTDOSE, damaged, relative units, or planes that are not evenly spaced.
    """
    with reading_rt(path):
        return _read_dose(open_rt(path, sop_class_uid=RT_DOSE, modality="RTDOSE"))


def read_dvhs(path: Path) -> tuple[FileDvh, ...]:
    """The DVHs inside of an RTDOSE, empty if it has none.

    Raises:
        DicomError: no RTDOSE, or a DVH whose data do not fit.
    """
    with reading_rt(path):
        data = open_rt(path, sop_class_uid=RT_DOSE, modality="RTDOSE")
        return tuple(_read_dvh(item) for item in elements.items(data, "DVHSequence"))


def _read_dose(data: FileDataset) -> Volume:
    _refuse_other_units(data)
    stored = _stored_values(data)
    offsets = _offsets_mm(data, len(stored))
    if len(offsets) > 1 and offsets[1] < offsets[0]:
        stored, offsets = stored[::-1], offsets[::-1]
    grid = _grid(data, stored.shape, offsets)
    values = (stored * _scaling_gy(data)).astype(np.float32)
    return Volume(values, grid, "Gy", _source(data))


def _damaged(what: str, *, got: str, expected: str) -> DicomError:
    return DicomError(what, got=got, expected=expected, todo="Export the dose again.")


def _refuse_other_units(data: Dataset) -> None:
    unit, kind = elements.text(data, "DoseUnits").upper(), elements.text(data, "DoseType").upper()
    if unit != "GY":
        raise _damaged("This dose is not stated in Gy.", got=unit[:16] or "no Dose Units", expected="GY")
    if kind == "ERROR":
        raise _damaged("This is a dose uncertainty and no dose.", got="Dose Type ERROR", expected="PHYSICAL")


def _stored_values(data: FileDataset) -> NDArray[Any]:
    """(frames, rows, columns) as stored, before scaling."""
    frames = elements.whole_number(data, "NumberOfFrames") or 1
    rows, columns = elements.whole_number(data, "Rows"), elements.whole_number(data, "Columns")
    bits = elements.whole_number(data, "BitsAllocated")
    if not rows or not columns or frames < 1 or bits not in (16, 32):
        raise _damaged(
            "The dose grid of this file is not described.",
            got=f"{frames} frames of {rows} × {columns}, {bits} bits",
            expected="frames, rows and columns, 16 or 32 bits",
        )
    if data.file_meta.get("TransferSyntaxUID", "") not in _NATIVE:
        return _decompressed(data).reshape(frames, rows, columns)
    pixels = data.get("PixelData") if "PixelData" in data else b""
    wanted = frames * rows * columns * bits // 8
    if not isinstance(pixels, bytes) or len(pixels) < wanted:
        raise _damaged(
            "The dose grid of this file is cut off.",
            got=f"{len(pixels or b'')} bytes",
            expected=f"{wanted} bytes",
        )
    order = "<" if data.original_encoding[1] in (True, None) else ">"
    sign = "i" if elements.whole_number(data, "PixelRepresentation") == 1 else "u"
    kind = np.dtype(f"{order}{sign}{bits // 8}")
    return np.frombuffer(pixels[:wanted], kind).reshape(frames, rows, columns)


def _decompressed(data: FileDataset) -> NDArray[Any]:
    try:
        return np.asarray(data.pixel_array)
    except Exception as error:
        raise _damaged(
            "The compressed dose grid of this file cannot be read.",
            got=type(error).__name__,
            expected="uncompressed pixel data",
        ) from error


def _scaling_gy(data: Dataset) -> float:
    scaling = elements.number(data, "DoseGridScaling")
    if scaling is None or scaling <= 0:
        raise _damaged(
            "The dose grid scaling is missing, so the stored numbers have no unit.",
            got=elements.text(data, "DoseGridScaling")[:16] or "nothing",
            expected="a positive number of Gy",
        )
    return scaling


def _offsets_mm(data: Dataset, frames: int) -> Array:
    """Where each plane lies along the normal, relative to Image Position (Patient) [mm]."""
    stated = elements.numbers(data, "GridFrameOffsetVector")
    if frames == 1:
        return np.zeros(1)
    if len(stated) != frames or not np.isfinite(stated).all():
        raise _damaged(
            "The planes of this dose have no sure places.",
            got=f"{len(stated)} offsets for {frames} planes",
            expected="one finite offset a plane",
        )
    offsets = _relative(stated, data)
    steps = np.diff(offsets)
    if np.abs(steps - steps.mean()).max() > _EVEN_MM or abs(steps.mean()) < 1e-3:
        raise _damaged(
            "The planes of this dose are not evenly spaced.",
            got=f"steps from {steps.min():g} to {steps.max():g} mm",
            expected="one spacing between all planes",
        )
    return offsets


def _relative(stated: Array, data: Dataset) -> Array:
    """Offsets along the normal from either form that the standard allows (PS3.3 C.8.8.3.2)."""
    if stated[0] == 0.0:
        return stated
    position, axes = _position_and_axes(data)
    if abs(stated[0] - position[2]) > _EVEN_MM or abs(axes[2, 2]) < 0.999:
        raise _damaged(
            "The dose planes begin neither at 0 nor at the z of Image Position (Patient).",
            got=f"first offset {stated[0]:g} mm, z {position[2]:g} mm",
            expected="offsets relative to the first plane, or its z on axial planes",
        )
    return np.asarray((stated - stated[0]) * np.sign(axes[2, 2]))


def _position_and_axes(data: Dataset) -> tuple[Array, Array]:
    """Centre of the first voxel, and 3 × 3 with rows: direction along columns, rows, normal."""
    position = elements.numbers(data, "ImagePositionPatient")
    orientation = elements.numbers(data, "ImageOrientationPatient")
    whole = position.size == 3 and orientation.size == 6
    if not whole or not np.isfinite(position).all() or not np.isfinite(orientation).all():
        raise _damaged(
            "The dose grid of this file has no place in the patient.",
            got=f"{position.size} values of position, {orientation.size} of orientation",
            expected="3 and 6 finite numbers",
        )
    along_i, along_j = orientation[:3], orientation[3:]
    lengths = np.array([np.linalg.norm(along_i), np.linalg.norm(along_j)])
    if np.abs(lengths - 1).max() > 1e-2 or abs(along_i @ along_j) > 1e-3:
        raise _damaged(
            "The dose grid has no orientation.",
            got=str(orientation),
            expected="two unit vectors at right angles",
        )
    along_i, along_j = along_i / lengths[0], along_j / lengths[1]
    return position, np.stack([along_i, along_j, np.cross(along_i, along_j)])


def _grid(data: Dataset, shape_zyx: tuple[int, ...], offsets_mm: Array) -> Grid:
    position, axes = _position_and_axes(data)
    spacing = elements.numbers(data, "PixelSpacing")
    if spacing.size != 2 or not np.isfinite(spacing).all() or spacing.min() <= 0:
        raise _damaged(
            "The dose grid has no spacing.", got=str(spacing), expected="two positive numbers [mm]"
        )
    thickness = elements.number(data, "SliceThickness") or 1.0
    step = float(np.diff(offsets_mm).mean()) if len(offsets_mm) > 1 else abs(thickness)
    return Grid.from_axes(
        shape_zyx,
        spacing_zyx_mm=(step, float(spacing[0]), float(spacing[1])),
        origin_lps_mm=position + offsets_mm[0] * axes[2],
        direction_lps=axes.T,
        frame_of_reference_uid=elements.text(data, "FrameOfReferenceUID"),
    )


def _source(data: Dataset) -> Source:
    source = source_of(data, _HEADER)
    plan = elements.first(data, "ReferencedRTPlanSequence")
    uid = elements.text(plan, "ReferencedSOPInstanceUID") if plan is not None else ""
    return replace(source, header={**source.header, "ReferencedRTPlanSequence": uid}) if uid else source


def _read_dvh(item: Dataset) -> FileDvh:
    pairs = elements.numbers(item, "DVHData")
    bins = elements.whole_number(item, "DVHNumberOfBins")
    if (
        pairs.size < 2
        or pairs.size % 2
        or not np.isfinite(pairs).all()
        or bins not in (None, pairs.size // 2)
    ):
        raise _damaged(
            "A DVH in this file is damaged.",
            got=f"{pairs.size} values for {bins} bins",
            expected="a width and a volume for each bin",
        )
    unit = elements.text(item, "DoseUnits").upper()
    scaling = (elements.number(item, "DVHDoseScaling") or 1.0) * _PER_GY.get(unit, 1.0)
    rois = (
        elements.whole_number(one, "ReferencedROINumber")
        for one in elements.items(item, "DVHReferencedROISequence")
    )
    return FileDvh(
        roi_numbers=tuple(n for n in rois if n is not None),
        kind=elements.text(item, "DVHType").upper(),
        edges_gy=np.concatenate([[0.0], np.cumsum(pairs[::2])]) * scaling,
        volumes=pairs[1::2].copy(),
        volume_unit=elements.text(item, "DVHVolumeUnits").upper(),
        dose_unit=unit,
        stated_min=_stated(item, "DVHMinimumDose"),
        stated_max=_stated(item, "DVHMaximumDose"),
        stated_mean=_stated(item, "DVHMeanDose"),
    )


def _stated(item: Dataset, keyword: str) -> float:
    value = elements.number(item, keyword)
    return float("nan") if value is None else value
