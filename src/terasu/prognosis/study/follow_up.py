"""Is the follow-up in the unit that the study says, and does it reach the horizons?"""

from __future__ import annotations

import numpy as np

from terasu.errors import InputError
from terasu.prognosis.models.contract import Outcome
from terasu.prognosis.study.study_file import DAYS_OF, StudyFile
from terasu.prognosis.survival_data import Survival

_LEAST_BEYOND = 5
_SHORTEST_DAYS, _LONGEST_YEARS = 180.0, 40.0


def follow_up_warnings(says: StudyFile, training: Outcome) -> list[str]:
    """What is odd about the follow-up of the training part.

    Raises:
        InputError: fewer than 5 training patients are followed beyond a horizon.
    """
    if not isinstance(training, Survival):
        return []
    unit = says.endpoint.unit
    for horizon in says.report.horizons:
        beyond = int((training.time_days > horizon * DAYS_OF[unit]).sum())
        if beyond < _LEAST_BEYOND:
            raise InputError(
                "A horizon lies where hardly anybody is followed any longer.",
                got=f"{horizon:g} {unit}, {beyond} training patients followed beyond it",
                expected=f"at least {_LEAST_BEYOND}",
                todo="Take earlier horizons under [report].",
            )
    longest, middle = float(training.time_days.max()), float(np.median(training.time_days))
    if longest < _SHORTEST_DAYS:
        return [f"The longest follow-up is {longest:.0f} days: are the times really {unit}?"]
    if longest > _LONGEST_YEARS * 365.25:
        return [
            f"The longest follow-up is {longest / 365.25:.0f} years (median {middle / 365.25:.1f}):"
            f" are the times really {unit}?"
        ]
    return []
