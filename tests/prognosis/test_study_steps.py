"""Steps before the model: what they learn, from whom, and that they come back from JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.preprocessing import PowerTransformer

from terasu.errors import InputError
from terasu.prognosis.models.contract import Labels
from terasu.prognosis.study.steps.clinical import clinical_from, fit_clinical
from terasu.prognosis.study.steps.columns import Columns, Rows
from terasu.prognosis.study.steps.combat import Combat
from terasu.prognosis.study.steps.filters import Correlation, Stability, Univariable, Variance
from terasu.prognosis.study.steps.impute import Impute
from terasu.prognosis.study.steps.independent import Independent
from terasu.prognosis.study.steps.log import Log
from terasu.prognosis.study.steps.reading import step_from_dict
from terasu.prognosis.study.steps.scale import Scale
from terasu.prognosis.study.univariable import univariable_chi2
from terasu.prognosis.survival_data import Survival

RNG = np.random.default_rng(5)
N = 60
X = Columns(tuple(f"f{i}" for i in range(6)), RNG.lognormal(size=(N, 6)))
OUTCOME = Survival(RNG.exponential(500, N).round() + 1, RNG.random(N) < 0.7)
ROWS = Rows(RNG.choice(["a", "b", "c"], N))
STEPS = [
    Impute(),
    Impute(flag=True),
    Scale(),
    Log(),
    Scale("robust"),
    Scale("yeo-johnson"),
    Combat(),
    Variance(),
    Correlation(0.9),
    Univariable(3),
    Independent(),
    Stability(frozenset({"f1", "f4"})),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda one: type(one).__name__)
def test_a_fitted_step_comes_back_from_json_the_same_to_the_last_bit(step) -> None:
    fitted = step.fit(X, OUTCOME, ROWS)
    again = step_from_dict(json.loads(json.dumps(fitted.as_dict(), allow_nan=False)))
    new = Columns(X.names, np.random.default_rng(6).lognormal(size=(9, 6)))
    rows = Rows(np.array(["a", "b", "c"] * 3))
    first, second = fitted.apply(new, rows), again.apply(new, rows)
    assert first.names == second.names
    np.testing.assert_array_equal(first.x, second.x)


@pytest.mark.parametrize("step", STEPS, ids=lambda one: type(one).__name__)
def test_what_a_row_becomes_does_not_depend_on_its_company(step) -> None:
    fitted = step.fit(X, OUTCOME, ROWS)
    whole = fitted.apply(X, ROWS).x
    for i in (0, 17):
        alone = fitted.apply(Columns(X.names, X.x[[i]]), Rows(ROWS.centres[[i]]))
        np.testing.assert_array_equal(alone.x[0], whole[i])


def test_medians_fill_in_and_flags_say_where() -> None:
    holes = X.x.copy()
    holes[::3, 2] = np.nan
    holes[:, 4] = np.nan
    fitted = Impute(flag=True).fit(Columns(X.names, holes), OUTCOME, ROWS)
    found = fitted.apply(Columns(X.names, holes), ROWS)
    assert found.names == ("f0", "f1", "f2", "f3", "f5", "f2 missing")
    assert found.x[0, 2] == np.nanmedian(holes[:, 2]) and found.x[:, 5].sum() == 20


def test_scales_are_what_they_are_called() -> None:
    z = Scale().fit(X, OUTCOME, ROWS).apply(X, ROWS).x
    np.testing.assert_allclose((z.mean(axis=0), z.std(axis=0)), (np.zeros(6), np.ones(6)), atol=1e-12)
    robust = Scale("robust").fit(X, OUTCOME, ROWS).apply(X, ROWS).x
    np.testing.assert_allclose(np.median(robust, axis=0), 0, atol=1e-12)
    constant = Columns(("c",), np.full((N, 1), 3.3))
    assert (Scale().fit(constant, OUTCOME, ROWS).apply(constant, ROWS).x == 0).all()


def test_yeo_johnson_is_that_of_scikit_learn() -> None:
    x = np.column_stack([X.x, np.random.default_rng(1).normal(size=N) ** 3])
    unit = (x - x.mean(axis=0)) / x.std(axis=0)
    columns = Columns(tuple("abcdefg"), x)
    ours = Scale("yeo-johnson").fit(columns, OUTCOME, ROWS).apply(columns, ROWS).x
    theirs = PowerTransformer().fit_transform(unit)
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_of_two_alike_the_one_that_tells_more_is_kept() -> None:
    risk = np.random.default_rng(2).normal(size=N)
    time = np.random.default_rng(3).exponential(np.exp(-2 * risk))
    x = np.column_stack([risk + np.random.default_rng(4).normal(0, 0.3, N), risk])
    columns = Columns(("noisy", "clean"), x)
    assert spearmanr(x).statistic > 0.9
    told = Survival(time, np.ones(N))
    assert Correlation(0.9).fit(columns, told, ROWS).names == ("clean",)
    assert Correlation(0.9, "first").fit(columns, told, ROWS).names == ("noisy",)
    assert Correlation(0.999).fit(columns, told, ROWS).names == ("noisy", "clean")


def test_f_of_two_classes_is_the_square_of_t() -> None:
    from scipy.stats import f_oneway

    codes = np.random.default_rng(0).integers(0, 3, N)
    found = univariable_chi2(X.x, Labels(codes, ("a", "b", "c")))
    theirs = f_oneway(*(X.x[codes == code] for code in range(3))).statistic
    np.testing.assert_allclose(found, theirs, rtol=1e-9)


def test_combat_takes_shift_and_spread_of_centres_away_and_no_biology() -> None:
    rng = np.random.default_rng(8)
    n, p = 300, 40
    centre = rng.choice(["a", "b"], n)
    truth = rng.normal(size=(n, p))
    shift, scale = rng.normal(2, 0.5, p), rng.uniform(1.5, 2.5, p)
    x = np.where((centre == "b")[:, None], truth * scale + shift, truth)
    columns = Columns(tuple(map(str, range(p))), x)
    outcome = Survival(rng.exponential(size=n), np.ones(n))
    found = Combat().fit(columns, outcome, Rows(centre)).apply(columns, Rows(centre)).x
    gap = np.abs(found[centre == "a"].mean(axis=0) - found[centre == "b"].mean(axis=0))
    before = np.abs(x[centre == "a"].mean(axis=0) - x[centre == "b"].mean(axis=0))
    assert gap.mean() < 0.05 * before.mean()
    ratio = found[centre == "b"].std(axis=0) / found[centre == "a"].std(axis=0)
    assert np.abs(ratio - 1).mean() < 0.06
    inside = [np.corrcoef(found[centre == c, 3], truth[centre == c, 3])[0, 1] for c in "ab"]
    assert min(inside) > 0.999


def test_a_centre_that_was_not_seen_is_refused_or_passed_with_a_caution() -> None:
    new = Columns(X.names, X.x[:2])
    with pytest.raises(InputError, match="too few training patients"):
        Combat().fit(X, OUTCOME, ROWS).apply(new, Rows(np.array(["a", "z"])))
    fitted = Combat("pass").fit(X, OUTCOME, ROWS)
    np.testing.assert_array_equal(fitted.apply(new, Rows(np.array(["z", "z"]))).x, X.x[:2])
    assert fitted.cautions(Rows(np.array(["a", "z"])))[0].startswith("Centre 'z'")


def test_words_become_columns_and_a_new_word_is_none_of_them() -> None:
    table = pd.DataFrame(
        {"age": [50.0, np.nan, 70.0, 60.0], "stage": ["I", "II", "I", None], "same": ["x"] * 4}
    )
    fitted = fit_clinical(table, ("age", "stage", "same"))
    assert fitted.names == ("age", "stage = (missing)", "stage = II")
    again = clinical_from(json.loads(json.dumps(fitted.as_dict())))
    new = pd.DataFrame({"age": [np.nan], "stage": ["IV"], "same": ["y"]})
    assert again.apply(new).x[0, 1:].tolist() == [0.0, 0.0]
    assert again.strangers(new) == ("stage",)
    np.testing.assert_array_equal(again.apply(table).x, fitted.apply(table).x)


def test_combinations_of_columns_are_left_out_in_order() -> None:
    x = np.column_stack([X.x[:, :2], X.x[:, 0] - 3 * X.x[:, 1], X.x[:, 2]])
    assert Independent().fit(Columns(("a", "b", "c", "d"), x), OUTCOME, ROWS).names == ("a", "b", "d")


def test_stability_reads_the_table_of_icc(tmp_path: Path) -> None:
    from made_study import made_study, made_tables
    from terasu.prognosis.study.run import check_study

    icc = pd.DataFrame({"feature": ["f_1", "f_2", "f_3"], "icc": 0.95, "ci_low": [0.8, 0.6, np.nan]})
    icc.to_csv(tmp_path / "icc.csv", index=False)
    said = 'steps = [{ step = "impute" }, { step = "stability", table = "icc.csv", least = "good" }]'
    told = check_study(made_study(tmp_path, made_tables(), options=said).path)
    assert told.models[0].variables == 1
    said = said.replace('"good"', "0.5")
    assert check_study(made_study(tmp_path, made_tables(), options=said).path).models[0].variables == 2
