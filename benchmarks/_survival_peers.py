"""What lifelines and scikit-survival need for the jobs that prognosis.py hands over.

Runs in the peers' own environment (no Terasu in it): ``python _survival_peers.py FOLDER`` reads ``job.npz``
(features, time, event, the whole family and its follow-up, seeds) and writes ``peers.json``: seconds of each
job, and what was found.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def main(folder: Path) -> None:
    warnings.simplefilter("ignore")
    job = np.load(folder / "job.npz")
    found: dict[str, Any] = {}
    for name, work in {
        "lifelines cox": _lifelines_cox,
        "scikit-survival cox": _sksurv_cox,
        "lifelines log-rank": _lifelines_log_rank,
        "scikit-survival coxnet": _sksurv_coxnet,
        "scikit-survival c": _sksurv_c,
    }.items():
        if name == "scikit-survival coxnet" and job["quick"]:
            continue
        try:
            found[name] = _timed(work, job)
        except ImportError:
            continue
    (folder / "peers.json").write_text(json.dumps(found))


def _timed(work: Callable[[Any], Any], job: Any) -> dict[str, Any]:
    work_now = work(job)  # imports, and binds the data
    start = time.perf_counter()
    value = work_now()
    return {"seconds": time.perf_counter() - start, "found": value}


def _some(job: Any) -> range:
    return range(0, job["x"].shape[1], 16 if job["quick"] else 1)


def _lifelines_cox(job: Any) -> Callable[[], Any]:
    import pandas as pd
    from lifelines import CoxPHFitter

    z = (job["x"] - job["x"].mean(axis=0)) / job["x"].std(axis=0, ddof=1)

    def work() -> list[float]:
        found = []
        for j in _some(job):
            table = pd.DataFrame({"x": z[:, j], "time": job["time"], "event": job["event"]})
            found.append(float(CoxPHFitter().fit(table, "time", "event").params_.iloc[0]))
        return found

    return work


def _sksurv_cox(job: Any) -> Callable[[], Any]:
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    z = (job["x"] - job["x"].mean(axis=0)) / job["x"].std(axis=0, ddof=1)
    follow_up = Surv.from_arrays(job["event"], job["time"])

    def work() -> list[float]:
        return [
            float(CoxPHSurvivalAnalysis(ties="efron").fit(z[:, [j]], follow_up).coef_[0]) for j in _some(job)
        ]

    return work


def _lifelines_log_rank(job: Any) -> Callable[[], Any]:
    from lifelines.statistics import logrank_test

    def work() -> list[float]:
        found = []
        for j in _some(job):
            high = job["x"][:, j] > np.median(job["x"][:, j])
            time, event = job["time"], job["event"]
            test = logrank_test(time[high], time[~high], event[high], event[~high])
            found.append(float(test.test_statistic))
        return found

    return work


def _sksurv_coxnet(job: Any) -> Callable[[], Any]:
    from sksurv.linear_model import CoxnetSurvivalAnalysis
    from sksurv.metrics import concordance_index_censored
    from sksurv.util import Surv

    follow_up = Surv.from_arrays(job["event"], job["time"])
    outer, inner = job["outer"], job["inner"]

    def path(rows: Any, penalties: Any = None) -> Any:
        x = job["x"][rows]
        centre, spread = x.mean(axis=0), np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
        net = CoxnetSurvivalAnalysis(
            l1_ratio=1.0, n_alphas=100, alpha_min_ratio=0.01, alphas=penalties, max_iter=1_000_000
        )
        net.fit((x - centre) / spread, follow_up[rows])
        return net, centre, spread

    def likelihood(scores: Any, rows: Any) -> Any:
        order = np.argsort(-job["time"][rows], kind="stable")
        at, event, eta = job["time"][rows][order], job["event"][rows][order], scores[rows][order]
        sums = np.logaddexp.accumulate(eta, axis=0)
        last = np.searchsorted(-at, -at, side="right") - 1
        return (eta - sums[last])[event].sum(axis=0)

    def work() -> float:
        risk = np.zeros(len(follow_up))
        for k in range(outer.max() + 1):
            rows = np.flatnonzero(outer != k)
            net, centre, spread = path(rows)
            total = np.zeros(len(net.alphas_))
            for fold in range(inner[k].max() + 1):
                part = np.flatnonzero((outer != k) & (inner[k] != fold))
                some, c, s = path(part, net.alphas_)
                m = some.coef_.shape[1]
                scores = ((job["x"] - c) / s) @ some.coef_
                total[:m] += likelihood(scores, rows) - likelihood(scores, part)
                total[m:] = -np.inf
            best = int(np.argmax(total))
            out = outer == k
            risk[out] = ((job["x"][out] - centre) / spread) @ net.coef_[:, best]
        return float(concordance_index_censored(job["event"], job["time"], risk)[0])

    return work


def _sksurv_c(job: Any) -> Callable[[], Any]:
    from sksurv.metrics import concordance_index_censored

    def work() -> float:
        return float(concordance_index_censored(job["many_event"], job["many_time"], job["many_score"])[0])

    return work


if __name__ == "__main__":
    main(Path(sys.argv[1]))
