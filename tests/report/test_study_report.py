"""A study's report: self-contained, its numbers those of the results, its ticks those that the run proves."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from report.made_results import made_label_results, made_survival_results
from terasu.cli import main
from terasu.errors import InputError
from terasu.prognosis.study.conclusion import Conclusion
from terasu.prognosis.study.records import StudyFit, TestResult, plain, restored
from terasu.prognosis.study.results import StudyResults, read_results
from terasu.prognosis.study.run import open_test
from terasu.prognosis.study.survival_reading import read_survival
from terasu.prognosis.study.voices import opened_part
from terasu.report.study.checklist import checklists
from terasu.report.study.compose import study_page
from terasu.report.study.draw_survival import draw_kaplan_meier
from terasu.report.study.html import render_study
from terasu.report.study.proofs import PROOFS
from terasu.report.study.words import limits
from terasu.report.study.write import StudyReport, write_study_report


@pytest.fixture(scope="module")
def survival(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_survival_results(tmp_path_factory.mktemp("survival"))


@pytest.fixture(scope="module")
def label(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_label_results(tmp_path_factory.mktemp("label"))


@pytest.fixture(scope="module")
def results(survival: Path) -> StudyResults:
    return read_results(survival)


@pytest.fixture(scope="module", params=["survival", "label"])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> StudyReport:
    out: Path = request.getfixturevalue(request.param)
    return write_study_report(read_results(out), tmp_path_factory.mktemp("report"))


class _Links(HTMLParser):
    """Anchors, what points to them, and everything that would be fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.targets: set[str] = set()
        self.sources: list[str] = []
        self.images_without_words = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self.ids |= {said["id"]} if "id" in said else set()
        if tag == "a":
            self.targets.add(said["href"])
        if "src" in said:
            self.sources.append(said["src"])
        if tag == "img" and not said.get("alt"):
            self.images_without_words += 1


def text_of(results: StudyResults) -> str:
    """The page without its drawings."""
    page = study_page(results)
    return render_study(page, {one.key: b"" for section in page.sections for one in section.figures})


def test_what_is_written_reads_back_the_same(survival: Path) -> None:
    for name, kind in (("fit.json", StudyFit), ("test.json", TestResult)):
        saved = json.loads((survival / name).read_text())
        assert plain(restored(kind, saved)) == saved


def test_the_page_is_one_file_and_every_proof_leads_somewhere(report: StudyReport) -> None:
    page = _Links(report.html.read_text(encoding="utf-8"))
    assert all(one.startswith("data:image/svg+xml;base64,") for one in page.sources)
    assert len(page.sources) == len(report.figures) >= 4
    assert page.images_without_words == 0
    assert page.targets <= {f"#{one}" for one in page.ids}
    assert page.targets


def test_figures_are_svg_with_something_in_them(report: StudyReport) -> None:
    for path in report.figures:
        drawn = ElementTree.parse(path).getroot()
        assert drawn.tag.endswith("svg")
        assert sum(1 for one in drawn.iter() if one.tag.endswith("path")) > 20, path.name


def test_the_pdf_says_the_same(report: StudyReport) -> None:
    assert report.pdf.read_bytes().startswith(b"%PDF")
    if shutil.which("pdfinfo"):
        told = subprocess.run(["pdfinfo", report.pdf], capture_output=True, text=True, check=True).stdout
        pages = re.search(r"Pages:\s+(\d+)", told)
        assert pages is not None and 3 <= int(pages.group(1)) <= 14


def test_numbers_are_those_of_the_results(results: StudyResults) -> None:
    text = text_of(results)
    assert results.tested is not None
    assert results.tested.conclusion.sentence in text.replace("&#39;", "'")
    for one in results.fit.models:
        assert limits(one.nested) in text
    for one in results.tested.models:
        assert limits(one.value) in text
    assert results.locked.sha256 in text
    assert "centres" in {section.key for section in study_page(results).sections}


def test_checklists_are_whole_and_every_rule_is_used(results: StudyResults) -> None:
    clear, metrics = checklists(results)
    assert [one.number for one in clear.items] == list(range(1, 59))
    assert [one.number for one in metrics.items] == list(range(1, 31))
    assert all(one.proof for one in (*clear.items, *metrics.items) if one.state != "author")
    text = files("terasu.report.study").joinpath("checklists.toml").read_text(encoding="utf-8")
    used = {rule for one in tomllib.loads(text)["checklist"] for rule in one["rules"].values()}
    assert used == set(PROOFS)


def state(of: StudyResults, name: str, number: int) -> str:
    found = next(one for one in checklists(of) if one.name == name)
    return next(one.state for one in found.items if one.number == number)


@pytest.mark.parametrize(
    ("name", "number", "without"),
    [
        ("CLEAR", 38, lambda of: replace(of, tested=None)),
        ("METRICS", 26, lambda of: replace(of, tested=None)),
        ("METRICS", 4, lambda of: replace(of, fit=replace(of.fit, centres=()))),
        ("CLEAR", 41, lambda of: replace(of, fit=replace(of.fit, gains=()))),
        ("METRICS", 22, lambda of: replace(of, fit=replace(of.fit, horizons_days=()))),
        ("CLEAR", 15, lambda of: replace(of, checked=replace(of.checked, test=0))),
    ],
    ids=["test", "internal test", "centres", "comparison", "calibration", "split"],
)
def test_a_tick_goes_when_its_proof_goes(
    results: StudyResults, name: str, number: int, without: Callable[[Any], StudyResults]
) -> None:
    assert state(results, name, number) == "shown"
    assert state(without(results), name, number) == "not met"


def test_an_unstable_or_untested_study_says_so(label: Path, results: StudyResults) -> None:
    bare = read_results(label)
    assert state(bare, "CLEAR", 15) == state(bare, "METRICS", 26) == state(bare, "METRICS", 14) == "not met"
    assert state(bare, "METRICS", 17) == "not applicable"
    assert state(results, "METRICS", 27) == "not met", "held out is not external"


def test_numbers_at_risk_are_counted_anew(results: StudyResults) -> None:
    assert results.tested is not None
    part = opened_part(results.tested)
    voice = part.voice(results.fit.best)
    assert voice is not None
    reading = read_survival(part, voice, results.fit.horizons_days)
    figure, axes = plt.subplots(figsize=(5, 4))
    draw_kaplan_meier(axes, reading)
    at_zero = [int(t.get_text()) for t in axes.texts if t.get_position()[0] == 0 and t.get_text().isdigit()]
    plt.close(figure)
    assert at_zero == [int((voice.group == code).sum()) for code in np.unique(voice.group)]
    assert sum(at_zero) == results.tested.patients


def test_the_hazard_ratio_per_sd_has_the_sign_of_the_effect(results: StudyResults) -> None:
    assert results.tested is not None
    part = opened_part(results.tested)
    voice = part.voice(results.fit.best)
    assert voice is not None
    reading = read_survival(part, voice, results.fit.horizons_days)
    backwards = read_survival(part, replace(voice, place=1 - voice.place), results.fit.horizons_days)
    assert reading.per_sd is not None and backwards.per_sd is not None
    assert reading.per_sd.lower > 1
    assert reading.per_sd.ratio * backwards.per_sd.ratio == pytest.approx(1)
    assert [one.auc + other.auc for one, other in zip(reading.horizons, backwards.horizons, strict=True)] == (
        pytest.approx([1.0, 1.0])
    )


def test_hostile_names_stay_words(results: StudyResults) -> None:
    hostile = '<script>alert("$x$")</script> 前立腺 {{ 7*7 }}'
    said = replace(results.fit, study=hostile, conclusion=Conclusion("no gain", hostile, (hostile,)))
    text = text_of(replace(results, fit=said, tested=None))
    assert "<script" not in text
    assert "{{ 7*7 }}" in text


def test_a_second_opening_is_in_every_report_that_follows(survival: Path, tmp_path: Path) -> None:
    shutil.copytree(survival.parent, tmp_path / "study")
    out = tmp_path / "study" / survival.name
    open_test(tmp_path / "study" / "study.toml", out, again=True)
    text = text_of(read_results(out))
    assert "opened 2 times; it is a test no longer" in text
    assert "opening 2" in text


def test_a_folder_that_is_no_study_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "report", str(tmp_path)]) != 0
    said = capsys.readouterr()
    assert "not locked" in said.err + said.out
    assert "Traceback" not in said.err + said.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["fit.json", "design.json", "test.json"])
def test_damaged_results_are_refused_by_name(survival: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(survival, tmp_path / "out")
    (tmp_path / "out" / name).write_text('{"lock_sha256": 1}')
    with pytest.raises(InputError, match=re.escape(name)):
        read_results(tmp_path / "out")
