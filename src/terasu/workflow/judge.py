"""Hold what was measured against the policy, question by question."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy import ndimage

from terasu.patient.agreement import centroid_lps_mm, dice, surface_distances_mm, surface_shift_95_mm
from terasu.patient.grid import Grid
from terasu.safety.checks import anatomy, day_image, distortion, dose_of_day, hounsfield, registration
from terasu.safety.policy import Policy, Words, failed, stated
from terasu.safety.verdict import Finding, Level
from terasu.workflow.align import Alignment, propagated_against_drawn
from terasu.workflow.case import Case
from terasu.workflow.day_dose import ArmDose, DayDose
from terasu.workflow.improve import Improvement

CBCT_LEAST_SEEN = 0.2
"""An organ is judged if the day shows at least this share of it."""
LEAST_OF_A_TISSUE = 0.01
"""A tissue is judged if it makes up this share of the patient that was seen: the rims of gas are no lung."""
BRACKET = ("density_override", "virtual_ct")
"""Densities that do not rest on the delivered image's HU."""
GAMMA_LIMIT = (3.0, 2.0)
"""(percent, mm) that the policy's limit is for: AAPM TG-218."""


def judge_flags(flags: Iterable[str]) -> list[Finding]:
    """What the reader of the folder wants to be looked at."""
    return [
        stated(
            "input",
            Level.REVIEW,
            Words("What the folder holds", flag, "Check that the export is complete and the right one."),
            value="incomplete or unusual",
            limit="complete",
        )
        for flag in flags
    ]


def judge_anatomy(policy: Policy, case: Case, alignment: Alignment) -> list[Finding]:
    """Coverage, registration, outline, organs."""
    target = alignment.roles.target
    moved = alignment.roles.target_mask
    covered = day_image.coverage(
        target=moved,
        target_grid=_in_the_days_frame(alignment),
        view=alignment.view.mask,
        body=alignment.context.body,
        day_grid=case.day.grid,
    )
    return [
        *judge_flags((*case.flags, *alignment.roles.flags)),
        *day_image.grid_is_fit(policy, case.day.grid),
        *day_image.covered(policy, covered, target_name=target),
        *day_image.scale_is_hu(policy, case.day.values, alignment.context.body & alignment.view.mask),
        *day_image.dates_fit(policy, case.days_since_planning),
        *_registration(policy, alignment),
        *_outline(policy, case, alignment),
        *anatomy.organs_in_place(policy, _organs(alignment)),
    ]


def judge_image(policy: Policy, improvement: Improvement) -> list[Finding]:
    """HU by tissue and distortion of the delivered image; arms that failed."""
    arm = improvement.arms[improvement.chosen]
    words = f"improved CBCT ({improvement.chosen})"
    all_voxels = sum(error.voxels for error in arm.by_tissue.values())
    errors = {
        tissue: error.mean_hu
        for tissue, error in arm.by_tissue.items()
        if error.voxels >= LEAST_OF_A_TISSUE * all_voxels
    }
    return [
        *hounsfield.hu_by_class(policy, errors, image=words),
        *distortion.distortion(
            policy,
            gradient_hu_per_voxel=improvement.gradient_hu_per_voxel,
            edge_shift_mm=improvement.edge_shift_mm,
            image=words,
        ),
        *(
            failed("hounsfield", f"Arm {name}", why, subject=name)
            for name, why in improvement.failures.items()
        ),
    ]


def judge_dose(policy: Policy, dose: DayDose) -> list[Finding]:
    """Bracket, target, organs, gamma, and what the dose rests on."""
    day = dose.leading
    bracket = {
        name: arm.dvhs[dose.target].mean_gy
        for name, arm in dose.arms.items()
        if name in (dose.chosen, *BRACKET) and dose.target in arm.dvhs
    }
    percent, mm = GAMMA_LIMIT
    return [
        *dose_of_day.dose_bracket(policy, bracket, dose.prescription_gy),
        *dose_of_day.target_dose(policy, [change(dose, day, dose.target)] if dose.target in day.dvhs else []),
        *dose_of_day.oar_dose(policy, [change(dose, day, one) for one in dose.spared if one in day.dvhs]),
        *dose_of_day.gamma_against_plan(
            policy, dose.gammas[GAMMA_LIMIT].pass_rate, f"{percent:g} %/{mm:g} mm, global"
        ),
        *_against_the_planning_system(policy, dose),
        *dose_of_day.dose_is_founded(
            policy,
            through_fill_percent=dose.through_fill_percent,
            lung_path_percent=dose.lung_path_percent,
        ),
        *(
            failed("dose_bracket", f"Dose on {name}", why, subject=name)
            for name, why in dose.failures.items()
        ),
    ]


def _against_the_planning_system(policy: Policy, dose: DayDose) -> list[Finding]:
    theirs = dose.planning_system
    if theirs is None:
        return []
    dvh = theirs.dvhs.get(dose.target)
    if dvh is None:
        return dose_of_day.engine_agrees(policy, None, 0.0, target=dose.target)
    ours = dose.plan.dvhs[dose.target].mean_gy
    difference = 100 * (ours / dvh.mean_gy - 1) if dvh.mean_gy > 0 else None
    covered = 100 * (1 - dvh.outside_fraction)
    return dose_of_day.engine_agrees(policy, difference, covered, target=dose.target)


def change(dose: DayDose, arm: ArmDose, name: str) -> dose_of_day.DoseChange:
    """Day − plan of one structure, percent of the prescription."""
    plan, day, whole = dose.plan.dvhs[name], arm.dvhs[name], dose.prescription_gy / 100
    return dose_of_day.DoseChange(
        name=name,
        d95_percent=(day.d_percent(95) - plan.d_percent(95)) / whole,
        mean_percent=(day.mean_gy - plan.mean_gy) / whole,
        near_max_percent=(day.d_percent(2) - plan.d_percent(2)) / whole,
    )


def _in_the_days_frame(alignment: Alignment) -> Grid:
    """The planning CT's grid as it lies in the day's space, in the treated position."""
    grid = alignment.roles.structures.grid
    matrix = alignment.treated.inverse().matrix @ grid.affine
    return Grid(grid.shape_zyx, np.asarray(matrix, dtype=np.float64), alignment.treated.from_frame_uid)


def _registration(policy: Policy, alignment: Alignment) -> list[Finding]:
    findings: list[Finding] = []
    rigid = alignment.rigid
    if rigid is None:
        why = alignment.failures.get("rigid match", "It was not tried.")
        findings.append(failed("registration", "Rigid match of planning CT and day", why))
    else:
        measured = registration.RigidMeasures(rigid.shift_mm, rigid.rotation_deg, rigid.similarity_gain)
        findings += registration.rigid_is_plausible(policy, measured)
    if "deformable match" in alignment.failures:
        why = alignment.failures["deformable match"]
        findings.append(failed("registration", "Deformable match of planning CT and day", why))
    if alignment.gate is not None:
        measures = alignment.gate.measures
        findings += registration.deformation_is_plausible(
            policy,
            registration.DeformableMeasures(
                measures.folding_percent,
                measures.inconsistency_95_mm,
                alignment.gate.accepted,
                alignment.gate.reasons,
            ),
        )
    return findings


def _outline(policy: Policy, case: Case, alignment: Alignment) -> list[Finding]:
    """The outline where it was seen, away from the rim of the field of view."""
    seen = ndimage.binary_erosion(alignment.view.mask, np.ones((1, 3, 3), bool), iterations=4)
    today, planned = alignment.context.body, alignment.body_planned
    if not (today & seen).any() or not planned.any():
        return [failed("body", "Body outline, day against plan", "No outline lies in the field of view.")]
    step = max(1, round(3.0 / min(case.day.grid.spacing_zyx_mm[1:])))
    thin = (slice(None), slice(None, None, step), slice(None, None, step))
    coarse = Grid(today[thin].shape, case.day.grid.affine @ np.diag([1.0, step, step, 1.0]))
    distances = surface_distances_mm(today[thin], planned[thin], coarse, where=seen[thin], in_slice=True)
    if not distances.size:
        return [failed("body", "Body outline, day against plan", "No skin lies in the field of view.")]
    return anatomy.body_surface(policy, float(np.percentile(np.abs(distances), 95)), float(distances.mean()))


def _organs(alignment: Alignment) -> tuple[anatomy.OrganOfTheDay, ...]:
    carried = propagated_against_drawn(alignment)
    found = []
    for name in (*alignment.roles.targets, *alignment.roles.organs):
        organ = _organ(alignment, name, carried[name])
        if organ is not None:
            found.append(organ)
    return tuple(found)


def _organ(alignment: Alignment, name: str, carried: np.ndarray) -> anatomy.OrganOfTheDay | None:
    """Day against plan inside of the field of view; None if the day hardly shows the organ."""
    view, grid = alignment.view.mask, alignment.planned_on_day.grid
    planned, today = alignment.planned_on_day[name], alignment.organs_of_the_day[name]
    whole = (
        np.count_nonzero(alignment.roles.structures[name]) * alignment.roles.structures.grid.voxel_volume_mm3
    )
    before, after = planned & view, today & view
    if np.count_nonzero(before) * grid.voxel_volume_mm3 < CBCT_LEAST_SEEN * whole or not after.any():
        return None
    shift = centroid_lps_mm(after, grid) - centroid_lps_mm(before, grid)
    drawn = alignment.drawn.get(name)
    return anatomy.OrganOfTheDay(
        name=name,
        origin=alignment.origins[name],
        centroid_shift_mm=float(np.linalg.norm(shift)),
        surface_shift_mm=surface_shift_95_mm(before, after, grid),
        volume_change_percent=100 * (np.count_nonzero(after) / np.count_nonzero(before) - 1),
        dice=float("nan") if drawn is None else dice(carried & view, drawn & view),
        is_target=name in alignment.roles.targets,
    )
