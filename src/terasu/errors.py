"""Errors that teach: what is wrong, what came, what was expected, what to do.

::

    TerasuError
    ├── GeometryError          two grids, frames of reference or shapes do not fit
    ├── InputError             the folder or a file is not what the work needs
    │   └── DicomError         a DICOM object is damaged, incomplete or hostile
    ├── UnsupportedPlanError   a plan that the dose engine must not calculate
    ├── DoseError              a dose, DVH or gamma that cannot be calculated
    ├── RegistrationError      a registration that did not end in a usable transform
    ├── EnhanceError           an image improvement that cannot be applied
    ├── TrainingError          a training that cannot go on
    ├── PolicyError            a policy or machine file that says something impossible
    ├── OutputError            nothing could be written (disk full, no permission)
    └── MissingPartError       an optional part is not installed
"""

from __future__ import annotations


class TerasuError(Exception):
    """One refusal in four parts. Never holds a patient's name.

    Args:
        what: what is wrong, in one sentence.
        got: what came.
        expected: what was expected instead.
        todo: what the reader can do about it.
    """

    def __init__(self, what: str, *, got: str = "", expected: str = "", todo: str = "") -> None:
        self.what, self.got, self.expected, self.todo = what, got, expected, todo
        super().__init__(self.as_text())

    def as_text(self) -> str:
        """The four parts as lines, those that are empty left out."""
        parts = (("", self.what), ("got: ", self.got), ("expected: ", self.expected), ("do: ", self.todo))
        return "\n".join(label + text for label, text in parts if text)

    def as_dict(self) -> dict[str, str]:
        """The four parts and the kind, for ``--json``."""
        return {
            "error": type(self).__name__,
            "what": self.what,
            "got": self.got,
            "expected": self.expected,
            "todo": self.todo,
        }


class GeometryError(TerasuError):
    """Two grids, frames of reference or shapes do not fit."""


class InputError(TerasuError):
    """The folder or a file is not what the work needs."""


class DicomError(InputError):
    """A DICOM object is damaged, incomplete or hostile."""


class UnsupportedPlanError(TerasuError):
    """A plan that the dose engine must not calculate."""


class DoseError(TerasuError):
    """A dose, DVH or gamma that cannot be calculated."""


class RegistrationError(TerasuError):
    """A registration that did not end in a usable transform."""


class EnhanceError(TerasuError):
    """An image improvement that cannot be applied."""


class TrainingError(TerasuError):
    """A training that cannot go on."""


class PolicyError(TerasuError):
    """A policy or machine file that says something impossible."""


class OutputError(TerasuError):
    """Nothing could be written (disk full, no permission)."""


class MissingPartError(TerasuError):
    """An optional part is not installed."""
