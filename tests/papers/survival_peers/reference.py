"""Freezes what scikit-survival and lifelines find where R's survival has nothing to compare with.

    python -m venv peers && peers/bin/pip install scikit-survival lifelines
    peers/bin/python reference.py > reference.json

Written by scikit-survival 0.28.0 and lifelines 0.30.3. The follow-up is lung's of
../r_survival/reference.json; for the weighted metrics its ties are taken apart by a millionth of a day for
each row: scikit-survival weighs an event by 1/G(T), which is 1/G(T-) only where nobody is censored at T.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path

import numpy as np
from lifelines.statistics import multivariate_logrank_test
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.metrics import (
    brier_score,
    concordance_index_ipcw,
    cumulative_dynamic_auc,
    integrated_brier_score,
)
from sksurv.util import Surv

HORIZONS = [90.5, 180.5, 270.5, 365.5, 500.5]
COLUMNS = ["age", "sex", "ph.ecog"]


def main() -> None:
    frozen = Path(__file__).parents[1] / "r_survival" / "reference.json"
    data = json.loads(frozen.read_text())["data"]
    lung = {name: np.array(column, float) for name, column in data["lung"].items()}
    veteran = {name: np.array(column, float) for name, column in data["veteran"].items()}
    found = {
        "made_by": {name: importlib.metadata.version(name) for name in ("scikit-survival", "lifelines")},
        "log_rank": {"lung_sex": weighted(lung, "sex"), "veteran_cell": weighted(veteran, "cell")},
        "weighted_metrics": metrics(lung),
    }
    json.dump(found, sys.stdout, indent=1)


def weighted(data: dict[str, np.ndarray], groups: str) -> dict[str, float]:
    names = {"gehan": "wilcoxon", "tarone-ware": "tarone-ware", "peto": "peto"}
    return {
        ours: float(
            multivariate_logrank_test(
                data["time"], data[groups], data["status"], weightings=theirs
            ).test_statistic
        )
        for ours, theirs in names.items()
    }


def metrics(data: dict[str, np.ndarray]) -> dict[str, object]:
    time = data["time"] + np.arange(len(data["time"])) * 1e-6
    follow_up = Surv.from_arrays(data["status"] == 1, time)
    x = np.column_stack([data[name] for name in COLUMNS])
    model = CoxPHSurvivalAnalysis(ties="efron", tol=1e-14).fit(x, follow_up)
    score = model.predict(x)
    survival = np.array([[step(t) for t in HORIZONS] for step in model.predict_survival_function(x)])
    auc, mean_auc = cumulative_dynamic_auc(follow_up, follow_up, score, HORIZONS)
    return {
        "horizons": HORIZONS,
        "columns": COLUMNS,
        "score": score.tolist(),
        "survival": survival.tolist(),
        "uno": {
            str(tau): float(concordance_index_ipcw(follow_up, follow_up, score, tau=tau)[0])
            for tau in (270.5, 500.5)
        },
        "uno_by_training": float(
            concordance_index_ipcw(follow_up[::2], follow_up[1::2], score[1::2], tau=365.5)[0]
        ),
        "auc": auc.tolist(),
        "mean_auc": float(mean_auc),
        "brier": brier_score(follow_up, follow_up, survival, HORIZONS)[1].tolist(),
        "integrated_brier": float(integrated_brier_score(follow_up, follow_up, survival, HORIZONS)),
    }


if __name__ == "__main__":
    main()
