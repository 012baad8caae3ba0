"""Settings of a recipe that cannot be are refused when it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from terasu.errors import InputError


def at_least(least: int, counts: Mapping[str, int]) -> None:
    """Whole numbers, by name, that must not be smaller than ``least``."""
    for name, count in counts.items():
        if count < least:
            raise _refused(name, count, f"{least} or more")


def share(shares: Mapping[str, float]) -> None:
    """Numbers, by name, that must lie above 0 and not above 1."""
    for name, value in shares.items():
        if not 0 < value <= 1:
            raise _refused(name, value, "above 0, up to 1")


def each_share(name: str, values: Sequence[float]) -> None:
    """One or more shares."""
    some(name, values)
    for value in values:
        share({name: value})


def some(name: str, values: Sequence[float]) -> None:
    """One or more positive numbers to choose among."""
    if not values or min(values) <= 0:
        raise _refused(name, list(values), "one or more positive numbers")


def _refused(name: str, value: object, expected: str) -> InputError:
    return InputError(f"The setting {name} of a model cannot be so.", got=str(value), expected=expected)
