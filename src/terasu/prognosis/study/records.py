"""What a study found, as plain records and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from terasu.prognosis.study.conclusion import Conclusion, Evidence
from terasu.prognosis.study.evaluate import CentreOut
from terasu.prognosis.study.family import Family
from terasu.prognosis.study.gain import Gain
from terasu.prognosis.study.null import Null
from terasu.prognosis.study.pairs import Interval


@dataclass(frozen=True, eq=False)
class ModelResult:
    """One candidate or baseline, on the training part.

    Attributes:
        apparent: C or AUC of the final model on its own training patients.
        nested: by patients not seen; None where ``reason`` says why.
        selected: name → share of the fits of the cross-validation that used it.
        weights: of the final model.
        score, place, group, chance: out of fold, (repeats, n) and (n, horizons or classes); rows are those
            of ``StudyFit.outcome``.
        file: of the saved model, empty where it could not be fitted.
    """

    name: str
    kind: str
    role: str
    reason: str
    apparent: float | None
    nested: Interval | None
    selected: dict[str, float]
    weights: dict[str, float]
    score: Any
    place: Any
    group: Any
    chance: Any
    file: str


@dataclass(frozen=True, eq=False)
class StudyFit:
    """All of the training part.

    Attributes:
        measure: ``C-index`` or ``AUC``.
        outcome: ``{time_days, event}`` or ``{code, classes}`` of the training patients, in the order of the
            sheet, without ids.
        best: the candidate with the highest nested value, and the baseline; empty where there is none.
        bootstrap_selected: name → share of the refits of the best candidate that used it.
        evidence: the numbers that the conclusion rests on; None where no candidate could be fitted.
        opened: how often the test set has been opened so far.
    """

    study: str
    lock_sha256: str
    terasu: str
    measure: str
    patients: int
    horizons_days: tuple[float, ...]
    outcome: dict[str, Any]
    models: tuple[ModelResult, ...]
    gains: tuple[Gain, ...]
    centres: tuple[CentreOut, ...]
    null: Null | None
    family: Family | None
    best: str
    best_baseline: str
    bootstrap_selected: dict[str, float]
    evidence: Evidence | None
    conclusion: Conclusion
    opened: int

    def as_dict(self) -> dict[str, Any]:
        """As JSON; what is no number is null."""
        return dict(plain(self))


@dataclass(frozen=True, eq=False)
class TestedModel:
    """One model on the test set.

    Attributes:
        score, place, group, chance: (n, …) of the test patients.
        cautions: what the test patients have that training had not.
    """

    __test__ = False  # for pytest: no test

    name: str
    role: str
    value: Interval | None
    reason: str
    score: Any
    place: Any
    group: Any
    chance: Any
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class TestResult:
    """What the test set says.

    Attributes:
        opening: 1 for the first time; more, and it is a test no longer.
        optimism: model → apparent, nested and test value.
    """

    __test__ = False

    study: str
    lock_sha256: str
    terasu: str
    opening: int
    opened_at: str
    measure: str
    patients: int
    horizons_days: tuple[float, ...]
    outcome: dict[str, Any]
    models: tuple[TestedModel, ...]
    gains: tuple[Gain, ...]
    optimism: dict[str, dict[str, float | None]]
    conclusion: Conclusion

    def as_dict(self) -> dict[str, Any]:
        """As JSON; what is no number is null."""
        return dict(plain(self))


def plain(value: Any) -> Any:
    """Records, arrays and numbers as JSON holds them."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(one) for one in value]
    return value


def restored(kind: Any, saved: Any) -> Any:
    """A record of ``kind`` from the JSON that ``plain`` made of it; null becomes not a number, or None.

    What the record calls ``Any`` stays as JSON has it.
    """
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return kind(**{one.name: restored(hints[one.name], saved[one.name]) for one in fields(kind)})
    origin, inside = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        own = next(one for one in inside if one is not NoneType)
        return None if saved is None else restored(own, saved)
    if origin in (tuple, Sequence):
        return tuple(restored(inside[0], one) for one in saved)
    if origin is np.ndarray:
        return np.array(saved, np.float64)
    if kind is float and saved is None:
        return math.nan
    return saved
