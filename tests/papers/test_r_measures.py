"""ROC, calibration, decision curves and nested models as R's pROC, glm, survival and rms find them.

Data (aSAH of pROC, gbsg and veteran of survival) and figures lie in r_measures/ with the script.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from terasu.prognosis.calibration import label_calibration
from terasu.prognosis.calibration_survival import pseudo_survival, survival_calibration
from terasu.prognosis.cox import cox
from terasu.prognosis.cox_prediction import predict_survival
from terasu.prognosis.decision_curve import decision_curve, survival_decision_curve
from terasu.prognosis.models.contract import Labels
from terasu.prognosis.models.cox_model import Cox
from terasu.prognosis.models.logistic_model import Logistic
from terasu.prognosis.models.survival_forest import SurvivalForest
from terasu.prognosis.nested_models import gain_over_baseline
from terasu.prognosis.roc import auc, delong_test, roc_curve
from terasu.prognosis.survival_data import Survival

R = json.loads((Path(__file__).parent / "r_measures" / "reference.json").read_text())
COLUMNS = ("age", "meno", "size", "grade", "nodes", "pgr", "er", "hormon")


def columns(name: str, *wanted: str) -> np.ndarray:
    return np.column_stack([np.array(R[name][one], float) for one in wanted])


def close(found: Any, expected: Any, rel: float = 1e-9) -> None:
    np.testing.assert_allclose(found, np.array(expected, float), rtol=rel, atol=1e-12)


def gbsg() -> tuple[np.ndarray, Survival]:
    return columns("gbsg", *COLUMNS), Survival(R["gbsg"]["rfstime"], R["gbsg"]["status"])


def judged() -> Survival:
    return gbsg()[1].take(np.arange(686) % 2 == 1)


def test_areas_and_their_difference_are_those_of_proc() -> None:
    poor, expected = np.array(R["aSAH"]["poor"]), R["roc"]
    one, other = (auc(R["aSAH"][name], poor) for name in ("s100b", "ndka"))
    close([one.auc, other.auc], expected["auc"])
    close([one.variance, other.variance], expected["variance"])
    close([one.lower, one.upper], expected["ci"])
    test = delong_test(R["aSAH"]["s100b"], R["aSAH"]["ndka"], poor)
    close([test.z, test.p], [expected["z"], expected["p"]])


def test_the_curve_is_that_of_proc() -> None:
    curve = roc_curve(R["aSAH"]["s100b"], R["aSAH"]["poor"])
    close(curve.sensitivity[::-1], R["roc"]["sensitivity"])
    close(curve.specificity[::-1], R["roc"]["specificity"])


def test_logistic_regression_is_that_of_glm() -> None:
    train = np.arange(113) % 2 == 0
    x = columns("aSAH", "s100b", "age")
    poor = Labels(np.array(R["aSAH"]["poor"]), ("good", "poor"))
    fit = Logistic().fit(x[train], poor.take(train), ("s100b", "age"), seed=0)
    close([fit.intercepts[0], *fit.coefficients[0]], R["label"]["coefficients"], 1e-7)
    close(fit.score(x[~train]), R["label"]["p"], 1e-7)
    gain = gain_over_baseline(columns("aSAH", "age"), columns("aSAH", "s100b"), poor)
    close([gain.test.degrees, gain.test.chi2, gain.test.p], R["label_gain"], 1e-7)


def test_calibration_and_net_benefit_of_a_label() -> None:
    expected = R["label"]
    found = label_calibration(expected["p"], expected["y"])
    close(found.brier, expected["brier"])
    close(found.intercept.value, expected["intercept"], 1e-7)
    close(found.slope.value, expected["slope"], 1e-7)
    reach = 1.959963984540054
    close(found.slope.upper - found.slope.value, reach * expected["slope_error"], 1e-5)
    close(found.intercept.upper - found.intercept.value, reach * expected["intercept_error"], 1e-5)
    curve = decision_curve(expected["p"], expected["y"], expected["threshold"])
    close(curve.model, expected["net_benefit"])


def test_risks_of_the_other_half_are_those_of_coxph() -> None:
    x, survival = gbsg()
    odd = np.arange(686) % 2 == 0
    fit = cox(x[odd], survival.take(odd))
    predicted = predict_survival(fit, x[~odd], R["survival"]["horizon"]).survival[:, 0]
    close(1 - predicted, R["survival"]["risk"], 1e-7)
    model = Cox().fit(x[odd], survival.take(odd), COLUMNS, seed=0)
    close(1 - model.survival(x[~odd], R["survival"]["horizon"])[:, 0], R["survival"]["risk"], 1e-7)


def test_calibration_of_survival() -> None:
    expected, survival = R["survival"], judged()
    close(pseudo_survival(survival, expected["horizon"]), expected["pseudo"], 1e-8)
    found = survival_calibration(expected["risk"], survival, expected["horizon"], groups=4)
    close(found.intercept.value, expected["intercept"], 1e-6)
    close(found.slope.value, expected["slope"], 1e-6)
    reach = 1.959963984540054
    close(found.intercept.upper - found.intercept.value, reach * expected["intercept_error"], 1e-6)
    close(found.slope.upper - found.slope.value, reach * expected["slope_error"], 1e-6)
    close(found.smooth, expected["smooth"], 1e-7)
    close([found.ici, found.e50, found.e90], [expected[key] for key in ("ici", "e50", "e90")], 1e-7)
    seen = [(one.observed.value, one.observed.lower, one.observed.upper) for one in found.groups]
    close(seen, expected["observed"], 1e-8)


def test_net_benefit_with_censoring() -> None:
    expected = R["survival"]
    curve = survival_decision_curve(expected["risk"], judged(), expected["horizon"], expected["threshold"])
    close(curve.model, expected["net_benefit"], 1e-8)
    close(curve.treat_all, expected["everybody"], 1e-8)


def test_gain_over_a_baseline_is_that_of_coxph() -> None:
    gain = gain_over_baseline(columns("gbsg", "nodes"), columns("gbsg", "pgr", "grade"), gbsg()[1])
    close([gain.test.degrees, gain.test.chi2, gain.test.p], R["cox_gain"], 1e-6)


@pytest.mark.parametrize("name", ["gbsg", "veteran"])
def test_the_forest_is_as_good_as_ranger(name: str) -> None:
    """Out-of-bag C, apart by less than 0.015; seeds of either differ by 0.005."""
    if name == "gbsg":
        x, survival = gbsg()
    else:
        x = columns(name, "trt", "celltype", "karno", "diagtime", "age", "prior")
        survival = Survival(R[name]["time"], R[name]["status"])
    names = [f"x{i}" for i in range(x.shape[1])]
    ours = SurvivalForest(n_trees=100).fit(x, survival, names, seed=1).out_of_bag_c
    assert ours == pytest.approx(np.mean(R["ranger"][name]), abs=0.015)
