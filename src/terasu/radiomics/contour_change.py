"""A contour drawn by somebody else: grown, shrunk, or redrawn along what the image shows.

Source: Zwanenburg et al. 2019, doi 10.1038/s41598-018-36938-4 (volume adaptation, contour randomisation)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.radiomics.supervoxels import supervoxels

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Triple = tuple[float, float, float]
_SUPERVOXEL_MM3, _FEWEST_VOXELS = 250.0, 20.0
_ALWAYS_IN, _NEVER_IN = 0.9, 0.2  # share of a supervoxel within the contour


def resized(mask: Mask, growth: float, spacing_zyx_mm: Triple, rng: np.random.Generator) -> Mask:
    """The region with ``growth`` more (or, if negative, fewer) voxels, even in mm on all sides.

    Voxels join in the order of their distance to the region, or leave in the order of their distance to its
    surface. Those of equal distance are drawn by lot, so that the count is met exactly.

    Args:
        mask: (z, y, x), with room around it; not empty.
        growth: share of its volume, −1 or more.
    Returns:
        round((1 + growth) · n) voxels, or all there are.
    """
    roomy = np.pad(mask, 1)
    far = ndimage.distance_transform_edt(~roomy if growth > 0 else roomy, sampling=spacing_zyx_mm)
    away = (far if growth > 0 else -far)[1:-1, 1:-1, 1:-1]
    wanted = min(max(round(int(np.count_nonzero(mask)) * (1 + growth)), 0), mask.size)
    return _innermost(np.round(away, 6).ravel(), wanted, rng).reshape(mask.shape)


def _innermost(depth: Array, wanted: int, rng: np.random.Generator) -> Mask:
    """The ``wanted`` lowest values, lots drawn among those that are equal."""
    if wanted == 0:
        return np.zeros(depth.shape, bool)
    limit = np.partition(depth, wanted - 1)[wanted - 1]
    found = np.asarray(depth < limit)
    equal = np.flatnonzero(depth == limit)
    found[rng.permutation(equal)[: wanted - int(np.count_nonzero(found))]] = True
    return found


def redrawn(values: Array, mask: Mask, spacing_zyx_mm: Triple, rng: np.random.Generator) -> Mask:
    """The region made of supervoxels of the image, those at its rim in or out by lot.

    They hold about 250 mm³, or 20 voxels if that is more. A supervoxel that lies in the contour by nine
    tenths belongs to it, by less than one fifth does not; in between, its share is its chance. The one with
    the largest share always belongs. Gaps of a voxel are closed within each slice; closing them between thick
    slices too would make most regions larger.

    Args:
        values: (z, y, x) image; mask: the region, not empty.
    """
    labels = _parts(values, mask, spacing_zyx_mm)
    sizes = np.bincount(labels.ravel())
    share = np.bincount(labels[mask], minlength=len(sizes)) / np.maximum(sizes, 1)
    chance = np.where(share >= _ALWAYS_IN, 1.0, np.where(share < _NEVER_IN, 0.0, share))
    chance[int(np.argmax(share))] = 1.0
    chosen = rng.random(len(sizes)) < chance
    in_slice = ndimage.generate_binary_structure(3, 1)
    in_slice[[0, 2]] = False
    closed = ndimage.binary_dilation(chosen[labels], in_slice)
    return np.asarray(ndimage.binary_erosion(closed, in_slice, border_value=1))


def _parts(values: Array, mask: Mask, spacing_zyx_mm: Triple) -> NDArray[np.int64]:
    """Supervoxels of the smoothed image, in which all is equal that is far from the region's values."""
    low, high = float(values[mask].min()), float(values[mask].max())
    edge = 0.1 * (high - low)
    reach = high - low + 2 * edge or 1.0
    scaled = np.clip((values - low + edge) / reach, 0, 1)
    smooth = ndimage.gaussian_filter(scaled, min(spacing_zyx_mm) / np.asarray(spacing_zyx_mm), truncate=3)
    voxel_mm3 = float(np.prod(spacing_zyx_mm))
    return supervoxels(smooth, spacing_zyx_mm, max(_SUPERVOXEL_MM3, _FEWEST_VOXELS * voxel_mm3))
