"""The first minute, on the terminal and in the tiles."""

from __future__ import annotations

from dataclasses import replace

from report.made_content import blocked_content, made_findings, verdict
from terasu.report.digest import by_check, counts, tiles
from terasu.report.summary import summary_lines, summary_text
from terasu.safety.verdict import Level, verdict_of


def test_tiles_show_the_worst_of_what_they_name() -> None:
    target, organ, gamma, hu, position = tiles(verdict())
    assert (target.value, target.level) == ("−6.3\u00a0%", Level.BLOCK)
    assert (organ.value, organ.level) == ("+3.9\u00a0%", Level.REVIEW)
    assert gamma.value == "96.4\u00a0%"
    assert hu.value == "34\u00a0HU"
    assert position.value == "2.3\u00a0mm"


def test_a_calm_tile_names_a_graver_finding_of_its_check() -> None:
    position = tiles(verdict())[-1]
    assert position.level == Level.PASS
    assert position.also.startswith("REVIEW in this check: Voxels that the deformation folds")


def test_the_gamma_tile_takes_the_lowest_of_the_gravest() -> None:
    gamma = next(finding for finding in made_findings() if finding.check == "gamma")
    lower = replace(gamma, value=95.1)
    assert tiles(verdict_of([gamma, lower], policy=""))[2].value == "95.1\u00a0%"


def test_a_check_that_did_not_speak_has_an_empty_tile() -> None:
    for tile in tiles(blocked_content().verdict):
        assert tile.level is None


def test_every_finding_stands_under_its_check() -> None:
    groups = by_check(verdict())
    assert sum(len(findings) for _, findings in groups) == len(made_findings())
    assert groups[0][0] == "Same patient, same space"


def test_counts() -> None:
    assert counts(verdict()) == "1 BLOCK, 5 REVIEW, 11 PASS"
    assert counts(verdict_of([], policy="")) == "no findings"


def test_the_summary_begins_with_the_verdict_and_ends_with_what_is_left() -> None:
    lines = summary_lines(verdict(), width=80)
    assert lines[0].text.startswith("■ BLOCK")
    assert lines[0].level == Level.BLOCK
    assert max(len(line.text) for line in lines if line.role == "detail") <= 80
    assert [line.role for line in lines].count("reason") == 3
    assert lines[-1].text == "… and 3 more in the report."


def test_the_summary_of_a_pass_has_no_reasons() -> None:
    passed = verdict_of([one for one in made_findings() if one.level == Level.PASS], policy="p")
    text = summary_text(passed)
    assert text.startswith("● PASS")
    assert "Every check that spoke" in text
