"""From a grid to the made patient's own frame, in which his shapes are drawn, and back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from terasu.patient.cores import cores
from terasu.patient.grid import Grid
from terasu.patient.phantom.anatomy import Anatomy
from terasu.patient.phantom.shapes import F32, Shape

Box = tuple[slice, slice, slice]
_SLAB_VOXELS = 1_600_000
PIVOT_LPS_MM = (0.0, 15.0, -32.0)
"""The patient rolls about the middle of the prostate, which image guidance lays on the isocentre."""
BEND_MM = 3.2
"""No point is moved further by the seeded bending that makes the two sides differ."""


def to_patient(points_lps_mm: NDArray[np.float64], anatomy: Anatomy) -> NDArray[np.float64]:
    """Points (…, 3) of the room to the patient's frame [mm], not bent yet."""
    turn, pivot = _roll(anatomy), np.asarray(PIVOT_LPS_MM)
    moved = points_lps_mm - np.asarray(anatomy.shift_lps_mm) - pivot
    return np.asarray((moved @ turn + pivot) / anatomy.size)


def to_room(points_lps_mm: NDArray[np.float64], anatomy: Anatomy) -> NDArray[np.float64]:
    """Points (…, 3) of the patient's frame to the room [mm]."""
    turn, pivot = _roll(anatomy), np.asarray(PIVOT_LPS_MM)
    scaled = points_lps_mm * anatomy.size - pivot
    return np.asarray(scaled @ turn.T + pivot + np.asarray(anatomy.shift_lps_mm))


def coordinates(grid: Grid, anatomy: Anatomy) -> tuple[F32, F32, F32]:
    """x, y, z of every voxel centre in the patient's frame, bent; arrays that broadcast to the grid.

    z keeps one value a slice on an axial grid, which makes most shapes cheap.
    """
    if grid.is_axis_aligned:
        depth, rows, columns = (np.arange(n) for n in grid.shape_zyx)
        plane = np.stack(np.broadcast_arrays(0, rows[:, None], columns[None, :]), axis=-1)
        flat = to_patient(grid.to_lps_mm(plane), anatomy).astype(np.float32)
        steps = np.stack([depth, np.zeros_like(depth), np.zeros_like(depth)], axis=-1)
        z = to_patient(grid.to_lps_mm(steps), anatomy)[:, 2].astype(np.float32)
        return bent(flat[None, ..., 0], flat[None, ..., 1], z[:, None, None], anatomy)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape_zyx), indexing="ij"), axis=-1)
    points = to_patient(grid.to_lps_mm(index), anatomy).astype(np.float32)
    return bent(points[..., 0], points[..., 1], points[..., 2], anatomy)


def bent(x: F32, y: F32, z: F32, anatomy: Anatomy) -> tuple[F32, F32, F32]:
    """A gentle seeded bending in the axial plane, the same on every day of one patient."""
    chance = np.random.default_rng((anatomy.seed, 11))
    moved = []
    for axis in (x, y):
        found = np.float32(0)
        for _ in range(2):
            wave = chance.normal(size=3)
            wave *= 2 * np.pi / chance.uniform(120, 240) / np.linalg.norm(wave)
            u, v, w = (float(number) for number in wave)
            phase = float(chance.uniform(0, 2 * np.pi))
            found = found + np.float32(BEND_MM / 2) * np.sin(x * u + y * v + (z * w + phase))
        moved.append(axis + found)
    return moved[0], moved[1], z


def box_of(shape: Shape, grid: Grid, anatomy: Anatomy) -> Box | None:
    """The index box of ``grid`` that can touch the shape; None if there is none."""
    low = np.asarray(shape.low_lps_mm) - BEND_MM - 2
    high = np.asarray(shape.high_lps_mm) + BEND_MM + 2
    picks = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)], bool)
    index = grid.to_index_kji(to_room(np.where(picks, high, low), anatomy))
    start = np.clip(np.floor(index.min(axis=0)), 0, grid.shape_zyx).astype(int)
    stop = np.clip(np.ceil(index.max(axis=0)) + 1, 0, grid.shape_zyx).astype(int)
    if (stop <= start).any():
        return None
    z, y, x = (slice(a, b) for a, b in zip(start.tolist(), stop.tolist(), strict=True))
    return z, y, x


def cut(field: F32, box: Box) -> F32:
    """The part of an array that broadcasts to the grid which belongs to the box."""
    return field[tuple(part if n > 1 else slice(None) for part, n in zip(box, field.shape, strict=True))]


def in_slabs(work: Callable[[int, int], None], shape_zyx: tuple[int, int, int]) -> None:
    """Call ``work(start, stop)`` for slabs of slices that fit the processor's cache, several at a time."""
    depth, rows, columns = shape_zyx
    step = max(1, min(_SLAB_VOXELS // (rows * columns), -(-depth // 2)))
    starts = range(0, depth, step)
    with ThreadPoolExecutor(min(4, cores())) as pool:
        list(pool.map(work, starts, (min(start + step, depth) for start in starts)))


def _roll(anatomy: Anatomy) -> NDArray[np.float64]:
    angle = np.radians(anatomy.rotation_deg)
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
