"""Rows of the kernels: equal to R, and how long they take beside lifelines and scikit-survival."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from _prognosis_cohort import OUTER, Cohort, Folds, many_patients
from _table import Row, median_seconds
from terasu.prognosis.concordance import harrell_c
from terasu.prognosis.cox import cox
from terasu.prognosis.cox_hazards_test import hazards_test
from terasu.prognosis.cox_univariable import univariable_cox
from terasu.prognosis.coxnet_choice import choose_penalty
from terasu.prognosis.kaplan_meier import kaplan_meier, restricted_mean
from terasu.prognosis.log_rank import log_rank, median_split_log_rank
from terasu.prognosis.max_t import max_t
from terasu.prognosis.survival_data import Survival

FROZEN = Path(__file__).parents[1] / "tests" / "papers" / "r_survival" / "reference.json"


def ask_peers(scratch: Path, cohort: Cohort, folds: Folds, quick: bool) -> dict[str, dict[str, Any]]:
    python = os.environ.get("TERASU_SURVIVAL_PEERS_PYTHON")
    if not python:
        return {}
    x, survival = cohort.some
    score, many = many_patients()
    np.savez(
        scratch / "job.npz",
        x=x,
        time=survival.time_days,
        event=survival.event,
        outer=folds[0],
        inner=folds[1],
        many_score=score,
        many_time=many.time_days,
        many_event=many.event,
        quick=quick,
    )
    script = Path(__file__).with_name("_survival_peers.py")
    subprocess.run([python, str(script), str(scratch)], check=True)
    found = json.loads((scratch / "peers.json").read_text())
    return dict(found)


def equal_to_r() -> Iterator[Row]:
    frozen = json.loads(FROZEN.read_text())
    whole, ecog = (
        {name: np.array(column, float) for name, column in frozen["data"][one].items()}
        for one in ("lung_whole", "lung_ecog")
    )
    all_228, all_227 = Survival(whole["time"], whole["status"]), Survival(ecog["time"], ecog["status"])
    x = np.column_stack([ecog[name] for name in ("age", "sex", "ph.ecog")])
    fit, expected = cox(x, all_227), frozen["cox"]["lung_ecog"]["efron"]
    test = hazards_test(fit, x, all_227)
    chi2 = expected["hazards_test"]["km"]["chi2"]
    r = "R survival 3.5"
    for figure, ours, theirs in (
        ("log-rank χ², lung by sex", log_rank(all_228, whole["sex"]).chi2, frozen["log_rank"]["sex"]["chi2"]),
        ("RMST to 730 d, lung", *_rmst(all_228, frozen)),
        ("Cox: coefficient of age", float(fit.coefficients[0]), expected["coefficients"][0]),
        ("Cox: log-likelihood", fit.log_likelihood, expected["log_likelihood"][1]),
        ("Harrell C, lung", harrell_c(fit.linear_predictor(x), all_227).c, expected["concordance"]),
        *(
            (f"PH test χ² of {name}", one.chi2, theirs)
            for name, one, theirs in zip(
                ("age", "sex", "ph.ecog", "all"),
                (*test.by_covariate.values(), test.together),
                chi2,
                strict=True,
            )
        ),
    ):
        yield Row(figure, ours, "", theirs, r, "1e-6 relative", abs(ours / theirs - 1) < 1e-6)


def _rmst(survival: Survival, frozen: Any) -> tuple[float, float]:
    curve = kaplan_meier(survival)
    return restricted_mean(curve, 730).mean_days, float(frozen["kaplan_meier"]["lung_whole"]["rmst"])


def speed(cohort: Cohort, folds: Folds, peers: Any, quick: bool) -> Iterator[Row]:
    x, survival = cohort.some
    times = 744 / len(range(0, 744, 16)) if quick else 1.0  # for features that the peers were not given

    def peer(name: str) -> float | None:
        return peers[name]["seconds"] * times if name in peers else None

    ours = median_seconds(lambda: univariable_cox(x, survival))
    for name in ("lifelines", "scikit-survival"):
        figure = f"univariable Cox, 358 × 744, {cohort.name}"
        yield _timed(figure, ours, peer(f"{name} cox"), name, 0.15)
    found = univariable_cox(x, survival)
    if "scikit-survival cox" in peers:
        theirs = np.array(peers["scikit-survival cox"]["found"])
        scaled = (found.coefficient * found.deviation)[:: 16 if quick else 1]
        yield Row("  largest difference of a coefficient", float(np.abs(scaled - theirs).max()), "per SD")
    ours = median_seconds(lambda: median_split_log_rank(x, survival))
    yield _timed("median-split log-rank, 744", ours, peer("lifelines log-rank"), "lifelines", 0.06)
    log_ranks = peer("lifelines log-rank")
    for statistic in ("median split", "cox score"):
        max_t(cohort.family, cohort.follow_up, statistic=statistic, permutations=1, seed=1)
        start = time.perf_counter()
        max_t(cohort.family, cohort.follow_up, statistic=statistic, permutations=1000, seed=1)
        ours = time.perf_counter() - start
        slow = log_ranks / 744 * 797 * 1000 if log_ranks and statistic == "median split" else None
        yield _timed(f"max-T ({statistic}), 1000 × 797", ours, slow, "lifelines, projected", 40.0)
    choose_penalty(x, survival, folds[0], n_penalties=5)
    ours, c = _nested(x, survival, folds)
    yield _timed(
        "nested 10 × 5 LASSO-Cox, 358 × 744", ours, peer("scikit-survival coxnet"), "scikit-survival", 40.0
    )
    theirs = peers.get("scikit-survival coxnet", {}).get("found")
    yield Row("  its C on patients left out", c, "", theirs, "scikit-survival")


def _timed(figure: str, ours: float, peer: float | None, name: str, bar: float) -> Row:
    note = name if peer is not None else f"{name} not asked"
    return Row(figure, ours, "s", peer, note, f"<= {bar:g}", ours <= bar)


def _nested(x: NDArray[np.float64], survival: Survival, folds: Folds) -> tuple[float, float]:
    """Ten outer folds; the penalty of each chosen by five inner ones."""
    outer, inner = folds
    score = np.zeros(len(survival))
    start = time.perf_counter()
    for k in range(OUTER):
        rows = outer != k
        choice = choose_penalty(x[rows], survival.take(rows), inner[k, rows], workers=2)
        chosen = choice.path.coefficients[choice.best]
        score[~rows] = (x[~rows] - x[rows].mean(axis=0)) @ chosen
    return time.perf_counter() - start, harrell_c(score, survival).c


def large_c(peers: Any) -> Iterator[Row]:
    score, survival = many_patients()
    ours = median_seconds(lambda: harrell_c(score, survival), runs=3)
    theirs = peers.get("scikit-survival c", {})
    yield Row(
        "Harrell C with standard error, 20,000 patients", ours, "s", theirs.get("seconds"), "scikit-survival"
    )
