"""PyRadiomics' own preprocessing: normalisation, resampling and limits, as it does them.

They are here for its values; for new work take the IBSI's (``prepare``). Resampling does not round, and its
grid begins at the region's first voxel.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.patient.resample import from_sitk, to_sitk
from terasu.patient.volume import Volume
from terasu.radiomics.prepare import Mask, box_of

Array = NDArray[np.float64]
Limits = Literal["absolute", "relative", "sigma"]
_PAD = 5  # voxels kept around the region, padDistance


def normalised(image: Volume, scale: float) -> Volume:
    """The whole image less its mean, by its standard deviation, times ``scale`` (``normalize``)."""
    values = sitk.GetArrayFromImage(sitk.Normalize(to_sitk(image.values, image.grid)))
    return image.with_values(values * values.dtype.type(scale), unit="1")


def resampled(image: Volume, mask: Mask, spacing_zyx_mm: tuple[float, float, float]) -> tuple[Volume, Mask]:
    """Image by cubic B-splines and mask by nearest neighbours on other voxels (``resampledPixelSpacing``)."""
    box = box_of(mask)
    old = np.asarray(image.grid.spacing_zyx_mm)
    thick = np.array([one.stop - one.start for one in box])
    new = np.where((thick == 1) | (np.asarray(spacing_zyx_mm) == 0), old, spacing_zyx_mm)
    ratio = old / new
    first, last = np.array([one.start for one in box]), np.array([one.stop for one in box])
    low = np.maximum(np.floor((first - 0.5) * ratio - _PAD), 0)
    high = np.minimum(np.ceil((last - 0.5) * ratio + _PAD), np.ceil(mask.shape * ratio) - 1)
    source, inside = to_sitk(image.values, image.grid), to_sitk(mask, image.grid)
    start = 0.5 * (new - old) / old + low / ratio
    onto = sitk.ResampleImageFilter()
    onto.SetOutputSpacing(new[::-1].tolist())
    onto.SetOutputDirection(source.GetDirection())
    onto.SetSize((high - low + 1).astype(int)[::-1].tolist())
    onto.SetOutputOrigin(source.TransformContinuousIndexToPhysicalPoint(start[::-1].tolist()))
    onto.SetInterpolator(sitk.sitkBSpline)
    other = from_sitk(onto.Execute(source), unit=image.unit, source=image.source)
    onto.SetInterpolator(sitk.sitkNearestNeighbor)
    return other, np.asarray(sitk.GetArrayFromImage(onto.Execute(inside)) > 0)


def limited(image: Volume, mask: Mask, limits: tuple[float, ...], kind: Limits) -> Mask:
    """Voxels of ``mask`` within ``limits`` (``resegmentRange``); the upper one may be missing.

    Args:
        kind: ``absolute``; ``relative`` to the highest value; ``sigma``: standard deviations about the mean.
    Raises:
        InputError: fewer than two voxels left.
    """
    seen = image.values[mask].astype(np.float64)
    bounds = np.sort(np.asarray(limits, np.float64))
    if kind == "relative":
        bounds = bounds * seen.max()
    elif kind == "sigma":
        bounds = seen.mean() + bounds * seen.std()
    inside = mask.copy()
    inside[mask] = (seen >= bounds[0]) & ((seen <= bounds[1]) if len(bounds) > 1 else True)
    if np.count_nonzero(inside) < 2:
        raise InputError(
            "Fewer than two voxels of the region have a value in the wanted range.",
            got=f"values from {seen.min():g} to {seen.max():g}",
            expected=f"values within {', '.join(f'{one:g}' for one in bounds)}",
            todo="Check the contour, or widen the range.",
        )
    return inside
