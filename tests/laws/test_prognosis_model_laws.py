"""What must hold for forests, boosting, selection and logistic nets, whatever the patients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terasu.errors import InputError
from terasu.prognosis.cox import cox
from terasu.prognosis.cox_prediction import predict_survival
from terasu.prognosis.cox_univariable import standardised
from terasu.prognosis.log_rank import log_rank
from terasu.prognosis.models.baseline_hazard import breslow
from terasu.prognosis.models.contract import Labels
from terasu.prognosis.models.elastic_net_logistic import inner_label_folds, logistic_path, members
from terasu.prognosis.models.logistic_model import Logistic
from terasu.prognosis.models.platt import fit_sigmoid, sigmoid
from terasu.prognosis.models.stability_selection import (
    StabilitySelection,
    expected_false,
    features_per_half,
    selection_frequency,
)
from terasu.prognosis.models.survival_boosting import boost
from terasu.prognosis.models.survival_forest import FittedForest, SurvivalForest
from terasu.prognosis.survival_data import Survival, risk_table

SEEDS = st.integers(0, 10_000)
ONE_TREE = SurvivalForest(n_trees=1, share=1.0, tries=99)


def made(seed: int, n: int = 60, p: int = 4) -> tuple[np.ndarray, Survival]:
    """Rounded times, so that there are ties; the first feature matters."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, p)).round(2)
    time = rng.exponential(400 * np.exp(-0.8 * x[:, 0]))
    end = rng.uniform(100, 1000, n)
    event = time <= end
    event[:2] = True
    return x, Survival((np.minimum(time, end) / 20).round() * 20 + 20, event)


def names(x: np.ndarray) -> list[str]:
    return [f"f{i}" for i in range(x.shape[1])]


def forest(x: np.ndarray, survival: Survival, recipe: SurvivalForest | None = None) -> FittedForest:
    return (recipe or SurvivalForest(n_trees=10)).fit(x, survival, names(x), seed=4)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_a_monotone_transform_changes_no_forest(seed: int) -> None:
    x, survival = made(seed)
    other = np.exp(x) + 3
    one, two = forest(x, survival), forest(other, survival)
    new = made(seed + 1)[0]
    np.testing.assert_array_equal(one.trees.feature, two.trees.feature)
    np.testing.assert_array_equal(one.score(x), two.score(other))
    assert one.out_of_bag_c == two.out_of_bag_c
    inside = np.isin(new, x).all(axis=1)  # between two patients the cut may lie anywhere
    np.testing.assert_array_equal(one.score(new)[inside], two.score(np.exp(new) + 3)[inside])


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_the_order_of_the_rows_changes_no_forest(seed: int) -> None:
    x, survival = made(seed)
    mixed = np.random.default_rng(seed).permutation(len(x))
    assert forest(x, survival).as_dict() == forest(x[mixed], survival.take(mixed)).as_dict()


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_the_first_split_has_the_largest_log_rank_of_all(seed: int) -> None:
    x, survival = made(seed)
    tree = forest(x, survival, ONE_TREE)
    best = 0.0
    for column in x.T:
        for cut in np.unique(column)[:-1]:
            left = column <= cut
            if min(left.sum(), (~left).sum()) < 8 or not survival.event[left].any():
                continue
            if survival.event[~left].any():
                best = max(best, log_rank(survival, left).chi2)
    assert tree.gains[0] == pytest.approx(best, rel=1e-9)


def test_a_step_in_the_outcome_is_found() -> None:
    x = np.random.default_rng(2).standard_normal((80, 5))
    x[:, 3] = np.linspace(-1, 1, 80)
    high = x[:, 3] > 0.25
    time = np.where(high, 10.0, 1000.0) + np.arange(80) % 7
    tree = forest(x, Survival(time, np.ones(80)), ONE_TREE)
    assert tree.trees.feature[0] == 3
    assert tree.trees.threshold[0] == x[~high, 3].max()
    assert tree.weights()["f3"] == max(tree.weights().values()) > 0.7


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_a_forest_without_a_split_is_nelson_and_aalen(seed: int) -> None:
    x, survival = made(seed)
    alone = forest(x, survival, SurvivalForest(n_trees=1, share=1.0, least_patients=40))
    table = risk_table(survival)
    expected = np.exp(-np.cumsum(table.events / table.at_risk))
    np.testing.assert_allclose(alone.survival(x[:1], table.time_days)[0], expected, rtol=1e-12)
    assert alone.out_of_bag_c == 0.5  # nobody was left out


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_boosting_without_end_is_cox_regression(seed: int) -> None:
    x, survival = made(seed, n=120)
    fit = cox(x, survival, ties="breslow")
    which, change = boost(x, survival, 4000, 0.1)
    np.testing.assert_allclose(np.bincount(which, change, x.shape[1]), fit.coefficients, atol=1e-5)
    baseline = breslow(fit.linear_predictor(x), survival)
    times = [40.0, 200.0, 300.0]
    expected = predict_survival(fit, x, times).survival
    np.testing.assert_allclose(baseline.survival(fit.linear_predictor(x), times), expected, rtol=1e-9)


def test_each_step_of_boosting_gains_likelihood() -> None:
    from terasu.prognosis.coxnet import log_partial_likelihoods
    from terasu.prognosis.models.survival_boosting import running_scores

    x, survival = made(7, n=120)
    values = log_partial_likelihoods(running_scores(x, *boost(x, survival, 60, 0.1)), survival)
    assert (np.diff(values) > 0).all()


def test_noise_is_selected_no_more_often_than_the_bound_says() -> None:
    """20 cohorts of 100 patients × 60 features of noise: kept by chance on average ≤ the bound."""
    kept, q = 0, features_per_half(60, 0.7, 10, 1.0)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x, (_, survival) = rng.standard_normal((100, 60)), made(seed, n=100)
        kept += int((selection_frequency(x, survival, q, 10, seed) >= 0.7).sum())
    assert kept / 20 <= expected_false(q, 60, 0.7, 10) <= 1.0


def test_the_bound_of_shah_and_samworth() -> None:
    assert expected_false(10, 100, 0.7, 50) == pytest.approx(100 / 100 / (2 * (1.4 - 1 - 0.01)))
    assert expected_false(10, 100, 0.9, 50) == pytest.approx(4 * (0.1 + 0.01) / 1.02)
    assert features_per_half(744, 0.7, 50, 1.0) == 24
    with pytest.raises(InputError, match="promises nothing"):
        features_per_half(744, 0.5, 50, 1.0)


def test_a_planted_feature_is_selected() -> None:
    x, survival = made(3, n=150, p=40)
    model = StabilitySelection(pairs=20).fit(x, survival, names(x), seed=1)
    assert model.used[0] == "f0" and len(model.used) <= 3 and model.coefficients[0] > 0.4
    assert model.notes["frequency"]["f0"] == 1.0


def labelled(seed: int, classes: int, n: int = 90) -> tuple[np.ndarray, Labels]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 5)) * [1, 2, 1, 0.5, 1] + 3
    codes = np.digitize(x[:, 0] + rng.logistic(size=n), [3.0] if classes == 2 else [2.5, 3.5])
    codes[:6] = np.arange(6) % classes
    return x, Labels(codes, tuple("abc"[:classes]))


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.sampled_from([2, 3]), st.sampled_from([1.0, 0.5]))
def test_conditions_of_the_optimum_of_a_logistic_net(seed: int, classes: int, l1_ratio: float) -> None:
    """Slope of the log-likelihood: λα sign β + λ(1 − α)β where β is not 0, at most λα elsewhere."""
    x, labels = labelled(seed, classes)
    path = logistic_path(x, labels, l1_ratio=l1_ratio, n_penalties=8, tolerance=1e-9)
    z, deviation = standardised(x, ddof=0)
    member = members(labels)
    assert path.settled.all()
    for k, penalty in enumerate(path.penalties):
        eta = path.coefficients[k] @ x.T + path.intercepts[k][:, None]
        every = np.concatenate((np.zeros_like(eta), eta)) if classes == 2 else eta
        chance = np.exp(every) / np.exp(every).sum(axis=0)
        slope = (member - chance[-len(member) :]) @ z / len(x)
        beta = path.coefficients[k] * deviation
        wanted = penalty * (l1_ratio * np.sign(beta) + (1 - l1_ratio) * beta)
        off = np.where(beta != 0, np.abs(slope - wanted), np.maximum(np.abs(slope) - penalty * l1_ratio, 0))
        assert off.max() < 1e-8
        np.testing.assert_allclose((member - chance[-len(member) :]).sum(axis=1), 0, atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.sampled_from([2, 3]))
def test_without_a_penalty_it_is_logistic_regression(seed: int, classes: int) -> None:
    x, labels = labelled(seed, classes, n=200)
    fit = Logistic().fit(x, labels, names(x), seed=0)
    path = logistic_path(x, labels, penalties=np.zeros(1), tolerance=1e-11)
    eta = (path.coefficients[0] @ x.T + path.intercepts[0][:, None]).T
    every = np.column_stack((np.zeros(len(x)), eta)) if classes == 2 else eta
    chance = np.exp(every) / np.exp(every).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fit.probability(x), chance, atol=1e-6)


def test_separated_classes_are_refused_without_a_penalty() -> None:
    x = np.linspace(-1, 1, 40)[:, None]
    with pytest.raises(InputError, match="no finite coefficients"):
        Logistic().fit(x, Labels((x[:, 0] > 0).astype(int), ("a", "b")), ["f"], seed=0)
    twice = np.repeat(np.random.default_rng(0).standard_normal((60, 1)), 2, axis=1)
    with pytest.raises(InputError, match="say the same"):
        Logistic().fit(twice, Labels(np.arange(60) % 2, ("a", "b")), ["f", "g"], seed=0)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.floats(0.1, 1000))
def test_the_sigmoid_does_not_mind_the_unit_and_never_turns_round(seed: int, unit: float) -> None:
    rng = np.random.default_rng(seed)
    member = rng.random(50) < 0.4
    member[:2] = True, False
    decision = rng.standard_normal(50) + 0.7 * member
    one, two = fit_sigmoid(decision, member), fit_sigmoid(decision * unit, member)
    np.testing.assert_allclose(sigmoid(decision * unit, *two), sigmoid(decision, *one), atol=1e-6)
    assert one[0] >= 0 and fit_sigmoid(-decision - 3 * member, member)[0] == 0
    inside, outside = member.sum(), (~member).sum()
    target = np.where(member, (inside + 1) / (inside + 2), 1 / (outside + 2))
    assert abs((target - sigmoid(decision, *one)).sum()) < 1e-5


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(3, 20), min_size=2, max_size=4), SEEDS)
def test_inner_folds_share_each_class_evenly(sizes: list[int], seed: int) -> None:
    labels = Labels(np.repeat(np.arange(len(sizes)), sizes), tuple("abcd"[: len(sizes)]))
    folds = inner_label_folds(labels, 5, seed)
    for code in range(len(sizes)):
        counts = np.bincount(folds[labels.codes == code], minlength=folds.max() + 1)
        assert counts.max() - counts.min() <= 1 and counts.min() >= 1
