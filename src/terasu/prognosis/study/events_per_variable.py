"""Events for every variable that a model may use: below 3 it is refused, below 10 it is warned of.

For a model without a penalty the variables are the columns that reach it. A penalised model or an ensemble
chooses among its columns; it is not refused for having many to choose from, but the reader is told, and after
the fit what it chose is counted.

Source: Peduzzi et al. 1995, doi 10.1016/0895-4356(95)00048-8 (10); van Smeden et al. 2019, doi
10.1177/0962280218784726, on how little such a rule can promise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

REFUSED_BELOW = 3.0
WARNED_BELOW = 10.0


@dataclass(frozen=True)
class EventsPerVariable:
    """What one model has to live on.

    Attributes:
        variables: columns that reach it.
        per_variable: events (or patients of the smallest class) for each.
        verdict: ``refused`` only for models without a penalty.
    """

    model: str
    variables: int
    counted: int
    per_variable: float
    penalised: bool
    verdict: Literal["enough", "few", "refused"]


def events_per_variable(name: str, variables: int, counted: int, *, penalised: bool) -> EventsPerVariable:
    """Judge one model before it is fitted."""
    ratio = counted / max(variables, 1)
    if ratio < REFUSED_BELOW and not penalised:
        return EventsPerVariable(name, variables, counted, ratio, penalised, "refused")
    return EventsPerVariable(
        name, variables, counted, ratio, penalised, "few" if ratio < WARNED_BELOW else "enough"
    )
