"""Whom the benchmark of prognosis looks at, and where the public cohorts lie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from terasu.prognosis.coxnet_choice import folds_by_event
from terasu.prognosis.survival_data import Survival

OUTER, INNER = 10, 5
LUNG, OROPHARYNX = "radar_lung1_ct_797.csv.gz", "radar_opc_hn_ct_797.csv.gz"
Folds = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class Cohort:
    """The whole family of features, and the 358 × 744 that times are taken of."""

    name: str
    family: NDArray[np.float64]
    follow_up: Survival
    names: tuple[str, ...]

    @property
    def some(self) -> tuple[NDArray[np.float64], Survival]:
        return np.ascontiguousarray(self.family[:358, :744]), self.follow_up.take(np.arange(358))


def shared_cohorts() -> Path:
    """The folder of the public tables; it need not be there."""
    named = os.environ.get("TERASU_SHARED")
    return (Path(named) if named else Path(__file__).parents[2] / "shared" / "data") / "cohorts"


def cohort() -> Cohort:
    """Lung1, or made features where it is missing."""
    table = shared_cohorts() / LUNG
    if table.is_file():
        rows = pd.read_csv(table)
        features = rows.filter(regex="^rad_")
        survival = Survival(rows["time_days"], rows["event"])
        return Cohort("Lung1", features.to_numpy(float), survival, tuple(features.columns))
    rng = np.random.default_rng(0)
    blocks = rng.standard_normal((388, 60)) @ rng.standard_normal((60, 797)) + rng.standard_normal((388, 797))
    event = rng.random(388) < 0.58
    return Cohort("made", blocks, Survival(rng.exponential(700, 388).round() + 1, event), ())


def folds_of(whole: Cohort) -> Folds:
    """Outer fold of each of the 358, and for each outer fold the inner folds of who stays (others: −1)."""
    _, survival = whole.some
    outer = folds_by_event(survival, OUTER, seed=0)
    inner = np.full((OUTER, len(survival)), -1, np.int64)
    for k in range(OUTER):
        rows = np.flatnonzero(outer != k)
        inner[k, rows] = folds_by_event(survival.take(rows), INNER, seed=k)
    return outer, inner


def many_patients() -> tuple[NDArray[np.float64], Survival]:
    """20,000 made patients with ties: score and follow-up."""
    rng = np.random.default_rng(1)
    score = rng.standard_normal(20_000).round(2)
    time_days = rng.exponential(900 * np.exp(-0.5 * score)).round()
    return score, Survival(time_days, rng.random(len(score)) < 0.6)
