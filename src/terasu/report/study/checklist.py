"""Items of CLEAR and METRICS that the run itself shows, each with its proof and where it stands."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from terasu.prognosis.study.results import StudyResults
from terasu.report.study.proofs import PROOFS, Proof

State = Literal["shown", "not met", "author", "not applicable"]


@dataclass(frozen=True)
class ChecklistItem:
    """One item.

    Attributes:
        proof: the sentence that shows it, why it is not met, or what may help the author.
        section: anchor of the proof, or nothing.
    """

    number: int
    topic: str
    text: str
    state: State
    proof: str
    section: str


@dataclass(frozen=True)
class Checklist:
    """One checklist, and how much of it the run shows."""

    name: str
    about: str
    source: str
    items: tuple[ChecklistItem, ...]

    def count(self, state: State) -> int:
        """Items in this state."""
        return sum(one.state == state for one in self.items)


def checklists(results: StudyResults) -> tuple[Checklist, ...]:
    """Both checklists, item by item."""
    return tuple(
        Checklist(
            one["name"],
            one["about"],
            one["source"],
            tuple(_item(one, results, *item) for item in one["items"]),
        )
        for one in _published()
    )


def _item(of: dict[str, Any], results: StudyResults, number: int, topic: str, text: str) -> ChecklistItem:
    rule = of["rules"].get(str(number))
    if rule is None:
        return ChecklistItem(number, topic, text, "author", of["hints"].get(str(number), ""), "")
    proof: Proof = PROOFS[rule](results)
    return ChecklistItem(number, topic, text, proof.state, proof.told, proof.section)


@cache
def _published() -> tuple[dict[str, Any], ...]:
    text = files("terasu.report.study").joinpath("checklists.toml").read_text(encoding="utf-8")
    return tuple(tomllib.loads(text)["checklist"])
