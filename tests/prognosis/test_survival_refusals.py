"""What bad input gets: a sentence with the row and the column, never a number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from terasu.errors import InputError
from terasu.prognosis.brier import brier_score, integrated_brier_score
from terasu.prognosis.concordance import difference_of_c, harrell_c, uno_c
from terasu.prognosis.cox import cox
from terasu.prognosis.cox_hazards_test import hazards_test
from terasu.prognosis.cox_prediction import predict_survival
from terasu.prognosis.cox_univariable import univariable_cox
from terasu.prognosis.coxnet import coxnet
from terasu.prognosis.coxnet_choice import choose_penalty, folds_by_event
from terasu.prognosis.kaplan_meier import kaplan_meier, restricted_mean, survival_at
from terasu.prognosis.log_rank import log_rank, median_split_log_rank
from terasu.prognosis.max_t import max_t
from terasu.prognosis.multiplicity import holm
from terasu.prognosis.survival_data import Survival
from terasu.prognosis.time_dependent_auc import time_dependent_auc

N = 40
RNG = np.random.default_rng(11)
X = RNG.standard_normal((N, 3))
FOLLOWED = Survival(np.arange(1, N + 1), [i % 3 > 0 for i in range(N)])
NOBODY = Survival(np.arange(1, N + 1), np.zeros(N))
FIT = cox(X, FOLLOWED, names=("age", "stage", "volume"))
ENDLESS = cox(-FOLLOWED.time_days, FOLLOWED, names=("leak",))
HOLE = np.where(np.arange(3 * N).reshape(N, 3) == 3 * 4 + 1, np.nan, X)


def refused(work: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        work()
    assert caught.value.got or caught.value.expected or caught.value.todo
    return str(caught.value)


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (lambda: Survival([1, 2], [1]), "times (2,), events (1,)"),
        (lambda: Survival([1, -2], [1, 0]), "negative in row 2"),
        (lambda: Survival([1, 2, 3], [1, 0, 2]), "not 0 or 1 in row 3"),
        (lambda: Survival([1, 2, 3], [1, 0, np.nan]), "not 0 or 1 in row 3"),
        (lambda: Survival(["2021-03-04", "2021-03-05"], [1, 0]), "days, not dates"),
        (lambda: kaplan_meier(Survival([], [])), "no patient"),
        (lambda: survival_at(kaplan_meier(FOLLOWED), [99]), "at most 40 days"),
        (lambda: restricted_mean(kaplan_meier(FOLLOWED), 99), "beyond the follow-up"),
        (lambda: restricted_mean(kaplan_meier(FOLLOWED), 0), "not positive"),
        (lambda: log_rank(FOLLOWED, np.ones(N)), "two groups"),
        (lambda: log_rank(NOBODY, X[:, 0] > 0), "0 events among 40 patients"),
        (lambda: log_rank(FOLLOWED, X[:5, 0] > 0), "one label for every patient"),
        (lambda: log_rank(FOLLOWED, X[:, 0] > 0, strata=X[:, 0] > 0), "never at risk at the same time"),
        (lambda: median_split_log_rank(HOLE, FOLLOWED), "row 5, feature 2"),
        (lambda: median_split_log_rank(X[:9], FOLLOWED), "a row of features for every patient"),
        (lambda: univariable_cox(HOLE, FOLLOWED), "row 5, feature 2"),
        (lambda: univariable_cox(X, NOBODY), "0 events"),
        (lambda: cox(np.c_[X, np.ones(N)], FOLLOWED, names=("a", "b", "c", "one")), "Covariate one"),
        (lambda: cox(np.c_[X, X[:, 0] + X[:, 1]], FOLLOWED, names=tuple("abcd")), "linear combinations"),
        (lambda: cox(RNG.standard_normal((N, N)), FOLLOWED), "40 covariates of 40 patients"),
        (lambda: predict_survival(ENDLESS, X[:, :1], [5]), "monotone likelihood"),
        (lambda: predict_survival(FIT, X[:, :2], [5]), "age, stage, volume"),
        (lambda: predict_survival(FIT, X, [500]), "at most 40 days"),
        (lambda: predict_survival(FIT, X, [5], stratum="centre B"), "no such stratum"),
        (lambda: hazards_test(ENDLESS, X[:, :1], FOLLOWED), "monotone likelihood"),
        (lambda: harrell_c(X, FOLLOWED), "3 columns"),
        (lambda: harrell_c(X[:, 0], NOBODY), "no pair"),
        (lambda: uno_c(X[:, 0], FOLLOWED, 30, Survival([1, 2], [0, 0])), "beyond the follow-up"),
        (
            lambda: difference_of_c(
                harrell_c(X[:, 0], FOLLOWED), harrell_c([1, 2], Survival([1, 2], [1, 1]))
            ),
            "same",
        ),
        (lambda: time_dependent_auc(X[:, 0], FOLLOWED, [0.5]), "0 events up to 0.5 days"),
        (lambda: time_dependent_auc(X[:, 0], FOLLOWED, [9, 5]), "not ascending"),
        (lambda: brier_score(X[:, :2], FOLLOWED, [5, 9]), "from 0 to 1"),
        (lambda: integrated_brier_score([0.1], [5]), "two or more ascending times"),
        (lambda: max_t(HOLE, FOLLOWED, seed=1), "row 5, feature 2"),
        (lambda: max_t(np.ones((N, 2)), FOLLOWED, seed=1), "No feature"),
        (lambda: max_t(X, FOLLOWED, permutations=0, seed=1), "needs permutations"),
        (lambda: coxnet(X, FOLLOWED, l1_ratio=0), "above 0"),
        (lambda: coxnet(X, FOLLOWED, penalties=[0.1, 0.2]), "descending"),
        (lambda: coxnet(np.ones((N, 2)), FOLLOWED), "No feature differs"),
        (lambda: folds_by_event(FOLLOWED, 10, 1), "26 events in 10 folds"),
        (lambda: choose_penalty(X, FOLLOWED, FOLLOWED.event), "Every fold needs events"),
        (lambda: holm([0.2, 1.3]), "1.3 in row 2"),
        (lambda: holm([0.2, np.nan]), "nan in row 2"),
    ],
)
def test_refusals_name_what_is_wrong(work: Callable[[], object], words: str) -> None:
    assert words in refused(work)


def test_a_feature_without_a_model_says_why_and_the_others_have_theirs() -> None:
    time = FOLLOWED.time_days
    features = np.c_[X[:, 0], np.full(N, 0.1), -time, time, np.full(N, 3e9)]
    found = univariable_cox(features, FOLLOWED)
    assert [one.split(":")[0] for one in found.reason] == [
        "",
        "constant",
        "monotone likelihood",
        "monotone likelihood",
        "constant",
    ]
    assert np.isfinite(found.p[0])
    assert found.coefficient[2] == np.inf and found.coefficient[3] == -np.inf
    assert np.isnan(found.p[1:]).all() and np.isnan(found.coefficient[[1, 4]]).all()
    assert np.isfinite(found.lr_chi2[2:4]).all()  # the likelihood has its limit, and its test


def test_a_feature_that_only_the_censored_have_has_no_model() -> None:
    survival = Survival([1, 2, 3, 4, 5, 6], [0, 0, 1, 1, 1, 0])
    found = univariable_cox(np.array([1.0, 2, 0, 0, 0, 0]), survival)
    assert "does not vary among the patients at risk" in found.reason[0]
    assert "at risk" in median_split_log_rank(np.array([1.0, 2, 0, 0, 0, 0]), survival).reason[0]


def test_an_infinite_coefficient_is_named() -> None:
    assert ENDLESS.reason == "monotone likelihood: the coefficient is infinite (leak)"
    both = cox(np.c_[X[:, 0], -FOLLOWED.time_days], FOLLOWED, names=("age", "leak"))
    assert "leak" in both.reason
