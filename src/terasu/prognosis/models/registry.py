"""The candidate models by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from terasu.errors import InputError
from terasu.prognosis.models.contract import LabelModel, SurvivalModel
from terasu.prognosis.models.cox_model import Cox
from terasu.prognosis.models.coxnet_model import Coxnet
from terasu.prognosis.models.logistic_lasso import LogisticLasso
from terasu.prognosis.models.logistic_model import Logistic
from terasu.prognosis.models.stability_selection import StabilitySelection
from terasu.prognosis.models.support_vectors import SupportVectors
from terasu.prognosis.models.survival_boosting import SurvivalBoosting
from terasu.prognosis.models.survival_boosting_trees import SurvivalBoostingTrees
from terasu.prognosis.models.survival_forest import SurvivalForest
from terasu.prognosis.models.tree_labels import GradientBoosting, RandomForest


@dataclass(frozen=True)
class SurvivalCandidate:
    """A recipe with its one line; ``few_features``: it refuses fewer than 3 events a column."""

    recipe: SurvivalModel
    description: str
    few_features: bool = False


@dataclass(frozen=True)
class LabelCandidate:
    """A recipe with its one line; ``few_features``: it refuses fewer than 3 patients a column."""

    recipe: LabelModel
    description: str
    few_features: bool = False


SURVIVAL: Mapping[str, SurvivalCandidate] = {
    "cox": SurvivalCandidate(Cox(), "Cox regression of a few features chosen beforehand", True),
    "coxnet": SurvivalCandidate(Coxnet(), "Cox regression under an elastic net, penalty by inner folds"),
    "stability_selection": SurvivalCandidate(
        StabilitySelection(), "features that a LASSO picks from most halves, then ridge Cox regression"
    ),
    "survival_forest": SurvivalCandidate(SurvivalForest(), "random survival forest by log-rank splits"),
    "survival_boosting": SurvivalCandidate(
        SurvivalBoosting(), "Cox boosting by one feature at a time, steps by inner folds"
    ),
    "survival_boosting_trees": SurvivalCandidate(
        SurvivalBoostingTrees(), "Cox boosting by shallow trees, their number by inner folds"
    ),
}
LABEL: Mapping[str, LabelCandidate] = {
    "logistic": LabelCandidate(Logistic(), "logistic regression of a few features chosen beforehand", True),
    "logistic_lasso": LabelCandidate(
        LogisticLasso(), "logistic regression under an elastic net, penalty by inner folds"
    ),
    "linear_svm": LabelCandidate(SupportVectors(), "linear support vector machine, probabilities by Platt"),
    "rbf_svm": LabelCandidate(
        SupportVectors("rbf_svm", "rbf", (0.1, 1.0, 10.0, 100.0)),
        "support vector machine with RBF kernel, probabilities by Platt",
    ),
    "random_forest": LabelCandidate(RandomForest(), "random forest of classification trees"),
    "gradient_boosting": LabelCandidate(
        GradientBoosting(), "boosting by shallow trees, their number by inner folds"
    ),
}


def survival_model(name: str) -> SurvivalModel:
    """The recipe with its default settings.

    Raises:
        InputError: no such model; lists those that there are.
    """
    if name not in SURVIVAL:
        raise _unknown(name, "survival", list(SURVIVAL), list(LABEL))
    return SURVIVAL[name].recipe


def label_model(name: str) -> LabelModel:
    """The recipe with its default settings.

    Raises:
        InputError: no such model; lists those that there are.
    """
    if name not in LABEL:
        raise _unknown(name, "label", list(LABEL), list(SURVIVAL))
    return LABEL[name].recipe


def _unknown(name: str, what: str, known: list[str], others: list[str]) -> InputError:
    hint = "That is a model of the other kind of outcome." if name in others else "Check the spelling."
    return InputError(
        f"There is no {what} model of this name.", got=name, expected=", ".join(known), todo=hint
    )
