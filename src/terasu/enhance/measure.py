"""How good an image is: HU error by tissue, gradients, edges. Each number names what it is held against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.enhance.tissue import class_masks
from terasu.patient.agreement import bounding_box
from terasu.patient.grid import require_same_grid
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume

Field = NDArray[np.float32]


@dataclass(frozen=True)
class HuError:
    """HU error in one region.

    Attributes:
        mean_hu: mean of image − reference.
        mean_absolute_hu: mean of |image − reference|.
        voxels: how many were compared.
    """

    mean_hu: float
    mean_absolute_hu: float
    voxels: int


def hu_error(image: Volume, reference: Volume, inside: Mask) -> HuError:
    """Mean and mean absolute HU error inside of a mask; NaN where it is empty.

    Raises:
        GeometryError: the two lie on different grids.
    """
    require_same_grid(image.grid, reference.grid, first_name="image", second_name="reference")
    difference = image.values[inside].astype(np.float64) - reference.values[inside]
    if difference.size == 0:
        return HuError(float("nan"), float("nan"), 0)
    return HuError(float(difference.mean()), float(np.abs(difference).mean()), int(difference.size))


def hu_error_by_class(
    image: Volume,
    reference: Volume,
    inside: Mask,
    *,
    alike_hu: float | None = None,
    fewest_voxels: int = 500,
) -> dict[str, HuError]:
    """HU error by tissue class of the *reference*; classes with few voxels are left out.

    Args:
        alike_hu: if given, only voxels where the smoothed image (3 mm) differs by less than this from the
            smoothed reference count: where another tissue lies today, the difference is no HU error.
        fewest_voxels: a class with fewer is left out.
    """
    chosen = inside
    if alike_hu is not None:
        chosen = inside & alike(image, reference, alike_hu)
    masks = class_masks(reference.values, chosen)
    return {
        name: hu_error(image, reference, mask)
        for name, mask in masks.items()
        if np.count_nonzero(mask) >= fewest_voxels
    }


def alike(image: Volume, reference: Volume, within_hu: float, *, smooth_mm: float = 3.0) -> Mask:
    """True where two images show the same tissue: smoothed, they differ by less than ``within_hu``."""
    sigma = smooth_mm / np.asarray(image.grid.spacing_zyx_mm)
    difference = image.values.astype(np.float32) - reference.values.astype(np.float32)
    return np.asarray(np.abs(ndimage.gaussian_filter(difference, sigma, truncate=2.5)) < within_hu)


def psnr_db(image: Volume, reference: Volume, inside: Mask, *, range_hu: tuple[float, float]) -> float:
    """Peak signal-to-noise ratio [dB] with the HU range named, both images clipped to it."""
    low, high = range_hu
    difference = np.clip(image.values[inside], low, high) - np.clip(reference.values[inside], low, high)
    mean_square = float(np.mean(difference.astype(np.float64) ** 2))
    return float("inf") if mean_square == 0 else float(10 * np.log10((high - low) ** 2 / mean_square))


def gradient_distortion(image: Volume, against: Volume, inside: Mask, *, smooth_voxels: float = 2.0) -> float:
    """Mean over a region of | |∇G| − |∇x| | [HU/px], both smoothed the same way first.

    The image is compared with what it was made from (or with the truth). Without equal smoothing a method
    that only takes noise away would look like one that bends the patient. Gradients are taken in the slice
    plane, per pixel. Source: Ozaki et al. 2022, doi 10.1002/mp.15626, whose DIG has no smoothing.

    Raises:
        GeometryError: the two lie on different grids.
    """
    require_same_grid(image.grid, against.grid, first_name="image", second_name="against")
    box = bounding_box(inside)
    first, second = (_steepness(volume.values[box], smooth_voxels) for volume in (image, against))
    return float(np.abs(first - second)[inside[box]].mean())


def _steepness(values: NDArray[np.generic], smooth_voxels: float) -> Field:
    smooth = ndimage.gaussian_filter(values.astype(np.float32), (0, smooth_voxels, smooth_voxels), truncate=3)
    down, along = np.gradient(smooth, axis=(1, 2))
    return np.asarray(np.hypot(down, along), np.float32)


def edge_shift_95_mm(
    image: Volume, against: Volume, inside: Mask, *, edges: int = 4000, reach_mm: float = 6.0
) -> float:
    """95th percentile of how far strong edges have moved, in the slice plane [mm].

    The strongest edges of ``against`` are followed along their own direction; the edge lies at the centre of
    gravity of the gradient's magnitude within ``reach_mm``, in either image, both smoothed by 2 mm.

    Returns:
        NaN if the region holds no edge.
    """
    box = bounding_box(inside)
    pixel_mm = np.asarray(against.grid.spacing_zyx_mm[1:])
    smooth = [
        ndimage.gaussian_filter(volume.values[box].astype(np.float32), (0, *(2.0 / pixel_mm)), truncate=3)
        for volume in (against, image)
    ]
    down, along = (
        np.gradient(smooth[0], step, axis=axis) for axis, step in zip((1, 2), pixel_mm, strict=True)
    )
    strength = np.where(_away_from_rim(inside[box]), np.hypot(down, along), 0)
    at = _strongest(strength, edges)
    if at.shape[1] == 0:
        return float("nan")
    normal = np.stack([down[tuple(at)], along[tuple(at)]]) / strength[tuple(at)]
    places = [_edge_place_mm(values, at, normal, pixel_mm, reach_mm) for values in smooth]
    return float(np.percentile(np.abs(places[0] - places[1]), 95))


def _away_from_rim(inside: Mask) -> Mask:
    return np.asarray(ndimage.binary_erosion(inside, np.ones((1, 3, 3), bool), iterations=6))


def _strongest(strength: Field, count: int) -> NDArray[np.intp]:
    """(3, n) indices, spread: of the strongest twentieth of the voxels every so many-th."""
    candidates = np.flatnonzero(strength > 0)
    if candidates.size == 0:
        return np.empty((3, 0), np.intp)
    bound = np.quantile(strength.ravel()[candidates], 0.95)
    candidates = candidates[strength.ravel()[candidates] >= bound]
    chosen = candidates[:: max(1, candidates.size // count)]
    return np.stack(np.unravel_index(chosen, strength.shape))


def _edge_place_mm(
    values: Field, at: NDArray[np.intp], normal: Field, pixel_mm: NDArray[np.float64], reach_mm: float
) -> NDArray[np.float64]:
    """Centre of gravity of |dv/dt| along the normal, t from −reach to +reach [mm]."""
    t = np.arange(-reach_mm, reach_mm + 0.25, 0.5)
    rows = at[1][:, None] + t[None, :] * normal[0][:, None] / pixel_mm[0]
    columns = at[2][:, None] + t[None, :] * normal[1][:, None] / pixel_mm[1]
    slices = np.broadcast_to(at[0][:, None], rows.shape)
    profile = ndimage.map_coordinates(values, [slices, rows, columns], order=1, mode="nearest")
    weight = np.abs(np.gradient(profile, t, axis=1)) * np.hanning(len(t))
    return np.asarray((weight * t).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-6))
