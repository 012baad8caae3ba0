"""Every value of the first IBSI chapter beside its reference: for the tests and for the benchmark.

Source: Zwanenburg et al. 2020, doi 10.1148/radiol.2020191145. The digital phantom is written down here, the
reference values come with the shared data. Compared at three significant digits, as they are given.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from radiomics_cases import ct_phantom
from terasu.radiomics.ibsi import CONFIGURATIONS
from terasu.radiomics.intensity import histogram, intensity_volume, statistics
from terasu.radiomics.morphology import morphology_features
from terasu.radiomics.peak import peak_features
from terasu.radiomics.prepare import prepare
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


def _cube(planes: tuple[str, ...]) -> NDArray[np.int32]:
    return np.array([[list(row) for row in plane.split()] for plane in planes], dtype=np.int32)


INSIDE = _cube(REGION) == 1
LEVELS = np.where(INSIDE, _cube(PHANTOM), 0).astype(np.int32)


@dataclass(frozen=True)
class Check:
    """One value beside its reference; ours is None where we have no such feature."""

    tag: str
    family: str
    ours: float | None
    wanted: float
    tolerance: float

    @property
    def is_diagnostic(self) -> bool:
        """Of the image and the region after each step, and no feature."""
        return self.family.startswith("Diagnostics")

    @property
    def holds(self) -> bool:
        """Within the tolerance, or the same at three significant digits."""
        if self.ours is None:
            return False
        near = abs(self.ours - self.wanted) <= self.tolerance * (1 + 1e-9)
        return near or float(f"{self.ours:.3g}") == float(f"{self.wanted:.3g}")


def digital_phantom(shared_data: Path) -> list[Check]:
    """482 values."""
    inside = LEVELS[LEVELS > 0]
    found = statistics(inside.astype(np.float64)) | histogram(inside) | intensity_volume(inside)
    image = _cube(PHANTOM).astype(np.float64)
    found |= morphology_features(INSIDE, SPACING_MM, image) | peak_features(image, INSIDE, SPACING_MM)
    found |= texture_features(LEVELS)
    return list(_checks(shared_data, "digital_phantom", found))


def ct_configuration(shared_data: Path, name: str) -> list[Check]:
    """The features and the 60 diagnostics of one configuration, A to E of the manual's table 5.1."""
    image, mask = ct_phantom(shared_data)
    way = CONFIGURATIONS[name]
    region = prepare(image, mask, way.preparation, whole_image=True)
    found: dict[str, float] = dict(way.features(prepare(image, mask, way.preparation)))
    found |= _of_image("init_img", image.values, image.grid.spacing_zyx_mm)
    found |= _of_image("interp_img", region.values, region.spacing_zyx_mm)
    found |= _of_region("init_roi", image.values, mask, mask)
    found |= _of_region("interp_roi", region.values, region.drawn, region.drawn)
    found |= _of_region("reseg_roi", region.values, region.inside, region.drawn)
    return list(_checks(shared_data, f"config_{name}", found))


def _checks(shared_data: Path, table: str, found: dict[str, float]) -> Iterator[Check]:
    path = shared_data / "ibsi" / "reference" / f"ibsi_1_reference_values_{table}.csv"
    with path.open(encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            if row["reference value"]:
                value, tolerance = float(row["reference value"]), float(row["tolerance"] or 0)
                yield Check(row["tag"], row["family"], found.get(row["tag"]), value, tolerance)


def _of_image(
    stage: str, values: NDArray[np.generic], spacing: tuple[float, float, float]
) -> dict[str, float]:
    found = {f"img_dim_{axis}_{stage}": float(n) for axis, n in zip("zyx", values.shape, strict=True)}
    found |= {f"vox_dim_{axis}_{stage}": step for axis, step in zip("zyx", spacing, strict=True)}
    return found | {f"{name}_int_{stage}": value for name, value in _extent(values).items()}


def _of_region(
    stage: str, values: NDArray[np.generic], inside: NDArray[np.bool_], drawn: NDArray[np.bool_]
) -> dict[str, float]:
    found = {f"int_mask_dim_{axis}_{stage}": float(n) for axis, n in zip("zyx", values.shape, strict=True)}
    for kind, mask in (("int", inside), ("morph", drawn)):
        box = ndimage.find_objects(mask.astype(np.uint8))[0]
        found |= {
            f"{kind}_mask_bb_dim_{axis}_{stage}": float(one.stop - one.start)
            for axis, one in zip("zyx", box, strict=True)
        }
        found[f"{kind}_mask_vox_count_{stage}"] = float(mask.sum())
    return found | {f"int_mask_{name}_int_{stage}": value for name, value in _extent(values[inside]).items()}


def _extent(values: NDArray[np.generic]) -> dict[str, float]:
    return {"mean": float(values.mean()), "min": float(values.min()), "max": float(values.max())}
