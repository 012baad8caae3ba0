"""What follow-up and labels have in common when a study deals with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.prognosis.models.contract import Labels, Outcome
from terasu.prognosis.survival_data import Survival


def strata(outcome: Outcome) -> NDArray[np.int64]:
    """(n,) what folds and splits deal evenly: the event, or the class."""
    return outcome.event.astype(np.int64) if isinstance(outcome, Survival) else outcome.codes


def least_counted(outcome: Outcome) -> int:
    """What limits a model: events, or patients of the smallest class."""
    if isinstance(outcome, Survival):
        return outcome.events
    return int(np.bincount(outcome.codes, minlength=len(outcome.classes)).min())


def counted_as(outcome: Outcome) -> str:
    """The word for what ``least_counted`` counts."""
    return "events" if isinstance(outcome, Survival) else "patients of the smallest class"


def joined(first: Outcome, second: Outcome) -> Outcome:
    """Patients of both, in this order."""
    if isinstance(first, Survival) and isinstance(second, Survival):
        return Survival(
            np.concatenate([first.time_days, second.time_days]), np.concatenate([first.event, second.event])
        )
    if isinstance(first, Labels) and isinstance(second, Labels) and first.classes == second.classes:
        return Labels(np.concatenate([first.codes, second.codes]), first.classes)
    raise InputError("The two cohorts have different endpoints.", expected="one endpoint for both")
