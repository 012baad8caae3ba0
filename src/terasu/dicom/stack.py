"""How slices lie behind one another: order, spacing, and what must not be guessed.

Everything comes from Image Position and Image Orientation (Patient), nothing from file names, instance
numbers or slice locations; the instance numbers only help to tell a missing slice from a wider spacing.

Source: DICOM PS3.3 C.7.6.2.1.1 (position, orientation and the mapping of voxels).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terasu.errors import GeometryError, InputError
from terasu.patient.grid import Grid

Array = NDArray[np.float64]

SAME_PLACE_MM = 0.01
UNEVEN_MM = 0.1
TILT = 2e-3
MISSING_RATIO = 1.8
# Fewer wide steps in a row than this, where nothing numbers the slices, count as missing slices.
SHORTEST_GENUINE_RUN = 3
MOST_REFINEMENT = 4


@dataclass(frozen=True)
class Plane:
    """Where one slice lies.

    Attributes:
        name: file name, for errors.
        position_lps_mm: centre of the first voxel.
        orientation_lps: row direction, then column direction.
        pixel_spacing_mm: between rows, between columns.
        rows, columns: size.
        instance_number: None where not said.
        thickness_mm: None where not said; needed for a single slice.
    """

    name: str
    position_lps_mm: tuple[float, ...] | None
    orientation_lps: tuple[float, ...] | None
    pixel_spacing_mm: tuple[float, ...] | None
    rows: int
    columns: int
    instance_number: int | None = None
    thickness_mm: float | None = None


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices in the order of the normal (row × column direction).

    Attributes:
        places: for each place along the normal, the indices of the planes that lie there (more than
            one where a slice is there twice).
        along_mm: (n,) where each place lies along the normal, rising.
        grid: the regular grid of the result.
        note: what was uneven, empty where nothing was.
    """

    places: tuple[tuple[int, ...], ...]
    along_mm: Array
    grid: Grid
    note: str = ""

    @property
    def is_even(self) -> bool:
        """True if each place is a slice of the grid."""
        return not self.note

    def weights(self) -> tuple[NDArray[np.intp], Array]:
        """For each slice of the grid: the place below it, and the share of the place above."""
        wanted = self.along_mm[0] + np.arange(self.grid.shape_zyx[0]) * self.grid.spacing_zyx_mm[0]
        below = np.clip(np.searchsorted(self.along_mm, wanted, side="right") - 1, 0, len(self.along_mm) - 2)
        gap = self.along_mm[below + 1] - self.along_mm[below]
        return below, np.clip((wanted - self.along_mm[below]) / gap, 0.0, 1.0)


def stack_of(planes: Sequence[Plane], *, frame_of_reference_uid: str = "") -> Stack:
    """Put slices in order and find their grid.

    Raises:
        InputError: slices without a place, of different size or orientation, a missing slice.
        GeometryError: a tilted gantry, slices that drift sideways.
    """
    axes, spacing_mm = _common_plane(planes)
    positions = np.array([plane.position_lps_mm for plane in planes], dtype=np.float64)
    along = positions @ axes[2]
    places = _places(along)
    firsts = [place[0] for place in places]
    _refuse_drift(positions[firsts], along[firsts], axes[2])
    along_mm = along[firsts]
    step, count, note = _even_steps([planes[first] for first in firsts], along_mm)
    affine = np.eye(4)
    affine[:3, 0] = axes[2] * step
    affine[:3, 1] = axes[1] * spacing_mm[0]
    affine[:3, 2] = axes[0] * spacing_mm[1]
    affine[:3, 3] = positions[firsts[0]]
    grid = Grid((count, planes[0].rows, planes[0].columns), affine, frame_of_reference_uid)
    return Stack(places, along_mm, grid, note)


def _common_plane(planes: Sequence[Plane]) -> tuple[Array, tuple[float, ...]]:
    """(3, 3) unit vectors of row, column and normal direction, and the pixel spacing, of all slices."""
    for plane in planes:
        if plane.position_lps_mm is None or plane.orientation_lps is None:
            raise InputError(
                "A slice does not say where it lies.",
                got=f"{plane.name} without Image Position or Image Orientation (Patient)",
                expected="both, as finite numbers",
                todo="Export the series again from the system that made it.",
            )
        if (
            plane.pixel_spacing_mm is None
            or min(plane.pixel_spacing_mm) <= 0
            or not plane.rows * plane.columns
        ):
            raise InputError(
                "A slice does not say how large its pixels are.",
                got=f"{plane.name}: {plane.rows} × {plane.columns}, spacing {plane.pixel_spacing_mm}",
                expected="Rows, Columns and Pixel Spacing above zero",
                todo="Export the series again from the system that made it.",
            )
    first = planes[0]
    for plane in planes[1:]:
        _refuse_other_shape(first, plane)
    assert first.orientation_lps is not None and first.pixel_spacing_mm is not None
    return _axes(first.orientation_lps, first.name), first.pixel_spacing_mm


def _refuse_other_shape(first: Plane, plane: Plane) -> None:
    if (plane.rows, plane.columns) != (first.rows, first.columns):
        raise InputError(
            "Slices of one series have different sizes.",
            got=f"{first.rows} × {first.columns} and {plane.rows} × {plane.columns} ({plane.name})",
            expected="one size",
            todo="Take away the slices that do not belong to the series, or export it again.",
        )
    same_spacing = np.allclose(plane.pixel_spacing_mm or 0, first.pixel_spacing_mm or 0, atol=1e-3)
    same_orientation = np.allclose(plane.orientation_lps or 0, first.orientation_lps or 0, atol=2e-3)
    if not (same_spacing and same_orientation):
        raise InputError(
            "Slices of one series differ in orientation or pixel spacing.",
            got=f"{plane.name}: {plane.orientation_lps}, {plane.pixel_spacing_mm} mm",
            expected=f"{first.orientation_lps}, {first.pixel_spacing_mm} mm",
            todo="Export the localiser and the slices as series of their own.",
        )


def _axes(orientation_lps: Sequence[float], name: str) -> Array:
    row, column = np.asarray(orientation_lps[:3], float), np.asarray(orientation_lps[3:], float)
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if max(abs(length - 1) for length in lengths) > 1e-2 or abs(row @ column) > 1e-3:
        raise GeometryError(
            "Image Orientation (Patient) is no pair of unit vectors at right angles.",
            got=f"{name}: {tuple(orientation_lps)}",
            expected="rows and columns at right angles",
            todo="Export the series again from the system that made it.",
        )
    row = row / lengths[0]
    column = column - (column @ row) * row
    column /= np.linalg.norm(column)
    return np.array([row, column, np.cross(row, column)])


def _places(along: Array) -> tuple[tuple[int, ...], ...]:
    order = np.argsort(along, kind="stable")
    places: list[list[int]] = [[int(order[0])]]
    for index in order[1:]:
        if along[index] - along[places[-1][0]] <= SAME_PLACE_MM:
            places[-1].append(int(index))
        else:
            places.append([int(index)])
    return tuple(tuple(place) for place in places)


def _refuse_drift(positions: Array, along: Array, normal: Array) -> None:
    sideways = positions - positions[0] - np.outer(along - along[0], normal)
    drift = float(np.linalg.norm(sideways, axis=1).max())
    length = float(along[-1] - along[0])
    if drift > UNEVEN_MM and drift > TILT * length:
        angle = np.degrees(np.arctan2(drift, length))
        raise GeometryError(
            "The slices are shifted sideways against each other (a tilted gantry).",
            got=f"{drift:.2f} mm over {length:.1f} mm, {angle:.1f}°",
            expected="slices straight behind one another",
            todo="Scan without gantry tilt, or let the planning system resample the series.",
        )


def _even_steps(planes: Sequence[Plane], along_mm: Array) -> tuple[float, int, str]:
    """Step of the grid, number of its slices, and a note where the slices were uneven."""
    if len(planes) == 1:
        return _thickness(planes[0]), 1, ""
    steps = np.diff(along_mm)
    length = float(along_mm[-1] - along_mm[0])
    mean = length / len(steps)
    if np.abs(along_mm - along_mm[0] - mean * np.arange(len(along_mm))).max() <= UNEVEN_MM:
        return mean, len(planes), ""
    _refuse_missing(planes, steps)
    finest = float(steps.min())
    count = int(np.floor(length / finest + 1e-3)) + 1
    if count > MOST_REFINEMENT * len(planes):
        raise InputError(
            "The slices lie too unevenly for one volume.",
            got=f"steps from {steps.min():.2f} to {steps.max():.2f} mm",
            expected="one spacing, or a few regular ones",
            todo="Export one reconstruction only.",
        )
    seen = " and ".join(f"{step:g}" for step in sorted({round(float(step), 1) for step in steps})[:4])
    return finest, count, f"Slices {seen} mm apart were resampled linearly, {finest:.2f} mm apart."


def _thickness(plane: Plane) -> float:
    if plane.thickness_mm is None or not 0 < plane.thickness_mm < 1000:
        raise InputError(
            "A single slice without Slice Thickness has no volume.",
            got=plane.name,
            expected="Slice Thickness above zero",
            todo="Export the whole series.",
        )
    return plane.thickness_mm


def _refuse_missing(planes: Sequence[Plane], steps: Array) -> None:
    """A gap is a missing slice unless wide steps go on, and nothing numbers the slices otherwise."""
    usual = float(np.median(steps))
    gaps = [
        place
        for place in range(len(steps))
        if steps[place] > MISSING_RATIO * min(usual, *_neighbours(steps, place))
        and (_numbers_skip(planes, place) or _run_length(steps, place) < SHORTEST_GENUINE_RUN)
    ]
    if gaps:
        where = "; ".join(
            f"{_where(planes[gap])} and {_where(planes[gap + 1])} ({steps[gap]:.2f} mm)" for gap in gaps[:3]
        )
        raise InputError(
            "Slices are missing.",
            got=f"{len(gaps)} gap{'s' if len(gaps) > 1 else ''}: between {where}",
            expected=f"a slice every {usual:.2f} mm",
            todo="Export the whole series again; look at what was passed over in the folder.",
        )


def _neighbours(steps: Array, place: int) -> tuple[float, ...]:
    return tuple(float(steps[at]) for at in (place - 1, place + 1) if 0 <= at < len(steps))


def _run_length(steps: Array, place: int) -> int:
    same = np.abs(steps - steps[place]) <= UNEVEN_MM
    low = high = place
    while low > 0 and same[low - 1]:
        low -= 1
    while high < len(steps) - 1 and same[high + 1]:
        high += 1
    return high - low + 1


def _numbers_skip(planes: Sequence[Plane], place: int) -> bool:
    here, there = planes[place].instance_number, planes[place + 1].instance_number
    return here is not None and there is not None and abs(there - here) > 1


def _where(plane: Plane) -> str:
    return "(" + ", ".join(f"{value:.2f}" for value in plane.position_lps_mm or ()) + ")"
