"""What reliability and concordance must obey, whatever the features."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from terasu.errors import InputError
from terasu.radiomics.concordance_correlation import COLUMNS, concordance_correlation
from terasu.radiomics.reliability import intraclass_correlation, stable

quick = settings(max_examples=40, deadline=None)
NUMBERS = st.integers(-1000, 1000).map(lambda one: one / 8)
MODELS = ("consistency", "agreement")
ICC = ["icc", "ci_low", "ci_high"]


@st.composite
def cubes(draw: st.DrawFn) -> np.ndarray:
    shape = draw(st.tuples(st.integers(3, 8), st.integers(2, 5), st.just(2)))
    values = draw(arrays(np.float64, shape, elements=NUMBERS))
    whole = intraclass_correlation(values)
    assume((whole["reason"] == "").all() and np.isfinite(whole["f_value"]).all())
    return values


@st.composite
def pairs(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame]:
    n = draw(st.integers(4, 12))
    x, y = (draw(arrays(np.float64, n, elements=NUMBERS)) for _ in range(2))
    assume(np.ptp(x) > 1 and np.ptp(y) > 1)
    return pd.DataFrame({"f": x}), pd.DataFrame({"f": y})


@quick
@given(cubes(), st.lists(NUMBERS, min_size=5, max_size=5))
def test_a_constant_per_rater_does_not_change_consistency(values, constants) -> None:
    shifted = values + np.array(constants)[: values.shape[1], None]
    before, after = intraclass_correlation(values)[ICC], intraclass_correlation(shifted)[ICC]
    np.testing.assert_allclose(after, before, rtol=1e-8, atol=1e-9)


@quick
@given(cubes(), st.sampled_from(MODELS), st.sampled_from((1e-30, -2.5, 1e12)), NUMBERS)
def test_units_do_not_count(values, model, unit, offset) -> None:
    other = intraclass_correlation((values + offset) * unit, model=model)[ICC]
    np.testing.assert_allclose(other, intraclass_correlation(values, model=model)[ICC], rtol=1e-7, atol=1e-8)


@quick
@given(cubes(), st.sampled_from(MODELS), st.randoms(use_true_random=False))
def test_order_of_subjects_and_raters_does_not_count(values, model, chance) -> None:
    subjects, raters = (chance.sample(range(n), n) for n in values.shape[:2])
    mixed = intraclass_correlation(values[subjects][:, raters], model=model)[ICC]
    np.testing.assert_allclose(mixed, intraclass_correlation(values, model=model)[ICC], rtol=1e-8, atol=1e-9)


@quick
@given(cubes())
def test_the_interval_holds_the_value_and_widens_with_confidence(values) -> None:
    narrow, wide = (intraclass_correlation(values, confidence=one) for one in (0.8, 0.99))
    for low, high in (("ci_low", "icc"), ("icc", "ci_high")):
        assert (narrow[low] <= narrow[high] + 1e-12).all()
    assert (wide["ci_low"] <= narrow["ci_low"]).all() and (wide["ci_high"] >= narrow["ci_high"]).all()
    k = values.shape[1]
    assert narrow["icc"].between(-1 / (k - 1) - 1e-12, 1).all()


@quick
@given(cubes(), st.integers(0, 2), st.integers(0, 1))
def test_a_subject_without_a_value_is_left_out_for_this_feature_only(values, subject, rater) -> None:
    broken = values.copy()
    broken[subject, rater, 0] = np.nan
    found = intraclass_correlation(broken)
    assert list(found["subjects"]) == [len(values) - 1, len(values)]
    without = intraclass_correlation(np.delete(values, subject, axis=0))
    np.testing.assert_allclose(found.loc[0, ICC].astype(float), without.loc[0, ICC].astype(float), rtol=1e-9)
    np.testing.assert_allclose(
        found.loc[1, ICC].astype(float), intraclass_correlation(values).loc[1, ICC].astype(float)
    )


@pytest.mark.parametrize("model", MODELS)
def test_repetitions_without_error_are_excellent(model) -> None:
    found = intraclass_correlation(np.repeat(np.arange(6.0)[:, None], 3, axis=1), model=model).iloc[0]
    assert (found["icc"], found["ci_low"], found["ci_high"]) == (1.0, 1.0, 1.0)
    assert found["grade"] == "excellent" and found["reason"] == ""


@pytest.mark.parametrize("model", MODELS)
def test_what_is_missing_has_a_reason_and_is_not_stable(model) -> None:
    values = np.random.default_rng(0).normal(size=(5, 4, 4))
    values[:, :, 1] = 0.1
    values[::2, :, 1] = np.nextafter(0.1, 1)  # rounding is no variance
    values[1:, 0, 2] = np.nan
    values[:, :, 3] = [0.3, 0.7, 1.1, 1.9]  # raters differ, subjects do not
    found = intraclass_correlation(values, ["good", "flat", "lost", "raters"], model=model)
    assert list(found["icc"].isna()) == [False, True, True, True]
    assert list(found["reason"]) == [
        "",
        "the feature does not vary between subjects",
        "1 of 5 subjects have a value from every rater; at least 2 are needed",
        "the feature does not vary between subjects",
    ]
    assert list(found["grade"][1:]) == ["", "", ""]
    assert not stable(found, -5.0)[["flat", "lost", "raters"]].any()


def test_a_known_reliability_is_found_again() -> None:
    """Variance 4 between subjects and 1 within: ICC 0.8; the interval holds it 95 times in 100."""
    rng = np.random.default_rng(5)
    subjects = rng.normal(0, 2, (25, 1, 2000))
    found = intraclass_correlation(subjects + rng.normal(size=(25, 6, 2000)) + rng.normal(0, 3, (1, 6, 2000)))
    assert found["icc"].mean() == pytest.approx(0.8, abs=0.02)
    held = ((found["ci_low"] <= 0.8) & (found["ci_high"] >= 0.8)).mean()
    assert held == pytest.approx(0.95, abs=0.015)


def test_the_mask_asks_for_the_lower_end_of_the_interval() -> None:
    rng = np.random.default_rng(2)
    subjects = rng.normal(size=(12, 1, 3))
    found = intraclass_correlation(
        subjects + rng.normal(size=(12, 5, 3)) * [0.05, 0.35, 2.0], ["a", "b", "c"]
    )
    assert list(stable(found)) == [bool(low >= 0.75) for low in found["ci_low"]] == [True, True, False]
    assert list(stable(found, "excellent")) == [True, False, False]
    assert found.loc[1, "icc"] > 0.8


@pytest.mark.parametrize("bad", [np.zeros(4), np.zeros((4, 1)), np.zeros((2, 2, 2, 2))])
def test_other_shapes_are_refused(bad) -> None:
    with pytest.raises(InputError, match="twice or more"):
        intraclass_correlation(bad)


def test_names_and_grades_that_do_not_fit_are_refused() -> None:
    values = np.random.default_rng(0).normal(size=(5, 2, 2))
    with pytest.raises(InputError, match="names"):
        intraclass_correlation(values, ["a", "a"])
    with pytest.raises(InputError, match="no such grade"):
        stable(intraclass_correlation(values), "perfect")


@quick
@given(pairs())
def test_an_image_agrees_with_itself(both) -> None:
    x, _ = both
    row = concordance_correlation(x, x).iloc[0]
    assert row["ccc"] == pytest.approx(1) and row["scale_shift"] == pytest.approx(1)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((1, 1))
    assert row["location_shift"] == row["bias"] == 0


@quick
@given(pairs())
def test_concordance_is_never_more_than_correlation(both) -> None:
    row = concordance_correlation(*both).iloc[0]
    assert abs(row["ccc"]) <= abs(row["pearson"]) + 1e-12
    assert row["ci_low"] <= row["ccc"] + 1e-12 and row["ccc"] <= row["ci_high"] + 1e-12
    correction = 2 / (row["scale_shift"] + 1 / row["scale_shift"] + row["location_shift"] ** 2)
    assert row["ccc"] == pytest.approx(row["pearson"] * correction, abs=1e-9)


@quick
@given(pairs(), st.sampled_from((1e-20, 3.0, 1e15)), NUMBERS)
def test_one_unit_for_both_images_does_not_count(both, unit, offset) -> None:
    before = concordance_correlation(*both).iloc[0]
    after = concordance_correlation(*((one + offset) * unit for one in both)).iloc[0]
    for name in ("ccc", "ci_low", "ci_high", "pearson", "location_shift", "scale_shift"):
        assert after[name] == pytest.approx(before[name], rel=1e-7, abs=1e-8), name
    for name in ("bias", "limit_low", "limit_high"):
        assert after[name] == pytest.approx(before[name] * unit, rel=1e-7, abs=1e-8 * unit), name


@quick
@given(pairs())
def test_the_images_can_change_places(both) -> None:
    there, back = concordance_correlation(*both).iloc[0], concordance_correlation(*both[::-1]).iloc[0]
    assert back["ccc"] == pytest.approx(there["ccc"], abs=1e-10)
    assert back["bias"] == pytest.approx(-there["bias"], abs=1e-9)
    assert back["scale_shift"] == pytest.approx(1 / there["scale_shift"], rel=1e-9)


@quick
@given(pairs())
def test_it_is_one_minus_the_expected_square_over_that_without_correlation(both) -> None:
    """Lin's definition, written out."""
    x, y = (one["f"].to_numpy() for one in both)
    without = x.var() + y.var() + (x.mean() - y.mean()) ** 2
    found = concordance_correlation(*both).iloc[0]["ccc"]
    assert found == pytest.approx(1 - np.square(x - y).mean() / without, abs=1e-9)


def test_what_is_missing_in_a_comparison_has_a_reason() -> None:
    x = pd.DataFrame(
        {"a": [1.0, 2, 3, 4], "flat": 2.0, "lost": [1, np.nan, np.nan, np.nan], "here": 1.0},
        index=list("pqrs"),
    )
    y = pd.DataFrame(
        {"a": [1.0, 2, 3, 5], "flat": [1.0, 2, 3, 4], "lost": 1.0, "there": 1.0}, index=list("qpsr")
    )
    found = concordance_correlation(x, y).set_index("feature")
    assert list(concordance_correlation(x, y)) == list(COLUMNS)
    assert found.loc["a", "reason"] == "" and found.loc["a", "subjects"] == 4
    assert found.loc["a", "ccc"] != 1  # matched by name: p, q and r, s changed places
    assert found.loc["flat", "ccc"] == 0 and np.isnan(found.loc["flat", "pearson"])
    assert "does not vary between subjects in the reference image" in found.loc["flat", "reason"]
    assert "1 of 4 subjects" in found.loc["lost", "reason"]
    assert found.loc["here", "reason"] == "the judged image's table has no such feature"
    assert found.loc["there", "reason"] == "the reference image's table has no such feature"
    assert "3 subjects" in concordance_correlation(x[:2], y).iloc[0]["reason"]
    missing = found[["ccc", "ci_low", "pearson"]].isna().any(axis=1)
    assert (found.loc[missing, "reason"] != "").all()


def test_tables_that_cannot_be_compared_are_refused() -> None:
    x = pd.DataFrame({"a": [1.0, 2, 3]}, index=["p", "q", "q"])
    with pytest.raises(InputError, match="reference") as caught:
        concordance_correlation(x, x)
    assert "q" in caught.value.got
    text = pd.DataFrame({"a": ["1", "2"]})
    with pytest.raises(InputError, match="judged"):
        concordance_correlation(pd.DataFrame({"a": [1.0, 2]}), text)
