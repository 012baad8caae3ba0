"""All 851 features against PyRadiomics itself: two patients, the CT phantom, and regions of awkward shapes.

values.csv was written by make_values.py beside it, with pyradiomics-cuda 1.0.4 on the CPU.
"""

from __future__ import annotations

import csv
import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from radiomics_cases import ct_phantom, pyradiomics_case
from terasu.errors import InputError
from terasu.patient.grid import Grid
from terasu.patient.volume import Volume
from terasu.radiomics.pyradiomics import PyRadiomics, feature_names, preset_744

ORACLE = Path(__file__).parent / "pyradiomics_oracle"
_spec = importlib.util.spec_from_file_location("made_regions", ORACLE / "made_regions.py")
made_regions = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(made_regions)
MADE = made_regions.regions()


@cache
def table() -> dict[str, dict[str, float]]:
    with (ORACLE / "values.csv").open() as file:
        rows = list(csv.DictReader(file))
    cases = [one for one in rows[0] if one != "feature"]
    return {case: {row["feature"]: float(row[case]) for row in rows} for case in cases}


def made(name: str) -> tuple[Volume, np.ndarray]:
    values, region, spacing = MADE[name]
    return Volume(values, Grid.from_axes(values.shape, spacing_zyx_mm=spacing)), region


def real(name: str, shared_data: Path) -> tuple[Volume, np.ndarray]:
    return ct_phantom(shared_data) if name == "ct_phantom" else pyradiomics_case(name, shared_data)


def off(found: dict[str, float], wanted: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Features beyond 1e-9 relative; the maximal correlation beyond 1e-6."""
    return {
        name: (found[name], value)
        for name, value in wanted.items()
        if not np.isclose(
            found[name],
            value,
            rtol=0 if name.endswith("MCC") else 1e-9,
            atol=1e-6 if name.endswith("MCC") else 1e-12,
            equal_nan=True,
        )
    }


@pytest.mark.parametrize("name", ("lung1", "brain1", "ct_phantom"))
def test_real_regions(name: str, shared_data: Path) -> None:
    found = PyRadiomics().features(*real(name, shared_data))
    assert tuple(found) == tuple(table()[name]) == feature_names(PyRadiomics())
    assert len(found) == 851
    assert off(found, table()[name]) == {}


@pytest.mark.parametrize("name", MADE)
def test_awkward_regions(name: str) -> None:
    found, wanted = PyRadiomics().features(*made(name)), dict(table()[name])
    if name == "flat":  # high bands of a flat image hold rounding errors, and these have no third moment
        wanted = {one: v for one, v in wanted.items() if "H" not in one or not one.endswith("ness")}
        wanted = {one: v for one, v in wanted.items() if not one.endswith("Kurtosis")}
    assert off(found, wanted) == {}


def test_the_preset_of_744_is_93_features_of_8_bands() -> None:
    found = preset_744().features(*made("blob"))
    assert len(found) == 744
    assert all(name.startswith("wavelet-") for name in found)
    assert off(found, {name: table()["blob"][name] for name in found}) == {}


def test_a_single_voxel_is_refused() -> None:
    image, region = made("blob")
    one = np.zeros_like(region)
    one[4, 5, 5] = True
    with pytest.raises(InputError, match="one voxel"):
        PyRadiomics().features(image, one)
