"""One level of a match: both images thinned, and flattened so that shading does not steer it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from terasu.errors import RegistrationError
from terasu.patient.resample import grid_of_sitk, to_sitk
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume

LOW_HU, HIGH_HU = -1000.0, 1500.0
_LEAST_VOXELS = 300
_NOISE_HU = 30.0


@dataclass(frozen=True, eq=False)
class Level:
    """SimpleITK images of one level.

    Attributes:
        fixed, moving: float32, thinned and flattened; fixed is cropped to its mask.
        mask: uint8 on fixed, 1 where the metric may look.
        points: number of voxels of the mask.
    """

    fixed: Any
    moving: Any
    mask: Any
    points: int


def make_level(
    moving: Volume, fixed: Volume, mask: Mask, *, spacing_mm: float, flatten_mm: float, edge_mm: float
) -> Level:
    """Both images at about ``spacing_mm``.

    A truncated CBCT carries shading of several hundred HU and a bright rim. Mutual information then slides
    the patient until shading meets anatomy (by 32 mm on a real abdomen). So each voxel is first measured
    against its surroundings of ``flatten_mm``, and a rim of ``edge_mm`` is not looked at.

    Args:
        moving, fixed: images [HU].
        mask: field of view on fixed.
        spacing_mm: wanted spacing; an axis that is coarser already stays.
        flatten_mm: standard deviation of the Gaussian that weighs the surroundings.
        edge_mm: rim of the mask that is not looked at.
    Raises:
        RegistrationError: hardly anything is left of the mask.
    """
    start, stop = box_of(mask)
    fixed_part, mask_part = (
        fixed.crop(start, stop),
        mask[tuple(slice(*ends) for ends in zip(start, stop, strict=True))],
    )
    thin_fixed, thin_moving = thinned(fixed_part, spacing_mm), thinned(moving, spacing_mm)
    thin_mask = _thinned_mask(mask_part, fixed_part, spacing_mm)
    inner = _without_rim(thin_mask, thin_fixed, edge_mm)
    points = int(inner.sum())
    if points < _LEAST_VOXELS:
        raise RegistrationError(
            "The field of view is too small to match two images in it.",
            got=f"{points} voxels of {spacing_mm:g} mm, {edge_mm:g} mm inside of its rim",
            expected=f"at least {_LEAST_VOXELS}",
            todo="Check the field of view that was found in the CBCT.",
        )
    everywhere = np.ones(thin_moving.GetSize()[::-1], bool)
    return Level(
        flattened(thin_fixed, thin_mask, flatten_mm),
        flattened(thin_moving, everywhere, flatten_mm),
        to_sitk(inner, grid_of_sitk(thin_fixed)),
        points,
    )


def box_of(mask: Mask) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Start and stop (k, j, i) of the mask's bounding box; the whole grid if it is empty."""
    found = [np.flatnonzero(mask.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    if not found[0].size:
        return (0, 0, 0), (mask.shape[0], mask.shape[1], mask.shape[2])
    (k, j, i), (kk, jj, ii) = ([int(ends[pick]) for ends in found] for pick in (0, -1))
    return (k, j, i), (kk + 1, jj + 1, ii + 1)


def _factors(image: Volume, spacing_mm: float) -> list[int]:
    """Voxels to a block along (k, j, i)."""
    wanted = [max(1, round(spacing_mm / spacing)) for spacing in image.grid.spacing_zyx_mm]
    return [min(factor, size) for factor, size in zip(wanted, image.grid.shape_zyx, strict=True)]


def thinned(image: Volume, spacing_mm: float) -> Any:
    """SimpleITK image of means over blocks: free of aliasing, and faster than a Gaussian on the full grid."""
    clipped = np.clip(image.values, LOW_HU, HIGH_HU).astype(np.float32)
    return sitk.BinShrink(to_sitk(clipped, image.grid), _factors(image, spacing_mm)[::-1])


def _thinned_mask(mask: Mask, image: Volume, spacing_mm: float) -> Mask:
    """Blocks that lie in the mask wholly (to 1 %)."""
    share = sitk.BinShrink(to_sitk(mask.astype(np.float32), image.grid), _factors(image, spacing_mm)[::-1])
    return np.asarray(sitk.GetArrayFromImage(share) > 0.99)


def _without_rim(mask: Mask, image: Any, edge_mm: float) -> Mask:
    """The mask less its rim in the slice plane; the first and last slice stay."""
    padded = np.pad(mask, ((0, 0), (1, 1), (1, 1)))
    spacing = image.GetSpacing()
    depth = [ndimage.distance_transform_edt(plane, sampling=spacing[1::-1]) for plane in padded]
    return np.asarray(np.stack(depth)[:, 1:-1, 1:-1] > edge_mm)


def flattened(image: Any, mask: Mask, flatten_mm: float) -> Any:
    """(value − local mean) / (local standard deviation + floor), Gaussian and only inside of the mask.

    Normalised convolution after Knutsson and Westin, CVPR 1993, doi 10.1109/CVPR.1993.341081
    """
    values: NDArray[np.float32] = sitk.GetArrayFromImage(image)
    sigma = flatten_mm / np.asarray(image.GetSpacing()[::-1])
    weight = mask.astype(np.float32)
    share = np.maximum(ndimage.gaussian_filter(weight, sigma, truncate=3.0), 1e-3)
    rest = (values - ndimage.gaussian_filter(values * weight, sigma, truncate=3.0) / share) * weight
    spread = np.sqrt(ndimage.gaussian_filter(rest**2, sigma, truncate=3.0) / share)
    flat = sitk.GetImageFromArray((rest / (spread + _NOISE_HU)).astype(np.float32))
    flat.CopyInformation(image)
    return flat
