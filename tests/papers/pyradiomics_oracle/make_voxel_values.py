"""Writes voxel_values.csv with PyRadiomics itself: every feature in a cube around voxels of made regions.

v/bin/python make_voxel_values.py, in the environment that make_values.py names.
"""

from __future__ import annotations

import csv
import logging
from pathlib import Path

import radiomics
import SimpleITK as sitk
from made_regions import voxel_regions
from radiomics.featureextractor import RadiomicsFeatureExtractor


class Silent:
    """A progress reporter; the one that comes with this version takes no total."""

    def __init__(self, *_args, **_words):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        pass

    def update(self, _n=1):
        pass


def main() -> None:
    radiomics._DummyProgressReporter = Silent
    radiomics.logger.setLevel(logging.CRITICAL)
    rows = []
    for name, (values, region, spacing, radius, settings) in voxel_regions().items():
        image, mask = sitk.GetImageFromArray(values), sitk.GetImageFromArray(region.astype("uint8"))
        for one in (image, mask):
            one.SetSpacing(spacing[::-1])
        extractor = RadiomicsFeatureExtractor(
            additionalInfo=False,
            minimumROIDimensions=1,
            kernelRadius=radius,
            initValue=float("nan"),
            **settings,
        )
        extractor.disableAllFeatures()
        for family in ("firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm"):
            extractor.enableFeatureClassByName(family)
        found = extractor.execute(image, mask, voxelBased=True)
        for feature, made in found.items():
            onto = sitk.GetArrayFromImage(
                sitk.Resample(made, image, sitk.Transform(), sitk.sitkNearestNeighbor)
            )
            rows.append([name, feature, *(f"{value:.12g}" for value in onto[region])])
    with (Path(__file__).parent / "voxel_values.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


main()
