"""Contours sorted into the planes that they were drawn in, and the slab that each plane stands for."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terasu.errors import GeometryError

Array = NDArray[np.float64]
Polygon = NDArray[np.float64]

FLAT_MM = 0.1
"""A contour whose points leave a plane by no more than this is drawn in that plane …"""
_FLAT_SLOPE = 0.0035
"""… and the slope that this allows (0.2°): in 0.1 mm, a loop around one pixel can lie at any angle."""
_ROUNDED_MM = 1e-3
SAME_PLANE_MM = 0.1
"""Contours closer than this along the normal lie in one plane and combine by even–odd."""
BRIDGED = 1.5
"""Neighbouring planes up to so many spacings apart touch half-way; beyond that is a gap."""
_COMMON = 0.1
"""A distance that less than this share of the gaps has is an accident, not the spacing."""


@dataclass(frozen=True, eq=False)
class Planes:
    """The contours of one ROI, in the order of their parallel planes.

    Attributes:
        normal_lps: unit vector across the planes.
        offsets_mm: (m,) ascending, each plane's distance from the frame's origin along the normal.
        contours: closed polygons, each (n, 3) LPS [mm], those of plane p lying together.
        first_contour: (m + 1,) where the contours of each plane begin.
    """

    normal_lps: Array
    offsets_mm: Array
    contours: tuple[Polygon, ...]
    first_contour: NDArray[np.int64]

    @property
    def number(self) -> int:
        """How many planes."""
        return len(self.offsets_mm)

    @property
    def points_lps_mm(self) -> Array:
        """The points of all contours, (n, 3)."""
        return np.concatenate(self.contours) if self.contours else np.empty((0, 3))

    @property
    def first_point(self) -> NDArray[np.int64]:
        """(contours + 1,) where the points of each contour begin."""
        return np.concatenate([[0], np.cumsum([len(one) for one in self.contours], dtype=np.int64)])

    @property
    def in_plane_axes(self) -> tuple[Array, Array]:
        """Two unit vectors at right angles to the normal and to one another."""
        start = np.eye(3)[int(np.abs(self.normal_lps).argmin())]
        first = start - self.normal_lps * (start @ self.normal_lps)
        first = first / np.linalg.norm(first)
        return first, np.asarray(np.cross(self.normal_lps, first), float)

    def by_plane(self) -> list[tuple[Polygon, ...]]:
        """The contours of each plane."""
        bounds = self.first_contour
        return [self.contours[a:b] for a, b in itertools.pairwise(bounds)]

    @property
    def spacing_mm(self) -> float | None:
        """Distance of the planes: the smallest that a tenth of the gaps have; None for one plane.

        Contours drawn on every slice, or regularly on every other, tell their spacing so; a part that
        begins further away does not widen it, and a stray plane between two slices does not narrow it.
        """
        gaps = np.diff(self.offsets_mm)
        if gaps.size == 0:
            return None
        alike = [int(np.count_nonzero((gaps > g * 0.999) & (gaps <= g * 1.1))) for g in gaps]
        return float(min(g for g, count in zip(gaps, alike, strict=True) if count >= _COMMON * gaps.size))

    def slabs_mm(self, thickness_mm: float) -> Array:
        """(m, 2) where the slab of each plane begins and ends along the normal [mm].

        A slab reaches half-way to a neighbour that is at most 1.5 thicknesses away, and half a
        thickness where there is none: what lies in a wider gap belongs to no contour.
        """
        middle = (self.offsets_mm[1:] + self.offsets_mm[:-1]) / 2
        touches = np.diff(self.offsets_mm) <= BRIDGED * thickness_mm
        slabs = np.stack([self.offsets_mm - thickness_mm / 2, self.offsets_mm + thickness_mm / 2], axis=1)
        slabs[1:, 0] = np.where(touches, middle, slabs[1:, 0])
        slabs[:-1, 1] = np.where(touches, middle, slabs[:-1, 1])
        return slabs


def planes_of(contours_lps_mm: Iterable[Polygon], *, axes_lps: Sequence[Array] = ()) -> Planes:
    """Sort contours into parallel planes.

    Args:
        contours_lps_mm: closed polygons, each (n, 3) LPS [mm]. Fewer than three points enclose nothing
            and are passed over; a contour that is there twice counts once.
        axes_lps: unit vectors preferred as the normal (a grid's axes); x, y, z of LPS come next, then
            the normal that the contours themselves show.
    Returns:
        The planes, along ascending offsets.
    Raises:
        GeometryError: a coordinate is not finite, or the contours lie in planes that are not parallel.
    """
    contours = _usable(contours_lps_mm)
    if not contours:
        return Planes(np.array([0.0, 0.0, 1.0]), np.empty(0), (), np.zeros(1, np.int64))
    points = np.concatenate(contours)
    first = np.concatenate([[0], np.cumsum([len(one) for one in contours])[:-1]])
    normal = _normal(contours, points, first, (*axes_lps, *np.eye(3)[::-1]))
    along = _along(points, normal)
    lowest = np.minimum.reduceat(along, first)
    offset = (lowest + np.maximum.reduceat(along, first)) / 2
    order = np.argsort(offset, kind="stable")
    return _grouped(normal, offset[order], tuple(contours[n] for n in order))


def _usable(contours_lps_mm: Iterable[Polygon]) -> list[Polygon]:
    """Contours as float64 arrays, each once."""
    seen: dict[bytes, Polygon] = {}
    for one in contours_lps_mm:
        points = np.ascontiguousarray(one, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
            raise GeometryError(
                "A contour is no list of points.", got=str(points.shape), expected="(n, 3) finite LPS mm"
            )
        if len(points) >= 3:
            seen.setdefault(points.tobytes(), points)
    return list(seen.values())


def _along(points: Array, direction: Array) -> Array:
    # Written out, not a matrix product: one point must give one result wherever it stands in the list,
    # or two contours that touch would not touch any more.
    out: Array = points[:, 0] * direction[0] + points[:, 1] * direction[1] + points[:, 2] * direction[2]
    return out


def _normal(
    contours: Sequence[Polygon], points: Array, first: NDArray[np.int64], axes_lps: Sequence[Array]
) -> Array:
    widest = max(contours, key=lambda one: float(np.ptp(one, axis=0).max()))
    size = float(np.sqrt(np.linalg.norm(_area_vector(widest))))
    allowed = max(_ROUNDED_MM, min(FLAT_MM, _FLAT_SLOPE * size))
    for axis in axes_lps:
        if _thickness(points, first, axis) <= allowed:
            return np.asarray(axis, float)
    areas = np.array([_area_vector(one) for one in contours])
    largest = areas[np.argmax(np.linalg.norm(areas, axis=1))]
    total = (areas * np.sign(areas @ largest)[:, None]).sum(axis=0)
    length = float(np.linalg.norm(total))
    normal = total / length if length > 0 else np.array([0.0, 0.0, 1.0])
    thickness = _thickness(points, first, normal)
    if thickness > 5 * FLAT_MM:
        raise GeometryError(
            "The contours of one ROI lie in planes that are not parallel.",
            got=f"a contour leaves the common plane by {thickness:.1f} mm",
            expected="planar contours in parallel planes",
            todo="Draw the ROI in one series of slices, and export it again.",
        )
    return np.asarray(normal, float)


def _thickness(points: Array, first: NDArray[np.int64], axis: Array) -> float:
    along = _along(points, axis)
    return float((np.maximum.reduceat(along, first) - np.minimum.reduceat(along, first)).max())


def _area_vector(polygon: Polygon) -> Array:
    """Normal × area of a planar polygon (Newell's method)."""
    around = polygon - polygon[0]
    return np.asarray(np.cross(around, np.roll(around, -1, axis=0)).sum(axis=0) / 2)


def _grouped(normal: Array, offset: Array, contours: tuple[Polygon, ...]) -> Planes:
    starts = [0]
    for n in range(1, len(offset)):
        if offset[n] - offset[starts[-1]] > SAME_PLANE_MM:
            starts.append(n)
    bounds = np.array([*starts, len(contours)], dtype=np.int64)
    offsets = np.array([offset[a:b].mean() for a, b in itertools.pairwise(bounds)])
    return Planes(normal, offsets, contours, bounds)
