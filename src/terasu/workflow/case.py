"""The case as the main job needs it: read, and nothing measured yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from terasu.dicom.choose import CaseFiles, choose_case
from terasu.dicom.find import index_folder
from terasu.dicom.headers import FileHeader
from terasu.dicom.image import read_image
from terasu.dicom.registration import SPATIAL_REGISTRATION, read_registration, rigid_between
from terasu.dicom.rtdose import read_dose
from terasu.dicom.rtplan import read_plan
from terasu.dicom.rtstruct import missing_slices, read_structures
from terasu.errors import InputError
from terasu.patient.delivery import Delivery
from terasu.patient.structures import ContourSet
from terasu.patient.transform import Rigid
from terasu.patient.volume import Volume
from terasu.workflow.settings import Settings


@dataclass(frozen=True, eq=False)
class Case:
    """Everything that came in.

    Attributes:
        label: name of the folder.
        planning: planning CT [HU].
        contours: its structure set.
        delivery: the plan, None where the folder holds none.
        day: the day's image [HU].
        day_contours: contours drawn on the day's image, None where there are none.
        planned_dose: as the planning system calculated it [Gy], None where the folder holds none.
        treated: points of the day → points of the planning CT in the treated position; None if nothing says.
        truth: the day's true CT, for a made patient only.
        patient_keys: object → digest of the patient's identity.
        inputs: (what, which, why) of everything chosen.
        flags: what the chooser wants to be looked at.
        notes: what had to be assumed, repaired or left out.
    """

    label: str
    planning: Volume
    contours: ContourSet
    delivery: Delivery | None
    day: Volume
    day_contours: ContourSet | None
    treated: Rigid | None
    planned_dose: Volume | None = None
    truth: Volume | None = None
    patient_keys: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[tuple[str, str, str], ...] = ()
    flags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def days_since_planning(self) -> float | None:
        """Days from the planning CT to the day's image, None where a date is missing."""
        first, second = acquired_on(self.planning), acquired_on(self.day)
        return None if first is None or second is None else float((second - first).days)


def load_case(
    folder: Path, settings: Settings, *, progress: Callable[[int, int], None] | None = None
) -> Case:
    """Find, choose and read everything that makes the case.

    Raises:
        InputError: a part is missing, damaged or ambiguous.
        UnsupportedPlanError: a plan that must not be calculated.
    """
    index = index_folder(folder, progress=progress)
    files = choose_case(
        index,
        planning_series=settings.planning_series,
        daily_series=settings.daily_series,
        structure_set=settings.structure_set,
        plan=settings.plan,
    )
    assert files.daily is not None and files.structures is not None
    delivery = None if files.plan is None else read_plan(files.plan.path)
    planning, day = read_image(files.planning), read_image(files.daily)
    contours = read_structures(files.structures.path)
    drawn = None if files.daily_structures is None else read_structures(files.daily_structures.path)
    treated = treated_position(planning.volume, day.volume, files.registrations)
    truth = None if settings.truth is None else read_truth(settings.truth)
    notes = (
        *(f"Planning CT: {note}" for note in planning.notes),
        *(f"Day's image: {note}" for note in day.notes),
        *(f"Structure set: {note}" for note in (*contours.notes, *missing_slices(contours, planning.volume))),
        *(f"Plan: {note}" for note in (delivery.notes if delivery else ())),
    )
    return Case(
        label=folder.resolve().name,
        planning=planning.volume,
        contours=contours,
        delivery=delivery,
        day=day.volume,
        day_contours=drawn,
        treated=treated,
        planned_dose=None if files.planned_dose is None else read_dose(files.planned_dose.path),
        truth=truth,
        patient_keys=files.patient_keys,
        inputs=_inputs(files),
        flags=files.flags,
        notes=notes,
    )


def read_truth(folder: Path) -> Volume:
    """The true CT of a made patient's day: the largest CT series of a folder.

    Raises:
        InputError: no such folder, or no CT in it.
    """
    series = index_folder(folder).of_modality("CT")
    if not series:
        raise InputError(
            "There is no true CT of the day in this folder.",
            got=str(folder),
            expected="the folder truth of a made patient",
            todo="Correct --truth, or leave it out: a real day has none.",
        )
    return read_image(series[0]).volume


def treated_position(planning: Volume, day: Volume, registrations: Iterable[FileHeader]) -> Rigid | None:
    """How points of the day map to points of the planning CT, as the treatment machine left them.

    Returns:
        Identity within one frame of reference; what a registration object says between two; else None.
    """
    planning_frame, day_frame = planning.grid.frame_of_reference_uid, day.grid.frame_of_reference_uid
    if planning_frame and planning_frame == day_frame:
        return Rigid.identity(frame_uid=planning_frame, origin="one frame of reference")
    maps = [
        rigid
        for header in registrations
        if header.sop_class_uid == SPATIAL_REGISTRATION
        for rigid in read_registration(header.path)
    ]
    try:
        joined = rigid_between(maps, day_frame, planning_frame)
    except InputError:
        return None
    return Rigid(joined.matrix, day_frame, planning_frame, "registration object")


def acquired_on(volume: Volume) -> date | None:
    """Acquisition date of an image, None where no attribute holds a usable one."""
    for keyword in ("AcquisitionDate", "SeriesDate", "StudyDate"):
        try:
            return datetime.strptime(volume.source.header.get(keyword, ""), "%Y%m%d").date()
        except ValueError:
            continue
    return None


def _inputs(files: CaseFiles) -> tuple[tuple[str, str, str], ...]:
    """(what, UID, why); the reasons are the chooser's own sentences, matched by what they begin with."""
    chosen = {
        "Planning CT": files.planning.uid,
        "Structure set": files.structures.sop_instance_uid if files.structures else "",
        "Plan": files.plan.sop_instance_uid if files.plan else "",
        "Day's image": files.daily.uid if files.daily else "",
        "Structure set of the day": files.daily_structures.sop_instance_uid if files.daily_structures else "",
    }
    reasons = {reason.partition(":")[0]: reason.partition(": ")[2] for reason in files.reasons}
    return tuple((what, uid, reasons.get(what, "")) for what, uid in chosen.items() if uid)
