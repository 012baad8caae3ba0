"""Where voxels are: the only place that converts voxel index (k, j, i) to LPS mm and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terasu.errors import GeometryError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Grid:
    """A regular, possibly oblique, voxel grid in the patient.

    Attributes:
        shape_zyx: number of voxels along (k, j, i): slices, rows, columns.
        affine: 4 × 4, maps (k, j, i, 1) to (x, y, z, 1) in LPS mm at voxel *centres*.
        frame_of_reference_uid: DICOM Frame of Reference UID, empty where none is known.

    Raises:
        GeometryError: a shape that is not three positive numbers, or an affine that is not
            finite, has skew axes or no volume.
    """

    shape_zyx: tuple[int, int, int]
    affine: Array
    frame_of_reference_uid: str = ""

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape_zyx)
        if len(shape) != 3 or min(shape) < 1:
            raise GeometryError(
                "A grid needs three positive sizes.",
                got=str(self.shape_zyx),
                expected="(slices, rows, columns)",
            )
        affine = np.array(self.affine, dtype=np.float64)
        _refuse_bad_affine(affine)
        affine[:3, :3] = without_dust(affine[:3, :3])
        affine.setflags(write=False)
        object.__setattr__(self, "shape_zyx", shape)
        object.__setattr__(self, "affine", affine)

    @classmethod
    def from_axes(
        cls,
        shape_zyx: Sequence[int],
        *,
        spacing_zyx_mm: Sequence[float],
        origin_lps_mm: Sequence[float] = (0.0, 0.0, 0.0),
        direction_lps: ArrayLike | None = None,
        frame_of_reference_uid: str = "",
    ) -> Grid:
        """A grid from its parts.

        Args:
            shape_zyx: slices, rows, columns.
            spacing_zyx_mm: distance between voxel centres along (k, j, i) [mm].
            origin_lps_mm: centre of voxel (0, 0, 0).
            direction_lps: 3 × 3, its *columns* are the unit vectors of i, j and k in LPS
                (SimpleITK's direction, row-major); identity if left out.
        """
        axes = np.eye(3) if direction_lps is None else np.asarray(direction_lps, float).reshape(3, 3)
        affine = np.eye(4)
        for column, (axis, step) in enumerate(zip((2, 1, 0), spacing_zyx_mm, strict=True)):
            affine[:3, column] = axes[:, axis] * step
        affine[:3, 3] = np.asarray(origin_lps_mm, float)
        z, y, x = shape_zyx
        return cls((z, y, x), affine, frame_of_reference_uid)

    @cached_property
    def spacing_zyx_mm(self) -> tuple[float, float, float]:
        """Distance between voxel centres along (k, j, i) [mm]."""
        z, y, x = (float(n) for n in np.linalg.norm(self.affine[:3, :3], axis=0))
        return z, y, x

    @property
    def origin_lps_mm(self) -> tuple[float, float, float]:
        """Centre of voxel (0, 0, 0) in LPS [mm]."""
        x, y, z = (float(n) for n in self.affine[:3, 3])
        return x, y, z

    @cached_property
    def direction_lps(self) -> Array:
        """3 × 3, columns are the unit vectors of i, j, k in LPS (SimpleITK's convention)."""
        return np.array((self.affine[:3, :3] / np.asarray(self.spacing_zyx_mm))[:, ::-1], dtype=np.float64)

    @cached_property
    def inverse(self) -> Array:
        """4 × 4, maps (x, y, z, 1) in LPS mm to (k, j, i, 1)."""
        return np.asarray(np.linalg.inv(self.affine), dtype=np.float64)

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel [mm³]."""
        return float(np.prod(self.spacing_zyx_mm))

    @property
    def size(self) -> int:
        """Number of voxels."""
        return int(np.prod(self.shape_zyx))

    @property
    def is_axis_aligned(self) -> bool:
        """True if i, j, k run along +x, +y, +z of LPS (any HFS axial series)."""
        return bool(np.allclose(self.direction_lps, np.eye(3), atol=1e-4))

    def to_lps_mm(self, index_kji: ArrayLike) -> Array:
        """Voxel index (…, 3) in the order (k, j, i), fractions allowed, to LPS mm (…, 3) as (x, y, z)."""
        index = np.asarray(index_kji, float)
        return np.asarray(index @ self.affine[:3, :3].T + self.affine[:3, 3])

    def to_index_kji(self, points_lps_mm: ArrayLike) -> Array:
        """LPS mm (…, 3) as (x, y, z) to fractional voxel index (…, 3) in the order (k, j, i)."""
        points = np.asarray(points_lps_mm, float)
        return np.asarray(points @ self.inverse[:3, :3].T + self.inverse[:3, 3])

    @cached_property
    def centre_lps_mm(self) -> Array:
        """The middle of the grid in LPS [mm]."""
        return self.to_lps_mm((np.asarray(self.shape_zyx) - 1) / 2)

    def corners_lps_mm(self) -> Array:
        """The eight outer corners (voxel edges, not centres), (8, 3) LPS [mm]."""
        low, high = np.full(3, -0.5), np.asarray(self.shape_zyx) - 0.5
        picks = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)], bool)
        return self.to_lps_mm(np.where(picks, high, low))

    def contains(self, points_lps_mm: ArrayLike) -> NDArray[np.bool_]:
        """True where a point (…, 3) lies inside of the outer voxel edges."""
        index = self.to_index_kji(points_lps_mm)
        return np.asarray(np.all((index >= -0.5) & (index <= np.asarray(self.shape_zyx) - 0.5), axis=-1))

    def agrees_with(self, other: Grid, *, tolerance_mm: float = 1e-2) -> bool:
        """True if both grids put every voxel at the same place, to ``tolerance_mm`` at every corner."""
        if self.shape_zyx != other.shape_zyx:
            return False
        return bool(np.abs(self.corners_lps_mm() - other.corners_lps_mm()).max() <= tolerance_mm)

    def same_frame_as(self, other: Grid) -> bool:
        """True if both carry the same, known Frame of Reference UID."""
        return bool(self.frame_of_reference_uid) and (
            self.frame_of_reference_uid == other.frame_of_reference_uid
        )

    def crop(self, start_kji: Sequence[int], stop_kji: Sequence[int]) -> Grid:
        """The part of this grid from ``start_kji`` up to, not including, ``stop_kji``."""
        z, y, x = (int(b) - int(a) for a, b in zip(start_kji, stop_kji, strict=True))
        affine = self.affine.copy()
        affine[:3, 3] = self.to_lps_mm(np.asarray(start_kji, float))
        return Grid((z, y, x), affine, self.frame_of_reference_uid)

    def with_spacing(self, spacing_zyx_mm: Sequence[float]) -> Grid:
        """A grid over the same outer box (same centre, rounded up) with another spacing [mm]."""
        wanted = np.asarray(spacing_zyx_mm, float)
        extent = np.asarray(self.shape_zyx) * np.asarray(self.spacing_zyx_mm)
        shape = np.maximum(1, np.ceil(extent / wanted - 1e-6)).astype(int)
        affine = np.eye(4)
        affine[:3, :3] = self.affine[:3, :3] / np.asarray(self.spacing_zyx_mm) * wanted
        affine[:3, 3] = self.centre_lps_mm - affine[:3, :3] @ ((shape - 1) / 2)
        z, y, x = (int(n) for n in shape)
        return Grid((z, y, x), affine, self.frame_of_reference_uid)

    def in_frame(self, frame_of_reference_uid: str) -> Grid:
        """The same grid, said to lie in another frame of reference."""
        return Grid(self.shape_zyx, self.affine, frame_of_reference_uid)

    def describe(self) -> str:
        """One line for errors and logs: shape, spacing and origin."""
        z, y, x = self.spacing_zyx_mm
        ox, oy, oz = self.origin_lps_mm
        return f"{self.shape_zyx} at {z:g} × {y:g} × {x:g} mm from ({ox:g}, {oy:g}, {oz:g})"


def without_dust(axes: Array) -> Array:
    """Axes (3, 3) with zeros for what is smaller than 1e-12 of its column.

    ITK inverts directions by an SVD that ends in NaN when entries are almost as small as a double gets
    (measured: below 1e-292), and then puts every voxel outside.
    """
    return np.where(np.abs(axes) < 1e-12 * np.linalg.norm(axes, axis=0), 0.0, axes)


def _refuse_bad_affine(affine: NDArray[Any]) -> None:
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise GeometryError(
            "A grid needs a finite 4 × 4 affine.", got=str(affine), expected="(k, j, i, 1) → LPS mm"
        )
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if lengths.min() < 1e-6:
        raise GeometryError("A grid needs a positive spacing along each axis.", got=f"{lengths} mm")
    unit = affine[:3, :3] / lengths
    skew = float(np.abs(unit.T @ unit - np.eye(3)).max())
    if skew > 1e-3:
        raise GeometryError(
            "The axes of this grid are not at right angles (a tilted gantry, or slices that drift).",
            got=f"largest cosine between two axes {skew:.4f}",
            expected="at most 0.001",
            todo="Export the series again without gantry tilt, or resample it in the planning system.",
        )


def require_same_grid(first: Grid, second: Grid, *, first_name: str, second_name: str) -> None:
    """Raise GeometryError unless both grids put every voxel at the same place."""
    if not first.agrees_with(second):
        raise GeometryError(
            f"{first_name} and {second_name} lie on different grids.",
            got=f"{first_name} {first.describe()}; {second_name} {second.describe()}",
            expected="one grid",
            todo=f"Call resample({first_name.replace(' ', '_')}, onto={second_name.replace(' ', '_')}.grid).",
        )
