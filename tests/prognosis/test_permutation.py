"""Max-T: what a family of features is worth, on noise, on a planted effect and on real patients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from terasu.prognosis.log_rank import median_split_log_rank
from terasu.prognosis.max_t import max_t
from terasu.prognosis.multiplicity import benjamini_hochberg, holm
from terasu.prognosis.survival_data import Survival

FEATURE = "rad_LargeAreaEmphasis.wavelet.LHH"


def noise(seed: int, n: int = 60, p: int = 40) -> tuple[np.ndarray, Survival]:
    rng = np.random.default_rng(seed)
    time, end = rng.exponential(500, n).round() + 1, rng.uniform(200, 1500, n).round()
    return rng.standard_normal((n, p)), Survival(np.minimum(time, end), time <= end)


@pytest.mark.parametrize("statistic", ["median split", "cox score"])
def test_noise_is_called_a_finding_as_rarely_as_promised(statistic) -> None:
    """200 studies of nothing: 5 % may be called findings; 23 or more would happen once in 10,000."""
    best = [
        max_t(*noise(seed), statistic=statistic, permutations=99, seed=seed).adjusted_p.min()
        for seed in range(200)
    ]
    assert 1 <= sum(p <= 0.05 for p in best) <= 22
    assert 0.4 < np.mean(best) < 0.6


@pytest.mark.parametrize("statistic", ["median split", "cox score"])
def test_an_effect_is_found_and_only_that(statistic) -> None:
    x, _ = noise(1, n=150)
    rng = np.random.default_rng(2)
    time = rng.exponential(500 * np.exp(-1.2 * x[:, 7])).round() + 1
    found = max_t(x, Survival(time, np.ones(150)), statistic=statistic, permutations=199, seed=5)
    assert np.flatnonzero(found.adjusted_p <= 0.05).tolist() == [7]
    assert found.adjusted_p[7] == 1 / 200


def test_what_cannot_be_tested_has_no_p_and_does_no_harm() -> None:
    x, survival = noise(4)
    alone = max_t(x, survival, permutations=50, seed=9)
    padded = max_t(np.c_[x, np.ones(60)], survival, permutations=50, seed=9)
    assert padded.untested.tolist() == [False] * 40 + [True]
    assert np.isnan(padded.adjusted_p[-1])
    np.testing.assert_array_equal(padded.adjusted_p[:-1], alone.adjusted_p)


def test_progress_is_told_and_more_permutations_begin_with_the_same() -> None:
    told: list[tuple[int, int]] = []
    x, survival = noise(4)
    long = max_t(x, survival, permutations=120, seed=9, progress=lambda done, of: told.append((done, of)))
    short = max_t(x, survival, permutations=50, seed=9)
    assert told == [(50, 120), (100, 120), (120, 120)]
    np.testing.assert_array_equal(long.largest[:50], short.largest)


def test_the_feature_of_the_original_work_on_250_patients(shared_data: Path) -> None:
    """p = 0.04 by itself, 0.98 among the 797 that were looked at (patients drawn by seed 5)."""
    rows = pd.read_csv(shared_data / "cohorts" / "radar_lung1_ct_797.csv.gz")
    chosen = np.random.default_rng(5).permutation(len(rows))[:250]
    features = rows.filter(regex="^rad_").iloc[chosen]
    survival = Survival(rows["time_days"], rows["event"]).take(chosen)
    place = features.columns.get_loc(FEATURE)
    found = max_t(features.to_numpy(float), survival, permutations=1000, seed=5)
    apparent = median_split_log_rank(features.to_numpy(float), survival).p[place]
    assert features.shape[1] == 797
    assert apparent < 0.05 and abs(found.raw_p[place] - apparent) < 0.03
    assert found.adjusted_p[place] >= 0.5


def test_adjusted_p_values_are_those_of_r() -> None:
    """R 4.2: p.adjust(p, "holm") and p.adjust(p, "BH")."""
    p = [0.04, 0.001, 0.02, 0.5, 0.021]
    np.testing.assert_allclose(holm(p), [0.08, 0.005, 0.08, 0.5, 0.08], rtol=1e-12)
    np.testing.assert_allclose(benjamini_hochberg(p), [0.05, 0.005, 0.035, 0.5, 0.035], rtol=1e-12)
