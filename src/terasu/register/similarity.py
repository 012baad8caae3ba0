"""How alike two images are, voxel by voxel: correlation over a small neighbourhood."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from terasu.patient.grid import Grid
from terasu.patient.resample import to_sitk, to_sitk_transform
from terasu.patient.structures import Mask
from terasu.patient.transform import Deformation, Rigid
from terasu.patient.volume import Volume
from terasu.register.level import box_of, thinned

_AIR_HU = -1000.0
_NOISE_HU = 20.0


def local_correlation(
    planning: Volume, day: Volume, through: Rigid | Deformation, grid: Grid, view: Mask, *, radius: int = 3
) -> NDArray[np.float32]:
    """Correlation of planning CT and day over cubes of 2 × radius + 1 voxels, (z, y, x), −1 … 1.

    Shading is nearly constant over such a cube and drops out. Where neither image shows more than noise the
    value tends to 0.

    Args:
        planning, day: [HU].
        through: day → planning.
        grid: to compare on, e.g. the deformation's.
        view: field of view on ``grid``; nothing else enters.
        radius: of the cube [voxel].
    """
    start, stop = box_of(view)
    box = tuple(slice(*ends) for ends in zip(start, stop, strict=True))
    whole = np.zeros(grid.shape_zyx, np.float32)
    whole[box] = _correlation(planning, day, through, grid.crop(start, stop), view[box], radius)
    return whole


def _correlation(
    planning: Volume, day: Volume, through: Rigid | Deformation, grid: Grid, view: Mask, radius: int
) -> NDArray[np.float32]:
    reference = to_sitk(view, grid)
    spacing = max(grid.spacing_zyx_mm)
    first, second = (
        sitk.GetArrayFromImage(
            sitk.Resample(
                thinned(image, spacing), reference, to_sitk_transform(how), sitk.sitkLinear, _AIR_HU
            )
        ).astype(np.float32)
        for image, how in ((day, None), (planning, through))
    )
    size = 2 * radius + 1
    weight = view.astype(np.float32)
    share = np.maximum(ndimage.uniform_filter(weight, size), 1e-3)

    def mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(ndimage.uniform_filter(values * weight, size) / share)

    mean_first, mean_second = mean(first), mean(second)
    first, second = (first - mean_first) * weight, (second - mean_second) * weight
    spread = np.sqrt((mean(first**2) + _NOISE_HU**2) * (mean(second**2) + _NOISE_HU**2))
    return np.asarray(mean(first * second) / spread * weight, np.float32)
