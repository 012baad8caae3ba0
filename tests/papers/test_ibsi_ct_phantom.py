"""The CT phantom of IBSI-1, a real lung tumour, read in five ways: A to E of the manual's table 5.1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ibsi_1_checks import ct_configuration
from radiomics_cases import ct_phantom

COUNTS = {"A": 346, "B": 346, "C": 210, "D": 210, "E": 210}


def test_the_region_has_as_many_voxels_as_the_standard_says(shared_data: Path) -> None:
    assert np.count_nonzero(ct_phantom(shared_data)[1]) == 125_256


@pytest.mark.parametrize("name", COUNTS)
def test_values_and_diagnostics_of_the_consensus(name: str, shared_data: Path) -> None:
    checks = ct_configuration(shared_data, name)
    assert sum(not one.is_diagnostic for one in checks) == COUNTS[name]
    assert sum(one.is_diagnostic for one in checks) == 60
    assert [one for one in checks if not one.holds] == []
