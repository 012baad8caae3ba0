"""The digital phantom of IBSI-1: values, histograms and textures as the consensus has them.

Source: Zwanenburg et al. 2020, doi 10.1148/radiol.2020191145; the phantom is written down here, the reference
values come with the shared data. Compared at three significant digits, as they are given.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from terasu.radiomics.intensity import histogram, intensity_volume, statistics
from terasu.radiomics.morphology import morphology_features
from terasu.radiomics.peak import peak_features
from terasu.radiomics.texture import texture_features

# z, y, x: 4 slices of 4 rows and 5 columns of 2 mm; what is struck out lies outside of the region.
PHANTOM = (
    "14411 14611 41641 44641",
    "14411 11611 11311 44611",
    "14411 11111 11911 11611",
    "14411 11111 11111 11611",
)
REGION = (
    "11111 11111 11111 11111",
    "11111 11111 01111 11111",
    "11100 11111 11011 11111",
    "11100 11111 11111 11111",
)
SPACING_MM = (2.0, 2.0, 2.0)


def _cube(planes: tuple[str, ...]) -> np.ndarray:
    return np.array([[list(row) for row in plane.split()] for plane in planes], dtype=np.int32)


INSIDE = _cube(REGION) == 1
LEVELS = np.where(INSIDE, _cube(PHANTOM), 0).astype(np.int32)
FAMILIES = ("morph", "loc", "stat", "ih", "ivh", "cm", "rlm", "szm", "dzm", "ngt", "ngl")


@pytest.fixture(scope="module")
def ours() -> dict[str, float]:
    inside = LEVELS[LEVELS > 0]
    found = statistics(inside.astype(np.float64)) | histogram(inside) | intensity_volume(inside)
    image = _cube(PHANTOM).astype(np.float64)
    found |= morphology_features(INSIDE, SPACING_MM, image) | peak_features(image, INSIDE, SPACING_MM)
    return found | texture_features(LEVELS)


def references(shared_data: Path) -> dict[str, tuple[float, float]]:
    table = shared_data / "ibsi" / "reference" / "ibsi_1_reference_values_digital_phantom.csv"
    with table.open(encoding="utf-8-sig") as file:
        rows = [row for row in csv.DictReader(file) if row["reference value"]]
    return {row["tag"]: (float(row["reference value"]), float(row["tolerance"] or 0)) for row in rows}


def test_the_phantom_is_that_of_the_standard() -> None:
    assert LEVELS.shape == (4, 4, 5)
    assert np.bincount(LEVELS.ravel()).tolist() == [6, 50, 0, 1, 16, 0, 7]


@pytest.mark.parametrize("family", FAMILIES)
def test_values_of_the_consensus(family: str, ours: dict[str, float], shared_data: Path) -> None:
    wanted = {tag: one for tag, one in references(shared_data).items() if tag.split("_")[0] == family}
    assert wanted
    off = {
        tag: (ours.get(tag), value)
        for tag, (value, tolerance) in wanted.items()
        if tag not in ours or not _agree(ours[tag], value, tolerance)
    }
    assert off == {}


def _agree(found: float, value: float, tolerance: float) -> bool:
    return abs(found - value) <= tolerance or float(f"{found:.3g}") == float(f"{value:.3g}")
