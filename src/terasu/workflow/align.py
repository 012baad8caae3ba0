"""Where the patient lies on the day: residual of the treated position, deformation, organs of the day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from terasu.enhance.body import find_body
from terasu.enhance.context import make_context
from terasu.enhance.contract import Context
from terasu.enhance.field_of_view import FieldOfView, find_field_of_view
from terasu.errors import TerasuError
from terasu.patient.contours import to_structures
from terasu.patient.structures import Mask, StructureSet
from terasu.patient.transform import Deformation, Rigid
from terasu.register.deformable import DeformableResult, register_deformable
from terasu.register.gate import GateResult, gate
from terasu.register.propagate import propagate
from terasu.register.rigid import RigidResult, register_rigid
from terasu.workflow.case import Case
from terasu.workflow.roles import Roles, roles_of
from terasu.workflow.settings import Settings
from terasu.workflow.whole_patient import on_the_day


@dataclass(frozen=True, eq=False)
class Alignment:
    """Everything that later steps need to know about where things are. All masks lie on the day's grid.

    Attributes:
        roles: planned structures and what they are, on the planning CT's grid.
        treated: day → planning CT in the treated position.
        rigid: residual match, None where it failed; ``matched`` says which transform is used then.
        deformable, gate: None where not tried or failed.
        view: field of view, less a dark rim where it cuts the patient.
        context: registered planning CT, rigid and (if its gate accepted it) deformed, and the day's outline.
        planning_body: the patient on the planning CT's grid: its External contour, or found in the image.
        body_planned: the same on the day's grid, in the treated position.
        planned_on_day: planned structures where the plan wants them (treated position).
        organs_of_the_day: where they are today.
        origins: name → ``drawn``, ``deformed`` or ``rigid``.
        drawn: name of a planned structure → what somebody drew on the day for it.
        failures: step → reason.
    """

    roles: Roles
    treated: Rigid
    rigid: RigidResult | None
    deformable: DeformableResult | None
    gate: GateResult | None
    view: FieldOfView
    context: Context
    planning_body: Mask
    body_planned: Mask
    planned_on_day: StructureSet
    organs_of_the_day: StructureSet
    origins: Mapping[str, str]
    drawn: Mapping[str, Mask]
    failures: Mapping[str, str]

    @property
    def matched(self) -> Rigid:
        """Day → planning CT, the best rigid match that there is."""
        return self.treated if self.rigid is None else self.rigid.transform


def align(case: Case, settings: Settings) -> Alignment:
    """Match the planning CT to the day and carry the planned structures over.

    The treated position is what the case says; the match measures the residual and does not move the patient,
    unless the reader wants to see the day as if the couch had been moved to the match.
    """
    assert case.treated is not None, "the input contract blocks a case in which nothing joins the frames"
    treated, failures = case.treated, dict[str, str]()
    roles = roles_of(case, settings)
    view = find_field_of_view(case.day)
    rigid = _rigid(case, treated, view.mask, failures)
    matched = treated if rigid is None else rigid.transform
    if settings.set_up == "matched":
        treated = matched
    body = roles.external if roles.external is not None else find_body(case.planning)
    planned_on_day = propagate(roles.structures, treated, case.day.grid)
    moved = propagate(roles.structures, matched, case.day.grid)
    deformable, passed = _deformable(case, settings, roles, matched, view, moved, failures)
    organs, origins = _organs(moved, passed)
    drawn = _drawn_on_the_day(case, roles)
    context = make_context(
        case.day,
        case.planning,
        rigid=matched,
        view=view.mask,
        deformation=_accepted(deformable, passed),
        body=body,
    )
    return Alignment(
        roles=roles,
        treated=treated,
        rigid=rigid,
        deformable=deformable,
        gate=passed,
        view=_less_dark_rim(view, context.view),
        context=context,
        planning_body=body,
        body_planned=on_the_day(body, case.planning.grid, case.day.grid, treated),
        planned_on_day=planned_on_day,
        organs_of_the_day=replace(organs, masks={**organs.masks, **drawn}),
        origins={**origins, **dict.fromkeys(drawn, "drawn")},
        drawn=drawn,
        failures=failures,
    )


def propagated_against_drawn(alignment: Alignment) -> StructureSet:
    """What propagation alone says of the organs, for comparison with what somebody drew."""
    if alignment.gate is not None:
        return alignment.gate.structures
    return propagate(alignment.roles.structures, alignment.matched, alignment.planned_on_day.grid)


def _less_dark_rim(view: FieldOfView, seen: Mask) -> FieldOfView:
    dark = 100.0 * int(np.count_nonzero(view.mask & ~seen)) / max(1, int(np.count_nonzero(view.mask)))
    told = f" {dark:.1f} % of it, a dark rim where it cuts the patient, count as not imaged." if dark else ""
    return replace(view, mask=seen, note=view.note + told)


def _rigid(case: Case, treated: Rigid, view: Mask, failures: dict[str, str]) -> RigidResult | None:
    try:
        return register_rigid(case.planning, case.day, start=treated, fixed_mask=view)
    except TerasuError as error:
        failures["rigid match"] = error.as_text()
        return None


def _deformable(
    case: Case,
    settings: Settings,
    roles: Roles,
    matched: Rigid,
    view: FieldOfView,
    moved: StructureSet,
    failures: dict[str, str],
) -> tuple[DeformableResult | None, GateResult | None]:
    if not settings.deformable:
        return None, None
    try:
        found = register_deformable(case.planning, case.day, rigid=matched, view=view.mask)
        structures = propagate(roles.structures, found.deformation, case.day.grid)
        passed = gate(
            found,
            planning=case.planning,
            day=case.day,
            rigid_structures=moved,
            deformed_structures=structures,
            view=view.mask,
        )
    except TerasuError as error:
        failures["deformable match"] = error.as_text()
        return None, None
    return found, passed


def _organs(moved: StructureSet, passed: GateResult | None) -> tuple[StructureSet, dict[str, str]]:
    if passed is None:
        return moved, dict.fromkeys(moved.names, "rigid")
    return passed.structures, dict(passed.origins)


def _accepted(found: DeformableResult | None, passed: GateResult | None) -> Deformation | None:
    return found.deformation if found is not None and passed is not None and passed.accepted else None


def _drawn_on_the_day(case: Case, roles: Roles) -> dict[str, Mask]:
    """Contours drawn on the day, by the name of the planned structure that they are of."""
    if case.day_contours is None:
        return {}
    from terasu.patient.names import tg263_name

    def standard(name: str) -> str:
        known = tg263_name(name)
        return known.name if known is not None else name.casefold()

    day_names = {standard(roi.name): roi.name for roi in case.day_contours if roi.contours_lps_mm}
    pairs = {name: day_names[standard(name)] for name in roles.organs if standard(name) in day_names}
    masks = to_structures(case.day_contours, case.day.grid, list(dict.fromkeys(pairs.values())))
    return {name: masks[drawn] for name, drawn in pairs.items() if masks[drawn].any()}
