"""Planes through the patient, and what a volume or a mask looks like on them.

A plane is sampled in LPS mm at square pixels, so slices of any grid, thick, oblique or feet-first,
come out in true proportion and in the radiologist's orientation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from terasu.patient.grid import Grid
from terasu.patient.volume import Volume

View = Literal["axial", "coronal", "sagittal"]
Picture = NDArray[np.float32]

# To the right and down on the screen, in LPS: patient's left is on the right, head on top, front on the left.
_AXES: dict[View, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
}
_LETTERS = (("L", "R"), ("P", "A"), ("S", "I"))
_NORMAL = {"axial": 2, "coronal": 1, "sagittal": 0}


@dataclass(frozen=True)
class Plane:
    """A rectangle in the patient.

    Attributes:
        view: which way it is looked at.
        centre_lps_mm: its middle.
        width_mm, height_mm: to the right and down.
        step_mm: side of a pixel.
    """

    view: View
    centre_lps_mm: tuple[float, float, float]
    width_mm: float
    height_mm: float
    step_mm: float = 1.0

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return max(2, round(self.height_mm / self.step_mm)), max(2, round(self.width_mm / self.step_mm))

    @property
    def letters(self) -> tuple[str, str, str, str]:
        """Letters at the right, left, bottom and top edge."""
        right, down = _AXES[self.view]
        return (*_letters_along(right), *_letters_along(down))

    @property
    def position(self) -> str:
        """Where the plane lies, as read: ``z = −120.0 mm``."""
        axis = _NORMAL[self.view]
        return f"{'xyz'[axis]} = {self.centre_lps_mm[axis]:.1f} mm".replace("-", "−")

    def points_lps_mm(self) -> NDArray[np.float64]:
        """Pixel centres, (rows, columns, 3)."""
        right, down = (np.asarray(axis, float) for axis in _AXES[self.view])
        rows, columns = self.shape
        across = (np.arange(columns) - (columns - 1) / 2) * self.step_mm
        along = (np.arange(rows) - (rows - 1) / 2) * self.step_mm
        centre = np.asarray(self.centre_lps_mm, float)
        return np.asarray(centre + along[:, None, None] * down + across[None, :, None] * right)

    def pixel_of(self, point_lps_mm: tuple[float, float, float]) -> tuple[float, float]:
        """(row, column) of a point's foot on the plane."""
        away = np.asarray(point_lps_mm, float) - np.asarray(self.centre_lps_mm, float)
        right, down = _AXES[self.view]
        rows, columns = self.shape
        row = float(away @ down) / self.step_mm + (rows - 1) / 2
        return row, float(away @ right) / self.step_mm + (columns - 1) / 2


def sample(volume: Volume, plane: Plane, *, outside: float, nearest: bool = False) -> Picture:
    """A volume on a plane, (rows, columns) float32.

    Args:
        outside: value where the volume does not reach.
        nearest: take the nearest voxel (maps with NaN) instead of interpolating.
    """
    return sample_points(volume, plane.points_lps_mm(), outside=outside, nearest=nearest)


def sample_points(
    volume: Volume, points_lps_mm: NDArray[np.float64], *, outside: float, nearest: bool = False
) -> Picture:
    """A volume at points (…, 3) LPS [mm]."""
    return _sample(volume.values, volume.grid, points_lps_mm, outside, nearest)


def sample_mask(mask: NDArray[np.bool_], grid: Grid, plane: Plane) -> Picture:
    """A mask on a plane as a number from 0 to 1; its outline is the 0.5 level."""
    return _sample(mask, grid, plane.points_lps_mm(), 0.0, False)


def _sample(
    values: NDArray[Any], grid: Grid, points: NDArray[np.float64], outside: float, nearest: bool
) -> Picture:
    index = np.moveaxis(grid.to_index_kji(points), -1, 0)
    shape = np.asarray(grid.shape_zyx).reshape((3,) + (1,) * (index.ndim - 1))
    inside = np.all((index >= -0.5) & (index <= shape - 0.5), axis=0)
    plain = values.view(np.uint8) if values.dtype == np.bool_ else values
    found = map_coordinates(plain, index, output=np.float32, order=0 if nearest else 1, mode="nearest")
    return np.asarray(np.where(inside, found, np.float32(outside)), dtype=np.float32)


def _letters_along(direction: tuple[int, int, int]) -> tuple[str, str]:
    """(letter where the axis points to, letter where it comes from)."""
    axis = int(np.argmax(np.abs(direction)))
    there, back = _LETTERS[axis]
    return (there, back) if direction[axis] > 0 else (back, there)
