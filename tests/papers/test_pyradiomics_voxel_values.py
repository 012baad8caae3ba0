"""Maps of all 93 features against PyRadiomics' own, voxel by voxel, on made regions.

voxel_values.csv was written by make_voxel_values.py beside it, with pyradiomics-cuda 1.0.4 on the CPU. Its
MCC fails as a whole (NaN everywhere) where one cube has a direction without a pair; ours is compared where it
has a value.
"""

from __future__ import annotations

import csv
import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from terasu.patient.grid import Grid
from terasu.patient.volume import Volume
from terasu.radiomics.pyradiomics import PyRadiomics, feature_names
from terasu.radiomics.voxel_map import feature_maps

ORACLE = Path(__file__).parent / "pyradiomics_oracle"
_spec = importlib.util.spec_from_file_location("made_voxel_regions", ORACLE / "made_regions.py")
made_regions = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(made_regions)
MADE = made_regions.voxel_regions()
NAMES = feature_names(PyRadiomics(images=("original",), shape=False))


@cache
def table() -> dict[tuple[str, str], np.ndarray]:
    with (ORACLE / "voxel_values.csv").open() as file:
        return {(row[0], row[1]): np.array(row[2:], float) for row in csv.reader(file)}


@pytest.mark.parametrize("case", MADE)
def test_every_voxel_of_every_feature(case: str) -> None:
    values, region, spacing, radius, settings = MADE[case]
    profile = PyRadiomics(in_slice="force2D" in settings, together="weightingNorm" in settings)
    image = Volume(values, Grid.from_axes(values.shape, spacing_zyx_mm=spacing))
    maps = feature_maps(image, region, NAMES, profile, radius=radius)
    off = {}
    for name in NAMES:
        ours, wanted = maps.values[name], table()[case, name]
        if name.endswith("MCC"):
            same = np.isnan(wanted) | (np.abs(ours - wanted) <= 1e-6)
            assert np.isfinite(ours).sum() >= len(ours) - 1
        else:
            same = np.isclose(ours, wanted, rtol=1e-9, atol=1e-10, equal_nan=True)
        if not same.all():
            off[name] = ours[~same][:3], wanted[~same][:3]
    assert off == {}


def test_the_mcc_is_held_somewhere() -> None:
    told = {case: np.isfinite(table()[case, "original_glcm_MCC"]).sum() for case in MADE}
    assert told["noise"] == told["noise, radius 2"] == 36
