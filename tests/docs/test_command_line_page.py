"""The page of the command line names every command and option that there is, and none that there is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from terasu.cli.commands import app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
OTHER_PAGES = sorted({ROOT / "README.md", *(ROOT / "docs").rglob("*.md")})
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]\b")
EVERYWHERE = {"--help", "--version"}
OF_OTHER_PROGRAMS = {"--no-deps", "--quick"}  # pip; the benchmarks


def commands() -> list[str]:
    """Every command; one that only holds others goes by theirs: ``radiomics extract``."""
    found = []
    for name in app:
        if not name.startswith("-"):
            inner = [other for other in app[name] if not other.startswith("-")]
            found += [f"{name} {other}" for other in inner] or [name]
    return found


def command_of(name: str) -> App:
    found = app
    for word in name.split():
        found = found[word]
    return found


def options_of(command: str) -> set[str]:
    """What the command takes, without the names of its positional arguments in option form."""
    arguments = command_of(command).assemble_argument_collection()
    return {name for one in arguments for name in one.names if name.startswith("--")}


def sections() -> dict[str, str]:
    parts = re.split(r"^## terasu ([\w -]+)$", PAGE, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    assert sorted(sections()) == sorted(commands())


@pytest.mark.parametrize("command", commands())
def test_the_options_are_those_of_the_command(command: str) -> None:
    named = set(OPTION.findall(sections()[command])) - EVERYWHERE
    others = set().union(*(options_of(other) for other in commands()))
    assert options_of(command) <= named
    assert named <= options_of(command) | (others & mentioned_in_a_sentence(sections()[command]))


def mentioned_in_a_sentence(section: str) -> set[str]:
    """``run --machine`` in the text of another command names an option of that command."""
    return {match[1] for match in re.finditer(r"\b(?:run|extract) (--[a-z-]+)", section)}


@pytest.mark.parametrize("command", commands())
def test_the_one_line_of_the_command_stands_on_the_page(command: str) -> None:
    line = str(command_of(command).help).strip().splitlines()[0]
    assert line in sections()[command]


def options_in_use() -> Iterator[tuple[str, str]]:
    for page in OTHER_PAGES:
        for option in OPTION.findall(page.read_text(encoding="utf-8")):
            yield f"{page.relative_to(ROOT)}", option
    for source in sorted((ROOT / "src").rglob("*.py")):
        if "report" not in source.parts:  # styles of the page have names that look alike
            for option in OPTION.findall(source.read_text(encoding="utf-8")):
                yield f"{source.relative_to(ROOT)}", option


def test_no_page_and_no_error_names_an_option_that_is_not_there() -> None:
    known = set().union(*(options_of(command) for command in commands())) | EVERYWHERE | OF_OTHER_PROGRAMS
    assert {(where, option) for where, option in options_in_use() if option not in known} == set()


def test_the_exit_codes_are_those_of_the_program() -> None:
    from terasu.cli import entry

    told = {int(number) for number in re.findall(r"\b\d+\b", PAGE.split("## ")[0])}
    assert told == {entry.OK, entry.ERROR, entry.BLOCKED, entry.STOPPED}
