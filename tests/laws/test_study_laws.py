"""Laws of folds, pairs and gains."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from terasu.errors import InputError
from terasu.prognosis.concordance import harrell_c
from terasu.prognosis.models.contract import Labels
from terasu.prognosis.study.folds import deal, leave_centre_out
from terasu.prognosis.study.gain import gain, likelihood_ratio
from terasu.prognosis.study.out_of_fold import groups, places
from terasu.prognosis.study.pairs import draw_patients, pairs_of, whole
from terasu.prognosis.study.study_file import Resampling
from terasu.prognosis.survival_data import Survival

SEEDS = st.integers(0, 10_000)


def cohort(seed: int, ties: bool = True) -> tuple[np.ndarray, Survival]:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 80))
    time = rng.exponential(10, n)
    event = rng.random(n) < 0.6
    event[np.argmin(time)] = True
    score = rng.normal(size=n)
    return (score.round(1), Survival(time.round(0), event)) if ties else (score, Survival(time, event))


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_a_share_of_pairs_is_harrells_c(seed: int) -> None:
    score, survival = cohort(seed)
    try:
        expected = harrell_c(score, survival).c
    except InputError:
        return
    assert whole(score, survival).value == pytest.approx(expected, abs=1e-12)


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_a_share_of_pairs_is_the_auc(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = np.r_[0, 1, rng.integers(0, 2, 40)]
    score = rng.normal(size=42).round(1)
    found = whole(score, Labels(codes, ("a", "b"))).value
    assert found == pytest.approx(roc_auc_score(codes, score), abs=1e-12)


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_drawing_everybody_once_is_the_cohort_and_twice_changes_nothing(seed: int) -> None:
    score, survival = cohort(seed)
    pairs = whole(score, survival)
    again = pairs.drawn(np.stack([np.ones(len(score)), np.full(len(score), 2.0)]))
    np.testing.assert_allclose(again, pairs.value, atol=1e-12)


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_draw_is_the_cohort_of_those_drawn(seed: int) -> None:
    score, survival = cohort(seed)
    weights = draw_patients(len(score), 3, seed)
    pairs = whole(score, survival)
    for one, value in zip(weights, pairs.drawn(weights), strict=True):
        rows = np.repeat(np.arange(len(score)), one.astype(int))
        known = survival.event[rows].any() and len(np.unique(survival.time_days[rows])) > 1
        if known:
            # patients drawn twice are tied with themselves in neither time nor score order
            assert value == pytest.approx(_without_self(score, survival, rows), abs=1e-9)


def _without_self(score: np.ndarray, survival: Survival, rows: np.ndarray) -> float:
    won = compared = 0.0
    for i in rows:
        for j in rows:
            earlier = survival.time_days[i] < survival.time_days[j]
            at_once = survival.time_days[i] == survival.time_days[j] and not survival.event[j]
            if survival.event[i] and (earlier or at_once):
                compared += 1
                won += float(score[i] > score[j]) + 0.5 * float(score[i] == score[j])
    return won / compared


@given(SEEDS, st.integers(2, 6))
@settings(max_examples=40, deadline=None)
def test_folds_deal_everybody_once_and_events_evenly(seed: int, folds: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(60, 150))
    event = rng.permutation(np.arange(n) < max(5 * folds, n // 3))
    outcome = Survival(rng.exponential(size=n), event)
    plan = Resampling(folds=folds, repeats=3, seed=seed)
    found = deal(outcome, plan)
    np.testing.assert_array_equal(found.of, deal(outcome, plan).of)
    for repeat in found.of:
        sizes = np.bincount(repeat, minlength=folds)
        events = np.bincount(repeat, weights=event, minlength=folds)
        assert np.ptp(sizes) <= 1 and np.ptp(events) <= 1 and events.min() >= 5
    assert len({tuple(one) for one in found.of}) == 3
    assert sum(out.sum() for _, _, out in found) == 3 * n


def test_one_patient_or_one_centre_is_left_out_at_a_time() -> None:
    outcome = Survival(np.arange(1, 8), np.ones(7))
    loo = deal(outcome, Resampling(leave_one_out=True))
    assert loo.pooled and [int(out.sum()) for _, _, out in loo] == [1] * 7
    found = leave_centre_out(np.array(["n", "s", "n", "e"]))
    assert sorted(int(out.sum()) for _, _, out in found) == [1, 1, 2]
    with pytest.raises(InputError, match="one centre only"):
        leave_centre_out(np.array(["n", "n"]))


def test_only_pairs_within_a_fold_count() -> None:
    """Models of different folds may be on different scales: nothing of it may show."""
    score, survival = cohort(3, ties=False)
    folds = deal(survival, Resampling(folds=2, repeats=2))
    shifted = np.stack([score + 100 * fold for fold in folds.of])
    plain = pairs_of(np.stack([score] * 2), folds, survival)
    assert pairs_of(shifted, folds, survival).value == pytest.approx(plain.value)


def test_groups_are_cut_where_the_training_patients_are() -> None:
    training = np.arange(11.0)
    place = places(np.array([-5.0, 5.0, 5.1, 99.0]), training)
    assert groups(place, "median").tolist() == [0, 0, 1, 1]
    assert place.min() > 0 and place.max() < 1
    assert groups(places(np.array([0.0, 5.0, 10.0]), training), "tertiles").tolist() == [0, 1, 2]


def test_a_copy_of_the_baseline_gains_nothing_and_the_truth_does() -> None:
    rng = np.random.default_rng(0)
    truth, base = rng.normal(size=(2, 300))
    survival = Survival(rng.exponential(np.exp(-truth)), np.ones(300))
    weights = draw_patients(300, 300, 0)
    place = [places(one, one) for one in (truth, base)]
    pairs = [whole(one, survival) for one in (truth, base)]
    none = gain(("a", "b"), (pairs[1], pairs[1]), (place[1], place[1]), survival, weights)
    assert none.difference.value == none.difference.lower == none.chi2 == 0
    much = gain(("a", "b"), (pairs[0], pairs[1]), (place[0], place[1]), survival, weights)
    assert much.difference.lower > 0.1 and much.p < 1e-6


def test_the_likelihood_ratio_of_labels_is_that_of_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    rng = np.random.default_rng(1)
    x = rng.normal(size=(120, 2))
    codes = (x[:, 1] + rng.logistic(size=120) > 0).astype(int)
    losses = [
        120 * log_loss(codes, LogisticRegression(C=np.inf, tol=1e-10).fit(one, codes).predict_proba(one))
        for one in (x[:, :1], x)
    ]
    found = likelihood_ratio(x[:, 0], x[:, 1], Labels(codes, ("a", "b")))
    assert found == pytest.approx(2 * (losses[0] - losses[1]), rel=1e-5)
