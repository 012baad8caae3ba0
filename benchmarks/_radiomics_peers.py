"""What PyRadiomics needs for the jobs that radiomics.py hands over, in its own environment.

``python _radiomics_peers.py IMAGE MASK [--round] [--cropped] [--configuration-c] [--glcm-maps]`` prints JSON:
seconds, peak memory [MB] and values. ``--round`` gives whole HU, ``--cropped`` a region with 20 voxels around
it, ``--configuration-c`` the IBSI's configuration C as far as PyRadiomics has it; ``--glcm-maps`` makes the
24 maps of the GLCM class with a radius of 1, and counts the voxels.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

import radiomics
import SimpleITK as sitk
from radiomics.featureextractor import RadiomicsFeatureExtractor

_AROUND = 20


def main(words: list[str]) -> None:
    radiomics.logger.setLevel(logging.CRITICAL)
    image, mask = (sitk.ReadImage(one) for one in words[:2])
    if "--round" in words:
        image = sitk.Cast(sitk.Round(image), sitk.sitkInt16)
    if "--cropped" in words:
        image, mask = _cropped(image, mask)
    settings = {"additionalInfo": False}
    if "--configuration-c" in words:
        more = {"resampledPixelSpacing": [2, 2, 2], "interpolator": "sitkLinear", "binWidth": 25}
        settings |= {**more, "resegmentRange": [-1000, 400]}
    extractor = RadiomicsFeatureExtractor(**settings)
    wanted = {"Original": {}} if "--configuration-c" in words else {"Original": {}, "Wavelet": {}}
    extractor.enableImageTypes(**wanted)
    maps = "--glcm-maps" in words
    if maps:
        radiomics._DummyProgressReporter = _Silent
        extractor.disableAllImageTypes()
        extractor.enableImageTypeByName("Original")
        extractor.disableAllFeatures()
        extractor.enableFeatureClassByName("glcm")
    start = time.perf_counter()
    found = extractor.execute(image, mask, voxelBased=maps)
    seconds = time.perf_counter() - start
    if maps:
        found = {"voxels": int((sitk.GetArrayViewFromImage(mask) > 0).sum())}
    # ru_maxrss would begin with what the parent process had
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    values = {name: float(value) for name, value in found.items()}
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "values": values}))


class _Silent:
    """A progress reporter; the one that comes with this version takes no total."""

    def __init__(self, *_args: object, **_words: object) -> None:
        pass

    def __enter__(self) -> _Silent:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def update(self, _n: int = 1) -> None:
        pass


def _cropped(image: sitk.Image, mask: sitk.Image) -> tuple[sitk.Image, sitk.Image]:
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(sitk.Cast(mask > 0, sitk.sitkUInt8))
    box, size = shape.GetBoundingBox(1), image.GetSize()
    low = [max(box[axis] - _AROUND, 0) for axis in range(3)]
    high = [min(box[axis] + box[axis + 3] + _AROUND, size[axis]) for axis in range(3)]
    window = [(a, b) for a, b in zip(low, high, strict=True)]
    part = tuple(slice(a, b) for a, b in window)
    return image[part], mask[part]


main(sys.argv[1:])
