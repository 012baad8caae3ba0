"""The CT phantom through the filters of the second IBSI chapter, phase 2: A in slices, B in the volume.

Eighteen statistics of nine responses in two configurations, 323 values; the 324th, the quartile coefficient
of dispersion of 8.B, was not agreed on.

Source: Whybra et al. 2024, doi 10.1148/radiol.231319; the values come with the shared data.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from terasu.patient.volume_file import read_mask_file, read_volume_file
from terasu.radiomics.filters.ibsi2 import FILTERED_CT, PREPARATIONS
from terasu.radiomics.intensity import statistics
from terasu.radiomics.prepare import Region, box_of, prepare


@pytest.fixture(scope="module")
def wanted(shared_data: Path) -> dict[str, dict[str, tuple[float, float]]]:
    table = shared_data / "ibsi" / "reference" / "ibsi_2" / "reference_feature_values"
    found: dict[str, dict[str, tuple[float, float]]] = {}
    with (table / "reference_values.csv").open(encoding="utf-8-sig") as file:
        for row in csv.DictReader(file, delimiter=";"):
            if row["consensus_value"]:
                agreed = float(row["consensus_value"]), float(row["tolerance"])
                found.setdefault(row["filter_id"], {})[row["feature_tag"]] = agreed
    return found


@pytest.fixture(scope="module")
def regions(shared_data: Path) -> dict[str, Region]:
    folder = shared_data / "ibsi" / "ibsi_1_ct_radiomics_phantom" / "nifti"
    read = read_volume_file(folder / "image" / "phantom.nii.gz")
    image = read.with_values(np.rint(read.values))  # the file holds HU with small errors of rounding
    mask = read_mask_file(folder / "mask" / "mask.nii.gz", image.grid)
    return {name: prepare(image, mask, how, whole_image=True) for name, how in PREPARATIONS.items()}


def test_all_values_have_their_filter(wanted: dict[str, dict[str, tuple[float, float]]]) -> None:
    assert wanted.keys() == FILTERED_CT.keys()
    assert sum(len(one) for one in wanted.values()) == 323


@pytest.mark.parametrize("test", FILTERED_CT)
def test_values_of_the_consensus(
    test: str, wanted: dict[str, dict[str, tuple[float, float]]], regions: dict[str, Region]
) -> None:
    region, one = regions[test[-1]], FILTERED_CT[test]
    box = box_of(region.inside)
    response = region.values[box] if one is None else one.apply(region.values, region.spacing_zyx_mm, box)
    ours = statistics(response[region.inside[box]])
    off = {
        tag: (ours[tag], value, tolerance)
        for tag, (value, tolerance) in wanted[test].items()
        if not abs(ours[tag] - value) <= tolerance * (1 + 1e-9)
    }
    assert off == {}
