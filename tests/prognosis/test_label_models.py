"""Models that scikit-learn has fitted predict as scikit-learn does, from arrays of their own."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.svm import SVC

from terasu.prognosis.models.baseline_hazard import breslow
from terasu.prognosis.models.contract import Labels
from terasu.prognosis.models.support_vectors import SupportVectors
from terasu.prognosis.models.tree_labels import GradientBoosting, RandomForest
from terasu.prognosis.survival_data import Survival

NAMES = tuple("abcdef")


def made(classes: int) -> tuple[np.ndarray, Labels]:
    """Features on a grid of tenths: float32 does not hold them, and cuts lie close to them."""
    rng = np.random.default_rng(4)
    x = rng.integers(-20, 20, (120, 6)) / 10
    codes = np.digitize(x[:, 0] - x[:, 1] + rng.logistic(size=120), [0.0] if classes == 2 else [-1.0, 1.0])
    return x, Labels(codes, tuple("xyz"[:classes]))


@pytest.mark.parametrize("classes", [2, 3])
def test_random_forest(classes: int) -> None:
    x, labels = made(classes)
    model = RandomForest(n_trees=40).fit(x, labels, NAMES, seed=5)
    theirs = RandomForestClassifier(40, min_samples_leaf=3, random_state=5).fit(x, labels.codes)
    np.testing.assert_allclose(model.probability(x), theirs.predict_proba(x), atol=1e-12)
    thresholds = model.trees.threshold[model.trees.feature >= 0]
    near = np.repeat(thresholds[:200, None], 6, axis=1) * (1 + 1e-9)  # the cut itself in float32
    np.testing.assert_allclose(model.probability(near), theirs.predict_proba(near), atol=1e-12)


@pytest.mark.parametrize("classes", [2, 3])
def test_gradient_boosting(classes: int) -> None:
    x, labels = made(classes)
    model = GradientBoosting(most_rounds=30, folds=3).fit(x, labels, NAMES, seed=5)
    rounds = len(model.trees.roots) // (1 if classes == 2 else 3)
    theirs = GradientBoostingClassifier(
        n_estimators=rounds, learning_rate=0.05, max_depth=2, min_samples_leaf=5, subsample=0.632,
        max_features="sqrt", random_state=5,
    ).fit(x, labels.codes)  # fmt: skip
    np.testing.assert_allclose(model.probability(x), theirs.predict_proba(x), atol=1e-12)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_support_vectors(kernel: str) -> None:
    x, labels = made(2)
    recipe = (
        SupportVectors(costs=(0.5,)) if kernel == "linear" else SupportVectors("r", "rbf", (0.5,), (1.0,))
    )
    machine = recipe.fit(x, labels, NAMES, seed=5).machines[0]
    gamma = 1 / (6 * x.var(axis=0).mean())
    theirs = SVC(C=0.5, kernel=kernel, gamma=gamma, tol=1e-5).fit(x, labels.codes)
    np.testing.assert_allclose(machine.decision(x), theirs.decision_function(x), atol=1e-3)
    if kernel == "linear":
        np.testing.assert_allclose(machine.steepness(), theirs.coef_[0], atol=1e-3)
        return
    step = np.eye(6) * 1e-6
    slopes = [
        machine.decision(machine.vectors + one) - machine.decision(machine.vectors - one) for one in step
    ]
    np.testing.assert_allclose(machine.steepness(), np.abs(slopes).mean(axis=1) / 2e-6, rtol=1e-4)


def test_survival_falls_at_the_time_of_the_event_itself() -> None:
    baseline = breslow(np.zeros(4), Survival([1, 2, 2, 5], [1, 1, 0, 1]))
    found = baseline.survival(np.zeros(1), [0.0, 0.999, 1.0, 2.0, 4.0, 5.0])[0]
    hazard = np.array([0, 0, 1 / 4, 1 / 4 + 1 / 3, 1 / 4 + 1 / 3, 1 / 4 + 1 / 3 + 1])
    np.testing.assert_allclose(found, np.exp(-hazard), rtol=1e-12)
