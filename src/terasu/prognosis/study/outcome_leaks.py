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
from terasu.prognosis.survival_data import Array, Survival
from terasu.prognosis.survival_data import Labels as Codes

_NAMES = re.compile(
    r"(^|[^a-z])(os|pfs|dfs|efs|rfs|dss|surviv\w*|death\w*|dead\w*|deceased|died|alive|vital.?status|"
    r"follow.?up\w*|time.?to.?\w+|relapse\w*|progress\w*|recurren\w*|outcome\w*|censor\w*|event|failure)"
    r"([^a-z]|$)",
    re.IGNORECASE,
)
_CHANCE = 1e-6  # of any column of the study agreeing as well with the outcome, were it noise
_RHO, _AUC = 0.95, 0.98  # beyond: the column is the outcome, more or less


@dataclass(frozen=True)
class Leak:
    """A column that must not be a feature, and why."""

    column: str
    why: str


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
    for name in table.columns:
        column = table[name]
        why = _of_missing(column, outcome, tests)
        if not why and pd.api.types.is_numeric_dtype(column):
            why = _of_numbers(column.to_numpy(np.float64), outcome, tests)
        elif not why:
            why = _of_words(column.astype(object).where(column.notna(), "").astype(str), outcome, tests)
        if why:
            found.append(Leak(str(name), why))
    return found


def _of_numbers(x: Array, outcome: Outcome, tests: int) -> str:
    there = np.isfinite(x)
    if there.sum() < 5 or np.ptp(x[there]) == 0:
        return ""
    x, outcome = x[there], outcome.take(there)
    groups = strata(outcome)
    what = "event" if isinstance(outcome, Survival) else "label"
    if isinstance(outcome, Survival):
        why = _follows(x, outcome, tests)
        if why:
            return why
    if len(np.unique(groups)) < 2:
        return ""
    for code in np.unique(groups)[1:]:
        auc, chance = _separation(x, groups >= code)
        if max(auc, 1 - auc) >= _AUC and chance * tests < _CHANCE:
            return f"it separates the {what} (AUC {max(auc, 1 - auc):.3f})"
    return ""


def _follows(x: Array, survival: Survival, tests: int) -> str:
    for rows, who in ((np.ones(len(x), bool), ""), (survival.event, " of those with an event")):
        if rows.sum() < 5 or np.ptp(x[rows]) == 0 or np.ptp(survival.time_days[rows]) == 0:
            continue
        rho = float(np.corrcoef(rankdata(x[rows]), rankdata(survival.time_days[rows]))[0, 1])
        n = int(rows.sum())
        chance = 2 * t.sf(abs(rho) * np.sqrt((n - 2) / max(1 - rho**2, 1e-15)), n - 2)
        if abs(rho) >= _RHO and chance * tests < _CHANCE:
            return f"it follows the time{who} (Spearman's rho {rho:.3f})"
    return ""


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


def _of_words(words: pd.Series, outcome: Outcome, tests: int) -> str:
    """Whether knowing the word is knowing the event or the label."""
    codes = np.unique(words.to_numpy(str), return_inverse=True)[1]
    return _tells(codes, outcome, tests, "its words tell")


def _of_missing(column: pd.Series, outcome: Outcome, tests: int) -> str:
    codes = column.isna().to_numpy().astype(np.int64)
    return _tells(codes, outcome, tests, "where it is missing tells")


def _tells(codes: Codes, outcome: Outcome, tests: int, how: str) -> str:
    """Each code belongs to one group only, and there are few codes for many patients."""
    groups = strata(outcome)
    kinds, classes = int(codes.max()) + 1, int(groups.max()) + 1
    if kinds < 2 or len(np.unique(groups)) < 2 or len(codes) < 4 * kinds:
        return ""
    counts = np.zeros((kinds, classes), np.int64)
    np.add.at(counts, (codes, groups), 1)
    wrong = len(codes) - int(counts.max(axis=1).sum())
    if wrong > 0.02 * len(codes) or len(np.unique(counts.argmax(axis=1))) < len(np.unique(groups)):
        return ""
    totals = np.bincount(groups)
    ways = gammaln(len(groups) + 1) - gammaln(totals + 1).sum()
    slack = gammaln(len(groups) + 1) - gammaln(wrong + 1) - gammaln(len(groups) - wrong + 1)
    if kinds * np.log(classes) + slack - ways > np.log(_CHANCE / tests):
        return ""
    return f"{how} the {'event' if isinstance(outcome, Survival) else 'label'}"
