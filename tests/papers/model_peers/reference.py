"""What scikit-survival's forest and boosting find on data of R's survival, and on Lung1 if it is given.

python reference.py ../r_measures/reference.json [radar_lung1_ct_797.csv.gz] > reference.json
Written with scikit-survival 0.28.0.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sksurv.ensemble import (
    ComponentwiseGradientBoostingSurvivalAnalysis,
    GradientBoostingSurvivalAnalysis,
    RandomSurvivalForest,
)
from sksurv.metrics import concordance_index_censored
from sksurv.util import Surv


def standardised(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


def forest(x, y, seeds, trees):
    found = []
    for seed in range(seeds):
        fit = RandomSurvivalForest(
            trees, min_samples_leaf=8, max_features="sqrt", oob_score=True, random_state=seed
        )
        found.append(fit.fit(x, y).oob_score_)
    return found


def trees_on_the_other_half(x, y, seeds):
    """C on even rows of trees boosted on odd rows: 60 of depth 2 at rate 0.05."""
    odd, found = np.arange(len(x)) % 2 == 0, []
    for seed in range(seeds):
        fit = GradientBoostingSurvivalAnalysis(
            n_estimators=60, max_depth=2, learning_rate=0.05, subsample=0.632, max_features="sqrt",
            min_samples_leaf=10, random_state=seed,
        ).fit(x[odd], y[odd])  # fmt: skip
        score = fit.predict(x[~odd])
        found.append(concordance_index_censored(y["event"][~odd], y["time"][~odd], score)[0])
    return found


def main() -> None:
    data = json.loads(Path(sys.argv[1]).read_text())
    names = {
        "gbsg": (["age", "meno", "size", "grade", "nodes", "pgr", "er", "hormon"], "rfstime", "status"),
        "veteran": (["trt", "celltype", "karno", "diagtime", "age", "prior"], "time", "status"),
    }
    out = {"forest": {}, "linear": {}, "trees": {}}
    for name, (columns, time, status) in names.items():
        x = np.column_stack([np.array(data[name][one], float) for one in columns])
        y = Surv.from_arrays(np.array(data[name][status]) == 1, np.array(data[name][time], float))
        out["forest"][name] = forest(x, y, 3, 200)
        out["trees"][name] = trees_on_the_other_half(x, y, 3)
        fit = ComponentwiseGradientBoostingSurvivalAnalysis(n_estimators=150, learning_rate=0.1)
        out["linear"][name] = fit.fit(standardised(x), y).coef_[1:].tolist()
    if len(sys.argv) > 2:
        rows = pd.read_csv(sys.argv[2])
        x = rows.filter(regex="^rad_").to_numpy(float)
        y = Surv.from_arrays(rows["event"].to_numpy() == 1, rows["time_days"].to_numpy(float))
        out["forest"]["lung1"] = forest(x, y, 3, 200)
    print(json.dumps(out, indent=1))


main()
