"""Write a dose as RTDOSE: whole numbers scaled by the maximum, on any regular grid.

16 bits by default: the step is 1/65535 of the maximum (below 1 mGy for 60 Gy), the file half as large,
and the DICOM checker dciodvfy can read it; it stops at every 32-bit dose, whoever wrote it.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

import terasu
from terasu.dicom.decimal import ds_text
from terasu.dicom.image_plane import add_plane, slices_along_normal
from terasu.dicom.modules import MANUFACTURER, add_frame_of_reference, line, new_object, reference, save
from terasu.dicom.rt_file import RT_DOSE, RT_PLAN, RT_STRUCTURE_SET
from terasu.dicom.uid import is_uid, new_uid
from terasu.errors import InputError, OutputError
from terasu.patient.volume import Source, Volume

Summation = Literal["PLAN", "MULTI_PLAN", "FRACTION"]
Bits = Literal[16, 32]


def write_dose(
    dose: Volume,
    path: Path,
    *,
    like: Source,
    plan: Source,
    structures: Source | None = None,
    description: str = "",
    summation: Summation = "PLAN",
    bits: Bits = 16,
    seed: str = "",
) -> Source:
    """Write a dose.

    Args:
        dose: absorbed dose [Gy], over all fractions if ``summation`` is PLAN.
        path: the file to write.
        like: the image that it was calculated on, or any object of the patient and study.
        plan: the RTPLAN that was calculated; its SOP Instance UID is referred to.
        structures: the RTSTRUCT of the same images. It is named as a source instance (General
            Reference module): beside the plan DICOM has a place for it only together with DVHs.
        description: Dose Comment and Series Description: of which image, by which engine.
        summation: Dose Summation Type; FRACTION is one fraction of fraction group 1.
        bits: of one stored value; what is read back differs by at most maximum / 2**bits.
        seed: makes the UIDs reproducible; for made patients only.
    Returns:
        The Source of the new object.
    Raises:
        InputError: not Gy, negative or not finite.
        OutputError: the plan has no UID to refer to, or the disk refuses.
    """
    _refuse_no_dose(dose)
    if not plan.sop_instance_uids or not is_uid(plan.sop_instance_uids[0]):
        raise OutputError(
            "A dose is written with the plan that it belongs to, and this plan has no UID.",
            got="no SOP Instance UID",
            expected="the Source of an RTPLAN",
            todo="Write the plan first, with write_plan, and pass the Source that it returns.",
        )
    series, instance = new_uid(seed, "RTDOSE series", description), new_uid(seed, "RTDOSE", description)
    data = new_object(
        sop_class_uid=RT_DOSE,
        sop_instance_uid=instance,
        header=like.header,
        modality="RTDOSE",
        series_instance_uid=series,
        series_number=3,
        series_description=description or "Dose",
        when=datetime.now(),
    )
    add_frame_of_reference(data, dose.grid.frame_of_reference_uid, like.header)
    _add_grid(data, dose, bits)
    _add_meaning(data, description, summation)
    data.ReferencedRTPlanSequence = Sequence([_plan_reference(plan, summation)])
    _add_related(data, structures)
    save(data, path, explicit=False)
    made_by = f"{MANUFACTURER} {terasu.__version__}"
    return Source("RTDOSE", series, (instance,), RT_DOSE, like.header, made_by)


def _plan_reference(plan: Source, summation: Summation) -> Dataset:
    item = reference(RT_PLAN, plan.sop_instance_uids[0])
    if summation == "FRACTION":
        group = Dataset()
        group.ReferencedFractionGroupNumber = 1
        item.ReferencedFractionGroupSequence = Sequence([group])
    return item


def _add_related(data: Dataset, structures: Source | None) -> None:
    if structures is not None and structures.sop_instance_uids and is_uid(structures.sop_instance_uids[0]):
        item = reference(RT_STRUCTURE_SET, structures.sop_instance_uids[0])
        data.SourceInstanceSequence = Sequence([item])


def _refuse_no_dose(dose: Volume) -> None:
    lowest = float(dose.values.min()) if np.isfinite(dose.values).all() else float("nan")
    if dose.unit != "Gy" or not lowest >= 0:
        raise InputError(
            "These values are no dose.",
            got=f"unit {dose.unit!r}, lowest value {lowest:g}",
            expected="finite values of at least 0 Gy",
            todo="Look for the step before this one that made them.",
        )


def _add_grid(data: Dataset, dose: Volume, bits: Bits) -> None:
    order = slices_along_normal(dose.grid)
    add_plane(data, dose.grid, order[0])
    step = dose.grid.spacing_zyx_mm[0]
    data.SliceThickness = ds_text(step)
    frames, data.Rows, data.Columns = dose.grid.shape_zyx
    data.InstanceNumber = 1
    data.NumberOfFrames = frames
    data.FrameIncrementPointer = Tag("GridFrameOffsetVector")
    data.GridFrameOffsetVector = [ds_text(step * k) for k in range(frames)]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = bits
    data.HighBit, data.PixelRepresentation = bits - 1, 0
    stored, scaling = _scaled(dose.values[order], bits)
    data.DoseGridScaling = scaling
    data.add_new(Tag("PixelData"), "OW", stored.tobytes())


def _scaled(values: NDArray[Any], bits: Bits) -> tuple[NDArray[Any], str]:
    """Whole numbers, and the decimal string that they are to be multiplied with [Gy]."""
    highest = max(float(values.max()), 1e-6)
    # Rounded up as text first: the numbers must fit that text, and the maximum must fit the bits.
    scaling = ds_text(float(f"{highest / (2**bits - 1) * (1 + 1e-8):.8e}"))
    stored = np.rint(values.astype(np.float64) / float(scaling))
    return stored.astype(f"<u{bits // 8}"), scaling


def _add_meaning(data: Dataset, description: str, summation: Summation) -> None:
    data.DoseUnits, data.DoseType, data.DoseSummationType = "GY", "PHYSICAL", summation
    data.TissueHeterogeneityCorrection = "IMAGE"
    if description:
        data.DoseComment = line(description, "LO")
