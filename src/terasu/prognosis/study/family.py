"""The whole family of features that was searched, with one correction for having looked at all of them.

Max-T as in max_t.py; for labels the statistic is F of the classes. Only training rows are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from terasu.prognosis.cox_univariable import standardised
from terasu.prognosis.max_t import max_t
from terasu.prognosis.models.contract import Labels
from terasu.prognosis.study.cohort import Cohort
from terasu.prognosis.study.steps.columns import Columns, Rows, columns_of
from terasu.prognosis.study.steps.filters import Variance
from terasu.prognosis.study.steps.impute import Impute
from terasu.prognosis.study.study_file import Permutations
from terasu.prognosis.study.univariable import f_of
from terasu.prognosis.survival_data import Array, Survival

_CHUNK = 100
_EQUAL = 1 - 1e-9


@dataclass(frozen=True, eq=False)
class Family:
    """Every feature against chance.

    Attributes:
        features: (p,) names; statistic: what was largest; adjusted_for: the volume's column, or nothing.
        value: (p,) χ² or F.
        raw_p, adjusted_p: (p,) by itself, and among the whole family.
    """

    features: tuple[str, ...]
    statistic: str
    adjusted_for: str
    permutations: int
    value: Array
    raw_p: Array
    adjusted_p: Array

    @property
    def best(self) -> int:
        """Position of the feature with the smallest adjusted p (of equals, the largest statistic)."""
        p = np.where(np.isnan(self.adjusted_p), 2.0, self.adjusted_p)
        return int(np.lexsort((-np.nan_to_num(self.value), p))[0])


def family_test(training: Cohort, plan: Permutations, volume: str) -> Family:
    """Test all features of the study.

    Args:
        volume: freed from it if the plan says so; then the volume itself is no member of the family.
    """
    columns = columns_of(training.table, training.features)
    for step in (Impute(), Variance()):
        columns = step.fit(columns, training.outcome, Rows()).apply(columns, Rows())
    adjusted = volume if plan.adjust_for_volume and volume in columns.names else ""
    if adjusted:
        columns = freed_from(columns, adjusted)
    if isinstance(training.outcome, Survival):
        found = max_t(
            columns.x,
            training.outcome,
            statistic=plan.statistic,
            permutations=plan.family,
            seed=plan.seed,
        )
        values = (found.chi2, found.raw_p, found.adjusted_p)
        return Family(columns.names, plan.statistic, adjusted, plan.family, *values)
    labels = _max_f(columns.x, training.outcome, plan)
    return Family(columns.names, "F of the classes", adjusted, plan.family, *labels)


def freed_from(columns: Columns, name: str) -> Columns:
    """What a parabola in the rank of one column does not explain of the others.

    Permuting residuals is exact where they depend on nothing, and close to it otherwise.

    Source: Kennedy 1995, doi 10.1080/07350015.1995.10524571
    """
    at = columns.names.index(name)
    rank = rankdata(columns.x[:, at])
    rank = (rank - rank.mean()) / max(float(rank.std()), 1e-12)
    design = np.column_stack([np.ones(len(rank)), rank, rank**2])
    scaled, _ = standardised(columns.x, ddof=0)
    rest = scaled - design @ np.linalg.lstsq(design, scaled, rcond=None)[0]
    rest = np.where(rest.std(axis=0) > 1e-6, rest, 0.0)
    kept = np.arange(len(columns.names)) != at
    return Columns(columns.names, rest).keep(kept)


def _max_f(x: Array, outcome: Labels, plan: Permutations) -> tuple[Array, Array, Array]:
    scaled = np.ascontiguousarray(standardised(x, ddof=0)[0])
    observed = f_of(scaled, outcome.codes[None])[0]
    rng = np.random.default_rng(plan.seed)
    as_large, largest = np.zeros(len(observed), np.int64), np.empty(plan.family)
    for start in range(0, plan.family, _CHUNK):
        stop = min(start + _CHUNK, plan.family)
        dealt = np.stack([rng.permutation(outcome.codes) for _ in range(start, stop)])
        found = f_of(scaled, dealt)
        as_large += (found >= observed * _EQUAL).sum(axis=0)
        largest[start:stop] = found.max(axis=1)
    beaten = (largest[:, None] >= observed * _EQUAL).sum(axis=0)
    return observed, (1 + as_large) / (1 + plan.family), (1 + beaten) / (1 + plan.family)
