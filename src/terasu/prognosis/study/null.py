"""The whole study again on outcomes dealt anew: how good would it look if nothing meant anything?

The same permutations are the leak detector: a pipeline that has not seen its test patients reaches 0.5 on
average. p-values are (1 + as large or larger) / (1 + permutations): Phipson and Smyth 2010, doi
10.2202/1544-6115.1585.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from terasu.errors import TerasuError
from terasu.prognosis.study.cohort import Cohort
from terasu.prognosis.study.folds import Folds, deal
from terasu.prognosis.study.ledger import Ledger
from terasu.prognosis.study.out_of_fold import comparable, one_repeat, together
from terasu.prognosis.study.pairs import pairs_of
from terasu.prognosis.study.pipeline import Pipeline
from terasu.prognosis.study.study_file import Permutations, Resampling
from terasu.prognosis.survival_data import Array

_SURE = 3.0  # standard errors of the mean
_SLACK = 0.01


@dataclass(frozen=True, eq=False)
class Null:
    """What chance reaches.

    Attributes:
        models: (m,) candidates.
        observed: (m,) C or AUC of the first repeat, obtained as those of the null were.
        reached: (permutations, m) on permuted outcomes; not a number where nothing could be fitted.
        p: of the best candidate against the best candidate of each permutation.
        p_of: (m,) of each candidate by itself.
        leaks: candidates whose mean under permuted outcomes is not 0.5.
    """

    models: tuple[str, ...]
    observed: Array
    reached: Array
    p: float
    p_of: Array
    leaks: tuple[str, ...]


def null_distribution(
    pipelines: Sequence[Pipeline],
    training: Cohort,
    resampling: Resampling,
    plan: Permutations,
    *,
    path: Path | None,
    key: str,
    workers: int,
    advance: Callable[[int, int], None],
) -> Null:
    """Repeat the study on permuted outcomes.

    Args:
        path: ledger; permutations that it holds are not done again.
        key: what the results depend on.
    """

    def work(task: int) -> list[float | None]:
        return reached_by_chance(pipelines, training, resampling, plan.seed, task)

    tasks = list(range(plan.pipeline + 1))  # task 0 is the study as it is
    found = Ledger(path, key).fill(tasks, work, workers, advance)
    values = np.array([[np.nan if one is None else one for one in row] for row in found])
    return _judged(tuple(one.name for one in pipelines), values[0], values[1:], resampling.leave_one_out)


def reached_by_chance(
    pipelines: Sequence[Pipeline], training: Cohort, resampling: Resampling, seed: int, task: int
) -> list[float | None]:
    """C or AUC of each pipeline in one repeat, outcomes dealt anew (task 0: as they are)."""
    rng = np.random.default_rng([seed, task])
    outcome = training.outcome
    if task:
        outcome = outcome.take(rng.permutation(len(training)))
    dealt = training.with_outcome(outcome)
    folds = deal(outcome, resampling.model_copy(update={"repeats": 1}))
    return [_value(one, dealt, folds, resampling.seed) for one in pipelines]


def _value(pipeline: Pipeline, cohort: Cohort, folds: Folds, seed: int) -> float | None:
    told = one_repeat(pipeline, cohort, folds.of[0], horizons_days=(), cut_point="median", seed=seed)
    try:
        return pairs_of(comparable(together([told]), folds), folds, cohort.outcome).value
    except TerasuError:
        return None


def _judged(models: tuple[str, ...], observed: Array, reached: Array, pooled: bool) -> Null:
    none = np.isnan(reached)
    filled = np.where(none, 0.5, reached)  # what cannot be fitted tells nothing
    own = np.where(np.isnan(observed), 0.5, observed)
    count = len(reached)
    p = (1 + int((filled.max(axis=1) >= own.max() - 1e-12).sum())) / (1 + count) if count else np.nan
    p_of = (1 + (filled >= own - 1e-12).sum(axis=0)) / (1 + count) if count else np.full(len(own), np.nan)
    leaks = tuple(
        name
        for name, values in zip(models, reached.T, strict=True)
        if _leaks(values[~np.isnan(values)], pooled)
    )
    return Null(models, observed, reached, float(p), np.asarray(p_of, np.float64), leaks)


def _leaks(values: Array, pooled: bool) -> bool:
    """The mean is off 0.5 by more than chance; scores pooled over folds may lie below it by construction."""
    if len(values) < 5:
        return False
    off = float(values.mean()) - 0.5
    far = _SURE * float(values.std(ddof=1)) / np.sqrt(len(values)) + _SLACK
    return off > far or (off < -far and not pooled)
