"""The card of a trained model: trained on what, measured how, and for what it is not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from terasu.errors import InputError
from terasu.patient.store import write_whole

CARD_JSON, CARD_MARKDOWN = "card.json", "card.md"
NOT_FOR = "Not for clinical use: no clinic has commissioned this model, and no authority has cleared it."


@dataclass(frozen=True)
class ModelCard:
    """What must be known about a model before it is applied.

    Attributes:
        model: name of the model.
        task: what it does, in a sentence.
        modality: of the images that it takes.
        spacing_yx_mm: of the pixels that it was trained at.
        configuration: every setting, defaults included.
        code: version of the code.
        data: part → number of patients, slices, hash, origin.
        split: part → patient keys.
        steps: updates made.
        terms: loss term → weight; 0 where a term is off.
        calibration: final linear calibration of HU, and from what.
        measured: name with unit → value, on which part.
        cautions: one sentence each.
        weights_sha256: hash of the weights file.
        not_for: the sentence about its use.
    """

    model: str
    task: str
    modality: str
    spacing_yx_mm: tuple[float, float]
    configuration: Mapping[str, Any]
    code: str
    data: Mapping[str, Mapping[str, Any]]
    split: Mapping[str, list[str]]
    steps: int
    terms: Mapping[str, float]
    calibration: Mapping[str, Any]
    measured: Mapping[str, float]
    cautions: tuple[str, ...] = ()
    weights_sha256: str = ""
    not_for: str = field(default=NOT_FOR)


def write_card(card: ModelCard, folder: Path) -> None:
    """``card.json`` for programs and ``card.md`` for people."""
    _write(folder / CARD_JSON, json.dumps(asdict(card), indent=1, ensure_ascii=False))
    _write(folder / CARD_MARKDOWN, as_markdown(card))


def read_card(folder: Path) -> ModelCard:
    """The card of a model's folder.

    Raises:
        InputError: none there, or one of another kind.
    """
    path = folder / CARD_JSON
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content["spacing_yx_mm"] = tuple(content["spacing_yx_mm"])
        content["cautions"] = tuple(content["cautions"])
        return ModelCard(**content)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            "This folder holds no model with a card.",
            got=f"{folder.name}: {error}",
            expected=f"{CARD_JSON} beside weights.safetensors",
            todo="Give the folder that terasu model train made.",
        ) from error


def as_markdown(card: ModelCard) -> str:
    """The card as a page."""
    y, x = card.spacing_yx_mm
    lines = [f"# {card.model}", "", f"**{card.not_for}**", "", card.task, ""]
    lines += [f"- takes: {card.modality}, pixels of {y:g} × {x:g} mm", f"- steps: {card.steps}"]
    lines += [f"- code: {card.code}", f"- weights (sha256): {card.weights_sha256}", "", "## Trained on", ""]
    lines += [f"- {part}: {_listed(facts)}" for part, facts in card.data.items()]
    lines += [f"- {part}: {len(keys)} patients" for part, keys in card.split.items()]
    lines += _section("Loss terms", card.terms) + _section("Measured", card.measured)
    lines += _section("Final calibration", card.calibration)
    lines += ["", "## Cautions", "", *(f"- {one}" for one in card.cautions or ("none named",))]
    return "\n".join([*lines, *_section("Configuration", card.configuration), ""])


def _section(title: str, values: Mapping[str, Any]) -> list[str]:
    rows = [f"| {name} | {value:.6g} |" if isinstance(value, float) else f"| {name} | {value} |"
            for name, value in values.items()]  # fmt: skip
    return ["", f"## {title}", "", "| | |", "|---|---|", *rows]


def _listed(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def _write(path: Path, text: str) -> None:
    def write(aside: Path) -> None:
        aside.write_text(text, encoding="utf-8")

    write_whole(path, write)
