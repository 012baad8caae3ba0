"""How two masks on one grid agree: Dice, centroids, distances between surfaces."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from terasu.errors import InputError
from terasu.patient.grid import Grid
from terasu.patient.resample import to_sitk
from terasu.patient.structures import Mask

Array = NDArray[np.float64]


def dice(first: Mask, second: Mask) -> float:
    """Overlap 2|A∩B| / (|A|+|B|), NaN if both are empty. Source: Dice 1945, doi 10.2307/1932409."""
    total = np.count_nonzero(first) + np.count_nonzero(second)
    return 2.0 * np.count_nonzero(first & second) / total if total else float("nan")


def centroid_lps_mm(mask: Mask, grid: Grid) -> Array:
    """Centre of mass of a mask, (3,) LPS [mm].

    Raises:
        InputError: the mask is empty.
    """
    box = bounding_box(mask)
    middle = np.argwhere(mask[box]).mean(axis=0) + [part.start for part in box]
    return grid.to_lps_mm(middle)


def bounding_box(mask: Mask, *, margin: int = 0) -> tuple[slice, slice, slice]:
    """The smallest box (k, j, i) that holds the mask, grown by ``margin`` voxels within the array.

    Raises:
        InputError: the mask is empty.
    """
    box = []
    for axis in range(3):
        hit = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        if hit.size == 0:
            raise InputError("A mask is empty.", expected="at least one voxel inside")
        box.append(slice(max(0, int(hit[0]) - margin), min(mask.shape[axis], int(hit[-1]) + 1 + margin)))
    return box[0], box[1], box[2]


def surface_distances_mm(
    mask: Mask, other: Mask, grid: Grid, *, where: Mask | None = None, in_slice: bool = False
) -> Array:
    """Signed distance of every surface voxel of ``mask`` to the surface of ``other``.

    Args:
        mask, other: (z, y, x) on ``grid``, neither empty.
        where: only surface voxels in here count, e.g. the field of view.
        in_slice: only what bounds ``mask`` within its slice; where an image ends there is no skin.
    Returns:
        (n,) distances [mm], positive where ``mask`` reaches beyond ``other``.
    Source: exact signed distance, Maurer 2003, doi 10.1109/TPAMI.2003.1177156
    """
    box = bounding_box(mask | other, margin=2)
    inner, target = mask[box], other[box]
    around = ndimage.generate_binary_structure(3, 1)
    if in_slice:
        around[[0, 2]] = False
    surface = inner & ~ndimage.binary_erosion(inner, around, border_value=1)
    if where is not None:
        surface &= where[box]
    start = [part.start for part in box]
    stop = [part.stop for part in box]
    image = to_sitk(target, grid.crop(start, stop))
    distance = sitk.GetArrayFromImage(
        sitk.SignedMaurerDistanceMap(
            image, squaredDistance=False, useImageSpacing=True, insideIsPositive=False
        )
    )
    return np.asarray(distance[surface], dtype=np.float64)


def surface_shift_95_mm(first: Mask, second: Mask, grid: Grid) -> float:
    """95th percentile of the distance between two surfaces, the larger of both directions [mm]."""
    there = np.abs(surface_distances_mm(first, second, grid))
    back = np.abs(surface_distances_mm(second, first, grid))
    if not there.size or not back.size:
        return float("nan")
    return float(max(np.percentile(there, 95), np.percentile(back, 95)))
