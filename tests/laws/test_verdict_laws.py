"""Laws of the verdict: nothing bad is ever averaged away, and a worse value is never judged better."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terasu.errors import PolicyError
from terasu.safety.policy import Limit, Words, failed, judge, read_policy, silent_checks
from terasu.safety.verdict import Finding, Level, verdict_of

LEVELS = st.sampled_from(list(Level))
VALUES = st.floats(-1e6, 1e6, allow_nan=False)


def a_finding(level: Level, check: str = "dose") -> Finding:
    return Finding(check, "ΔD95%", 1.0, "REVIEW above 2", "%", "ours", level, "why")


@given(st.lists(LEVELS, min_size=1))
def test_the_verdict_is_its_gravest_finding(levels: list[Level]) -> None:
    verdict = verdict_of([a_finding(level) for level in levels], policy="p")
    assert verdict.level == max(levels)
    assert [f.level for f in verdict.reasons()] == sorted((x for x in levels if x), reverse=True)


def test_a_case_in_which_nothing_was_checked_is_blocked() -> None:
    assert verdict_of([], policy="p").level is Level.BLOCK


@given(review=VALUES, gap=st.floats(0, 1e6), value=VALUES, worse=st.floats(0, 1e6))
def test_a_worse_value_is_never_judged_better(review: float, gap: float, value: float, worse: float) -> None:
    above = Limit(unit="mm", source="ours", review_above=review, block_above=review + gap)
    below = Limit(unit="mm", source="ours", review_below=-review, block_below=-review - gap)
    assert above.level_of(value + worse) >= above.level_of(value)
    assert below.level_of(value - worse) >= below.level_of(value)
    assert above.level_of(value) == below.level_of(-value)


@given(st.sampled_from([math.nan, math.inf, -math.inf]), st.sampled_from(sorted(read_policy().limits)))
def test_a_value_that_is_no_number_blocks(value: float, name: str) -> None:
    finding = judge(read_policy(), "check", name, value, Words("measure", "why"))
    assert finding.level is Level.BLOCK
    assert finding.value is None
    assert "could not be measured" in finding.why


@given(st.sets(st.sampled_from(read_policy().required)))
def test_a_required_check_that_says_nothing_blocks(spoken: set[str]) -> None:
    policy = read_policy()
    silent = silent_checks(policy, [a_finding(Level.PASS, check) for check in spoken])
    assert {f.check for f in silent} == set(policy.required) - spoken
    assert all(f.level is Level.BLOCK for f in silent)


def test_a_failed_step_blocks_and_says_why() -> None:
    finding = failed("registration", "Rigid match", "the images do not overlap")
    assert finding.level is Level.BLOCK and finding.value is None
    assert finding.why == "the images do not overlap"


@pytest.mark.parametrize("name", sorted(read_policy().limits))
def test_every_default_limit_names_its_source_and_can_block_or_review(name: str) -> None:
    limit = read_policy()[name]
    assert len(limit.source) > 3
    reach = (limit.review_above, limit.block_above, limit.review_below, limit.block_below)
    beyond = [bound for bound in reach if bound is not None]
    worst = max(limit.level_of(max(beyond) + 1e9), limit.level_of(min(beyond) - 1e9))
    assert worst > Level.PASS


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("name = 1", "name"),
        ("[[", "TOML"),
        ('name="a"\nversion="1"\n[limits.x]\nunit="mm"\nsource="ours"', "at least one"),
        (
            'name="a"\nversion="1"\n[limits.x]\nunit="mm"\nsource="ours"\nreview_above=3\nblock_above=1',
            "beyond",
        ),
        ('name="a"\nversion="1"\nlimit={}\n[limits]', "limit"),
    ],
)
def test_a_policy_that_is_impossible_is_refused_with_words(tmp_path, text: str, part: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(PolicyError) as caught:
        read_policy(path)
    assert part.lower() in str(caught.value).lower()
    assert caught.value.todo


def test_the_policy_carries_the_hash_of_its_own_bytes(tmp_path) -> None:
    from terasu.safety.policy import default_policy_text

    path = tmp_path / "policy.toml"
    path.write_text(default_policy_text())
    assert read_policy(path).sha256 == read_policy().sha256
    path.write_text(default_policy_text().replace("block_above = 15.0", "block_above = 14.0", 1))
    assert read_policy(path).sha256 != read_policy().sha256
