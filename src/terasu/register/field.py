"""What a displacement field does to space: Jacobian, there and back, where points land."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from terasu.patient.grid import Grid
from terasu.patient.transform import Deformation, Rigid

Array = NDArray[np.float64]
Field = NDArray[np.float32]


def jacobian_determinant(deformation: Deformation) -> Field:
    """Local change of volume of p → p + d(p), (z, y, x); 1 where nothing changes, ≤ 0 where space folds.

    Source: central differences; AAPM TG-132, Med Phys 2017;44:e43, doi 10.1002/mp.12256
    """
    grid, d = deformation.grid, deformation.displacement_lps_mm
    to_axes = np.asarray(grid.affine[:3, :3] / np.asarray(grid.spacing_zyx_mm), np.float32)
    along = d @ to_axes
    slope = [
        [
            _derivative(along[..., row], axis, grid.spacing_zyx_mm[axis]) + np.float32(row == axis)
            for axis in range(3)
        ]
        for row in range(3)
    ]
    (a, b, c), (e, f, g), (h, i, j) = slope
    return np.asarray(a * (f * j - g * i) - b * (e * j - g * h) + c * (e * i - f * h), np.float32)


def _derivative(values: Field, axis: int, spacing_mm: float) -> Field:
    if values.shape[axis] < 2:
        return np.zeros_like(values)
    return np.asarray(np.gradient(values, spacing_mm, axis=axis), np.float32)


def displacement_at(deformation: Deformation, points_lps_mm: ArrayLike) -> Array:
    """d at points (…, 3) LPS [mm], linear; beyond the grid the nearest edge's."""
    points = np.asarray(points_lps_mm, float)
    index = deformation.grid.to_index_kji(points.reshape(-1, 3)).T
    parts = [
        ndimage.map_coordinates(deformation.displacement_lps_mm[..., part], index, order=1, mode="nearest")
        for part in range(3)
    ]
    return np.stack(parts, axis=-1).astype(np.float64).reshape(points.shape)


def there_and_back_mm(there: Deformation, back: Deformation, where: NDArray[np.bool_]) -> Array:
    """|p + d(p) + e(p + d(p)) − p| for the voxels of ``there`` that ``where`` names, (n,) [mm]."""
    points = there.grid.to_lps_mm(np.argwhere(where))
    step = there.displacement_lps_mm[where].astype(np.float64)
    return np.asarray(np.linalg.norm(step + displacement_at(back, points + step), axis=-1))


def after_rigid(local: Deformation, rigid: Rigid) -> Deformation:
    """The map p → rigid(p + d(p)) as one field on the same grid."""
    points = voxel_centres_lps_mm(local.grid)
    total = rigid.apply(points + local.displacement_lps_mm) - points
    return Deformation(total.astype(np.float32), local.grid, f"{local.origin}, after {rigid.origin}")


def voxel_centres_lps_mm(grid: Grid) -> Array:
    """(z, y, x, 3) LPS [mm]."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape_zyx), indexing="ij"), axis=-1)
    return grid.to_lps_mm(index)
