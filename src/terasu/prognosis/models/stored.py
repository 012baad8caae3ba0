"""Models that have left the study come back: from plain JSON, by the name of their kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from terasu.errors import InputError
from terasu.prognosis.models.contract import FittedLabel, FittedSurvival
from terasu.prognosis.models.linear_labels import LinearLabels
from terasu.prognosis.models.linear_survival import LinearSurvival
from terasu.prognosis.models.support_vectors import FittedMachines
from terasu.prognosis.models.survival_boosting_trees import BoostedSurvival
from terasu.prognosis.models.survival_forest import FittedForest
from terasu.prognosis.models.tree_labels import TreeLabels

_READERS: Mapping[tuple[str, int], Callable[[dict[str, Any]], FittedSurvival | FittedLabel]] = {
    ("linear-survival", 1): LinearSurvival.from_dict,
    ("survival-forest", 1): FittedForest.from_dict,
    ("boosted-survival", 1): BoostedSurvival.from_dict,
    ("linear-labels", 1): LinearLabels.from_dict,
    ("support-vectors", 1): FittedMachines.from_dict,
    ("tree-labels", 1): TreeLabels.from_dict,
}


def model_from_dict(stored: dict[str, Any]) -> FittedSurvival | FittedLabel:
    """The inverse of ``as_dict`` of every fitted model.

    Raises:
        InputError: a kind or version that this release does not know, or numbers that do not fit together.
    """
    kind, version = stored.get("kind"), stored.get("version")
    known = ", ".join(f"{name} {number}" for name, number in _READERS)
    reader = _READERS.get((kind, version)) if isinstance(kind, str) and isinstance(version, int) else None
    if reader is None:
        raise InputError(
            "This release cannot read such a model.",
            got=f"kind {kind!r}, version {version!r}",
            expected=known,
            todo="Read it with the release that wrote it, or fit the study again.",
        )
    try:
        return reader(stored)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(
            "A stored model is damaged.",
            got=f"{kind}: {type(error).__name__} {error}",
            expected="what the fitted model's as_dict gave",
            todo="Take the model file from the study again.",
        ) from None
