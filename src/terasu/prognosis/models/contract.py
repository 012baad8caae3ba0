"""What a candidate model can do, whatever it is.

A recipe holds settings only; ``fit`` gives a fitted model that holds numbers only. ``x`` arrives imputed and
scaled, float64, a column for each name in ``features``. A model is kept as plain JSON and predicts the same
after it has been read back (stored.py); nothing is pickled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terasu.errors import InputError
from terasu.prognosis.survival_data import Array, Survival, feature_matrix


@dataclass(frozen=True, eq=False)
class Labels:
    """A class for each of n patients.

    Attributes:
        codes: (n,) position in ``classes``, from 0.
        classes: names in order; of two, the probability of the last one is the score.
    Raises:
        InputError: fewer than two classes, a name twice, a code that is not the position of a class.
    """

    codes: NDArray[np.int64]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        codes = np.array(self.codes)
        if len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            raise InputError(
                "Labels need two or more different classes.", got=", ".join(self.classes) or "none"
            )
        if codes.ndim != 1 or not np.isin(codes, np.arange(len(self.classes))).all():
            raise InputError(
                "A label is not the position of a class.",
                got=f"codes {codes.shape}, {np.unique(codes)[:5].tolist()}",
                expected=f"one of 0 to {len(self.classes) - 1} for every patient",
            )
        codes = codes.astype(np.int64)
        codes.setflags(write=False)
        object.__setattr__(self, "codes", codes)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def counts(self) -> NDArray[np.int64]:
        """(classes,) patients in each class."""
        return np.bincount(self.codes, minlength=len(self.classes)).astype(np.int64)

    def take(self, rows: ArrayLike) -> Labels:
        """Those patients, by position or by a mask of True and False; the classes stay."""
        return Labels(self.codes[np.asarray(rows)], self.classes)


Outcome = Survival | Labels


class FittedSurvival(Protocol):
    """A survival model that has seen its training rows."""

    @property
    def name(self) -> str: ...

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that ``fit`` was given, in order."""

    def score(self, x: Array) -> Array:
        """(n,) higher is worse."""

    def survival(self, x: Array, times_days: ArrayLike) -> Array:
        """(n, times) chance to live beyond each time; refuses times beyond the follow-up of the fit."""

    def weights(self) -> dict[str, float]:
        """The features really used, with coefficient or importance."""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON; ``kind`` names the class, ``version`` its layout."""


class SurvivalModel(Protocol):
    """The recipe of a survival model."""

    @property
    def name(self) -> str: ...

    def fit(self, x: Array, outcome: Survival, features: Sequence[str], *, seed: int) -> FittedSurvival: ...


class FittedLabel(Protocol):
    """A model of classes that has seen its training rows."""

    @property
    def name(self) -> str: ...

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that ``fit`` was given, in order."""

    @property
    def classes(self) -> tuple[str, ...]:
        """In the order of the columns of ``probability``."""

    def probability(self, x: Array) -> Array:
        """(n, classes), rows add up to 1."""

    def score(self, x: Array) -> Array:
        """(n,) probability of the last class; refuses where there are more than two."""

    def weights(self) -> dict[str, float]:
        """The features really used, with coefficient or importance."""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON; ``kind`` names the class, ``version`` its layout."""


class LabelModel(Protocol):
    """The recipe of a model of classes."""

    @property
    def name(self) -> str: ...

    def fit(self, x: Array, outcome: Labels, features: Sequence[str], *, seed: int) -> FittedLabel: ...


def checked(x: ArrayLike, features: Sequence[str], patients: int | None = None) -> Array:
    """``x`` as finite numbers with a column for each feature.

    Raises:
        InputError: another number of columns or rows, a name twice, a value that is missing or infinite.
    """
    found = feature_matrix(x, patients)
    if found.shape[1] != len(features) or len(set(features)) < len(features):
        raise InputError(
            "These are not the features of the model.",
            got=f"{found.shape[1]} columns, {len(set(features))} different names",
            expected=f"{len(features)} columns, each of another name",
        )
    return found
