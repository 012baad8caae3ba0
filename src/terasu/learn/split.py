"""Who trains, who validates, who is kept for the test: by patient, and never twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from terasu.errors import InputError
from terasu.learn.prepared import PreparedCase

PARTS = ("training", "validation", "test")


@dataclass(frozen=True)
class Split:
    """Patient keys of each part.

    Raises:
        InputError: a patient stands in two parts.
    """

    training: tuple[str, ...]
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_apart({part: getattr(self, part) for part in PARTS})

    def cases(self, part: str, cases: Iterable[PreparedCase]) -> tuple[PreparedCase, ...]:
        """Those of ``cases`` whose patient stands in ``part``."""
        keys = set(getattr(self, part))
        return tuple(one for one in cases if one.facts.patient_key in keys)

    def as_dict(self) -> dict[str, list[str]]:
        """For JSON."""
        return {part: sorted(getattr(self, part)) for part in PARTS}


def require_apart(parts: Mapping[str, Iterable[str]]) -> None:
    """Refuse a patient who stands in two parts.

    Args:
        parts: name → patient keys.
    Raises:
        InputError: which parts share how many patients.
    """
    seen: dict[str, str] = {}
    for part, keys in parts.items():
        for key in set(keys):
            if key in seen:
                raise InputError(
                    "A patient stands in two parts of the split.",
                    got=f"patient {key} in {seen[key]} and in {part}",
                    expected="each patient in one part only",
                    todo="Split by patient: all images of one patient go to the same part.",
                )
            seen[key] = part


def split_by_patient(
    keys: Iterable[str], *, validation: float = 0.15, test: float = 0.0, seed: int = 0
) -> Split:
    """A split that depends on keys and seed alone, not on the order of the cases.

    Args:
        keys: of patients, repeats allowed.
        validation, test: shares of the patients, rounded; a share above 0 gets at least one patient.
        seed: another seed, another split.
    Raises:
        InputError: nobody would be left to train on.
    """
    drawn = sorted(set(keys), key=lambda key: hashlib.sha256(f"{seed}\0{key}".encode()).hexdigest())
    count = [max(1, round(share * len(drawn))) if share > 0 else 0 for share in (validation, test)]
    if sum(count) >= len(drawn):
        raise InputError(
            "There are too few patients for this split.",
            got=f"{len(drawn)} patients, {count[0]} to validate and {count[1]} to test",
            expected="at least one patient to train on",
            todo="Give more patients, or a smaller share.",
        )
    first, second = count[0], sum(count)
    return Split(tuple(drawn[second:]), tuple(drawn[:first]), tuple(drawn[first:second]))
