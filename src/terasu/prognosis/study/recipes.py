"""A model of the study file: its recipe by name, with the options that were said."""

from __future__ import annotations

import dataclasses
from typing import Any

from pydantic import TypeAdapter, ValidationError

from terasu.errors import InputError
from terasu.prognosis.models.registry import LABEL, SURVIVAL, label_model, survival_model
from terasu.prognosis.study.nearest import nearest, unknown
from terasu.prognosis.study.pipeline import Recipe

_NOT_SAID = ("name", "workers")


def recipe_of(kind: str, options: dict[str, Any], *, label: bool) -> Recipe:
    """The recipe of one kind.

    Args:
        label: whether the endpoint is a label.
    Raises:
        InputError: no such model for this endpoint, no such option, a value that cannot be.
    """
    known = LABEL if label else SURVIVAL
    if kind not in known and kind not in LABEL and kind not in SURVIVAL:
        raise unknown("There is no model of this name.", kind, known)
    recipe: Any = label_model(kind) if label else survival_model(kind)
    settings = [one.name for one in dataclasses.fields(recipe) if one.name not in _NOT_SAID]
    for key in options:
        if key not in settings:
            raise InputError(
                f"The model {kind!r} has no such option.",
                got=key,
                expected=", ".join(settings) or "no option",
                todo=f"Did you mean {nearest(key, settings)!r}?" if nearest(key, settings) else "",
            )
    said = {one.name: getattr(recipe, one.name) for one in dataclasses.fields(recipe)} | options
    try:
        made: Recipe = TypeAdapter(type(recipe)).validate_python(said)
    except ValidationError as error:
        raise InputError(
            f"An option of the model {kind!r} cannot be.",
            got="; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()),
            expected=", ".join(settings),
        ) from error
    return made


def is_without_penalty(kind: str) -> bool:
    """Whether the model is for few columns, chosen beforehand."""
    return any(kind in known and known[kind].few_features for known in (SURVIVAL, LABEL))
