"""What every candidate model has to keep to, survival or classes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from terasu.errors import InputError
from terasu.prognosis.concordance import harrell_c
from terasu.prognosis.models.contract import FittedLabel, FittedSurvival, Labels
from terasu.prognosis.models.registry import LABEL, SURVIVAL, label_model, survival_model
from terasu.prognosis.models.stored import model_from_dict
from terasu.prognosis.roc import auc, hand_till
from terasu.prognosis.survival_data import Survival

EVERY = [*SURVIVAL, *LABEL]
NAMES = tuple(f"f{i}" for i in range(8))
QUICK = {  # the same recipes with fewer trees
    "survival_forest": {"n_trees": 50},
    "survival_boosting_trees": {"most_trees": 30, "folds": 4},
    "random_forest": {"n_trees": 60},
    "gradient_boosting": {"most_rounds": 40, "folds": 4},
    "stability_selection": {"pairs": 15},
}
TIMES = [0.0, 100.0, 365.0, 700.0, 1000.0]


@cache
def made(n: int = 140, p: int = 8, seed: int = 5) -> tuple[np.ndarray, Survival, Labels, Labels]:
    """Features of which the first two matter; follow-up, two classes, three classes."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, p))
    risk = 1.2 * x[:, 0] - 0.8 * x[:, 1]
    time = rng.exponential(700 * np.exp(-risk)).round() + 1
    end = rng.uniform(300, 2000, n).round()
    end[0], time[0] = 2000, 2500
    noisy = risk + rng.logistic(size=n) * 0.7
    two = Labels((noisy > 0.3).astype(int), ("G3", "G4"))
    three = Labels(np.digitize(noisy, [-0.7, 0.7]), ("low", "middle", "high"))
    return x, Survival(np.minimum(time, end), time <= end), two, three


def recipe(name: str, **settings: Any) -> Any:
    known = SURVIVAL[name].recipe if name in SURVIVAL else LABEL[name].recipe
    return replace(known, **(QUICK.get(name, {}) | settings))


def fit(name: str, x: np.ndarray, names: tuple[str, ...], seed: int = 3, classes: int = 2) -> Any:
    _, survival, two, three = made(len(x))
    outcome = survival if name in SURVIVAL else two if classes == 2 else three
    return recipe(name).fit(x, outcome, names, seed=seed)


@cache
def fitted(name: str) -> Any:
    return fit(name, made()[0], NAMES)


def predictions(model: Any, x: np.ndarray) -> np.ndarray:
    found = model.survival(x, TIMES) if hasattr(model, "survival") else model.probability(x)
    return np.column_stack((model.score(x), found))


@pytest.fixture(params=EVERY)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_name_is_the_key_and_says_what_it_is(name: str) -> None:
    candidate = SURVIVAL[name] if name in SURVIVAL else LABEL[name]
    assert candidate.recipe.name == name == fitted(name).name
    assert 10 < len(candidate.description) < 80


def test_names_are_kept_in_order_and_weights_belong_to_them(name: str) -> None:
    model = fitted(name)
    assert model.features == NAMES
    weights = model.weights()
    assert set(weights) <= set(NAMES) and all(np.isfinite(one) for one in weights.values())
    strongest = sorted(weights, key=lambda one: -abs(weights[one]))[:2]
    assert set(strongest) == {"f0", "f1"}


def test_new_patients_are_told_apart(name: str) -> None:
    x, survival, two, _ = made(seed=6)
    score = fitted(name).score(x)
    found = harrell_c(score, survival).c if name in SURVIVAL else auc(score, two.codes).auc
    assert found > 0.7


@pytest.mark.parametrize("name", SURVIVAL)
def test_survival_falls_from_one(name: str) -> None:
    x = made(seed=6)[0]
    model: FittedSurvival = fitted(name)
    found = model.survival(x, TIMES)
    assert found.shape == (len(x), len(TIMES))
    assert (found >= 0).all() and (found <= 1).all() and (np.diff(found, axis=1) <= 0).all()
    assert (found[:, 0] == 1).all()
    worse = np.corrcoef(np.argsort(np.argsort(model.score(x))), np.argsort(np.argsort(found[:, 2])))[0, 1]
    assert worse < -0.95
    for impossible in (-1.0, np.nan, 2001.0):
        with pytest.raises(InputError, match="beyond the follow-up"):
            model.survival(x, [impossible])


@pytest.mark.parametrize("name", LABEL)
def test_probabilities_add_up_to_one(name: str) -> None:
    x, _, _, three = made(seed=6)
    model: FittedLabel = fitted(name)
    chance = model.probability(x)
    assert chance.shape == (len(x), 2) and (chance >= 0).all()
    np.testing.assert_allclose(chance.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_array_equal(model.score(x), chance[:, 1])
    more = fit(name, made()[0], NAMES, classes=3)
    chance = more.probability(x)
    assert more.classes == ("low", "middle", "high") and (chance >= 0).all()
    np.testing.assert_allclose(chance.sum(axis=1), 1, atol=1e-12)
    assert hand_till(chance, three.codes) > 0.7
    with pytest.raises(InputError, match="Only two classes"):
        more.score(x)


def test_a_model_read_back_predicts_the_same(name: str) -> None:
    x = made(seed=6)[0]
    back = model_from_dict(json.loads(json.dumps(fitted(name).as_dict(), allow_nan=False)))
    np.testing.assert_allclose(predictions(back, x), predictions(fitted(name), x), rtol=0, atol=1e-12)
    assert back.weights() == fitted(name).weights() and back.as_dict() == fitted(name).as_dict()


def test_prediction_does_without_scikit_learn(tmp_path: Path) -> None:
    x = made(seed=6)[0]
    (tmp_path / "models.json").write_text(json.dumps([fitted(one).as_dict() for one in EVERY]))
    np.save(tmp_path / "x.npy", x)
    code = (
        "import sys, json, numpy as np; sys.modules['sklearn'] = None\n"
        "from terasu.prognosis.models.stored import model_from_dict\n"
        "x = np.load('x.npy')\n"
        "models = [model_from_dict(one) for one in json.load(open('models.json'))]\n"
        "np.save('scores.npy', np.stack([one.score(x) for one in models]))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    expected = np.stack([fitted(one).score(x) for one in EVERY])
    np.testing.assert_allclose(np.load(tmp_path / "scores.npy"), expected, rtol=0, atol=1e-12)


def test_the_same_seed_gives_the_same_model(name: str) -> None:
    assert fit(name, made()[0], NAMES).as_dict() == fitted(name).as_dict()


@pytest.mark.parametrize("name", ["coxnet", "survival_forest", "random_forest"])
def test_threads_change_nothing(name: str) -> None:
    x, survival, two, _ = made()
    model = recipe(name, workers=2).fit(x, survival if name in SURVIVAL else two, NAMES, seed=3)
    assert model.as_dict() == fitted(name).as_dict()


def test_a_patient_alone_is_a_patient_among_others(name: str) -> None:
    x = made(seed=6)[0]
    together = predictions(fitted(name), x)[:5]
    alone = np.concatenate([predictions(fitted(name), x[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-12)


def test_missing_values_and_wrong_columns_are_refused(name: str) -> None:
    x = made()[0]
    holed = x.copy()
    holed[3, 2] = np.nan
    with pytest.raises(InputError, match="missing or infinite"):
        fit(name, holed, NAMES)
    with pytest.raises(InputError, match="missing or infinite"):
        fitted(name).score(holed)
    with pytest.raises(InputError, match="not the features"):
        fitted(name).score(x[:, :5])
    with pytest.raises(InputError, match="not the features"):
        fit(name, x, ("same",) * 8)


def test_constant_columns_are_harmless(name: str) -> None:
    x = made()[0]
    wider = np.column_stack((np.full(len(x), 7.1), x))
    model = fit(name, wider, ("constant", *NAMES))
    assert "constant" not in model.weights() and np.isfinite(predictions(model, wider)).all()
    nothing = fit(name, np.full((len(x), 2), 0.3), ("a", "b"))
    assert np.ptp(predictions(nothing, np.full((5, 2), 0.3)), axis=0).max() == 0
    assert nothing.weights() == {}
    assert model_from_dict(json.loads(json.dumps(nothing.as_dict()))).as_dict() == nothing.as_dict()


def test_more_features_than_patients(name: str) -> None:
    x = np.random.default_rng(1).standard_normal((140, 300))
    x[:, :8] = made()[0]
    names = tuple(f"f{i}" for i in range(300))
    if name in ("cox", "logistic"):
        with pytest.raises(InputError, match="Too few events for so many columns"):
            fit(name, x, names)
        return
    model = fit(name, x, names)
    weights = model.weights()
    assert np.isfinite(predictions(model, x)).all()
    assert max(weights, key=lambda one: abs(weights[one])) in ("f0", "f1")


def test_a_damaged_model_is_refused(name: str) -> None:
    whole = fitted(name).as_dict()
    for key in whole:
        if key in ("kind", "version"):
            with pytest.raises(InputError, match="cannot read such a model"):
                model_from_dict({**whole, key: 99})
        else:
            with pytest.raises(InputError, match="damaged"):
                model_from_dict({one: value for one, value in whole.items() if one != key})


def test_trees_that_would_never_end_are_refused() -> None:
    whole = json.loads(json.dumps(fitted("survival_forest").as_dict()))
    whole["trees"]["left"][0] = 0
    with pytest.raises(InputError, match="child of a tree"):
        model_from_dict(whole)


def test_an_unknown_name_gets_the_list() -> None:
    with pytest.raises(InputError, match="survival_forest") as refused:
        survival_model("random_forest")
    assert "other kind of outcome" in str(refused.value)
    with pytest.raises(InputError, match="gradient_boosting"):
        label_model("forrest")


@pytest.mark.parametrize("name", ["coxnet", "stability_selection", "survival_boosting"])
def test_too_few_events_are_refused(name: str) -> None:
    x, survival, _, _ = made()
    few = np.flatnonzero(survival.event)[:9]
    with pytest.raises(InputError, match="Too few events"):
        survival_model(name).fit(x[few], survival.take(few), NAMES, seed=1)


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        ("coxnet", "l1_ratios", (0.0,)),
        ("coxnet", "folds", 1),
        ("logistic_lasso", "l1_ratios", ()),
        ("stability_selection", "threshold", 0.4),
        ("survival_forest", "n_trees", 0),
        ("survival_forest", "share", 1.5),
        ("survival_boosting", "rate", 0.0),
        ("survival_boosting_trees", "depth", 0),
        ("linear_svm", "costs", (-1.0,)),
        ("random_forest", "n_trees", 0),
        ("gradient_boosting", "folds", 1),
    ],
)
def test_settings_that_cannot_be_are_refused(name: str, setting: str, value: Any) -> None:
    with pytest.raises(InputError, match=r"cannot be so|promises nothing"):
        recipe(name, **{setting: value})
