"""A small made abdomen for tests, with spine, ribs, lungs, kidneys, gas and texture; and its CBCT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.patient.grid import Grid
from terasu.patient.structures import Mask, StructureSet
from terasu.patient.volume import Source, Volume

GRID = Grid.from_axes((44, 88, 96), spacing_zyx_mm=(3.0, 3.5, 3.5), origin_lps_mm=(-166, -152, -60))
FRAME = "1.2.3.4"


@dataclass(frozen=True, eq=False)
class MadeBody:
    """CT without table, structures on it, and True inside of the skin."""

    ct: Volume
    structures: StructureSet
    body: Mask


def made_body(*, grid: Grid = GRID, seed: int = 0, table: bool = False) -> MadeBody:
    """An abdomen in ``grid``, placed in mm, so that any grid over the same space shows the same."""
    points = grid.to_lps_mm(np.stack(np.meshgrid(*map(np.arange, grid.shape_zyx), indexing="ij"), axis=-1))
    x, y, z = (points[..., axis].astype(np.float32) for axis in range(3))
    body = (x / 140) ** 2 + (y / 105) ** 2 < 1
    hu = np.where(body, -95.0, -1000.0).astype(np.float32)
    hu[(x / 120) ** 2 + (y / 88) ** 2 < 1] = 45.0
    kidneys = {
        side: ((x - sign * 58) / 26) ** 2 + ((y - 25) / 22) ** 2 + ((z + 5) / 42) ** 2 < 1
        for side, sign in (("Kidney_L", 1), ("Kidney_R", -1))
    }
    for kidney in kidneys.values():
        hu[kidney] = 130.0
    hu[((x - 20) / 40) ** 2 + ((y + 30) / 25) ** 2 + ((z + 20) / 22) ** 2 < 1] = -60.0
    gas = ((x + 35) / 14) ** 2 + ((y + 45) / 11) ** 2 + ((z + 15) / 14) ** 2 < 1
    hu[gas] = -980.0
    lungs = ((np.abs(x) - 62) / 42) ** 2 + ((y - 12) / 55) ** 2 + ((z - 75) / 38) ** 2 < 1
    hu[lungs] = -800.0
    spine = ((x) / 20) ** 2 + ((y - 58) / 18) ** 2 < 1
    disc = (np.abs((z + 60) % 33 - 16) < 4) & spine
    hu[spine] = 320.0
    hu[disc] = 90.0
    hu[(np.hypot(x / 125, y / 92) > 0.94) & (np.hypot(x / 125, y / 92) < 1.0) & ((z + y / 3) % 30 < 9)] = (
        450.0
    )
    texture = np.random.default_rng(seed).normal(0, 1, (44, 88, 96)).astype(np.float32)
    fine = ndimage.zoom(
        ndimage.gaussian_filter(texture, 1.2), np.array(grid.shape_zyx) / texture.shape, order=1
    )
    hu[body] += (fine * 25 / fine.std())[body]
    if table:
        hu[(np.abs(y - 112) < 4) & (np.abs(x) < 150)] = 0.0
        hu[(np.abs(y - 130) < 4) & (np.abs(x) < 150)] = 0.0
    volume = Volume(hu, grid.in_frame(FRAME), "HU", Source(modality="CT"))
    masks = {**kidneys, "Lungs": lungs, "SpinalCord": ((x / 8) ** 2 + ((y - 58) / 8) ** 2 < 1)}
    return MadeBody(volume, StructureSet(volume.grid, masks), body)


def made_cbct(
    ct: Volume, *, radius_mm: float = 110.0, noise_hu: float = 20.0, shading: float = 1.0, seed: int = 1
) -> tuple[Volume, Mask]:
    """The CT as a truncated, shaded, noisy CBCT with −1000 outside of a circle; and the circle."""
    points = ct.grid.to_lps_mm(
        np.stack(np.meshgrid(*map(np.arange, ct.grid.shape_zyx), indexing="ij"), axis=-1)
    )
    away = np.hypot(points[..., 0], points[..., 1])
    dark = 0.25 - 0.25 * (away / radius_mm) ** 2 - 0.05 * points[..., 0] / radius_mm
    field: NDArray[np.floating] = 1 - shading * dark
    noise = np.random.default_rng(seed).normal(0, noise_hu, ct.grid.shape_zyx)
    values = (ct.values + 1000) * field - 1000 + noise
    view = away <= radius_mm
    hu = np.where(view, np.maximum(values, -1000), -1000).astype(np.float32)
    return Volume(hu, ct.grid, "HU", Source(modality="CT")), view


def smooth_push(grid: Grid, *, peak_mm: float = 9.0, width_mm: float = 35.0) -> NDArray[np.float32]:
    """A displacement (z, y, x, 3) LPS [mm] that swells towards the middle and folds nothing."""
    points = grid.to_lps_mm(np.stack(np.meshgrid(*map(np.arange, grid.shape_zyx), indexing="ij"), axis=-1))
    centre = np.array([40.0, 15.0, -5.0])
    bump = np.exp(-((points - centre) ** 2).sum(axis=-1) / (2 * width_mm**2))
    direction = np.array([0.4, 0.5, 0.77])
    return (peak_mm * bump[..., None] * direction).astype(np.float32)
