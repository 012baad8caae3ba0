"""Every response map and value of the second IBSI chapter beside its reference: for tests and benchmark.

33 maps and 323 values were agreed on; of the tests 9.b.2, 10.a and 10.b.2 (Riesz transforms) there is no
reference map, and of 8.B no quartile coefficient of dispersion.

Source: Whybra et al. 2024, doi 10.1148/radiol.231319; maps and values come with the shared data.
"""

from __future__ import annotations

import csv
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from radiomics_cases import ct_phantom
from terasu.patient.volume_file import read_volume_file
from terasu.radiomics.filters.ibsi2 import FILTERED_CT, PREPARATIONS, RESPONSE_MAPS
from terasu.radiomics.intensity import statistics
from terasu.radiomics.prepare import Region, box_of, prepare

MAPS = {
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
"""First part of a map's test → filter."""
VALUES = {"1": "none"} | {str(int(n) + 1): name for n, name in MAPS.items() if int(n) <= 5}
VALUES |= {"7": "separable wavelets", "8": "Simoncelli", "9": "Simoncelli"}
"""First part of a value's test → filter."""


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
            assert ours.shape == wanted.shape
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
    image, mask = ct_phantom(shared_data)
    return {name: prepare(image, mask, how, whole_image=True) for name, how in PREPARATIONS.items()}


def _statistics(test: str, regions: dict[str, Region]) -> dict[str, float]:
    region, one = regions[test[-1]], FILTERED_CT[test]
    box = box_of(region.inside)
    response = region.values[box] if one is None else one.apply(region.values, region.spacing_zyx_mm, box)
    return statistics(response[region.inside[box]])
