"""What must hold for every follow-up, whoever is followed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from terasu.errors import InputError
from terasu.prognosis.brier import brier_score
from terasu.prognosis.concordance import harrell_c, uno_c
from terasu.prognosis.cox import cox
from terasu.prognosis.cox_univariable import univariable_cox
from terasu.prognosis.coxnet import coxnet, log_partial_likelihoods
from terasu.prognosis.kaplan_meier import (
    confidence_band,
    kaplan_meier,
    median_survival,
    numbers_at_risk,
    restricted_mean,
)
from terasu.prognosis.log_rank import log_rank, median_split_log_rank
from terasu.prognosis.max_t import max_t
from terasu.prognosis.multiplicity import benjamini_hochberg, holm
from terasu.prognosis.survival_data import Survival
from terasu.prognosis.time_dependent_auc import time_dependent_auc, time_dependent_roc

quick = settings(max_examples=40, deadline=None)


@st.composite
def follow_ups(
    draw: st.DrawFn, least: int = 8, most: int = 30, last: int = 12, censored: bool = True
) -> Survival:
    """With ties as soon as there are more patients than days."""
    n = draw(st.integers(least, most))
    time = draw(st.lists(st.integers(1, last), min_size=n, max_size=n))
    event = draw(st.lists(st.booleans(), min_size=n, max_size=n)) if censored else [True] * n
    event[draw(st.integers(0, n - 1))] = True
    return Survival(time, event)


@st.composite
def cohorts(draw: st.DrawFn, p: int = 3) -> tuple[np.ndarray, Survival]:
    survival = draw(follow_ups(least=15, most=40))
    seed = draw(st.integers(0, 2**32 - 1))
    x = np.random.default_rng(seed).standard_normal((len(survival), p)).round(1)
    assume((x.std(axis=0) > 0).all() and survival.events >= 5)
    return x, survival


@quick
@given(follow_ups(censored=False))
def test_without_censoring_the_curve_is_the_share_of_those_alive(survival: Survival) -> None:
    curve = kaplan_meier(survival)
    alive = [(survival.time_days > t).mean() for t in curve.table.time_days]
    np.testing.assert_allclose(curve.survival, alive, atol=1e-12)
    horizon = float(survival.time_days.max())
    assert restricted_mean(curve, horizon).mean_days == pytest.approx(survival.time_days.mean())


@quick
@given(follow_ups(), st.sampled_from(["log-log", "log", "plain"]))
def test_a_band_holds_its_curve_and_a_wider_level_a_narrower(survival: Survival, kind) -> None:
    curve = kaplan_meier(survival)
    low, high = confidence_band(curve, 0.95, kind)
    inner_low, inner_high = confidence_band(curve, 0.5, kind)
    known = curve.survival > 0
    order = np.stack([low, inner_low, curve.survival, inner_high, high])[:, known]
    assert (np.diff(order, axis=0) >= -1e-12).all()
    median = median_survival(curve, 0.95, kind)
    assert median.lower <= median.value <= median.upper


@quick
@given(follow_ups())
def test_numbers_at_risk_are_those_followed_so_long(survival: Survival) -> None:
    times = np.arange(0, 14)
    assert numbers_at_risk(survival, times).tolist() == [int((survival.time_days >= t).sum()) for t in times]


@quick
@given(cohorts())
def test_only_the_order_of_times_counts(cohort) -> None:
    x, survival = cohort
    other = Survival(np.exp(survival.time_days / 3) + 7, survival.event)
    one, two = univariable_cox(x, survival), univariable_cox(x, other)
    np.testing.assert_allclose(one.lr_chi2, two.lr_chi2, rtol=1e-9)
    np.testing.assert_allclose(
        median_split_log_rank(x, survival).chi2, median_split_log_rank(x, other).chi2, rtol=1e-12
    )
    assert harrell_c(x[:, 0], survival).c == harrell_c(x[:, 0], other).c


@quick
@given(cohorts(), st.permutations(range(40)))
def test_the_order_of_patients_does_not_count(cohort, shuffled) -> None:
    x, survival = cohort
    rows = np.array([i for i in shuffled if i < len(x)])
    other = survival.take(rows)
    one, two = univariable_cox(x, survival), univariable_cox(x[rows], other)
    np.testing.assert_allclose(one.lr_chi2, two.lr_chi2, rtol=1e-9, atol=1e-12)
    assert harrell_c(x[:, 0], survival).c == pytest.approx(harrell_c(x[rows, 0], other).c, rel=1e-14)
    table = np.stack([median_split_log_rank(x, survival).chi2, median_split_log_rank(x[rows], other).chi2])
    np.testing.assert_allclose(table[0], table[1], rtol=1e-9, atol=1e-12)


@quick
@given(cohorts(), st.sampled_from(["efron", "breslow"]), st.booleans())
def test_all_features_at_once_are_each_by_itself(cohort, ties, by_centre) -> None:
    x, survival = cohort
    centre = np.arange(len(x)) % 2 if by_centre else None
    together = univariable_cox(x, survival, ties=ties, strata=centre)
    for j, reason in enumerate(together.reason):
        if reason:
            continue
        alone = cox(x[:, [j]], survival, ties=ties, strata=centre)
        assert alone.reason == ""
        found = (together.coefficient[j], together.standard_error[j], together.p[j])
        expected = (alone.coefficients[0], alone.standard_errors[0], alone.p[0])
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
        assert together.lr_chi2[j] == pytest.approx(alone.likelihood_ratio.chi2, rel=1e-6, abs=1e-9)
        assert together.score_chi2[j] == pytest.approx(alone.score.chi2, rel=1e-9, abs=1e-12)
        middle, low, high = alone.hazard_ratios(per_deviation=True)
        found = (together.hazard_ratio[j], together.hazard_ratio_lower[j], together.hazard_ratio_upper[j])
        np.testing.assert_allclose(found, (middle[0], low[0], high[0]), rtol=1e-5)


@quick
@given(cohorts(p=1), st.floats(0.01, 100), st.floats(-50, 50))
def test_a_change_of_unit_changes_only_the_unit(cohort, scale, shift) -> None:
    x, survival = cohort
    one, two = univariable_cox(x, survival), univariable_cox(x * scale + shift, survival)
    assume(one.reason == ("",))
    assert two.coefficient[0] * scale == pytest.approx(one.coefficient[0], rel=1e-5, abs=1e-8)
    assert two.hazard_ratio[0] == pytest.approx(one.hazard_ratio[0], rel=1e-5)


@quick
@given(st.permutations(range(1, 25)), st.integers(0, 2**24 - 1), st.integers(1, 2**24 - 2))
def test_without_ties_the_score_test_of_a_split_is_the_log_rank_test(times, events, groups) -> None:
    event, group = (np.array([one >> i & 1 for i in range(24)]) for one in (events, groups))
    survival = Survival(times, event)
    assume(survival.events >= 1)
    single = univariable_cox(group, survival)
    assume("" in single.reason or "monotone" in single.reason[0])
    assert single.score_chi2[0] == pytest.approx(log_rank(survival, group).chi2, rel=1e-9)


@quick
@given(cohorts(), st.sampled_from(["log-rank", "gehan", "tarone-ware", "peto"]))
def test_names_of_groups_do_not_matter_to_the_log_rank_test(cohort, weighting) -> None:
    x, survival = cohort
    group = np.digitize(x[:, 0], [-0.5, 0.5])
    assume(len(np.unique(group)) == 3)
    one = log_rank(survival, group, weighting=weighting)
    two = log_rank(survival, np.array(["c", "a", "b"])[group], weighting=weighting)
    assert one.chi2 == pytest.approx(two.chi2, rel=1e-7, abs=1e-9)
    assert one.observed.sum() == pytest.approx(one.expected.sum())


@quick
@given(cohorts())
def test_the_median_split_is_the_log_rank_test_of_both_halves(cohort) -> None:
    x, survival = cohort
    split = median_split_log_rank(x, survival)
    for j in range(x.shape[1]):
        if split.reason[j]:
            continue
        whole = log_rank(survival, x[:, j] > np.median(x[:, j]))
        assert split.chi2[j] == pytest.approx(whole.chi2, rel=1e-9, abs=1e-12)
        assert split.observed_minus_expected[j] == pytest.approx(
            whole.observed[1] - whole.expected[1], abs=1e-9
        )


@quick
@given(cohorts(p=1))
def test_c_counts_pairs_and_turns_over_with_the_score(cohort) -> None:
    x, survival = cohort
    score, time, event = x[:, 0], survival.time_days, survival.event
    won = lost = even = 0
    for i in np.flatnonzero(event):
        later = (time > time[i]) | ((time == time[i]) & ~event)
        won += int((score[later] < score[i]).sum())
        lost += int((score[later] > score[i]).sum())
        even += int((score[later] == score[i]).sum())
    assume(won + lost + even > 0)
    found, turned = harrell_c(score, survival), harrell_c(-score, survival)
    assert (found.concordant, found.discordant, found.tied_score) == (won, lost, even)
    assert found.c == pytest.approx(1 - turned.c)
    assert found.standard_error == pytest.approx(turned.standard_error)
    assert abs(found.influence.sum()) < 1e-9


@quick
@given(cohorts(p=1))
def test_the_roc_at_a_horizon_encloses_its_auc(cohort) -> None:
    x, survival = cohort
    score = x[:, 0].round(1)  # with ties
    horizon = float(np.median(survival.time_days))
    assume((survival.event & (survival.time_days <= horizon)).any() and survival.time_days.max() > horizon)
    curve = time_dependent_roc(score, survival, horizon)
    area = np.trapezoid(curve.sensitivity, 1 - curve.specificity)
    assert area == pytest.approx(time_dependent_auc(score, survival, [horizon]).auc[0])
    assert (curve.sensitivity[0], curve.specificity[0]) == (0, 1)
    assert (curve.sensitivity[-1], curve.specificity[-1]) == pytest.approx((1, 0))
    assert (np.diff(curve.sensitivity) >= -1e-12).all() and (np.diff(curve.specificity) <= 0).all()


@quick
@given(follow_ups(censored=False), st.integers(0, 2**32 - 1))
def test_without_censoring_no_weight_is_needed(survival: Survival, seed: int) -> None:
    score = np.random.default_rng(seed).standard_normal(len(survival)).round(1)
    assume(len(np.unique(survival.time_days)) > 2)
    beyond = float(survival.time_days.max()) + 1
    assert uno_c(score, survival, beyond).c == pytest.approx(harrell_c(score, survival).c)
    middle = float(np.unique(survival.time_days)[0]) + 0.5
    dead = survival.time_days <= middle
    won = (score[dead][:, None] > score[~dead]) + 0.5 * (score[dead][:, None] == score[~dead])
    assert time_dependent_auc(score, survival, [middle]).auc[0] == pytest.approx(won.mean())
    predicted = 1 / (1 + np.exp(score))
    assert brier_score(predicted, survival, [middle])[0] == pytest.approx(np.mean((predicted - ~dead) ** 2))


@quick
@given(cohorts())
def test_without_penalty_the_elastic_net_is_cox(cohort) -> None:
    x, survival = cohort
    fit = cox(x, survival, ties="breslow")
    assume(fit.reason == "" and np.abs(fit.coefficients).max() < 5)
    path = coxnet(x, survival, penalties=[0.1, 1e-9], tolerance=1e-9)
    np.testing.assert_allclose(path.coefficients[1], fit.coefficients, rtol=1e-4, atol=1e-5)
    assert path.log_likelihood[1] == pytest.approx(fit.log_likelihood, rel=1e-7)


@quick
@given(cohorts(p=8), st.sampled_from([0.3, 0.8, 1.0]))
def test_the_elastic_net_meets_the_conditions_of_its_optimum(cohort, l1_ratio) -> None:
    """Karush, Kuhn and Tucker, with a slope of the likelihood that knows nothing of the fit's own."""
    x, survival = cohort
    path = coxnet(x, survival, l1_ratio=l1_ratio, n_penalties=6, smallest=0.1, tolerance=1e-8)
    assert path.settled.all()
    assert (path.coefficients[0] == 0).all()
    assert (np.diff(path.log_likelihood) >= -1e-6).all()
    deviation, step = x.std(axis=0), 1e-5
    for penalty, beta in zip(path.penalties, path.coefficients, strict=True):
        moves = np.eye(8) * step / deviation
        both = log_partial_likelihoods(x @ np.vstack([beta + moves, beta - moves]).T, survival)
        slope = (both[:8] - both[8:]) / (2 * step * len(x)) - penalty * (1 - l1_ratio) * beta * deviation
        rests = beta == 0
        assert (np.abs(slope[rests]) <= penalty * l1_ratio + 1e-6).all()
        np.testing.assert_allclose(slope[~rests], penalty * l1_ratio * np.sign(beta[~rests]), atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(cohorts(p=6), st.sampled_from(["median split", "cox score"]))
def test_a_family_is_never_surer_than_one_of_its_features(cohort, statistic) -> None:
    x, survival = cohort
    found = max_t(x, survival, statistic=statistic, permutations=60, seed=3)
    tested = ~found.untested
    assert (found.adjusted_p[tested] >= found.raw_p[tested]).all()
    order = np.argsort(found.chi2[tested])
    assert (np.diff(found.adjusted_p[tested][order]) <= 0).all()
    again = max_t(x, survival, statistic=statistic, permutations=60, seed=3)
    np.testing.assert_array_equal(found.adjusted_p, again.adjusted_p)
    single = (
        median_split_log_rank(x, survival).chi2
        if statistic == "median split"
        else univariable_cox(x, survival).score_chi2
    )
    np.testing.assert_allclose(found.chi2[tested], single[tested], rtol=1e-8, atol=1e-10)


@quick
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_p_values_are_larger_and_in_the_same_order(values) -> None:
    p = np.array(values)
    for adjusted in (holm(p), benjamini_hochberg(p)):
        assert (adjusted >= p - 1e-12).all() and (adjusted <= 1).all()
        assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= -1e-12).all()
    assert (holm(p) >= benjamini_hochberg(p) - 1e-9).all()
    assert holm(p).min() == pytest.approx(min(1, len(p) * p.min()))


@quick
@given(follow_ups(), st.sampled_from([-1.0, np.nan, np.inf]), st.integers(0, 7))
def test_a_time_that_cannot_be_is_refused_with_its_row(survival, bad, row) -> None:
    time = survival.time_days.copy()
    time[row] = bad
    with pytest.raises(InputError, match=f"row {row + 1}"):
        Survival(time, survival.event)
