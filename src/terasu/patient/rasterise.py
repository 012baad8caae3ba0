"""Contours to masks: a voxel is inside if its centre is, by even–odd over all contours of a plane."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from terasu.errors import GeometryError
from terasu.patient.grid import Grid
from terasu.patient.planes import Planes, Polygon, planes_of
from terasu.patient.structures import Mask

Array = NDArray[np.float64]

_TIE = 1e-4
"""Share of a slice by which slab ends are moved, so that rounding does not decide who owns a slice."""
_PARALLEL = 1e-6
_FINE_MM = 0.25
"""Highest strip in which the area of a plane is measured: matters only where edges cross."""


def rasterise(contours_lps_mm: Iterable[Polygon], grid: Grid, *, slab_mm: float | None = None) -> Mask:
    """The mask of an ROI on any grid: along the contours' planes, across them, or oblique.

    Each contour stands for a slab, half-way to its neighbours; the mask is the set of voxels whose
    centres lie in these prisms. In a plane, contours combine by even–odd: a hole is a contour inside of
    another, or the inner loop of a keyhole. Contours of neighbours that touch neither share a voxel nor
    leave one out.

    A gap wider than 1.5 times the distance of the ROI's own planes stays empty: two parts of an ROI are
    not joined, and a slice that somebody forgot is not invented (see ``fill_missing``). Contours drawn
    regularly on every second slice fill the slices between.

    Args:
        contours_lps_mm: closed polygons, each (n, 3) LPS [mm], in parallel planes.
        grid: where the mask is wanted; what lies outside of it is cut off.
        slab_mm: thickness that one contour stands for, where that is known (Contour Slab Thickness).
            If left out, the distance of the ROI's own planes; the grid's own spacing along their normal
            for one or two planes, which do not tell.
    Returns:
        (z, y, x) bool.
    Raises:
        GeometryError: contours in planes that are not parallel, or coordinates that are not finite.
    """
    planes = planes_of(contours_lps_mm, axes_lps=axes_of(grid))
    return fill_planes(planes, grid, slab_mm=slab_mm)


def axes_of(grid: Grid) -> tuple[Array, Array, Array]:
    """Unit vectors of k, j and i."""
    k, j, i = grid.direction_lps.T[::-1]
    return k, j, i


def fill_planes(planes: Planes, grid: Grid, *, slab_mm: float | None = None) -> Mask:
    """``rasterise`` for contours that are sorted already, along the grid's axes where they follow one."""
    inside = np.zeros(grid.shape_zyx, np.bool_)
    if not planes.contours:
        return inside
    slabs = planes.slabs_mm(_thickness_mm(planes, grid, slab_mm))
    across = np.abs(grid.direction_lps.T[::-1] @ planes.normal_lps)
    if across.max() > 1 - _PARALLEL:
        _fill_parallel(inside, planes, slabs, grid, int(across.argmax()))
    else:
        _fill_oblique(inside, planes, slabs, grid, across)
    return inside


def polygons_volume_cc(contours_lps_mm: Iterable[Polygon], *, slab_mm: float | None = None) -> float:
    """The polygons' own volume [cm³]: even–odd area of each plane × the slab that it stands for.

    Args:
        contours_lps_mm: closed polygons, each (n, 3) LPS [mm], in parallel planes.
        slab_mm: thickness that one contour stands for; if left out, the distance of the ROI's planes.
    Raises:
        GeometryError: one plane only and no ``slab_mm``, or planes that are not parallel.
    """
    planes = planes_of(contours_lps_mm)
    if not planes.contours:
        return 0.0
    thickness = slab_mm or planes.spacing_mm
    if thickness is None:
        raise GeometryError(
            "Contours in one plane alone have no volume.",
            got="one plane",
            expected="two planes or more, or the thickness that one stands for",
            todo="Pass slab_mm=…, the slice spacing of the images drawn on.",
        )
    heights = np.diff(planes.slabs_mm(thickness), axis=1)[:, 0]
    areas = [_area_mm2(plane, planes.in_plane_axes) for plane in planes.by_plane()]
    return float(np.dot(heights, areas)) / 1000.0


def _area_mm2(contours: tuple[Polygon, ...], axes: tuple[Array, Array]) -> float:
    from terasu.patient.scanline import even_odd_area

    points = np.concatenate(contours)
    first = np.concatenate([[0], np.cumsum([len(one) for one in contours], dtype=np.int64)])
    u, v = points @ axes[0], points @ axes[1]
    between = np.arange(v.min(), v.max(), _FINE_MM)
    return float(even_odd_area(u, v, first, np.unique(np.concatenate([v, between]))))


def _thickness_mm(planes: Planes, grid: Grid, slab_mm: float | None) -> float:
    own = planes.spacing_mm
    if slab_mm:
        return slab_mm
    if own is not None and planes.number > 2:
        return own
    across = np.abs(grid.direction_lps.T[::-1] @ planes.normal_lps)
    return float(across @ np.asarray(grid.spacing_zyx_mm))


def _fill_parallel(inside: Mask, planes: Planes, slabs: Array, grid: Grid, across: int) -> None:
    """Planes parallel to two of the grid's axes: one scanline drawing a plane, copied through its slab."""
    from terasu.patient.scanline import fill_slices

    down, along = (axis for axis in range(3) if axis != across)
    forward = float(np.sign(grid.affine[:3, across] @ planes.normal_lps))
    origin, step = grid.affine[:3, 3] @ planes.normal_lps, forward * grid.spacing_zyx_mm[across]
    ends = np.sort((slabs - origin) / step, axis=1)
    slices = np.ceil(ends - _TIE).astype(np.int64)
    v, u = (_index(planes.points_lps_mm, grid, axis) for axis in (down, along))
    view = inside.transpose(across, down, along)
    fill_slices(view, u, v, planes.first_point, planes.first_contour, slices)


def _fill_oblique(inside: Mask, planes: Planes, slabs: Array, grid: Grid, across: Array) -> None:
    """Planes at an angle to every slice: each row of voxels is followed through the prisms."""
    from terasu.patient.scanline import fill_prisms

    along = 2 - int(across[::-1].argmin())
    first, second = (axis for axis in range(3) if axis != along)
    axes = grid.affine[:3, [first, second, along]]
    in_plane = axes[:, 2] - planes.normal_lps * (axes[:, 2] @ planes.normal_lps)
    length = np.linalg.norm(in_plane)
    v_axis = np.cross(planes.normal_lps, in_plane / length)
    frame = np.stack([in_plane / length**2, v_axis, planes.normal_lps])
    steps = np.column_stack([frame @ axes, frame @ grid.affine[:3, 3]])
    steps[1, 2] = 0.0
    u, v = (_dot(planes.points_lps_mm, one) for one in frame[:2])
    view = inside.transpose(first, second, along)
    fill_prisms(view, (u, v), planes.first_point, planes.first_contour, slabs, steps)


def _index(points: Array, grid: Grid, axis: int) -> Array:
    return np.asarray(_dot(points, grid.inverse[axis, :3]) + grid.inverse[axis, 3])


def _dot(points: Array, row: Array) -> Array:
    # Written out, not a matrix product: see planes.py.
    out: Array = points[:, 0] * row[0] + points[:, 1] * row[1] + points[:, 2] * row[2]
    return out
