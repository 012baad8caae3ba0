"""The same delivery on every image of the case: one engine, one machine, one grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from terasu.dose.density import DensityTable, default_density_table, read_density_table
from terasu.dose.dvh import Dvh, dvh_of_mask
from terasu.dose.engine import DoseEngine, default_engine
from terasu.dose.gamma import Gamma, gamma
from terasu.dose.lung_path import path_through_lung
from terasu.dose.machine import Machine
from terasu.dose.path_share import share_of_path
from terasu.dose.plan_making import PlanRequest, make_plan
from terasu.enhance.body import find_body
from terasu.errors import DoseError, TerasuError
from terasu.patient.delivery import Delivery
from terasu.patient.grid import Grid
from terasu.patient.resample import resample
from terasu.patient.structures import Mask, StructureSet
from terasu.patient.volume import Volume
from terasu.workflow.align import Alignment
from terasu.workflow.beam_model import machine_for
from terasu.workflow.case import Case
from terasu.workflow.improve import Improvement
from terasu.workflow.settings import Settings
from terasu.workflow.whole_patient import (
    continue_patient,
    dose_grid,
    in_air,
    in_planning_frame,
    patient_around,
)

PLAN = "planning CT"
TRUTH = "true CT of the day"
PLANNING_SYSTEM = "planning system"
GAMMA_CRITERIA = ((3.0, 3.0), (3.0, 2.0), (2.0, 2.0))
"""(percent, mm); the policy's limit is held against the second, AAPM TG-218."""
CALCULATED = ("raw", "density_override", "virtual_ct")
"""Arms whose dose is calculated beside the delivered one's: the raw image and two independent densities."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class ArmDose:
    """The delivery on one image.

    Attributes:
        name: image.
        dose: total dose [Gy] on the common dose grid, in the planning frame.
        dvhs: structure → DVH, planned structures for the plan, the day's for the day.
    """

    name: str
    dose: Volume
    dvhs: Mapping[str, Dvh]


@dataclass(frozen=True, eq=False)
class DayDose:
    """All doses of the case.

    Attributes:
        delivery: what was calculated; ``plan_is_ours`` if it was made here.
        prescription_gy: what percentages refer to; ``prescription_note`` says where it comes from.
        plan: on the planning CT, with planned structures.
        arms: name of the improvement → dose on it, with the day's structures.
        chosen: the arm that the report leads with.
        truth: on the true CT of the day, for a made patient only.
        planning_system: the planning system's own dose of the plan, None where the folder holds none.
        gammas: criterion → gamma of the leading arm against the plan.
        structures_of_the_day: in the planning frame, on the planning CT's grid.
        target, organs: names; ``spared`` are the organs that lie outside of the target and are judged.
        through_fill_percent, lung_path_percent: what the dose rests on.
        engine, machine, density: what calculated it.
        failures: arm → reason.
    """

    delivery: Delivery
    plan_is_ours: bool
    prescription_gy: float
    prescription_note: str
    plan: ArmDose
    arms: Mapping[str, ArmDose]
    chosen: str
    truth: ArmDose | None
    planning_system: ArmDose | None
    gammas: Mapping[tuple[float, float], Gamma]
    structures_of_the_day: StructureSet
    target: str
    organs: tuple[str, ...]
    spared: tuple[str, ...]
    through_fill_percent: float
    lung_path_percent: float
    engine: str
    machine: Machine
    density: DensityTable
    failures: Mapping[str, str]

    @property
    def leading(self) -> ArmDose:
        """The dose of the day that the report leads with."""
        return self.arms[self.chosen]


@dataclass(frozen=True, eq=False)
class _Calculator:
    """Everything that every image of the case is calculated with."""

    engine: DoseEngine
    machine: Machine
    density: DensityTable
    delivery: Delivery
    onto: Grid

    def on(self, image: Volume, progress: Progress | None = None) -> Volume:
        return self.engine.calculate(
            image,
            self.delivery,
            self.onto,
            machine=self.machine,
            density=self.density,
            progress=progress,
        )


def dose_of_the_day(
    case: Case,
    alignment: Alignment,
    improvement: Improvement,
    settings: Settings,
    progress: Progress | None = None,
) -> DayDose:
    """Calculate the delivery on the planning CT and on every image of the day, and compare.

    Raises:
        UnsupportedPlanError, DoseError: the delivery cannot be calculated.
    """
    machine = machine_for(case.delivery, settings)
    density = default_density_table() if settings.density is None else read_density_table(settings.density)
    engine = default_engine()
    roles, planning = alignment.roles, case.planning
    delivery = case.delivery or _made_plan(case, alignment, settings, machine, engine)
    body = alignment.planning_body
    grid = dose_grid(planning, body, roles.target_mask, spacing_mm=settings.dose_spacing_mm)
    calculator = _Calculator(engine, machine, density, delivery, grid)
    calculated = {
        name: arm for name, arm in improvement.arms.items() if name in (improvement.chosen, *CALCULATED)
    }
    total = 1 + len(calculated) + (case.truth is not None)
    tell = _counted(progress, total)
    plan = ArmDose(PLAN, calculator.on(in_air(planning, body), tell(0)), {})
    plan = replace(plan, dvhs=_dvhs(plan.dose, roles.structures))
    today = structures_in_planning_frame(case, alignment)
    around = patient_around(planning, body, alignment.treated, alignment.matched)
    arms, failures, filled = dict[str, ArmDose](), dict[str, str](), None
    for number, (name, arm) in enumerate(calculated.items(), start=1):
        whole = continue_patient(
            arm.enhanced.volume, alignment.view.mask, alignment.context.body, around, alignment.treated
        )
        try:
            dose = calculator.on(whole.image, tell(number))
        except TerasuError as error:
            if name == improvement.chosen:
                raise
            failures[name] = error.as_text()
            continue
        arms[name] = ArmDose(name, dose, _dvhs(dose, today))
        filled = whole.filled if name == improvement.chosen else filled
    assert filled is not None
    prescription_gy, note = _prescription(delivery, plan.dvhs[roles.target])
    leading = arms[improvement.chosen].dose
    return DayDose(
        delivery=delivery,
        plan_is_ours=case.delivery is None,
        prescription_gy=prescription_gy,
        prescription_note=note,
        plan=plan,
        arms=arms,
        chosen=improvement.chosen,
        truth=_on_the_truth(case, calculator, today, tell(total - 1)),
        planning_system=_of_the_planning_system(case, alignment),
        gammas={
            (percent, mm): gamma(
                plan.dose, leading, dose_percent=percent, distance_mm=mm, normalisation_gy=prescription_gy
            )
            for percent, mm in GAMMA_CRITERIA
        },
        structures_of_the_day=today,
        target=roles.target,
        organs=tuple(name for name in roles.organs if name in plan.dvhs),
        spared=tuple(name for name in roles.spared if name in plan.dvhs),
        through_fill_percent=100
        * share_of_path(filled, body, planning.grid, delivery, _target_points(planning, roles.target_mask)),
        lung_path_percent=100 * _lung_share(planning, delivery, roles.target_mask, density),
        engine=engine.name,
        machine=machine,
        density=density,
        failures=failures,
    )


def structures_in_planning_frame(case: Case, alignment: Alignment) -> StructureSet:
    """The day's structures on the planning CT's grid: today's where it was imaged, planned ones beyond."""
    grid, day = case.planning.grid, case.day.grid
    seen = in_planning_frame(alignment.view.mask, day, grid, alignment.treated)
    organs, roles = alignment.organs_of_the_day, alignment.roles
    masks = {}
    for name in roles.structures.names:
        today = in_planning_frame(organs[name], day, grid, alignment.treated)
        masks[name] = np.where(seen, today, roles.structures[name])
    return StructureSet(grid, masks, roles.structures.source_names, roles.structures.types)


def _counted(progress: Progress | None, total: int) -> Callable[[int], Progress]:
    """Progress of one image as a part of all of them."""

    def of_image(number: int) -> Progress:
        def tell(done: int, all_of_them: int) -> None:
            if progress is not None:
                progress(number * all_of_them + done, total * all_of_them)

        return tell

    return of_image


def _dvhs(dose: Volume, structures: StructureSet) -> dict[str, Dvh]:
    """DVH of every structure that lies in the dose grid at least by half; less would tell nothing."""
    found = {}
    for name in structures.names:
        try:
            dvh = dvh_of_mask(dose, structures[name], structures.grid)
        except DoseError:  # empty, or beyond the dose grid
            continue
        if dvh.outside_fraction <= 0.5:
            found[name] = dvh
    return found


def _made_plan(
    case: Case, alignment: Alignment, settings: Settings, machine: Machine, engine: DoseEngine
) -> Delivery:
    request = PlanRequest(prescription_gy=settings.prescription_gy, fractions=settings.fractions)
    roles = alignment.roles
    made = make_plan(
        case.planning, roles.target_mask, request, target_name=roles.target, machine=machine, engine=engine
    )
    return replace(made, referenced_structure_set_uid=next(iter(case.contours.source.sop_instance_uids), ""))


def _prescription(delivery: Delivery, target: Dvh) -> tuple[float, str]:
    if delivery.prescription_gy > 0:
        return delivery.prescription_gy, "as the plan states it"
    median = target.d_percent(50)
    return median, "the plan states none: D50% of the target on the planning CT stands in"


def _on_the_truth(case: Case, calculator: _Calculator, today: StructureSet, tell: Progress) -> ArmDose | None:
    if case.truth is None:
        return None
    image = resample(case.truth, case.planning.grid, outside=-1000.0)
    dose = calculator.on(in_air(image, find_body(image)), tell)
    return ArmDose(TRUTH, dose, _dvhs(dose, today))


def _of_the_planning_system(case: Case, alignment: Alignment) -> ArmDose | None:
    """The planned dose as it came, with the planned structures that its grid covers."""
    if case.planned_dose is None:
        return None
    return ArmDose(PLANNING_SYSTEM, case.planned_dose, _dvhs(case.planned_dose, alignment.roles.structures))


def _target_points(planning: Volume, target: Mask) -> np.ndarray:
    """Some points spread over the target, LPS [mm]."""
    inner = ndimage.binary_erosion(target)
    index = np.argwhere(inner if inner.any() else target)
    return planning.grid.to_lps_mm(index[:: max(1, len(index) // 12)])


def _lung_share(planning: Volume, delivery: Delivery, target: Mask, density: DensityTable) -> float:
    return path_through_lung(planning, delivery, _target_points(planning, target), density=density).share
