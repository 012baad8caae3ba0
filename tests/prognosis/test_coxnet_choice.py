"""The penalty that cross-validation chooses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from terasu.prognosis.concordance import harrell_c
from terasu.prognosis.coxnet import coxnet, log_partial_likelihoods
from terasu.prognosis.coxnet_choice import choose_penalty, folds_by_event
from terasu.prognosis.survival_data import Survival


def planted(n: int = 160, p: int = 30, seed: int = 3) -> tuple[np.ndarray, Survival]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, p))
    time = rng.exponential(900 * np.exp(-1.0 * x[:, 0] + 0.8 * x[:, 1])).round() + 1
    end = rng.uniform(300, 3000, n).round()
    return x, Survival(np.minimum(time, end), time <= end)


def test_folds_share_events_and_patients_evenly() -> None:
    _, survival = planted()
    folds = folds_by_event(survival, 5, seed=2)
    events = [int(survival.event[folds == k].sum()) for k in range(5)]
    sizes = np.bincount(folds)
    assert max(events) - min(events) <= 1 and sizes.max() - sizes.min() <= 1
    assert (folds == folds_by_event(survival, 5, seed=2)).all()
    assert (folds != folds_by_event(survival, 5, seed=3)).any()


def test_the_planted_features_are_chosen() -> None:
    x, survival = planted()
    found = choose_penalty(x, survival, folds_by_event(survival, 5, seed=2))
    chosen = found.path.coefficients[found.one_error]
    assert chosen[0] > 0 > chosen[1]
    assert set(np.flatnonzero(np.abs(chosen) > 0.1)) == {0, 1}
    assert found.one_error <= found.best
    assert found.deviance[found.best] == found.deviance.min()


def test_the_deviance_is_that_of_patients_left_out() -> None:
    x, survival = planted()
    folds = folds_by_event(survival, 4, seed=2)
    found = choose_penalty(x, survival, folds, n_penalties=10)
    total = np.zeros(10)
    for fold in range(4):
        inside = folds != fold
        part = coxnet(x[inside], survival.take(inside), penalties=found.path.penalties)
        scores = part.linear_predictors(x)
        total += log_partial_likelihoods(scores, survival)
        total -= log_partial_likelihoods(scores[inside], survival.take(inside))
    np.testing.assert_allclose(found.deviance, -2 * total / survival.events, rtol=1e-9)


def test_folds_side_by_side_change_nothing() -> None:
    x, survival = planted()
    folds = folds_by_event(survival, 5, seed=2)
    one, two = (choose_penalty(x, survival, folds, n_penalties=20, workers=k) for k in (1, 2))
    np.testing.assert_array_equal(one.deviance, two.deviance)


def test_noise_is_left_alone() -> None:
    rng = np.random.default_rng(8)
    x, (_, survival) = rng.standard_normal((160, 60)), planted()
    found = choose_penalty(x, survival, folds_by_event(survival, 5, seed=1))
    assert (found.path.coefficients[found.one_error] == 0).all()


def test_correlated_features_of_real_patients_converge(shared_data: Path) -> None:
    """797 features, many of them nearly the same, down to a hundredth of the largest penalty."""
    rows = pd.read_csv(shared_data / "cohorts" / "radar_lung1_ct_797.csv.gz")
    x, survival = rows.filter(regex="^rad_").to_numpy(float), Survival(rows["time_days"], rows["event"])
    path = coxnet(x, survival, n_penalties=30)
    assert path.settled.all()
    assert (np.diff(path.log_likelihood) > 0).all()
    assert harrell_c(path.linear_predictors(x)[:, -1], survival).c > 0.8  # apparent, on who was fitted
    tight = coxnet(x, survival, n_penalties=30, tolerance=1e-9)
    assert path.log_likelihood == pytest.approx(tight.log_likelihood, abs=0.02)
