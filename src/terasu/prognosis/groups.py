"""Risk groups: cut-points are learned from the scores of training patients, and only applied to others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from terasu.errors import InputError
from terasu.prognosis.survival_data import Labels, feature_matrix

Rule = Literal["median", "tertiles"]
_SHARES: dict[Rule, tuple[float, ...]] = {"median": (1 / 2,), "tertiles": (1 / 3, 2 / 3)}
_NAMES = {2: ("low", "high"), 3: ("low", "middle", "high")}


@dataclass(frozen=True)
class RiskGroups:
    """A patient belongs above a cut-point if the score is greater.

    Attributes:
        cuts: ascending scores.
        rule: how they were found.
    """

    cuts: tuple[float, ...]
    rule: Rule

    @property
    def names(self) -> tuple[str, ...]:
        """From the lowest risk to the highest."""
        return _NAMES[len(self.cuts) + 1]

    @staticmethod
    def of(score: ArrayLike, rule: Rule = "median") -> RiskGroups:
        """Learn cut-points.

        Args:
            score: (n,) of training patients, best such that no model saw the patient that it scores.
        Raises:
            InputError: so many equal scores that a group would be empty.
        """
        values = feature_matrix(score)[:, 0]
        cuts = tuple(float(one) for one in np.quantile(values, _SHARES[rule]))
        groups = RiskGroups(cuts, rule)
        sizes = np.bincount(groups.assign(values), minlength=len(cuts) + 1)
        if (sizes == 0).any():
            raise InputError(
                "The scores do not tell patients apart, so that a risk group would be empty.",
                got=", ".join(f"{name}: {n}" for name, n in zip(groups.names, sizes, strict=True)),
                expected="scores that differ between patients",
                todo="The model may have kept no feature: look at its weights.",
            )
        return groups

    def assign(self, score: ArrayLike) -> Labels:
        """(n,) position in ``names``."""
        values = feature_matrix(score)[:, 0]
        return np.searchsorted(np.array(self.cuts), values, "left").astype(np.int64)
