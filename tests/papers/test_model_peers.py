"""Forests and boosting beside scikit-survival; figures and the script that made them lie in model_peers/."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from terasu.prognosis.concordance import harrell_c
from terasu.prognosis.models.survival_boosting import boost
from terasu.prognosis.models.survival_boosting_trees import SurvivalBoostingTrees
from terasu.prognosis.models.survival_forest import SurvivalForest
from terasu.prognosis.survival_data import Survival

HERE = Path(__file__).parent
DATA = json.loads((HERE / "r_measures" / "reference.json").read_text())
PEERS = json.loads((HERE / "model_peers" / "reference.json").read_text())
COLUMNS = {
    "gbsg": (("age", "meno", "size", "grade", "nodes", "pgr", "er", "hormon"), "rfstime"),
    "veteran": (("trt", "celltype", "karno", "diagtime", "age", "prior"), "time"),
}


def cohort(name: str) -> tuple[np.ndarray, Survival, list[str]]:
    columns, time = COLUMNS[name]
    data = DATA[name]
    x = np.column_stack([np.array(data[one], float) for one in columns])
    return x, Survival(data[time], data["status"]), list(columns)


@pytest.mark.parametrize("name", COLUMNS)
def test_boosting_by_one_feature_at_a_time_is_that_of_the_peer(name: str) -> None:
    """150 steps at a rate of 0.1 on standardised features: the same coefficients."""
    x, survival, _ = cohort(name)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    which, change = boost(x, survival, 150, 0.1)
    np.testing.assert_allclose(np.bincount(which, change, x.shape[1]), PEERS["linear"][name], atol=1e-9)


@pytest.mark.parametrize("name", COLUMNS)
def test_boosted_trees_tell_the_other_half_apart_as_the_peer_does(name: str) -> None:
    """60 trees each: C within 0.025."""
    x, survival, _ = cohort(name)
    odd = np.arange(len(x)) % 2 == 0
    found = []
    for seed in range(2):
        grown = SurvivalBoostingTrees().grow(x[odd], survival.take(odd), 60, seed)
        score = sum(one.values[one.tree.leaves(x[~odd])[:, 0]] for one in grown)
        found.append(harrell_c(score, survival.take(~odd)).c)
    assert np.mean(found) == pytest.approx(np.mean(PEERS["trees"][name]), abs=0.025)


def test_the_forest_of_veterans_is_as_good_as_the_peers() -> None:
    x, survival, names = cohort("veteran")
    found = [SurvivalForest().fit(x, survival, names, seed=seed).out_of_bag_c for seed in range(3)]
    assert np.mean(found) == pytest.approx(np.mean(PEERS["forest"]["veteran"]), abs=0.015)


def test_the_forest_of_797_features_is_as_good_as_the_peers(shared_data: Path) -> None:
    """Out-of-bag C of Lung1, all patients: within 0.015."""
    rows = pd.read_csv(shared_data / "cohorts" / "radar_lung1_ct_797.csv.gz")
    x = rows.filter(regex="^rad_")
    survival = Survival(rows["time_days"], rows["event"])
    model = SurvivalForest().fit(x.to_numpy(float), survival, list(x.columns), seed=1)
    assert model.out_of_bag_c == pytest.approx(np.mean(PEERS["forest"]["lung1"]), abs=0.015)
