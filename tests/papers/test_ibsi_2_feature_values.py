"""The CT phantom through the filters of the second IBSI chapter, phase 2: A in slices, B in the volume.

Eighteen statistics of nine responses in two configurations.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ibsi_2_checks import value_checks
from terasu.radiomics.filters.ibsi2 import FILTERED_CT


@pytest.fixture(scope="module")
def checks(shared_data: Path) -> list[tuple[str, str, bool]]:
    return list(value_checks(shared_data))


def test_all_values_have_their_filter(checks: list[tuple[str, str, bool]]) -> None:
    assert {test for test, _, _ in checks} == FILTERED_CT.keys()
    assert len(checks) == 323


@pytest.mark.parametrize("test", FILTERED_CT)
def test_values_of_the_consensus(test: str, checks: list[tuple[str, str, bool]]) -> None:
    assert [tag for one, tag, holds in checks if one == test and not holds] == []
