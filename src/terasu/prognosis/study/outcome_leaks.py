"""Columns that know the outcome: by their name, and by what they hold."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import gammaln
from scipy.stats import rankdata, t

from terasu.prognosis.models.contract import Outcome
from terasu.prognosis.study.outcomes import strata
from terasu.prognosis.survival_data import Array, Flags, Survival
from terasu.prognosis.survival_data import Labels as Codes

_NAMES = re.compile(
    r"(^|[^a-z])(os|pfs|dfs|efs|rfs|dss|surviv\w*|death\w*|dead\w*|deceased|died|alive|vital.?status|"
    r"follow.?up\w*|time.?to.?\w+|relapse\w*|progress\w*|recurren\w*|outcome\w*|censor\w*|event|failure)"
    r"([^a-z]|$)",
    re.IGNORECASE,
)
_CHANCE = 1e-6  # of any column of the study agreeing as well with the outcome, were it noise
_RHO, _AUC = 0.95, 0.98  # beyond: the column is the outcome, more or less
_HIGH_RHO, _HIGH_AUC = 0.7, 0.93  # beyond: better than an image has a right to be; looked at by a human
_WORTH = 0.3  # of |rho|: below, no column can be one of these
_Found = tuple[str, bool] | None


@dataclass(frozen=True)
class Leak:
    """A column that must not be a feature, or (not ``certain``) that somebody should look at; and why."""

    column: str
    why: str
    certain: bool = True


def leaks_by_name(columns: tuple[str, ...], endpoint: tuple[str, ...]) -> list[Leak]:
    """Columns called as the endpoint, or as outcomes are called."""
    own = {one.casefold() for one in endpoint}
    found = []
    for name in columns:
        word = _NAMES.search(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name))
        if name.casefold() in own:
            found.append(Leak(name, "it is the endpoint itself"))
        elif word:
            found.append(Leak(name, f"its name speaks of the outcome ({word.group(2).strip()})"))
    return found


def leaks_by_content(table: pd.DataFrame, outcome: Outcome) -> list[Leak]:
    """Columns that equal the outcome, follow it, or separate it, far beyond chance.

    Looked at: the values, and where they are missing. A column of words is read as which word it is.
    """
    found, tests = [], max(table.shape[1], 1)
    for name in table.columns[_worth_a_look(table, outcome)]:
        column = table[name]
        leak = _of_missing(column, outcome, tests)
        if not leak and pd.api.types.is_numeric_dtype(column):
            leak = _of_numbers(column.to_numpy(np.float64), outcome, tests)
        elif not leak:
            leak = _of_words(column.astype(object).where(column.notna(), "").astype(str), outcome, tests)
        if leak:
            found.append(Leak(str(name), *leak))
    return found


def _worth_a_look(table: pd.DataFrame, outcome: Outcome) -> Flags:
    """Columns that are not complete numbers, and those that go with the outcome at all: all in one pass."""
    complete = np.array(
        [pd.api.types.is_numeric_dtype(table[one]) and not table[one].isna().any() for one in table], np.bool_
    )
    looked = ~complete
    if complete.any():
        x = table.loc[:, complete].to_numpy(np.float64)
        wants = [strata(outcome).astype(np.float64)]
        rows = [np.ones(len(x), np.bool_)]
        if isinstance(outcome, Survival):
            wants += [outcome.time_days, outcome.time_days[outcome.event]]
            rows += [rows[0], outcome.event]
        highest = np.max([_rho(x[one], want) for one, want in zip(rows, wants, strict=True)], axis=0)
        rarest = np.bincount(strata(outcome)).min() / len(x)
        # |rho| with a rare class stays low even where the column separates it: sqrt(3 p (1 - p)) at most
        looked[complete] = highest > min(_WORTH, 0.7 * float(np.sqrt(3 * rarest * (1 - rarest))))
    return looked


def _rho(x: Array, y: Array) -> Array:
    """(p,) absolute Spearman's rho of each column with y; 0 where one of them does not vary."""
    ranks, target = rankdata(x, axis=0), rankdata(y)
    ranks, target = ranks - ranks.mean(axis=0), target - target.mean()
    size = np.sqrt((ranks**2).sum(axis=0) * (target**2).sum())
    return np.asarray(np.abs(target @ ranks) / np.where(size > 0, size, np.inf))


def _of_numbers(x: Array, outcome: Outcome, tests: int) -> _Found:
    there = np.isfinite(x)
    if there.sum() < 5 or np.ptp(x[there]) == 0:
        return None
    x, outcome = x[there], outcome.take(there)
    groups = strata(outcome)
    what = "event" if isinstance(outcome, Survival) else "label"
    found = _follows(x, outcome, tests) if isinstance(outcome, Survival) else []
    for code in np.unique(groups)[1:]:
        auc, chance = _separation(x, groups >= code)
        best = max(auc, 1 - auc)
        if best >= _HIGH_AUC and chance * tests < _CHANCE:
            found.append((f"it separates the {what} (AUC {best:.3f})", best >= _AUC))
    return next((one for one in found if one[1]), found[0] if found else None)


def _follows(x: Array, survival: Survival, tests: int) -> list[tuple[str, bool]]:
    found = []
    for rows, who in ((np.ones(len(x), bool), ""), (survival.event, " of those with an event")):
        if rows.sum() < 5 or np.ptp(x[rows]) == 0 or np.ptp(survival.time_days[rows]) == 0:
            continue
        rho = float(_rho(x[rows][:, None], survival.time_days[rows])[0])
        n = int(rows.sum())
        chance = 2 * t.sf(rho * np.sqrt((n - 2) / max(1 - rho**2, 1e-15)), n - 2)
        if rho >= _HIGH_RHO and chance * tests < _CHANCE:
            found.append((f"it follows the time{who} (Spearman's |rho| {rho:.3f})", rho >= _RHO))
    return found


def _separation(x: Array, positive: Array) -> tuple[float, float]:
    """AUC, and about how likely noise were to do as well: the chance of a perfect order times the swaps."""
    n1 = int(positive.sum())
    n0 = len(x) - n1
    auc = float((rankdata(x)[positive].sum() - n1 * (n1 + 1) / 2) / (n0 * n1))
    perfect = np.exp(gammaln(n1 + 1) + gammaln(n0 + 1) - gammaln(n0 + n1 + 1))
    if max(auc, 1 - auc) == 1:
        return auc, 2 * float(perfect)
    spread = np.sqrt((n0 + n1 + 1) / (12 * n0 * n1))
    return auc, 2 * float(t.sf(abs(auc - 0.5) / spread, n0 + n1 - 2))


def _of_words(words: pd.Series, outcome: Outcome, tests: int) -> _Found:
    """Whether knowing the word is knowing the event or the label."""
    codes = np.unique(words.to_numpy(str), return_inverse=True)[1]
    return _tells(codes, outcome, tests, "its words tell")


def _of_missing(column: pd.Series, outcome: Outcome, tests: int) -> _Found:
    codes = column.isna().to_numpy().astype(np.int64)
    return _tells(codes, outcome, tests, "where it is missing tells")


def _tells(codes: Codes, outcome: Outcome, tests: int, how: str) -> _Found:
    """Each code belongs to one group only, and there are few codes for many patients."""
    groups = strata(outcome)
    kinds, classes = int(codes.max()) + 1, int(groups.max()) + 1
    if kinds < 2 or len(np.unique(groups)) < 2 or len(codes) < 4 * kinds:
        return None
    counts = np.zeros((kinds, classes), np.int64)
    np.add.at(counts, (codes, groups), 1)
    wrong = len(codes) - int(counts.max(axis=1).sum())
    if wrong > 0.02 * len(codes) or len(np.unique(counts.argmax(axis=1))) < len(np.unique(groups)):
        return None
    totals = np.bincount(groups)
    ways = gammaln(len(groups) + 1) - gammaln(totals + 1).sum()
    slack = gammaln(len(groups) + 1) - gammaln(wrong + 1) - gammaln(len(groups) - wrong + 1)
    if kinds * np.log(classes) + slack - ways > np.log(_CHANCE / tests):
        return None
    return f"{how} the {'event' if isinstance(outcome, Survival) else 'label'}", True
