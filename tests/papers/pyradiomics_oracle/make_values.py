"""Writes values.csv with PyRadiomics itself.

python -m venv v && v/bin/pip install pyradiomics-cuda==1.0.4 && v/bin/python make_values.py SHARED_DATA
"""

from __future__ import annotations

import csv
import logging
import sys
from pathlib import Path

import radiomics
import SimpleITK as sitk
from made_regions import regions
from radiomics.featureextractor import RadiomicsFeatureExtractor


def main(shared: Path) -> None:
    radiomics.logger.setLevel(logging.CRITICAL)
    columns = {name: _made(*case) for name, case in regions().items()}
    cases = shared / "pyradiomics_cases"
    for name in ("lung1", "brain1"):
        columns[name] = _features(
            sitk.ReadImage(cases / f"{name}_image.nrrd"), sitk.ReadImage(cases / f"{name}_label.nrrd")
        )
    phantom = shared / "ibsi" / "ibsi_1_ct_radiomics_phantom" / "nifti"
    image = sitk.Cast(sitk.Round(sitk.ReadImage(phantom / "image" / "phantom.nii.gz")), sitk.sitkInt16)
    columns["ct_phantom"] = _features(image, sitk.ReadImage(phantom / "mask" / "mask.nii.gz"))
    with (Path(__file__).parent / "values.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["feature", *columns])
        for feature in columns["lung1"]:
            table.writerow([feature, *(repr(float(one[feature])) for one in columns.values())])


def _made(values, region, spacing):
    image, mask = sitk.GetImageFromArray(values), sitk.GetImageFromArray(region.astype("uint8"))
    for one in (image, mask):
        one.SetSpacing(spacing[::-1])
    return _features(image, mask)


def _features(image, mask):
    extractor = RadiomicsFeatureExtractor(additionalInfo=False, minimumROIDimensions=1)
    extractor.enableImageTypes(Original={}, Wavelet={})
    return extractor.execute(image, mask)


main(Path(sys.argv[1]))
