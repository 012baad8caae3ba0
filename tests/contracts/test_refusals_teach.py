"""Whatever a file or a word on the command line is refused for: what, got, expected and what to do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from terasu import errors

SOURCE = Path(errors.__file__).parent
ROOMS = ("cli", "workflow", "dicom")
REFUSALS = {*(name for name in vars(errors) if name.endswith("Error")), "NotDicomError"}
PARTS = {"got", "expected", "todo"}


def refusals(room: str) -> Iterator[tuple[str, set[str]]]:
    """Where an error of the house is made, and which of its parts are left out."""
    for path in sorted((SOURCE / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in REFUSALS:
                given = {word.arg for word in node.keywords}
                yield f"{path.relative_to(SOURCE)}:{node.lineno}", PARTS - given


@pytest.mark.parametrize("room", ROOMS)
def test_no_part_is_left_out(room: str) -> None:
    found = dict(refusals(room))
    assert found
    assert {where: parts for where, parts in found.items() if parts} == {}
