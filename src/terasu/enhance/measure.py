"""How far an image is from a reference: HU by tissue, PSNR, SSIM, gradients, edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.enhance.tissue import TISSUES, is_tissue
from terasu.errors import EnhanceError
from terasu.patient.agreement import bounding_box
from terasu.patient.grid import Grid, require_same_grid
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume

Values = NDArray[np.float32]

# SynthRAD2023 and 2025 score on this range (Thummerer et al., Med Phys 2023;50:4664, doi 10.1002/mp.16529).
HU_RANGE = (-1024.0, 3000.0)


@dataclass(frozen=True)
class HuError:
    """Image − reference over some voxels.

    Attributes:
        mean_hu: mean error; positive where the image reads too high.
        mean_absolute_hu: mean absolute error.
        voxels: over how many; both are NaN for none.
    """

    mean_hu: float
    mean_absolute_hu: float
    voxels: int


def hu_error(image: Volume, reference: Volume, where: Mask) -> HuError:
    """Mean and mean absolute error where ``where`` is True.

    Raises:
        GeometryError: image and reference lie on different grids.
    """
    require_same_grid(image.grid, reference.grid, first_name="image", second_name="reference")
    difference = image.values[where].astype(np.float64) - reference.values[where]
    if not difference.size:
        return HuError(float("nan"), float("nan"), 0)
    return HuError(float(difference.mean()), float(np.abs(difference).mean()), int(difference.size))


def hu_error_by_tissue(image: Volume, reference: Volume, where: Mask) -> dict[str, HuError]:
    """``hu_error`` for each tissue class of the *reference*; classes that are not there are left out."""
    found = {}
    for tissue in TISSUES:
        voxels = where & is_tissue(reference.values, tissue)
        if voxels.any():
            found[tissue] = hu_error(image, reference, voxels)
    return found


def psnr_db(
    image: Volume, reference: Volume, where: Mask, *, hu_range: tuple[float, float] = HU_RANGE
) -> float:
    """Peak signal to noise ratio [dB] with the peak's height being ``hu_range``; both are clipped to it."""
    require_same_grid(image.grid, reference.grid, first_name="image", second_name="reference")
    low, high = hu_range
    first, second = (
        np.clip(volume.values[where].astype(np.float64), low, high) for volume in (image, reference)
    )
    if not first.size:
        return float("nan")
    mean_square = float(np.mean((first - second) ** 2))
    return float("inf") if mean_square == 0 else float(10 * np.log10((high - low) ** 2 / mean_square))


def ssim(image: Volume, reference: Volume, where: Mask, *, hu_range: tuple[float, float] = HU_RANGE) -> float:
    """Structural similarity, mean over ``where``; cubes of 7 voxels, both clipped to ``hu_range``.

    Source: Wang et al., IEEE Trans Image Process 2004;13:600, doi 10.1109/TIP.2003.819861; uniform window and
    sample covariance as in scikit-image.
    """
    require_same_grid(image.grid, reference.grid, first_name="image", second_name="reference")
    low, high = hu_range
    box = bounding_box(where, margin=4)
    first, second = (
        np.clip(volume.values[box], low, high).astype(np.float32) - np.float32(low)
        for volume in (image, reference)
    )
    size, steady = 7, (0.01 * (high - low)) ** 2
    count = size**first.ndim
    sample = count / (count - 1)
    mean_1, mean_2 = (ndimage.uniform_filter(values, size) for values in (first, second))
    variance_1 = sample * (ndimage.uniform_filter(first * first, size) - mean_1**2)
    variance_2 = sample * (ndimage.uniform_filter(second * second, size) - mean_2**2)
    covariance = sample * (ndimage.uniform_filter(first * second, size) - mean_1 * mean_2)
    contrast = (0.03 * (high - low)) ** 2
    top = (2 * mean_1 * mean_2 + steady) * (2 * covariance + contrast)
    bottom = (mean_1**2 + mean_2**2 + steady) * (variance_1 + variance_2 + contrast)
    return float((top / bottom)[where[box]].mean())


def gradient_change_hu_per_px(image: Volume, raw: Volume, where: Mask, *, smooth_mm: float = 0.0) -> float:
    """Mean over ``where`` of | |∇image| − |∇raw| | in the slice plane [HU/px]: what was invented or blurred.

    Args:
        image: the improved image.
        raw: the CBCT that it came from, on the same grid.
        where: patient in the field of view.
        smooth_mm: both are smoothed by this Gaussian first, so that removed noise does not count.
    """
    require_same_grid(image.grid, raw.grid, first_name="image", second_name="raw CBCT")
    box = bounding_box(where, margin=4)
    first, second = (_gradient(volume, box, smooth_mm) for volume in (image, raw))
    return float(np.abs(first - second)[where[box]].mean())


def edge_shift_95_mm(image: Volume, raw: Volume, where: Mask, *, smooth_mm: float = 2.0) -> float:
    """95th percentile of how far edges of one image lie from the nearest edge of the other [mm].

    The strongest twentieth of the gradients, thinned to their crests, of one image is looked for among the
    strongest fifth of the other, both ways, slice by slice; the worse way counts.

    Raises:
        EnhanceError: one of the images has no edges there.
    """
    require_same_grid(image.grid, raw.grid, first_name="image", second_name="raw CBCT")
    box = bounding_box(where, margin=4)
    gradients = [_gradient(volume, box, smooth_mm) for volume in (image, raw)]
    strong, loose = (
        [_crests(values, where[box], percent) for values in gradients] for percent in (95.0, 80.0)
    )
    grid = image.grid
    return max(_far(strong[0], loose[1], grid), _far(strong[1], loose[0], grid))


def _gradient(volume: Volume, box: tuple[slice, slice, slice], smooth_mm: float) -> Values:
    """|∇| in the slice plane by central differences [HU/px]."""
    values = volume.values[box].astype(np.float32)
    if smooth_mm > 0:
        _, row_mm, column_mm = volume.grid.spacing_zyx_mm
        values = ndimage.gaussian_filter(
            values, (0.0, smooth_mm / row_mm, smooth_mm / column_mm), truncate=3.0
        )
    rows, columns = np.gradient(values, axis=(1, 2))
    return np.asarray(np.hypot(rows, columns), np.float32)


def _crests(gradient: Values, where: Mask, percent: float) -> Mask:
    """Local maxima along rows or columns above a percentile of the gradients."""
    threshold = np.percentile(gradient[where], percent)
    crest = np.zeros(where.shape, bool)
    for axis in (1, 2):
        ahead, behind = np.roll(gradient, -1, axis), np.roll(gradient, 1, axis)
        crest |= (gradient >= ahead) & (gradient > behind)
    return crest & where & (gradient > max(float(threshold), 1e-3))


def _far(from_edges: Mask, to_edges: Mask, grid: Grid) -> float:
    if not from_edges.any() or not to_edges.any():
        raise EnhanceError("An image without edges cannot be compared.", expected="an image of a patient")
    spacing = grid.spacing_zyx_mm[1:]
    found = [
        ndimage.distance_transform_edt(~target, sampling=spacing)[edges]
        for edges, target in zip(from_edges, to_edges, strict=True)
        if edges.any() and target.any()
    ]
    return float(np.percentile(np.concatenate(found), 95)) if found else float("nan")
