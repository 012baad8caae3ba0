"""How many of the second IBSI chapter's response maps and feature values hold, filter by filter.

``python benchmarks/_ibsi2.py SHARED_DATA`` prints the table; ``passes`` gives it to other benchmarks.
"""

from __future__ import annotations

import csv
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from terasu.patient.volume_file import read_mask_file, read_volume_file
from terasu.radiomics.filters.ibsi2 import FILTERED_CT, PREPARATIONS, RESPONSE_MAPS
from terasu.radiomics.intensity import statistics
from terasu.radiomics.prepare import Region, box_of, prepare

_MAPS = {
    "1": "mean",
    "2": "Laplacian of Gaussian",
    "3": "Laws",
    "4": "Gabor",
    "5": "separable wavelets",
    "6": "separable wavelets",
    "7": "separable wavelets",
    "8": "Simoncelli",
    "9": "Riesz",
    "10": "Riesz",
}
_VALUES = {"1": "none"} | {str(int(n) + 1): name for n, name in _MAPS.items() if int(n) <= 5}
_VALUES |= {"7": "separable wavelets", "8": "Simoncelli", "9": "Simoncelli"}


def passes(shared_data: Path) -> list[dict[str, Any]]:
    """One row a family: maps and values that hold and that there are, and the worst map [% of its range]."""
    rows: dict[str, dict[str, Any]] = {}
    for test, difference in map_differences(shared_data):
        row = _row(rows, _MAPS[test.split(".")[0]])
        row["maps"] += 1
        row["maps_hold"] += difference <= 1
        row["worst_map_percent"] = max(row["worst_map_percent"] or 0.0, difference)
    for test, _, holds in value_checks(shared_data):
        row = _row(rows, _VALUES[test.split(".")[0]])
        row["values"] += 1
        row["values_hold"] += holds
    return list(rows.values())


def map_differences(shared_data: Path) -> Iterator[tuple[str, float]]:
    """Every response map and its largest difference from the reference [% of the reference's range]."""
    folder = shared_data / "ibsi"
    with tempfile.TemporaryDirectory() as aside:
        with tarfile.open(folder / "reference" / "ibsi_2" / "reference_response_maps.tar.xz") as tar:
            tar.extractall(aside, filter="data")
        for test, case in RESPONSE_MAPS.items():
            kind = folder / "ibsi_2_digital_phantom" / "nifti" / case.phantom / "image"
            phantom = read_volume_file(kind / f"{case.phantom}.nii.gz")
            file = f"{test.replace('.', '_')}-ValidCRM.nii"
            wanted = read_volume_file(Path(aside) / "reference_response_maps" / file).values
            ours = case.filter.apply(phantom.values, phantom.grid.spacing_zyx_mm)
            yield test, 100 * float(np.abs(ours - wanted).max() / np.ptp(wanted))


def value_checks(shared_data: Path) -> Iterator[tuple[str, str, bool]]:
    """Every value of the CT image with an agreed reference: test, feature, whether it is in tolerance."""
    table = shared_data / "ibsi" / "reference" / "ibsi_2" / "reference_feature_values"
    with (table / "reference_values.csv").open(encoding="utf-8-sig") as file:
        rows = [row for row in csv.DictReader(file, delimiter=";") if row["consensus_value"]]
    regions = _regions(shared_data)
    ours = {test: _statistics(test, regions) for test in FILTERED_CT}
    for row in rows:
        difference = ours[row["filter_id"]][row["feature_tag"]] - float(row["consensus_value"])
        yield row["filter_id"], row["feature_tag"], abs(difference) <= float(row["tolerance"]) * (1 + 1e-9)


def _regions(shared_data: Path) -> dict[str, Region]:
    folder = shared_data / "ibsi" / "ibsi_1_ct_radiomics_phantom" / "nifti"
    read = read_volume_file(folder / "image" / "phantom.nii.gz")
    image = read.with_values(np.rint(read.values))  # the file holds HU with small errors of rounding
    mask = read_mask_file(folder / "mask" / "mask.nii.gz", image.grid)
    return {name: prepare(image, mask, how, whole_image=True) for name, how in PREPARATIONS.items()}


def _statistics(test: str, regions: dict[str, Region]) -> dict[str, float]:
    region, one = regions[test[-1]], FILTERED_CT[test]
    box = box_of(region.inside)
    response = region.values[box] if one is None else one.apply(region.values, region.spacing_zyx_mm, box)
    return statistics(response[region.inside[box]])


def _row(rows: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    empty = {"filter": name, "maps": 0, "maps_hold": 0, "worst_map_percent": None}
    return rows.setdefault(name, empty | {"values": 0, "values_hold": 0})


def main() -> None:
    for row in passes(Path(sys.argv[1])):
        worst = "" if row["worst_map_percent"] is None else f"worst {row['worst_map_percent']:.4f} %"
        maps = f"maps {row['maps_hold']:3d} of {row['maps']:3d}"
        print(f"{row['filter']:24s}{maps}   values {row['values_hold']:3d} of {row['values']:3d}   {worst}")


if __name__ == "__main__":
    main()
