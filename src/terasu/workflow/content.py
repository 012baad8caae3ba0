"""Everything that the report shows, gathered from what the steps found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from terasu import __version__
from terasu.patient.agreement import centroid_lps_mm
from terasu.patient.resample import resample
from terasu.patient.volume import Volume
from terasu.report.content import (
    ArmRow,
    CaseHeader,
    DoseArm,
    DoseRow,
    Doses,
    DvhCurve,
    GammaResult,
    HuRow,
    Images,
    InputChosen,
    Provenance,
    ReportContent,
    Scan,
    Written,
)
from terasu.safety.verdict import Verdict
from terasu.workflow.case import Case, acquired_on
from terasu.workflow.day_dose import GAMMA_CRITERIA, DayDose
from terasu.workflow.deliver import WrittenObject
from terasu.workflow.improve import Improvement

if TYPE_CHECKING:
    from terasu.workflow.main_job import Work

QUANTITIES = (("D95%", 95.0), ("D50%", 50.0), ("D2%", 2.0))


def report_content(
    work: Work, verdict: Verdict, written: tuple[WrittenObject, ...], seconds: Mapping[str, float]
) -> ReportContent:
    """Gather; parts that could not be made are left out and named in ``missing``."""
    case, alignment, improvement, dose = work.case, work.alignment, work.improvement, work.dose
    return ReportContent(
        verdict=verdict,
        case=_header(work),
        statements=tuple(_statements(work)),
        images=_images(work),
        planned=alignment.roles.structures if alignment else None,
        of_the_day=dose.structures_of_the_day if dose else None,
        doses=_doses(dose) if dose else Doses(),
        dvh=tuple(_curves(dose)) if dose else (),
        dose_rows=tuple(_dose_rows(dose)) if dose else (),
        hu_rows=tuple(_hu_rows(improvement)) if improvement else (),
        arms=tuple(_arm_rows(improvement, dose)) if improvement else (),
        focus_lps_mm=_focus(work),
        missing=_missing(work),
        provenance=Provenance(
            software=f"Terasu {__version__}",
            engine=dose.engine if dose else "",
            machine=_machine(dose) if dose else "",
            commissioned=dose.machine.commissioned if dose else None,
            hashes={"policy": work.policy.sha256},
            inputs=tuple(InputChosen(*chosen) for chosen in case.inputs),
            written=tuple(Written(one.what, one.uid, one.file) for one in written),
            notes=tuple(_notes(work)),
            seconds=dict(seconds),
        ),
    )


def _header(work: Work) -> CaseHeader:
    case, dose, alignment = work.case, work.dose, work.alignment
    delivery = dose.delivery if dose else case.delivery
    return CaseHeader(
        label=case.label,
        site=case.planning.source.header.get("BodyPartExamined", ""),
        patient_key=case.patient_keys.get("planning CT", "")[:12],
        patient_shown=case.planning.source.header.get("PatientID", "") if work.settings.show_patient else "",
        planning_ct=_scan(case.planning),
        day_image=_scan(case.day),
        plan_label=delivery.label if delivery else "",
        prescription_gy=dose.prescription_gy if dose else None,
        fractions=delivery.fractions if delivery else None,
        target=alignment.roles.target if alignment else "",
        judged_at=datetime.now().strftime("%Y-%m-%d %H:%M"),
    )


def _scan(volume: Volume) -> Scan:
    header, day = volume.source.header, acquired_on(volume)
    z, y, x = volume.grid.spacing_zyx_mm
    slices, rows, columns = volume.grid.shape_zyx
    return Scan(
        date=day.isoformat() if day else "",
        scanner=" ".join(
            header[name] for name in ("Manufacturer", "ManufacturerModelName") if name in header
        ),
        detail=f"{slices} slices of {rows} × {columns}, {x:.2f} × {y:.2f} × {z:.2f} mm",
    )


def _statements(work: Work) -> Iterator[str]:
    yield "Not a medical device. Nothing is released by this software; a named person decides."
    yield from work.settings.statements
    dose = work.dose
    if dose is None:
        return
    if dose.plan_is_ours:
        yield "The plan was made by Terasu for demonstration; it is not the patient's treatment plan."
    if not dose.machine.commissioned:
        yield (
            "The beam model is generic and not commissioned: read ratios and differences between images, not "
            "absolute doses, which may be 6 to 8 % off."
        )
    if dose.prescription_note.startswith("the plan states none"):
        yield f"Prescription: {dose.prescription_note}."
    if dose.lung_path_percent > 5:
        yield (
            f"The beams pass lung ({dose.lung_path_percent:.0f} % of the path to the target), where this "
            "engine reads 3 to 4 % high."
        )


def _images(work: Work) -> Images:
    """In the planning frame; within one frame the day's images keep their own grids."""
    case, alignment, improvement = work.case, work.alignment, work.improvement
    if alignment is None:
        return Images(planning=case.planning, raw=case.day)
    if improvement is None:
        return Images(planning=case.planning, raw=_placed(work, case.day))
    virtual = improvement.arms.get("virtual_ct")
    filled = improvement.delivered.filled
    return Images(
        planning=case.planning,
        raw=_placed(work, case.day),
        improved=_placed(work, improvement.delivered.volume),
        virtual=_placed(work, virtual.enhanced.volume) if virtual else None,
        truth=case.truth,
        improved_by=improvement.chosen,
        filled=_placed(work, Volume(filled, case.day.grid, "1"), nearest=True),
    )


def _placed(work: Work, volume: Volume, *, nearest: bool = False) -> Volume:
    """An image of the day in the planning frame."""
    assert work.alignment is not None
    treated, planning = work.alignment.treated, work.case.planning.grid
    if np.allclose(treated.matrix, np.eye(4)):
        frame = planning.frame_of_reference_uid
        return Volume(volume.values, volume.grid.in_frame(frame), volume.unit, volume.source)
    back = treated.inverse()
    if nearest:
        return resample(volume, planning, through=back, interpolation="nearest", outside=0.0)
    return resample(volume, planning, through=back, outside=-1000.0)


def _focus(work: Work) -> tuple[float, float, float] | None:
    if work.alignment is None:
        return None
    roles = work.alignment.roles
    x, y, z = (float(v) for v in centroid_lps_mm(roles.target_mask, roles.structures.grid))
    return x, y, z


def _doses(dose: DayDose) -> Doses:
    ordered = [dose.leading, *(arm for name, arm in dose.arms.items() if name != dose.chosen)]
    if dose.truth is not None:
        ordered.append(dose.truth)
    lead = sorted(GAMMA_CRITERIA, key=lambda criterion: criterion != (3.0, 2.0))
    return Doses(
        plan=dose.plan.dose,
        day=tuple(DoseArm(arm.name, arm.dose) for arm in ordered),
        gamma=tuple(_gamma(dose, criterion) for criterion in lead),
    )


def _gamma(dose: DayDose, criterion: tuple[float, float]) -> GammaResult:
    found = dose.gammas[criterion]
    return GammaResult(
        criterion=found.criteria,
        arm=dose.chosen,
        pass_percent=found.pass_rate,
        judged_voxels=found.n_judged,
        gamma=found.values,
    )


def _structures(dose: DayDose) -> tuple[str, ...]:
    return dose.target, *dose.organs


def _curves(dose: DayDose) -> Iterator[DvhCurve]:
    shown = [("plan", dose.plan), (dose.chosen, dose.leading)]
    for name in _structures(dose):
        for label, arm in shown:
            if name in arm.dvhs:
                dose_gy, percent = arm.dvhs[name].curve()
                yield DvhCurve(name, label, dose_gy, percent, is_target=name == dose.target)


def _dose_rows(dose: DayDose) -> Iterator[DoseRow]:
    beside = (dose.truth, dose.planning_system)
    arms = dict(dose.arms) | {arm.name: arm for arm in beside if arm is not None}
    for name in _structures(dose):
        if name not in dose.plan.dvhs:
            continue
        plan = dose.plan.dvhs[name]
        present = {label: arm.dvhs[name] for label, arm in arms.items() if name in arm.dvhs}
        is_target = name == dose.target
        mean = {label: dvh.mean_gy for label, dvh in present.items()}
        yield DoseRow(name, "Dmean", "Gy", plan.mean_gy, mean, is_target)
        for quantity, percent in QUANTITIES:
            day = {label: dvh.d_percent(percent) for label, dvh in present.items()}
            yield DoseRow(name, quantity, "Gy", plan.d_percent(percent), day, is_target)


def _hu_rows(improvement: Improvement) -> Iterator[HuRow]:
    for name, arm in improvement.arms.items():
        for tissue, error in arm.by_tissue.items():
            yield HuRow(tissue, name, error.mean_hu, error.mean_absolute_hu, improvement.reference)
        for tissue, error in arm.true_by_tissue.items():
            yield HuRow(tissue, name, error.mean_hu, error.mean_absolute_hu, "true CT of the day")


def _arm_rows(improvement: Improvement, dose: DayDose | None) -> Iterator[ArmRow]:
    for name, arm in improvement.arms.items():
        dvh = dose.arms[name].dvhs.get(dose.target) if dose and name in dose.arms else None
        true = arm.true_overall
        yield ArmRow(
            name=name,
            mean_error_hu=arm.overall.mean_hu,
            mae_hu=arm.overall.mean_absolute_hu,
            true_mean_error_hu=true.mean_hu if true else None,
            true_mae_hu=true.mean_absolute_hu if true else None,
            target_mean_gy=dvh.mean_gy if dvh else None,
            target_d95_gy=dvh.d_percent(95) if dvh else None,
            is_chosen=name == improvement.chosen,
            note="; ".join(arm.enhanced.notes),
        )
    for name, why in improvement.failures.items():
        yield ArmRow(name=name, note=f"failed: {why}")


def _missing(work: Work) -> dict[str, str]:
    why = "The case was blocked before anything was calculated."
    if work.alignment is None:
        return dict.fromkeys(("dose", "dvh", "gamma", "hounsfield", "arms"), why)
    missing: dict[str, str] = {}
    if work.improvement is None:
        missing |= dict.fromkeys(("hounsfield", "arms"), "The improvement failed; see the findings.")
    if work.dose is None:
        missing |= dict.fromkeys(
            ("dose", "dvh", "gamma"), "The dose could not be calculated; see the findings."
        )
    return missing


def _machine(dose: DayDose) -> str:
    return f"{dose.machine.name}; density table {dose.density.name}"


def _notes(work: Work) -> Iterator[str]:
    case: Case = work.case
    yield from case.flags
    yield from case.notes
    if work.alignment is not None:
        yield from work.alignment.roles.notes
        yield f"Field of view: {work.alignment.view.note}"
        for name, origin in work.alignment.origins.items():
            yield f"Contour of the day, {name}: {origin}."
    if work.dose is not None:
        yield f"Prescription: {work.dose.prescription_note}."
    if work.improvement is not None:
        for name, arm in work.improvement.arms.items():
            card = ", ".join(f"{key} {value}" for key, value in arm.enhanced.card.items())
            if card:
                yield f"{name}: {card}."
