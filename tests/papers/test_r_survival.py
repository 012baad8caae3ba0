"""What R's survival and glmnet find on lung, veteran, ovarian and Lung1; lifelines, scikit-survival beside.

The figures and the scripts that made them lie in r_survival/ and survival_peers/. glmnet stops before the
optimum's last digits (1e-7 of a coefficient); everything else agrees to rounding.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from terasu.prognosis.brier import brier_score, integrated_brier_score
from terasu.prognosis.concordance import difference_of_c, harrell_c, uno_c
from terasu.prognosis.cox import CoxFit, cox
from terasu.prognosis.cox_hazards_test import hazards_test
from terasu.prognosis.cox_prediction import predict_survival
from terasu.prognosis.cox_univariable import univariable_cox
from terasu.prognosis.coxnet import coxnet
from terasu.prognosis.kaplan_meier import confidence_band, kaplan_meier, median_survival, restricted_mean
from terasu.prognosis.log_rank import log_rank, median_split_log_rank
from terasu.prognosis.survival_data import Survival
from terasu.prognosis.time_dependent_auc import time_dependent_auc

HERE = Path(__file__).parent
R = json.loads((HERE / "r_survival" / "reference.json").read_text())
PEERS = json.loads((HERE / "survival_peers" / "reference.json").read_text())
LUNG1 = json.loads((HERE / "r_survival" / "lung1.json").read_text())
REL = 1e-9


def table(name: str) -> dict[str, np.ndarray]:
    return {column: np.array(values, float) for column, values in R["data"][name].items()}


def follow_up(data: dict[str, np.ndarray]) -> Survival:
    return Survival(data["time"], data["status"])


def columns(data: dict[str, np.ndarray], names: list[str]) -> np.ndarray:
    return np.column_stack([data[name] for name in names])


def numbers(values: Any, missing: float = np.nan) -> np.ndarray:
    """R's NA as ``missing``, its Inf as infinity."""
    return np.array([missing if one is None else float(one) for one in np.atleast_1d(values)])


def close(found: Any, expected: Any, rel: float = REL) -> None:
    np.testing.assert_allclose(found, expected, rtol=rel, atol=1e-13)


def test_the_figures_that_everybody_knows() -> None:
    whole, ecog = table("lung_whole"), table("lung_ecog")
    assert log_rank(follow_up(whole), whole["sex"]).chi2 == pytest.approx(10.326742, rel=1e-7)
    assert restricted_mean(kaplan_meier(follow_up(whole)), 730).mean_days == pytest.approx(357.073, abs=5e-4)
    x = columns(ecog, ["age", "sex", "ph.ecog"])
    fit = cox(x, follow_up(ecog), names=("age", "sex", "ph.ecog"))
    assert harrell_c(fit.linear_predictor(x), follow_up(ecog)).c == pytest.approx(0.6371355, abs=5e-8)
    test = hazards_test(fit, x, follow_up(ecog))
    found = [*(round(one.chi2, 3) for one in test.by_covariate.values()), round(test.together.chi2, 3)]
    assert found == [0.188, 2.305, 2.054, 4.464]


@pytest.mark.parametrize("name", R["kaplan_meier"])
def test_kaplan_meier(name: str) -> None:
    expected, curve = R["kaplan_meier"][name], kaplan_meier(follow_up(table(name)))
    close(curve.table.time_days, expected["time"])
    assert curve.table.at_risk.tolist() == expected["at_risk"]
    assert curve.table.events.tolist() == expected["events"]
    close(curve.survival, expected["survival"])
    close(np.sqrt(curve.greenwood), numbers(expected["se_of_log"], np.inf))
    mean = restricted_mean(curve, expected["tau"])
    close([mean.mean_days, mean.standard_error_days], [expected["rmst"], expected["rmst_se"]])


@pytest.mark.parametrize("kind", ["plain", "log", "log-log"])
@pytest.mark.parametrize("name", R["kaplan_meier"])
def test_confidence_bands_and_median(name: str, kind: Any) -> None:
    expected, curve = R["kaplan_meier"][name]["bands"][kind], kaplan_meier(follow_up(table(name)))
    for found, side in zip(confidence_band(curve, 0.95, kind), ("lower", "upper"), strict=True):
        close(found, numbers(expected[side]))
    median = median_survival(curve, 0.95, kind)
    for found, side in ((median.value, ""), (median.lower, "_lower"), (median.upper, "_upper")):
        assert found == numbers(expected[f"median{side}"], np.inf)[0]


@pytest.mark.parametrize(
    ("name", "data", "groups", "strata", "weighting"),
    [
        ("sex", "lung_whole", "sex", None, "log-rank"),
        ("sex_rho1", "lung_whole", "sex", None, "fleming-harrington"),
        ("sex_by_ecog", "lung_ecog", "sex", "ph.ecog", "log-rank"),
        ("cell", "veteran", "cell", None, "log-rank"),
        ("cell_rho1", "veteran", "cell", None, "fleming-harrington"),
        ("cell_by_trt", "veteran", "cell", "trt", "log-rank"),
        ("rx", "ovarian", "rx", None, "log-rank"),
    ],
)
def test_log_rank(name: str, data: str, groups: str, strata: str | None, weighting: Any) -> None:
    rows, expected = table(data), R["log_rank"][name]
    layers = None if strata is None else rows[strata]
    found = log_rank(follow_up(rows), rows[groups], weighting=weighting, strata=layers)
    close(found.chi2, expected["chi2"])
    close(found.observed, expected["observed"])
    close(found.expected, expected["expected"])
    assert found.degrees == expected["df"]


@pytest.mark.parametrize(
    ("name", "data", "groups"), [("lung_sex", "lung", "sex"), ("veteran_cell", "veteran", "cell")]
)
def test_weighted_log_rank_is_that_of_lifelines(name: str, data: str, groups: str) -> None:
    rows = table(data)
    for weighting, expected in PEERS["log_rank"][name].items():
        close(log_rank(follow_up(rows), rows[groups], weighting=weighting).chi2, expected)


def fitted(name: str, ties: Any) -> tuple[CoxFit, np.ndarray, Survival, np.ndarray | None, Any]:
    given = R["cox"][name]
    rows = table(name.removesuffix("_by_cell"))
    x, strata = columns(rows, given["columns"]), rows[given["strata"]] if "strata" in given else None
    return cox(x, follow_up(rows), ties=ties, strata=strata), x, follow_up(rows), strata, given[ties]


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("name", R["cox"])
def test_cox(name: str, ties: Any) -> None:
    fit, _, _, _, expected = fitted(name, ties)
    assert fit.reason == ""
    close(fit.coefficients, expected["coefficients"])
    close(fit.covariance, expected["covariance"])
    close([fit.null_log_likelihood, fit.log_likelihood], expected["log_likelihood"])
    found = [fit.wald.chi2, fit.score.chi2, fit.likelihood_ratio.chi2]
    close(found, [expected["wald"], expected["score"], expected["lr"]])


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("name", R["cox"])
def test_baseline_hazard(name: str, ties: Any) -> None:
    fit, _, _, strata, expected = fitted(name, ties)
    time, hazard = np.array(expected["baseline_time"]), np.array(expected["baseline_hazard"])
    of = np.array([one.split("=")[-1] for one in expected["baseline_strata"]]) if strata is not None else None
    for baseline in fit.baselines:
        mine = slice(None) if of is None else of == f"{float(baseline.stratum):g}"
        steps = np.concatenate(([0.0], baseline.hazard))
        found = steps[np.searchsorted(baseline.time_days, time[mine], "right")]
        close(found * np.exp(-fit.means @ fit.coefficients), hazard[mine])


@pytest.mark.parametrize("scale", ["km", "rank", "identity", "log"])
@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("name", R["cox"])
def test_proportional_hazards(name: str, ties: Any, scale: Any) -> None:
    fit, x, survival, strata, expected = fitted(name, ties)
    found = hazards_test(fit, x, survival, strata=strata, scale=scale)
    tests = [*found.by_covariate.values(), found.together]
    close([one.chi2 for one in tests], expected["hazards_test"][scale]["chi2"])
    close([one.p for one in tests], expected["hazards_test"][scale]["p"])


@pytest.mark.parametrize("name", ["lung_ecog", "lung", "veteran", "ovarian"])
def test_concordance_of_a_model(name: str) -> None:
    fit, x, survival, _, expected = fitted(name, "efron")
    found, pairs = harrell_c(fit.linear_predictor(x), survival), expected["pairs"]
    close([found.c, found.standard_error], [expected["concordance"], expected["concordance_se"]])
    assert (found.concordant, found.discordant) == (pairs["concordant"], pairs["discordant"])
    assert found.tied_score == pairs["tied.x"]
    assert found.tied_time == pairs["tied.y"] + pairs["tied.xy"]


@pytest.mark.parametrize("name", R["concordance"])
def test_concordance_of_a_column_with_ties(name: str) -> None:
    rows, expected = table(name), R["concordance"][name]
    score, beyond = rows[expected["column"]], float(rows["time"].max()) + 1
    found = harrell_c(score, follow_up(rows))
    close([found.c, found.standard_error], [expected["harrell"], expected["se"]])
    close(uno_c(score, follow_up(rows), beyond).c, expected["uno"])


@pytest.mark.parametrize("name", R["gain"])
def test_difference_of_two_c(name: str) -> None:
    rows, expected = table(name), R["gain"][name]
    scores = [
        rows[one] * cox(rows[one], follow_up(rows)).coefficients
        for one in (expected["first"], expected["second"])
    ]
    found = difference_of_c(*(harrell_c(score, follow_up(rows)) for score in scores))
    variance = np.array([1, -1]) @ np.array(expected["covariance"]) @ np.array([1, -1])
    close(found.value, expected["concordance"][0] - expected["concordance"][1])
    close(found.upper - found.value, 1.959963984540054 * np.sqrt(variance))


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_survival_of_new_patients(ties: Any) -> None:
    fit, *_ = fitted("lung_ecog", ties)
    expected = R["predicted"][ties]
    new = np.column_stack([expected["new"][name] for name in ("age", "sex", "ph.ecog")])
    found = predict_survival(fit, new, expected["time"])
    close(found.survival.T, expected["survival"])
    close(found.error_of_log.T, expected["se"])
    close(found.lower.T, np.array(expected["lower"], float))
    close(found.upper.T, np.array(expected["upper"], float))


@pytest.mark.parametrize("name", R["net"])
def test_elastic_net_is_that_of_glmnet(name: str) -> None:
    expected = R["net"][name]
    rows = table(name.split("_")[0])
    path = coxnet(
        columns(rows, expected["columns"]),
        follow_up(rows),
        l1_ratio=expected["mixing"],
        penalties=expected["penalty"],
        tolerance=1e-10,
    )
    assert path.settled.all()
    np.testing.assert_allclose(path.coefficients.T, expected["coefficients"], rtol=1e-5, atol=1e-6)


def test_weighted_metrics_are_those_of_scikit_survival() -> None:
    rows, expected = table("lung"), PEERS["weighted_metrics"]
    survival = Survival(rows["time"] + np.arange(len(rows["time"])) * 1e-6, rows["status"])
    score, horizons = np.array(expected["score"]), expected["horizons"]
    for horizon, c in expected["uno"].items():
        close(uno_c(score, survival, float(horizon)).c, c)
    every = np.arange(len(survival))
    trained, tested = survival.take(every % 2 == 0), survival.take(every % 2 == 1)
    close(uno_c(score[1::2], tested, 365.5, censoring_from=trained).c, expected["uno_by_training"])
    auc = time_dependent_auc(score, survival, horizons)
    close(auc.auc, expected["auc"])
    close(auc.mean, expected["mean_auc"])
    brier = brier_score(expected["survival"], survival, horizons)
    close(brier, expected["brier"])
    close(integrated_brier_score(brier, horizons), expected["integrated_brier"])


def test_lung1_features_one_by_one(shared_data: Path) -> None:
    rows = pd.read_csv(shared_data / "cohorts" / "radar_lung1_ct_797.csv.gz")
    x = rows[[one["name"] for one in LUNG1["found"]]].to_numpy(float)
    survival = Survival(rows["time_days"], rows["event"])
    assert (len(survival), survival.events) == (LUNG1["patients"], LUNG1["deaths"])
    single, split = univariable_cox(x, survival), median_split_log_rank(x, survival)

    def theirs(key: str) -> np.ndarray:
        return np.array([one[key] for one in LUNG1["found"]])

    close(split.chi2, theirs("split_chi2"))
    close(single.coefficient * single.deviation, theirs("coefficient_per_deviation"), 1e-8)
    close(single.standard_error * single.deviation, theirs("standard_error"), 1e-8)
    close(single.score_chi2, theirs("score"))
    likelihoods = theirs("log_likelihood")
    close(single.lr_chi2, 2 * (likelihoods[:, 1] - likelihoods[:, 0]), 1e-8)
    close([harrell_c(column, survival).c for column in x.T], theirs("concordance"))
