"""Refuse, before any work, a case whose dose could never be calculated."""

from __future__ import annotations

from terasu.enhance.arms import ARMS
from terasu.errors import EnhanceError, InputError, UnsupportedPlanError
from terasu.workflow.case import Case
from terasu.workflow.settings import Settings


def require_calculable_plan(case: Case, settings: Settings) -> None:
    """A plan is here (or one is to be made), and engine and machine file can calculate it.

    Raises:
        InputError: no plan, and none is to be made.
        EnhanceError: no improvement of that name.
        UnsupportedPlanError: a patient who lies otherwise than head first supine, or beams that the engine or
            the machine file are not made for.
        PolicyError: a machine or density file that says something impossible.
    """
    from terasu.dose.density import read_density_table
    from terasu.dose.engine import require_machine
    from terasu.dose.segments import require_supported
    from terasu.workflow.beam_model import machine_for

    if settings.improvement not in ARMS:
        raise EnhanceError(
            "There is no improvement of that name.",
            got=settings.improvement,
            expected=", ".join(ARMS),
            todo="Choose one of these with --improvement.",
        )
    _require_head_first_supine(case)
    if settings.density is not None:
        read_density_table(settings.density)
    if case.delivery is None:
        if not settings.made_plan:
            raise InputError(
                "There is no plan in the folder.",
                got="no RTPLAN that belongs to the planning CT",
                expected="the treatment plan",
                todo="Export the plan too, or say --make-plan to see the case with a made one.",
            )
        return
    require_supported(case.delivery)
    require_machine(case.delivery, machine_for(case.delivery, settings))


def _require_head_first_supine(case: Case) -> None:
    """A plan may be silent about the position, and the day may not be as it says: the images tell too."""
    for what, image in (("planning CT", case.planning), ("day's image", case.day)):
        position = image.source.header.get("PatientPosition", "").strip().upper()
        if position not in ("", "HFS"):
            raise UnsupportedPlanError(
                f"On the {what} the patient lies {position}; only head first supine is supported.",
                got=position[:16],
                expected="HFS",
                todo="Calculate this case in the planning system; nothing was calculated here.",
            )
