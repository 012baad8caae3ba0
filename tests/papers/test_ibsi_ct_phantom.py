"""The CT phantom of IBSI-1, a real lung tumour, read in five ways: A to E of the manual's table 5.1.

Source: Zwanenburg et al. 2020, doi 10.1148/radiol.2020191145; the reference values come with the shared data.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from terasu.patient.volume import Volume
from terasu.patient.volume_file import read_mask_file, read_volume_file
from terasu.radiomics.ibsi import CONFIGURATIONS
from terasu.radiomics.prepare import Region, prepare

COUNTS = {"A": 346, "B": 346, "C": 210, "D": 210, "E": 210}
FAMILIES = ("morph", "loc", "stat", "ih", "ivh", "cm", "rlm", "szm", "dzm", "ngt", "ngl")


@dataclass(frozen=True)
class Wanted:
    family: str
    value: float
    tolerance: float


@dataclass(frozen=True, eq=False)
class Phantom:
    image: Volume
    mask: np.ndarray


@pytest.fixture(scope="module")
def phantom(shared_data: Path) -> Phantom:
    folder = shared_data / "ibsi" / "ibsi_1_ct_radiomics_phantom" / "nifti"
    read = read_volume_file(folder / "image" / "phantom.nii.gz")
    image = read.with_values(np.rint(read.values))  # the file holds HU with small errors of rounding
    return Phantom(image, read_mask_file(folder / "mask" / "mask.nii.gz", image.grid))


def references(shared_data: Path, name: str) -> dict[str, Wanted]:
    table = shared_data / "ibsi" / "reference" / f"ibsi_1_reference_values_config_{name}.csv"
    with table.open(encoding="utf-8-sig") as file:
        rows = [row for row in csv.DictReader(file) if row["reference value"]]
    return {
        row["tag"]: Wanted(row["family"], float(row["reference value"]), float(row["tolerance"] or 0))
        for row in rows
    }


def test_the_region_has_as_many_voxels_as_the_standard_says(phantom: Phantom) -> None:
    assert np.count_nonzero(phantom.mask) == 125_256


@pytest.mark.parametrize("name", COUNTS)
def test_values_of_the_consensus(name: str, phantom: Phantom, shared_data: Path) -> None:
    way = CONFIGURATIONS[name]
    ours = way.features(prepare(phantom.image, phantom.mask, way.preparation))
    wanted = {
        tag: one
        for tag, one in references(shared_data, name).items()
        if not one.family.startswith("Diagnostics")
    }
    assert len(wanted) == COUNTS[name]
    assert {tag: (ours.get(tag), one) for tag, one in wanted.items() if not _agree(ours.get(tag), one)} == {}


@pytest.mark.parametrize("name", COUNTS)
def test_diagnostics_of_the_consensus(name: str, phantom: Phantom, shared_data: Path) -> None:
    how = CONFIGURATIONS[name].preparation
    region = prepare(phantom.image, phantom.mask, how, whole_image=True)
    ours = _diagnostics(phantom, region)
    wanted = {
        tag: one for tag, one in references(shared_data, name).items() if one.family.startswith("Diagnostics")
    }
    assert len(wanted) == 60
    assert {tag: (ours.get(tag), one) for tag, one in wanted.items() if not _agree(ours.get(tag), one)} == {}


def _diagnostics(phantom: Phantom, region: Region) -> dict[str, float]:
    found = _of_image("init_img", phantom.image.values, phantom.image.grid.spacing_zyx_mm)
    found |= _of_image("interp_img", region.values, region.spacing_zyx_mm)
    found |= _of_region("init_roi", phantom.image.values, phantom.mask, phantom.mask)
    found |= _of_region("interp_roi", region.values, region.drawn, region.drawn)
    return found | _of_region("reseg_roi", region.values, region.inside, region.drawn)


def _of_image(stage: str, values: np.ndarray, spacing: tuple[float, float, float]) -> dict[str, float]:
    found = {f"img_dim_{axis}_{stage}": n for axis, n in zip("zyx", values.shape, strict=True)}
    found |= {f"vox_dim_{axis}_{stage}": step for axis, step in zip("zyx", spacing, strict=True)}
    return found | {f"{name}_int_{stage}": value for name, value in _extent(values).items()}


def _of_region(stage: str, values: np.ndarray, inside: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    found = {f"int_mask_dim_{axis}_{stage}": n for axis, n in zip("zyx", values.shape, strict=True)}
    for kind, mask in (("int", inside), ("morph", drawn)):
        box = ndimage.find_objects(mask.astype(np.uint8))[0]
        found |= {
            f"{kind}_mask_bb_dim_{axis}_{stage}": one.stop - one.start
            for axis, one in zip("zyx", box, strict=True)
        }
        found[f"{kind}_mask_vox_count_{stage}"] = int(mask.sum())
    return found | {f"int_mask_{name}_int_{stage}": value for name, value in _extent(values[inside]).items()}


def _extent(values: np.ndarray) -> dict[str, float]:
    return {"mean": float(values.mean()), "min": float(values.min()), "max": float(values.max())}


def _agree(found: float | None, wanted: Wanted) -> bool:
    if found is None:
        return False
    near = abs(found - wanted.value) <= wanted.tolerance * (1 + 1e-9)
    return near or float(f"{found:.3g}") == float(f"{wanted.value:.3g}")
