"""A law that is there is found again, and nothing is promised beyond it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terasu.errors import InputError
from terasu.learn.learning_curve import InversePowerLaw, learning_curve

SIZES = [4, 8, 16, 32, 64]


@settings(max_examples=40, deadline=None)
@given(st.floats(0.5, 0.95), st.floats(-0.8, -0.1), st.floats(0.2, 1.5))
def test_values_on_a_law_give_that_law(limit: float, gain: float, rate: float) -> None:
    law = InversePowerLaw(limit, gain, rate)
    found = learning_curve(SIZES, law.at(SIZES).tolist(), draws=5).law
    assert found.at(SIZES) == pytest.approx(law.at(SIZES), abs=1e-4)
    goal = float(law.at(40))
    assert found.cases_for(goal) == pytest.approx(40, rel=0.02)


@given(st.floats(0.5, 0.95), st.floats(-0.8, -0.1), st.floats(0.2, 1.5), st.floats(0.01, 0.99))
def test_cases_for_a_goal_come_to_it(limit: float, gain: float, rate: float, share: float) -> None:
    law = InversePowerLaw(limit, gain, rate)
    goal = limit + gain * share
    assert law.at(law.cases_for(goal)) == pytest.approx(goal)
    assert law.cases_for(limit + 0.01) == np.inf
    assert law.cases_for(limit + 2 * gain) == 1


def noisy(sigma: float = 0.01, seed: int = 0) -> tuple[list[int], list[float]]:
    law = InversePowerLaw(0.85, -0.6, 0.7)
    rng = np.random.default_rng(seed)
    sizes = [size for size in SIZES for _ in range(5)]
    return sizes, (law.at(sizes) + rng.normal(0, sigma, len(sizes))).tolist()


def test_the_band_holds_the_law_and_widens_beyond_the_sizes() -> None:
    found = learning_curve(*noisy())
    low, high = found.band([16, 1000])
    assert low[0] < InversePowerLaw(0.85, -0.6, 0.7).at(16) < high[0]
    assert high[1] - low[1] > high[0] - low[0]


def test_it_says_when_it_extrapolates_and_when_a_goal_is_out_of_reach() -> None:
    found = learning_curve(*noisy())
    assert found.sentence(0.75, "Dice").startswith("about ")
    assert "extrapolated" not in found.sentence(0.75, "Dice")
    assert "extrapolated, for the largest number tried is 64" in found.sentence(0.83, "Dice")
    assert "not reached" in found.sentence(0.99, "Dice")


def test_the_same_seed_gives_the_same_band() -> None:
    first, second = (learning_curve(*noisy(), seed=3).band([10, 50]) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    ("sizes", "values"),
    [
        ([4, 8], [0.1, 0.2]),
        ([4, 8, 16], [0.1, 0.2]),
        ([0, 8, 16], [0.1, 0.2, 0.3]),
        ([4, 8, 16], [0, 1, np.nan]),
    ],
    ids=["two sizes", "a value missing", "no case", "not a number"],
)
def test_what_carries_no_curve_is_refused(sizes: list[int], values: list[float]) -> None:
    with pytest.raises(InputError, match="cannot be fitted"):
        learning_curve(sizes, values)
