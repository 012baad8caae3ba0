"""The digital phantom of IBSI-1: values, histograms and textures as the consensus has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ibsi_1_checks import LEVELS, Check, digital_phantom

FAMILIES = ("morph", "loc", "stat", "ih", "ivh", "cm", "rlm", "szm", "dzm", "ngt", "ngl")


@pytest.fixture(scope="module")
def checks(shared_data: Path) -> list[Check]:
    return digital_phantom(shared_data)


def test_the_phantom_is_that_of_the_standard() -> None:
    assert LEVELS.shape == (4, 4, 5)
    assert np.bincount(LEVELS.ravel()).tolist() == [6, 50, 0, 1, 16, 0, 7]


def test_no_value_of_the_consensus_is_left_out(checks: list[Check]) -> None:
    assert len(checks) == 482
    assert {one.tag.split("_")[0] for one in checks} == set(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_values_of_the_consensus(family: str, checks: list[Check]) -> None:
    assert [one for one in checks if one.tag.split("_")[0] == family and not one.holds] == []
