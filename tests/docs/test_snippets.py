"""Every snippet in the README and the documentation runs, as it stands, on the made patient.

A block is left out only where a comment above it says why: ``<!-- not run: reason -->``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"(?P<note><!-- not run: [^>]+ -->\n+)?^```(?P<language>\w+)\n(?P<code>.*?)^```", re.M | re.S
)
REACHED_A_VERDICT = (0, 4)


@dataclass(frozen=True)
class Snippet:
    page: Path
    line: int
    language: str
    code: str


def snippets(*languages: str) -> Iterator[Snippet]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            if match["language"] in languages and not match["note"]:
                yield Snippet(page, text[: match.start()].count("\n") + 1, match["language"], match["code"])


def name_of(snippet: Snippet) -> str:
    return f"{snippet.page.relative_to(ROOT)}:{snippet.line}"


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the pages' folders, and a small made patient."""
    from terasu.cli import main

    folder = tmp_path_factory.mktemp("desks")
    assert main(["phantom", str(folder / "made"), "--small"]) == 0
    return folder


def desk_of(snippet: Snippet, desks: Path) -> Path:
    """A folder for one page, with the made patient as ``patient``; a page's snippets follow each other."""
    desk = desks / "-".join(snippet.page.relative_to(ROOT).parts)
    if not desk.exists():
        desk.mkdir()
        (desk / "patient").symlink_to(desks / "made" / "patient")
    return desk


@pytest.mark.parametrize("snippet", list(snippets("python")), ids=name_of)
def test_python_snippet_runs(snippet: Snippet, desks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk_of(snippet, desks))
    exec(compile(snippet.code, name_of(snippet), "exec"), {"__name__": "snippet"})


@pytest.mark.parametrize("snippet", list(snippets("sh")), ids=name_of)
def test_command_snippet_runs(
    snippet: Snippet, desks: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from terasu.cli import main

    desk = desk_of(snippet, desks)
    monkeypatch.chdir(desk)
    for line in snippet.code.splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        assert words[0] == "terasu", f"{name_of(snippet)} runs something else: {line}"
        target = words[words.index(">") + 1] if ">" in words else None
        arguments = words[1 : words.index(">")] if ">" in words else words[1:]
        capsys.readouterr()
        assert main(arguments) in REACHED_A_VERDICT, line
        if target is not None:
            (desk / target).write_text(capsys.readouterr().out, encoding="utf-8")


def test_the_snippets_are_found() -> None:
    assert any(snippet.page.name == "README.md" for snippet in snippets("python"))
    assert len(list(snippets("sh"))) >= 5
