"""The HTML report: asks for nothing, hides nothing, escapes everything."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from report.made_content import blocked_content, made_content, made_findings, with_measure
from terasu.patient.structures import StructureSet
from terasu.report.content import Doses, Images, ReportContent
from terasu.report.write import ReportFiles, write_report
from terasu.safety.verdict import Level, verdict_of

_VOID = {"meta", "img", "br", "hr", "link", "input"}
_HOSTILE = '<script>alert("$x$")</script> & "PTV" 前立腺 \u202e$60$ {{ 7*7 }}'


class _Page(HTMLParser):
    """Elements, their nesting, and the text of the body."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if "main" in self.open and data.strip():
            self.words.append(data.strip())


@pytest.fixture(scope="module")
def full(whole_report: ReportFiles) -> Path:
    return whole_report.html


@pytest.fixture(scope="module")
def page(full: Path) -> _Page:
    return _Page(full.read_text(encoding="utf-8"))


def test_it_is_one_well_formed_file_of_bounded_size(full: Path, page: _Page) -> None:
    assert page.open == []
    assert full.stat().st_size < 6_000_000


def test_it_asks_for_nothing_else(page: _Page) -> None:
    for tag, attributes in page.elements:
        assert tag not in ("script", "link", "iframe", "object", "form")
        for name in ("src", "href", "srcset", "action"):
            assert re.match(r"(data:image/|#|$)", attributes.get(name, "")), (
                tag,
                attributes.get(name, "")[:60],
            )
        assert not any(name.startswith("on") for name in attributes)
    assert "url(" not in "".join(page.words)


def test_the_verdict_is_the_first_word(page: _Page) -> None:
    words = [word for word in page.words if word not in ("■", "▲", "●")]
    assert words[0] == "BLOCK"
    assert words.index("Do not use the images, contours or doses of this case.") < 4


def test_every_finding_is_there_with_its_limit_and_its_source(page: _Page) -> None:
    text = " ".join(page.words)
    for finding in made_findings():
        for part in (finding.measure, finding.subject, finding.limit_source, finding.why, finding.todo):
            assert part in text
    assert {word for word in page.words if word in Level.__members__} == set(Level.__members__)


def test_every_picture_has_words(page: _Page) -> None:
    pictures = [attributes for tag, attributes in page.elements if tag == "img"]
    assert len(pictures) > 30
    assert all(len(attributes["alt"]) > 20 for attributes in pictures)


def test_it_says_what_has_to_be_read_with_the_numbers(page: _Page) -> None:
    text = " ".join(page.words)
    for part in (
        *made_content().statements,
        "Nothing is released by the software.",
        "Signature",
        "not commissioned",
    ):
        assert part in text


def test_no_patient_is_shown_unless_the_clinic_wants_it(tmp_path: Path) -> None:
    content = blocked_content()
    plain = write_report(content, tmp_path / "plain").html.read_text(encoding="utf-8")
    shown = replace(content, case=replace(content.case, patient_shown="ID 0815"))
    assert "Patient</dt>" not in plain
    assert "ID 0815" in write_report(shown, tmp_path / "shown").html.read_text(encoding="utf-8")


def test_a_blocked_case_stands_without_images_and_doses(tmp_path: Path) -> None:
    text = write_report(blocked_content(), tmp_path).html.read_text(encoding="utf-8")
    assert "<img" not in text
    assert text.count("The identity of the case is not certain, so nothing was calculated.") == 3
    assert _Page(text).open == []


def test_nothing_at_all_is_a_block(tmp_path: Path) -> None:
    files = write_report(ReportContent(verdict_of([], policy="")), tmp_path)
    text = files.html.read_text(encoding="utf-8")
    assert "No check has spoken" in text
    assert re.search(r"<h1>.*BLOCK</h1>", text)


def test_hostile_words_stay_words(tmp_path: Path) -> None:
    content = _small(_HOSTILE)
    content = with_measure(
        content, measure=_HOSTILE, subject=_HOSTILE, why=_HOSTILE, todo=_HOSTILE, check=_HOSTILE
    )
    content = replace(
        content,
        case=replace(content.case, label=_HOSTILE, target=_HOSTILE),
        statements=(_HOSTILE,),
        missing={"hounsfield": _HOSTILE},
    )
    text = write_report(content, tmp_path).html.read_text(encoding="utf-8")
    assert "<script" not in text
    assert html.escape(_HOSTILE, quote=False).split("&amp;")[0][:20] in text
    assert "{{ 7*7 }}" in text
    assert _Page(text).open == []


@pytest.mark.parametrize("left_out", ["planning and plan", "improved", "dose and structures", "all but raw"])
def test_any_part_may_be_missing(tmp_path: Path, left_out: str) -> None:
    content = _small("PTV")
    images = content.images
    changed = {
        "planning and plan": replace(
            content, images=replace(images, planning=None), doses=replace(content.doses, plan=None)
        ),
        "improved": replace(content, images=replace(images, improved=None, filled=None)),
        "dose and structures": replace(
            content, doses=Doses(), dvh=(), dose_rows=(), planned=None, of_the_day=None
        ),
        "all but raw": ReportContent(content.verdict, images=Images(raw=images.raw)),
    }[left_out]
    text = write_report(changed, tmp_path).html.read_text(encoding="utf-8")
    assert "Axial, z" in text
    assert _Page(text).open == []


def _small(target: str) -> ReportContent:
    """The made case on every third voxel, its target renamed."""
    content = made_content()
    planned, day = content.planned, content.of_the_day
    assert planned is not None
    assert day is not None
    return replace(
        content,
        case=replace(content.case, target=target),
        images=replace(content.images, truth=None, virtual=None),
        planned=_renamed(planned, target),
        of_the_day=_renamed(day, target),
        dvh=tuple(replace(one, structure=target) for one in content.dvh if one.structure == "PTV"),
    )


def _renamed(structures: StructureSet, target: str) -> StructureSet:
    return StructureSet(structures.grid, {target: structures["PTV"]}, types={target: "PTV"})
