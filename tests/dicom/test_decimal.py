"""Decimal strings: never longer than 16 characters, and the nearest that fit."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terasu.dicom.decimal import ds_text, ds_texts
from terasu.errors import OutputError

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(FINITE)
def test_any_number_fits_and_comes_back(value: float) -> None:
    text = ds_text(value)
    assert len(text) <= 16
    # The worst case is a sign, a point and a three-digit exponent with its own sign: 9 digits remain.
    assert math.isclose(float(text), value, rel_tol=1e-8, abs_tol=5e-324)


@given(st.floats(-2000, 2000))
def test_a_coordinate_comes_back_within_a_billionth(value: float) -> None:
    assert math.isclose(float(ds_text(value)), value, rel_tol=1e-9, abs_tol=1e-99)


@given(st.floats(width=32, min_value=-2000, max_value=2000))
def test_no_shorter_way_is_closer(value: float) -> None:
    """Compared with every fixed and exponential form of at most 16 characters."""
    forms = [f"{value:.{n}{kind}}" for n in range(18) for kind in "fe"]
    best = min(abs(float(form) - value) for form in forms if len(form) <= 16)
    assert abs(float(ds_text(value)) - value) <= best


@given(st.integers(-(10**6), 10**6), st.integers(0, 6))
def test_short_decimals_stay_exactly_as_typed(whole: int, places: int) -> None:
    value = whole / 10**places
    assert float(ds_text(value)) == value


def test_a_whole_number_carries_no_point() -> None:
    assert ds_text(120.0) == "120"
    assert ds_texts([1.0, -2.5, 0.0]) == "1\\-2.5\\0"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(OutputError, match="not finite"):
        ds_text(value)


def test_the_dicom_standard_character_set() -> None:
    for bits in range(0, 1 << 16, 97):
        (value,) = struct.unpack("<e", struct.pack("<H", bits))
        if math.isfinite(value):
            assert set(ds_text(value)) <= set("0123456789+-eE.")


@given(st.lists(st.floats(-2000, 2000), min_size=1, max_size=4))
def test_the_padding_of_the_last_value_fits_too(values: list[float]) -> None:
    text = ds_texts(values)
    padded = text + " " * (len(text) % 2)
    assert max(map(len, padded.split("\\"))) <= 16
