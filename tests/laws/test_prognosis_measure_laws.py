"""What must hold for areas, calibration, net benefit, groups and calls, whatever the patients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terasu.errors import InputError
from terasu.prognosis.calibration import label_calibration
from terasu.prognosis.calibration_survival import pseudo_survival, survival_calibration
from terasu.prognosis.confusion import confusion, wilson
from terasu.prognosis.cox import cox
from terasu.prognosis.decision_curve import decision_curve, survival_decision_curve
from terasu.prognosis.groups import RiskGroups
from terasu.prognosis.kaplan_meier import kaplan_meier, survival_at
from terasu.prognosis.models.contract import Labels
from terasu.prognosis.nested_models import gain_over_baseline
from terasu.prognosis.roc import auc, delong_test, hand_till, roc_curve
from terasu.prognosis.survival_data import Survival

SEEDS = st.integers(0, 10_000)


def scored(seed: int, n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Scores with ties, and classes."""
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.4
    positive[:4] = True, False, True, False
    return (rng.standard_normal(n) + positive).round(1), positive


def followed(seed: int, n: int = 40) -> Survival:
    """Ties of events and censorings; the longest follow-up is 40 days."""
    rng = np.random.default_rng(seed)
    time, event = rng.integers(1, 30, n), rng.random(n) < 0.6
    time[0], event[1] = 40, True
    return Survival(time, event)


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_the_area_counts_pairs_and_is_the_area(seed: int) -> None:
    score, positive = scored(seed)
    found = auc(score, positive)
    pairs = np.subtract.outer(score[positive], score[~positive])
    assert found.auc == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    curve = roc_curve(score, positive)
    assert found.auc == pytest.approx(np.trapezoid(curve.sensitivity, 1 - curve.specificity))
    assert auc(-score, positive).auc == pytest.approx(1 - found.auc)
    assert auc(np.exp(score), positive).variance == pytest.approx(found.variance)
    assert hand_till(np.column_stack((-score, score)), positive.astype(int)) == pytest.approx(found.auc)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_delongs_variance_by_its_definition(seed: int) -> None:
    score, positive = scored(seed)
    pairs = np.subtract.outer(score[positive], score[~positive])
    kernel = (pairs > 0) + 0.5 * (pairs == 0)
    m, k = kernel.shape
    expected = kernel.mean(axis=1).var(ddof=1) / m + kernel.mean(axis=0).var(ddof=1) / k
    assert auc(score, positive).variance == pytest.approx(expected)
    same = delong_test(score, 2 * score + 1, positive)
    assert same.p == 1 and same.difference.value == 0
    other = np.random.default_rng(seed + 1).standard_normal(len(score))
    there, back = delong_test(score, other, positive), delong_test(other, score, positive)
    assert there.p == pytest.approx(back.p) and there.z == pytest.approx(-back.z)


def test_one_class_alone_has_no_area() -> None:
    with pytest.raises(InputError, match="Only one of the two classes"):
        auc([0.1, 0.4], [1, 1])


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.floats(3, 29))
def test_pseudo_values_by_leaving_each_patient_out(seed: int, horizon: float) -> None:
    survival = followed(seed)
    n, found = len(survival), pseudo_survival(survival, horizon)
    whole = survival_at(kaplan_meier(survival), horizon)[0][0]
    for i in range(n):
        rest = survival.take(np.arange(n) != i)
        if rest.time_days.max() < horizon:
            continue
        without = survival_at(kaplan_meier(rest), horizon)[0][0]
        assert found[i] == pytest.approx(n * whole - (n - 1) * without, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_without_censoring_pseudo_values_are_who_lives(seed: int) -> None:
    survival = Survival(followed(seed).time_days, np.ones(40))
    np.testing.assert_allclose(pseudo_survival(survival, 15), survival.time_days > 15, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_without_censoring_net_benefit_is_that_of_a_label(seed: int) -> None:
    survival = Survival(followed(seed).time_days, np.ones(40))
    risk = np.random.default_rng(seed).random(40).round(1)
    dead = survival.time_days <= 15
    if dead.all() or not dead.any():
        return
    asked = [0.05, 0.2, 0.5, 0.85]
    label, timed = decision_curve(risk, dead, asked), survival_decision_curve(risk, survival, 15, asked)
    np.testing.assert_allclose(timed.model, label.model, atol=1e-12)
    np.testing.assert_allclose(timed.treat_all, label.treat_all, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_net_benefit_of_those_who_know_everything_and_nothing(seed: int) -> None:
    _, positive = scored(seed)
    asked = np.array([0.1, 0.5, 0.9])
    perfect = decision_curve(positive.astype(float), positive, asked)
    np.testing.assert_allclose(perfect.model, positive.mean())
    share = float(positive.mean())
    same = decision_curve(np.full(40, 0.95), positive, [share])
    assert same.model[0] == pytest.approx(0, abs=1e-12) and same.treat_all[0] == pytest.approx(0, abs=1e-12)


def test_a_true_model_is_calibrated_and_a_bold_one_is_not() -> None:
    rng = np.random.default_rng(1)
    log_odds = rng.standard_normal(4000)
    positive = rng.random(4000) < 1 / (1 + np.exp(-log_odds))
    true = label_calibration(1 / (1 + np.exp(-log_odds)), positive, level=0.999)
    bold = label_calibration(1 / (1 + np.exp(-2 * log_odds)), positive)
    assert true.slope.lower < 1 < true.slope.upper and true.intercept.lower < 0 < true.intercept.upper
    assert bold.slope.value == pytest.approx(true.slope.value / 2, rel=1e-4) and bold.brier > true.brier
    assert all(one.observed.lower - 0.02 < one.predicted < one.observed.upper + 0.02 for one in true.groups)


def test_a_true_survival_model_is_calibrated_and_a_bold_one_is_not() -> None:
    rng = np.random.default_rng(2)
    risk = rng.standard_normal(3000)
    time, end = rng.exponential(1000 * np.exp(-risk)), rng.uniform(200, 2500, 3000)
    survival = Survival(np.minimum(time, end), time <= end)
    true = survival_calibration(1 - np.exp(-0.5 * np.exp(risk)), survival, 500, level=0.999)
    bold = survival_calibration(1 - np.exp(-0.5 * np.exp(2 * risk)), survival, 500)
    assert true.slope.lower < 1 < true.slope.upper and true.intercept.lower < 0 < true.intercept.upper
    assert true.ici < 0.02 < bold.ici and bold.slope.value == pytest.approx(true.slope.value / 2, rel=0.03)
    assert true.observed_by_expected == pytest.approx(1, abs=0.05) and true.e50 <= true.e90


def test_equal_predictions_have_an_intercept_but_no_slope() -> None:
    survival = followed(3)
    found = survival_calibration(np.full(40, 0.5), survival, 15)
    assert np.isnan(found.slope.value) and np.isnan(found.ici) and np.isfinite(found.intercept.value)
    whole = 1 - survival_at(kaplan_meier(survival), 15)[0][0]
    assert 1 - np.exp(-np.exp(found.intercept.value + np.log(np.log(2)))) == pytest.approx(whole)
    label = label_calibration(np.full(40, 0.5), np.arange(40) < 10)
    assert np.isnan(label.slope.value) and label.intercept.value == pytest.approx(-np.log(3))


def test_scores_are_no_probabilities() -> None:
    for judge in (
        lambda: label_calibration([1.2, 0.1], [1, 0]),
        lambda: survival_calibration(np.full(40, 1.5), followed(1), 10),
        lambda: decision_curve([1.2, 0.1], [1, 0], [0.5]),
        lambda: decision_curve([0.2, 0.1], [1, 0], [1.0]),
    ):
        with pytest.raises(InputError, match=r"probabilities|risks from 0 to 1"):
            judge()


def test_limits_of_a_share_as_published() -> None:
    """Newcombe 1998, doi 10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, table I."""
    for hits, patients, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
    ):
        found = wilson(hits, patients)
        assert (found.lower, found.upper) == pytest.approx((low, high), abs=5e-5)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_calls_of_two_classes_mirror_each_other(seed: int) -> None:
    score, positive = scored(seed)
    found = confusion(positive.astype(int), (score > 0.5).astype(int), ("no", "yes"))
    assert found.table.sum() == 40 and found.table.sum(axis=1).tolist() == [(~positive).sum(), positive.sum()]
    assert found.sensitivity[0].value == found.specificity[1].value
    assert found.balanced_accuracy == pytest.approx(np.mean([one.value for one in found.sensitivity]))
    perfect = confusion(positive.astype(int), positive.astype(int), ("no", "yes"))
    assert perfect.accuracy.value == 1 == perfect.accuracy.upper


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.sampled_from(["median", "tertiles"]))
def test_groups_are_cut_by_the_scores_they_learned_from_only(seed: int, rule: str) -> None:
    score = np.random.default_rng(seed).standard_normal(61)
    groups = RiskGroups.of(score, "median" if rule == "median" else "tertiles")
    sizes = np.bincount(groups.assign(score))
    assert sizes.max() - sizes.min() <= 2 and len(sizes) == len(groups.names)
    assert (groups.assign(score[:3]) == groups.assign(score)[:3]).all()
    assert (np.diff(groups.assign(np.sort(score))) >= 0).all()
    cut = groups.cuts[0]  # who scores the cut-point itself belongs below
    assert groups.assign([cut, np.nextafter(cut, np.inf)]).tolist() == [0, 1]
    with pytest.raises(InputError, match="would be empty"):
        RiskGroups.of(np.zeros(20))


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_gain_over_nothing_is_the_likelihood_ratio_of_the_model(seed: int) -> None:
    survival, x = followed(seed), np.random.default_rng(seed).standard_normal((40, 3))
    constant = np.ones(40)
    gain = gain_over_baseline(constant, x, survival)
    expected = cox(x, survival).likelihood_ratio
    assert gain.test.chi2 == pytest.approx(expected.chi2, abs=1e-7) and gain.test.degrees == 3
    nothing = gain_over_baseline(x, constant, survival)
    assert nothing.test.p == 1 and nothing.test.chi2 == 0
    labels = Labels(survival.event.astype(int), ("a", "b"))
    assert gain_over_baseline(constant, constant, labels).test.p == 1
