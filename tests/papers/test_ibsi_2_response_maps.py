"""The response maps of digital phantoms that the second IBSI chapter agreed on, phase 1.

A filter conforms if every voxel differs by at most 1 % of the reference's range.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from ibsi_2_checks import map_differences
from terasu.radiomics.filters.ibsi2 import RESPONSE_MAPS

# Where ours is the same as the reference to rounding in float32.
EXACT = [
    *("1.a.1", "1.a.2", "1.a.4", "1.b.1", "3.a.1", "3.a.2", "3.a.3", "3.b.1", "3.b.2", "3.b.3"),
    *("3.c.1", "3.c.2", "3.c.3", "4.a.1", "4.a.2", "5.a.1", "5.a.2", "6.a.1", "6.a.2", "7.a.1", "7.a.2"),
    *("8.a.2", "8.a.3"),
]


@pytest.fixture(scope="module")
def differences(shared_data: Path) -> dict[str, float]:
    return dict(map_differences(shared_data))


def test_every_map_of_the_reference_has_its_filter(shared_data: Path) -> None:
    with tarfile.open(
        shared_data / "ibsi" / "reference" / "ibsi_2" / "reference_response_maps.tar.xz"
    ) as tar:
        there = sorted(Path(one).name for one in tar.getnames() if one.endswith(".nii"))
    assert there == sorted(f"{test.replace('.', '_')}-ValidCRM.nii" for test in RESPONSE_MAPS)
    assert len(RESPONSE_MAPS) == 33


@pytest.mark.parametrize("test", RESPONSE_MAPS)
def test_within_one_percent_of_the_range(test: str, differences: dict[str, float]) -> None:
    assert differences[test] <= (1e-4 if test in EXACT else 1.0)
