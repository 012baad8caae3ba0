"""Refuse, before any work, a case whose dose could never be calculated."""

from __future__ import annotations

from terasu.enhance.arms import ARMS
from terasu.errors import EnhanceError, InputError
from terasu.workflow.case import Case
from terasu.workflow.settings import Settings


def require_calculable_plan(case: Case, settings: Settings) -> None:
    """A plan is here (or one is to be made), and engine and machine file can calculate it.

    Raises:
        InputError: no plan, and none is to be made.
        EnhanceError: no improvement of that name.
        UnsupportedPlanError: beams that the engine or the machine file are not made for.
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
