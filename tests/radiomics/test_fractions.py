"""Changes over fractions: right where they can be calculated, missing with a reason where they cannot."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terasu.errors import InputError
from terasu.radiomics.fractions import KINDS, fraction_changes

FEATURES = ("volume", "entropy")


def course(
    case: str = "A", fractions=(1, 2, 3, 4, 5), *, start: float = 40.0, step: float = -2.0
) -> pd.DataFrame:
    n = np.asarray(fractions, float)
    days = (n - 1) + 2 * ((n - 1) // 5)  # a weekend after every five
    return pd.DataFrame(
        {
            "case": case,
            "roi": "GTV",
            "fraction": fractions,
            "day": days,
            "volume": start + step * (n - 1),
            "entropy": np.sqrt(n),
        }
    )


def only(table: pd.DataFrame, **how) -> pd.Series:
    found = fraction_changes(table, FEATURES, **how)
    assert len(found) == 1
    return found.iloc[0]


def test_a_volume_that_shrinks_evenly() -> None:
    row = only(course(fractions=range(1, 11)), early=3)
    assert row["delta_abs__volume"] == pytest.approx(-18)
    assert row["delta_rel__volume"] == pytest.approx(-0.45)
    assert row["slope_per_fraction__volume"] == pytest.approx(-2)
    assert row["delta_abs_fraction_4__volume"] == pytest.approx(-6)
    assert row["delta_early_mid__volume"] == pytest.approx(-2 * (5 - 2))
    assert row["delta_abs__entropy"] == pytest.approx(np.sqrt(10) - 1)
    assert all(row[f"reason__{kind}"] == "" for kind in KINDS)
    assert row["fractions"] == "1 2 3 4 5 6 7 8 9 10" and row["fractions_missing"] == ""


def test_slopes_are_those_of_polyfit() -> None:
    table = course(fractions=(1, 3, 4, 8, 12))
    row = only(table)
    assert row["slope_per_day__entropy"] == pytest.approx(np.polyfit(table["day"], table["entropy"], 1)[0])
    wanted = np.polyfit(table["fraction"], table["entropy"], 1)[0]
    assert row["slope_per_fraction__entropy"] == pytest.approx(wanted)


def test_rows_in_any_order_give_the_same() -> None:
    table = pd.concat([course("A"), course("B", (2, 3, 5))])
    mixed = table.sample(frac=1, random_state=np.random.RandomState(3))
    pd.testing.assert_frame_equal(fraction_changes(table, FEATURES), fraction_changes(mixed, FEATURES))


def test_missing_fractions_are_told_and_not_filled() -> None:
    found = fraction_changes(pd.concat([course("A"), course("B", (2, 3, 5))]), FEATURES, early=1)
    b = found[found["case"] == "B"].iloc[0]
    assert b["fractions"] == "2 3 5" and b["fractions_missing"] == "1 4"
    assert b["delta_abs__volume"] == pytest.approx(-6)  # 5 against 2, not against 1
    assert np.isnan(b["delta_abs_fraction_4__volume"])
    assert b["reason__delta_abs_fraction_4"] == "all features: there is no fraction 4"
    assert b["reason__delta_abs_fraction_2"] == "all features: fraction 2 is the first one"
    named = fraction_changes(course("A"), FEATURES, planned=range(1, 8)).iloc[0]
    assert named["fractions_missing"] == "6 7"


def test_a_missing_value_is_missing_only_where_it_is_needed() -> None:
    table = course()
    table.loc[4, "entropy"] = np.nan
    table.loc[2, "volume"] = np.inf
    row = only(table, early=1)
    assert row["reason__delta_abs"] == "entropy: no value in fraction 5"
    assert np.isnan(row["delta_abs__entropy"]) and row["delta_abs__volume"] == pytest.approx(-8)
    assert row["reason__delta_early_mid"] == "volume: no value in fraction 3"
    assert row["slope_per_fraction__entropy"] == pytest.approx(
        np.polyfit([1, 2, 3, 4], np.sqrt([1, 2, 3, 4]), 1)[0]
    )
    assert row["slope_per_fraction__volume"] == pytest.approx(-2)


def test_a_first_value_of_0_has_no_relative_change() -> None:
    row = only(course(start=0.0))
    assert np.isnan(row["delta_rel__volume"])
    assert row["reason__delta_rel"] == "volume: the first value is 0"
    assert row["delta_abs__volume"] == pytest.approx(-8)


def test_a_negative_first_value_keeps_the_direction_of_the_change() -> None:
    row = only(course(start=-10.0, step=1.0))
    assert row["delta_rel__volume"] == pytest.approx(0.4)


def test_one_fraction_has_no_change_and_says_so() -> None:
    row = only(course(fractions=(1,)))
    for kind in KINDS:
        assert np.isnan(row[f"{kind}__volume"])
        assert row[f"reason__{kind}"]
    assert row["reason__delta_abs"] == "all features: there is only one fraction"


def test_too_few_fractions_for_an_early_and_a_middle_mean() -> None:
    row = only(course(), early=3)
    assert "too few for 3 early and 3 middle" in row["reason__delta_early_mid"]
    assert np.isfinite(only(course(), early=1)["delta_early_mid__volume"])


def test_dates_count_as_days_and_can_stand_for_fractions() -> None:
    table = course()
    first = datetime.date(2026, 3, 30)
    for dates in (
        [(first + datetime.timedelta(days=int(one))).isoformat() for one in table["day"]],
        [first + datetime.timedelta(days=int(one)) for one in table["day"]],
        pd.to_datetime([first + datetime.timedelta(days=int(one)) for one in table["day"]]),
    ):
        dated = table.assign(day=dates)
        for one in (dated, dated.drop(columns="fraction")):
            row = only(one)
            assert row["fractions"] == "1 2 3 4 5"
            assert row["slope_per_day__volume"] == pytest.approx(only(table)["slope_per_day__volume"])


def test_without_days_the_slope_per_day_is_missing_with_a_reason() -> None:
    row = only(course().drop(columns="day"))
    assert np.isnan(row["slope_per_day__volume"])
    assert row["reason__slope_per_day"] == "all features: days are not known"
    assert row["slope_per_fraction__volume"] == pytest.approx(-2)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=6),
    st.floats(-1e6, 1e6),
    st.floats(0.01, 100),
)
def test_offsets_do_not_count_and_units_carry_through(values, offset, unit) -> None:
    table = course(fractions=range(1, 7)).assign(volume=values)
    other = table.assign(volume=(table["volume"] * unit + offset))
    first, second = (only(one, early=2) for one in (table, other))
    for kind in ("delta_abs", "slope_per_fraction", "slope_per_day", "delta_early_mid"):
        wanted = first[f"{kind}__volume"] * unit
        assert second[f"{kind}__volume"] == pytest.approx(wanted, rel=1e-9, abs=1e-6), kind


def test_columns_are_the_same_whatever_is_missing() -> None:
    broken = course().assign(volume=np.nan).drop(columns="day")
    assert list(fraction_changes(broken, FEATURES)) == list(fraction_changes(course(), FEATURES))


@pytest.mark.parametrize(
    "table",
    [
        course().drop(columns="roi"),
        course().drop(columns=["fraction", "day"]),
        course().drop(columns="entropy"),
        course().assign(entropy="high"),
        course().assign(case=None),
        course().iloc[:0],
        course().assign(fraction=[1, 2, 3, 4, 4]),
        course().assign(fraction=[1, 2, 3, 4, 4.5]),
        course().assign(fraction=[1, 2, 3, 4, np.nan]),
        course().assign(day=["soon"] * 5),
    ],
)
def test_tables_that_cannot_be_followed_are_refused(table) -> None:
    with pytest.raises(InputError) as caught:
        fraction_changes(table, FEATURES)
    assert caught.value.got and caught.value.expected and caught.value.todo


def test_the_row_that_comes_twice_is_named() -> None:
    with pytest.raises(InputError, match="twice") as caught:
        fraction_changes(course().assign(fraction=[1, 2, 3, 4, 4]), FEATURES)
    assert caught.value.got == "rows 3, 4"
