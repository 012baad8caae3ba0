"""Primary fluence at the isocentre plane, 1 mm pixels, by gantry angle.

Each aperture is laid on the pixels by exact overlap of areas: leaves, then jaws. Maps are summed
in the collimator's axes, blurred by the source, turned by the collimator angle, and given the
beam's off-axis ratio. Row v runs along +Y, column u along +X of IEC 61217's gantry system.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from terasu.dose.machine import Machine
from terasu.dose.segments import Segment

Array = NDArray[np.float64]
SIDE = 400  # pixels, so ±200 mm
PIXEL_MM = 1.0


def pixel_centres_mm() -> Array:
    """Centres of the map's pixels along one axis, (400,) [mm]."""
    return np.asarray((np.arange(SIDE) - (SIDE - 1) / 2) * PIXEL_MM)


def fluence_map(segments: Iterable[Segment], machine: Machine) -> NDArray[np.float32]:
    """Fluence of segments that share a gantry angle.

    Args:
        segments: MU weights included; collimator angles may differ.
        machine: leaf and jaw transmission, gap, blur, head scatter, off-axis ratio.
    Returns:
        (400, 400) float32, rows along +Y, columns along +X of the gantry system, 1 mm at the
        isocentre plane; an open 100 mm field is 1 on the axis for each MU.
    """
    total = np.zeros((SIDE, SIDE))
    for collimator_deg, members in _by_collimator(segments).items():
        opened = np.zeros((SIDE, SIDE))
        for segment in members:
            opened += segment.mu * head_scatter(segment, machine) * aperture(segment, machine)
        total += turn(blur(opened, machine), collimator_deg)
    return (total * _off_axis(machine)).astype(np.float32)


def _by_collimator(segments: Iterable[Segment]) -> dict[float, list[Segment]]:
    groups: dict[float, list[Segment]] = {}
    for segment in segments:
        groups.setdefault(round(segment.collimator_deg % 360, 2), []).append(segment)
    return groups


def aperture(segment: Segment, machine: Machine) -> Array:
    """Transmission of one aperture in the collimator's axes, (400, 400), 0 … 1."""
    half = machine.largest_field_mm / 2
    across, along = _jaws(segment.jaws_x_mm, half), _jaws(segment.jaws_y_mm, half)
    jaw = _through(across, machine)[None, :] * _through(along, machine)[:, None]
    if segment.leaves_mm.size == 0:
        return jaw
    opened = leaf_opening(segment, machine.leaf_gap_mm)
    return np.asarray(jaw * (machine.leaf_transmission + (1 - machine.leaf_transmission) * opened))


def leaf_opening(segment: Segment, leaf_gap_mm: float) -> Array:
    """Share of each pixel that no leaf covers, (400, 400), 0 … 1.

    Rounded leaf ends let through what a gap wider by the dosimetric leaf gap would: each tip is
    drawn back by half of it. Beyond the last leaf nothing is open.
    Source: LoSasso et al. 1998, doi 10.1118/1.598381.
    """
    low = np.ascontiguousarray(segment.leaves_mm[0]) - leaf_gap_mm / 2
    high = np.ascontiguousarray(segment.leaves_mm[1]) + leaf_gap_mm / 2
    opened = np.zeros((SIDE, SIDE))
    _add_leaf_pairs(opened, low, high, np.ascontiguousarray(segment.leaf_boundaries_mm), -SIDE / 2)
    return opened if segment.leaf_axis == "x" else np.ascontiguousarray(opened.T)


@njit(cache=True)
def _add_leaf_pairs(
    opened: NDArray[Any], low: NDArray[Any], high: NDArray[Any], edges: NDArray[Any], start: float
) -> None:
    """Add the exact overlap of every leaf pair's gap with every 1 mm pixel."""
    rows, columns = opened.shape
    for pair in range(len(low)):
        bottom, top = max(edges[pair] - start, 0.0), min(edges[pair + 1] - start, float(rows))
        left, right = max(low[pair] - start, 0.0), min(high[pair] - start, float(columns))
        if right <= left or top <= bottom:
            continue
        for row in range(int(bottom), int(np.ceil(top))):
            height = min(row + 1.0, top) - max(float(row), bottom)
            for column in range(int(left), int(np.ceil(right))):
                opened[row, column] += height * (min(column + 1.0, right) - max(float(column), left))


def _jaws(jaws_mm: Array, half_mm: float) -> Array:
    """Share of each pixel between the jaws, (400,)."""
    low, high = max(float(jaws_mm[0]), -half_mm), min(float(jaws_mm[1]), half_mm)
    centre = pixel_centres_mm()
    covered = np.minimum(centre + 0.5, high) - np.maximum(centre - 0.5, low)
    return np.asarray(np.clip(covered, 0.0, 1.0))


def _through(opened: Array, machine: Machine) -> Array:
    return np.asarray(machine.jaw_transmission + (1 - machine.jaw_transmission) * opened)


def head_scatter(segment: Segment, machine: Machine) -> float:
    """In-air output ratio of the jaws' equivalent square, 1 for 100 mm × 100 mm.

    Source: equivalent square 2ab/(a+b); in-air output ratio Sc, AAPM TG-74, doi 10.1118/1.3227367.
    """
    widest = machine.largest_field_mm
    a = min(max(float(np.ptp(segment.jaws_x_mm)), 1.0), widest)
    b = min(max(float(np.ptp(segment.jaws_y_mm)), 1.0), widest)
    return float(machine.head_scatter(2 * a * b / (a + b)))


def blur(opened: Array, machine: Machine) -> Array:
    """The aperture seen from a source of finite size, and from the head that scatters."""
    sigma_x, sigma_y = (sigma / PIXEL_MM for sigma in machine.source_sigma_mm)
    focal = ndimage.gaussian_filter(opened, (sigma_y, sigma_x), mode="constant", truncate=5.0)
    share = machine.extra_focal_fraction
    if share == 0:
        return np.asarray(focal)
    wide = ndimage.gaussian_filter(opened, machine.extra_focal_sigma_mm / PIXEL_MM, mode="constant")
    return np.asarray((1 - share) * focal + share * wide)


def turn(values: Array, collimator_deg: float) -> Array:
    """A map in the collimator's axes → in the gantry's axes.

    IEC 61217: the collimator turns counter-clockwise seen from the source, so that
    (Xg, Yg) = (Xb cos φ − Yb sin φ, Xb sin φ + Yb cos φ). Right angles are exact.
    """
    quarter = collimator_deg / 90.0
    if abs(quarter - round(quarter)) < 1e-4:
        # np.rot90 turns from the first axis (here Y) towards the second (X), which is clockwise
        return np.rot90(values, k=-round(quarter)).copy()
    cosine, sine = np.cos(np.radians(collimator_deg)), np.sin(np.radians(collimator_deg))
    to_collimator = np.array([[cosine, -sine], [sine, cosine]])  # (Yb, Xb) from (Yg, Xg)
    middle = np.full(2, (SIDE - 1) / 2)
    return np.asarray(
        ndimage.affine_transform(values, to_collimator, offset=middle - to_collimator @ middle, order=1)
    )


def _off_axis(machine: Machine) -> Array:
    centre = pixel_centres_mm()
    return machine.off_axis(np.hypot(centre[:, None], centre[None, :]))
