"""Which of the results go out as DICOM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from terasu.safety.verdict import Verdict
from terasu.workflow.deliver import Outgoing

if TYPE_CHECKING:
    from terasu.workflow.main_job import Work


def outgoing_of(work: Work, verdict: Verdict) -> Outgoing:
    """Everything that was made, with the verdict that it goes out under."""
    improvement, dose = work.improvement, work.dose
    return Outgoing(
        improved=improvement.delivered.volume if improvement else None,
        improved_by=improvement.chosen if improvement else "",
        organs=work.alignment.organs_of_the_day if work.alignment else None,
        delivery=dose.delivery if dose else work.case.delivery,
        plan_is_ours=dose is not None and dose.plan_is_ours,
        plan_dose=dose.plan.dose if dose else None,
        day_dose=dose.leading.dose if dose else None,
        verdict=verdict.level.name,
    )
