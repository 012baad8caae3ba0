"""What a step can do: look at training rows, then be applied to any, be saved and be read again."""

from __future__ import annotations

from typing import Any, Protocol

from terasu.prognosis.models.contract import Outcome
from terasu.prognosis.study.steps.columns import Columns, Rows


class FittedStep(Protocol):
    """A step that knows its numbers and never looks at other rows than it is given."""

    def apply(self, columns: Columns, rows: Rows) -> Columns:
        """The columns after the step."""

    def as_dict(self) -> dict[str, Any]:
        """All that ``step_from_dict`` needs, as JSON."""


class Step(Protocol):
    """A step before it has seen anything."""

    def fit(self, columns: Columns, outcome: Outcome, rows: Rows) -> FittedStep:
        """Look at training rows."""
