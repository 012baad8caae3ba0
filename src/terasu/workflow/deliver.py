"""What goes back to the clinic as DICOM: improved image, contours and doses of the day, marked as such."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from terasu import __version__
from terasu.dicom.write_image import MadeBy, write_ct_series
from terasu.dicom.write_rtdose import write_dose
from terasu.dicom.write_rtplan import write_plan
from terasu.dicom.write_rtstruct import write_structures
from terasu.patient.contours import to_contours
from terasu.patient.delivery import Delivery
from terasu.patient.structures import StructureSet
from terasu.patient.volume import Source, Volume
from terasu.workflow.case import Case


@dataclass(frozen=True)
class WrittenObject:
    """One object that was written: what, its UID, and where below the result folder."""

    what: str
    uid: str
    file: str


@dataclass(frozen=True, eq=False)
class Outgoing:
    """Everything that may be written; parts that could not be made are None.

    Attributes:
        improved: improved image on the day's own grid.
        improved_by: arm that made it, and its version.
        organs: contours of the day on the same grid.
        delivery: the plan; ``plan_is_ours`` says whether it has to be written too.
        plan_dose, day_dose: on the planning CT and on the improved image.
        verdict: PASS, REVIEW or BLOCK: it stands in every description.
    """

    improved: Volume | None
    improved_by: str
    organs: StructureSet | None
    delivery: Delivery | None
    plan_is_ours: bool
    plan_dose: Volume | None
    day_dose: Volume | None
    verdict: str


def deliver(folder: Path, case: Case, outgoing: Outgoing) -> tuple[WrittenObject, ...]:
    """Write the objects into ``folder``.

    The verdict stands in every description, structure sets are UNAPPROVED, the image is marked as synthetic.
    Nothing is released by writing it.

    Raises:
        OutputError: the disk refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[WrittenObject] = []
    image = _write_image(folder, case, outgoing, written)
    structures = _write_organs(folder, image, outgoing, written)
    plan = _write_plan(folder, case, outgoing, written)
    written += _write_doses(folder, case, outgoing, plan, structures)
    return tuple(written)


def _write_image(folder: Path, case: Case, outgoing: Outgoing, written: list[WrittenObject]) -> Volume | None:
    if outgoing.improved is None:
        return None
    target = folder / "improved_cbct"
    source = write_ct_series(
        outgoing.improved,
        target,
        like=case.day.source,
        series_description=f"Terasu {outgoing.verdict}: improved CBCT, {outgoing.improved_by}",
        made_by=MadeBy(outgoing.improved_by, __version__),
        derived_from=(case.day.source,),
    )
    written.append(WrittenObject("improved CBCT", source.series_instance_uid, target.name))
    return Volume(outgoing.improved.values, outgoing.improved.grid, "HU", source)


def _write_organs(
    folder: Path, image: Volume | None, outgoing: Outgoing, written: list[WrittenObject]
) -> Source | None:
    if image is None or outgoing.organs is None:
        return None
    path = folder / "structures_of_the_day.dcm"
    source = write_structures(
        to_contours(outgoing.organs),
        image,
        path,
        label=f"Terasu {outgoing.verdict}",
        description=f"Terasu {outgoing.verdict}: contours of the day, to be checked",
        algorithm_description=f"Terasu {__version__}: planned contours carried over to the day",
    )
    written.append(WrittenObject("contours of the day", source.sop_instance_uids[0], path.name))
    return source


def _write_plan(folder: Path, case: Case, outgoing: Outgoing, written: list[WrittenObject]) -> Source | None:
    delivery = outgoing.delivery
    if delivery is None or not outgoing.plan_is_ours:
        return None if delivery is None else delivery.source
    path = folder / "made_plan.dcm"
    structure_set = case.contours.source.sop_instance_uids
    source = write_plan(
        delivery,
        path,
        like=case.planning.source,
        structure_set_uid=structure_set[0] if structure_set else "",
        description="Made by Terasu for demonstration, not a treatment plan",
    )
    written.append(WrittenObject("plan made for demonstration", source.sop_instance_uids[0], path.name))
    return source


def _write_doses(
    folder: Path, case: Case, outgoing: Outgoing, plan: Source | None, structures: Source | None
) -> Iterator[WrittenObject]:
    if plan is None or not plan.sop_instance_uids:
        return
    planned = case.contours.source
    doses: Iterable[tuple[str, str, Volume | None, Source | None]] = (
        ("dose_of_the_day", "dose of the day on the improved CBCT", outgoing.day_dose, structures),
        ("dose_on_planning_ct", "dose of the plan on the planning CT", outgoing.plan_dose, planned),
    )
    for name, what, dose, drawn in doses:
        if dose is None:
            continue
        path = folder / f"{name}.dcm"
        source = write_dose(
            dose,
            path,
            like=case.planning.source,
            plan=plan,
            structures=drawn if drawn is not None and drawn.sop_instance_uids else None,
            description=f"Terasu {outgoing.verdict}: {what}, {dose.source.made_by}",
        )
        yield WrittenObject(what, source.sop_instance_uids[0], path.name)
