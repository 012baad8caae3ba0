"""Numbers as they are read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from terasu.report.numbers import NOTHING, limit_shown, shown, value_and_unit, value_of, with_unit
from terasu.safety.verdict import Finding, Level

_FINDING = Finding(
    "gamma", "Pass rate", 96.4, "REVIEW below 95, BLOCK below 80", "%", "ours", Level.PASS, "why"
)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (-6.31, "%", "−6.3"),
        (-0.04, "%", "0.0"),
        (0.0, "mm", "0.0"),
        (54.198, "Gy", "54.20"),
        (-34.4, "HU", "−34"),
        (0.01234, "1", "0.0123"),
        (123456.0, "1", "123456"),
        (float("nan"), "Gy", NOTHING),
        (float("inf"), "Gy", NOTHING),
        (None, "Gy", NOTHING),
        ("", "", NOTHING),
        ("the same", "", "the same"),
    ],
)
def test_digits_by_unit(value: float | str | None, unit: str, text: str) -> None:
    assert shown(value, unit) == text


def test_a_change_carries_its_sign_and_zero_has_none() -> None:
    assert shown(1.2, "%", signed=True) == "+1.2"
    assert shown(-0.01, "%", signed=True) == "0.0"


def test_units() -> None:
    assert with_unit(1.14, "degree") == "1.1°"
    assert with_unit(2.0, "1") == "2.00"
    assert with_unit(2.0, "mm") == "2.0\u00a0mm"
    assert with_unit(None, "mm") == NOTHING


@pytest.mark.parametrize(
    ("value", "text"), [(94.98, "94.98"), (95.0, "95.0"), (94.9, "94.9"), (94.9996, "95.000")]
)
def test_a_value_is_not_rounded_onto_its_limit(value: float, text: str) -> None:
    assert value_of(replace(_FINDING, value=value)) == text


def test_a_finding_without_a_number() -> None:
    assert value_and_unit(replace(_FINDING, value=None)) == NOTHING
    assert value_and_unit(replace(_FINDING, value="different")) == "different"


def test_limits_have_true_minus_signs_and_units() -> None:
    assert (
        limit_shown(replace(_FINDING, limit="REVIEW below -2, BLOCK below -5"))
        == "REVIEW below −2, BLOCK below −5 %"
    )
    assert limit_shown(replace(_FINDING, limit="must be measurable", unit="mm")) == "must be measurable"
    assert limit_shown(replace(_FINDING, limit="REVIEW above 3", unit="degree")) == "REVIEW above 3°"
