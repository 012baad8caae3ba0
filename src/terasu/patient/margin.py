"""A margin around a structure, different on each side: CTV to PTV."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from terasu.errors import GeometryError
from terasu.patient.grid import Grid
from terasu.patient.structures import Mask


def expand(
    mask: Mask,
    grid: Grid,
    *,
    left: float,
    right: float,
    front: float,
    back: float,
    up: float,
    down: float,
) -> Mask:
    """A structure with a margin: all voxels whose centre lies in an ellipsoid about a voxel of it.

    Args:
        mask: (z, y, x) on ``grid``.
        grid: axial, head first, supine: x to the left, y to the back, z upwards.
        left, right, front, back, up, down: margins [mm], at least 0.
    Returns:
        Mask that contains ``mask``.
    Raises:
        GeometryError: the grid is oblique.
    Source: half axes by octant as in Stroom and Storchi, Phys Med Biol 1997;42:745,
        doi 10.1088/0031-9155/42/4/011
    """
    if not grid.is_axis_aligned:
        raise GeometryError(
            "Margins by side need an axial grid.", got=grid.describe(), expected="axes along LPS"
        )
    if not mask.any():
        return mask.copy()
    element = _ellipsoid(grid, ((down, up), (front, back), (right, left)))
    reach = [n // 2 for n in element.shape]
    where = ndimage.find_objects(mask.astype(np.uint8))[0]
    box = tuple(
        slice(max(0, one.start - r), min(n, one.stop + r))
        for one, r, n in zip(where, reach, mask.shape, strict=True)
    )
    grown = np.zeros_like(mask)
    # Only the surface needs to be carried outwards; the inside is in already.
    part = np.pad(mask[box], 1)
    surface = (part & ~ndimage.binary_erosion(part))[1:-1, 1:-1, 1:-1]
    grown[box] = mask[box] | _stamped(surface, element)
    return grown


def _ellipsoid(grid: Grid, margins_zyx_mm: tuple[tuple[float, float], ...]) -> Mask:
    """Voxel offsets within the margin; each half axis by the side that the offset points to."""
    total = np.zeros((1, 1, 1))
    for axis, ((low, high), step) in enumerate(zip(margins_zyx_mm, grid.spacing_zyx_mm, strict=True)):
        reach = int(max(low, high) / step + 1e-6)
        offset = np.arange(-reach, reach + 1) * step
        half = np.maximum(np.where(offset < 0, low, high), 1e-6)
        total = total + ((offset / half) ** 2).reshape([-1 if i == axis else 1 for i in range(3)])
    return np.asarray(total <= 1 + 1e-6)


def _stamped(surface: Mask, element: Mask) -> Mask:
    """The union of copies of ``element`` about every True voxel."""
    found = np.zeros([n + m - 1 for n, m in zip(surface.shape, element.shape, strict=True)], np.bool_)
    for k, j, i in np.argwhere(surface):
        found[k : k + element.shape[0], j : j + element.shape[1], i : i + element.shape[2]] |= element
    cut = tuple(slice(m // 2, m // 2 + n) for n, m in zip(surface.shape, element.shape, strict=True))
    return np.asarray(found[cut])
