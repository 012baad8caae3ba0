"""The response maps of digital phantoms that the second IBSI chapter agreed on, phase 1.

33 maps were agreed on; of the tests 9.b.2, 10.a and 10.b.2 (Riesz transforms) there is no reference.
A filter conforms if every voxel differs by at most 1 % of the reference's range.

Source: Whybra et al. 2024, doi 10.1148/radiol.231319; the maps come with the shared data.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest

from terasu.patient.volume_file import read_volume_file
from terasu.radiomics.filters.ibsi2 import RESPONSE_MAPS

# Where ours is the same as the reference to rounding in float32.
EXACT = [
    *("1.a.1", "1.a.2", "1.a.4", "1.b.1", "3.a.1", "3.a.2", "3.a.3", "3.b.1", "3.b.2", "3.b.3"),
    *("3.c.1", "3.c.2", "3.c.3", "4.a.1", "4.a.2", "5.a.1", "5.a.2", "6.a.1", "6.a.2", "7.a.1", "7.a.2"),
    *("8.a.2", "8.a.3"),
]


@pytest.fixture(scope="module")
def maps(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = shared_data / "ibsi" / "reference" / "ibsi_2" / "reference_response_maps.tar.xz"
    if not archive.exists():
        pytest.skip("the response maps of IBSI-2 are not in the shared data")
    folder = tmp_path_factory.mktemp("ibsi_2")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / "reference_response_maps"


def file_of(test: str) -> str:
    return f"{test.replace('.', '_')}-ValidCRM.nii"


def test_every_map_of_the_reference_has_its_filter(maps: Path) -> None:
    assert sorted(one.name for one in maps.iterdir()) == sorted(file_of(test) for test in RESPONSE_MAPS)
    assert len(RESPONSE_MAPS) == 33


@pytest.mark.parametrize("test", RESPONSE_MAPS)
def test_within_one_percent_of_the_range(test: str, maps: Path, shared_data: Path) -> None:
    case = RESPONSE_MAPS[test]
    folder = shared_data / "ibsi" / "ibsi_2_digital_phantom" / "nifti" / case.phantom / "image"
    phantom = read_volume_file(folder / f"{case.phantom}.nii.gz")
    wanted = read_volume_file(maps / file_of(test)).values
    ours = case.filter.apply(phantom.values, phantom.grid.spacing_zyx_mm)
    assert ours.shape == wanted.shape
    tolerance = 1e-6 if test in EXACT else 0.01
    assert np.abs(ours - wanted).max() <= tolerance * np.ptp(wanted)
