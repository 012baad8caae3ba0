"""The voxels that an engine calculates on, and the electron density of the image on them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.dose.density import DensityTable, to_electron_density
from terasu.patient.grid import Grid
from terasu.patient.resample import resample
from terasu.patient.volume import Volume

Array = NDArray[np.float64]
AIR = 0.01
"""Relative electron density below which a voxel is calculated as vacuum; 1 m of it is 1 mm of water."""
BODY = 0.05
"""Relative electron density from which something counts as solid."""


def raster_like(onto: Grid, isocentre_lps_mm: Array) -> Grid:
    """``onto`` itself where an engine can use its voxels, else a cubic raster along LPS of its pitch.

    A gantry turns in the transverse plane, so rows and columns need one pitch.
    """
    _, y, x = onto.spacing_zyx_mm
    if onto.is_axis_aligned and abs(y - x) < 1e-3:
        return onto
    pitch = min(onto.spacing_zyx_mm)
    corners = onto.corners_lps_mm()
    low = np.floor((corners.min(axis=0) - isocentre_lps_mm) / pitch)
    high = np.ceil((corners.max(axis=0) - isocentre_lps_mm) / pitch)
    shape = (high - low + 1).astype(int)[::-1]
    return Grid.from_axes(
        shape.tolist(),
        spacing_zyx_mm=(pitch, pitch, pitch),
        origin_lps_mm=isocentre_lps_mm + low * pitch,
        frame_of_reference_uid=onto.frame_of_reference_uid,
    )


def density_lattice(
    raster: Grid, image_hu: Volume, table: DensityTable, slack_mm: float
) -> tuple[Grid, NDArray[np.float32]]:
    """Where to calculate, and the relative electron density there.

    Args:
        raster: voxel raster that the lattice follows; its slices are kept.
        image_hu: the image; outside of it is vacuum.
        table: HU → density.
        slack_mm: slices of the image this far beyond the raster are added, since a divergent beam
            passes them on its way in.
    Returns:
        A grid on the raster around everything solid, and its density, the mean over each voxel,
        vacuum for air.
    """
    density = _solid_part(density_of(image_hu, table))
    lattice = _around(raster, density.grid, slack_mm)
    return lattice, _mean_on(lattice, density)


def density_of(image_hu: Volume, table: DensityTable) -> Volume:
    """The image as relative electron density, slice by slice to spare memory."""
    values = np.empty(image_hu.grid.shape_zyx, np.float32)
    for k, slice_hu in enumerate(image_hu.values):
        values[k] = to_electron_density(slice_hu, table)
    return Volume(values, image_hu.grid, "1", image_hu.source)


def _solid_part(density: Volume) -> Volume:
    """Rows and columns that hold something solid, one voxel of margin."""
    seen = density.values.max(axis=0) > BODY
    if not seen.any():
        return density
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    slices, height, width = density.grid.shape_zyx
    start = (0, max(int(rows[0]) - 1, 0), max(int(columns[0]) - 1, 0))
    stop = (slices, min(int(rows[-1]) + 2, height), min(int(columns[-1]) + 2, width))
    return density.crop(start, stop)


def _around(raster: Grid, solid: Grid, slack_mm: float) -> Grid:
    """The raster's own slices and ``slack_mm`` of the image's, rows and columns around what is solid."""
    index = raster.to_index_kji(solid.corners_lps_mm())
    low, high = np.floor(index.min(axis=0)).astype(int) - 1, np.ceil(index.max(axis=0)).astype(int) + 2
    slack = int(np.ceil(slack_mm / raster.spacing_zyx_mm[0]))
    low[0] = min(0, max(low[0], -slack))
    high[0] = max(raster.shape_zyx[0], min(high[0], raster.shape_zyx[0] + slack))
    return raster.crop(low.tolist(), high.tolist())


def _mean_on(lattice: Grid, density: Volume) -> NDArray[np.float32]:
    """Mean density of every lattice voxel, by points as dense as the image's own.

    Density is averaged, not HU, since the mean of HU is not the HU of the mean.
    """
    parts = [
        int(np.clip(round(coarse / fine), 1, 4))
        for coarse, fine in zip(lattice.spacing_zyx_mm, density.grid.spacing_zyx_mm, strict=True)
    ]
    fine = resample(density, _finer(lattice, parts), outside=0.0).values
    mean = fine
    for axis, n in enumerate(parts):
        shape = (*mean.shape[:axis], mean.shape[axis] // n, n, *mean.shape[axis + 1 :])
        mean = mean.reshape(shape).mean(axis=axis + 1, dtype=np.float32) if n > 1 else mean
    return np.where(mean < AIR, np.float32(0), mean)


def _finer(lattice: Grid, parts: list[int]) -> Grid:
    """Every voxel cut into ``parts`` along (k, j, i)."""
    cut = np.asarray(parts)
    affine = lattice.affine.copy()
    affine[:3, :3] = affine[:3, :3] / cut
    affine[:3, 3] = lattice.to_lps_mm((1 / cut - 1) / 2)
    z, y, x = (int(n) for n in np.asarray(lattice.shape_zyx) * cut)
    return Grid((z, y, x), affine, lattice.frame_of_reference_uid)


def on_grid(dose: Volume, onto: Grid) -> NDArray[np.float32]:
    """A dose on the grid asked for: copied where the voxels are the same, else interpolated."""
    start = np.rint(dose.grid.to_index_kji(onto.origin_lps_mm)).astype(int)
    stop = start + np.asarray(onto.shape_zyx)
    if not dose.grid.crop(start.tolist(), stop.tolist()).agrees_with(onto, tolerance_mm=1e-3):
        return np.asarray(resample(dose, onto, outside=0.0).values, np.float32)
    out = np.zeros(onto.shape_zyx, np.float32)
    low, high = np.maximum(start, 0), np.minimum(stop, dose.grid.shape_zyx)
    if (high > low).all():
        out[_box(low - start, high - start)] = dose.values[_box(low, high)]
    return out


def _box(low: NDArray[np.int_], high: NDArray[np.int_]) -> tuple[slice, ...]:
    return tuple(slice(a, b) for a, b in zip(low, high, strict=True))


def covered_by(onto: Grid, lattice: Grid) -> NDArray[np.bool_]:
    """Rows and columns of a lattice along LPS that lie in the box around ``onto``, (y, x)."""
    index = lattice.to_index_kji(onto.corners_lps_mm())
    low, high = np.floor(index.min(axis=0)).astype(int), np.ceil(index.max(axis=0)).astype(int) + 1
    rows, columns = (
        (np.arange(n) >= a) & (np.arange(n) < b)
        for n, a, b in zip(lattice.shape_zyx[1:], low[1:], high[1:], strict=True)
    )
    return np.asarray(rows[:, None] & columns[None, :])


def around_the_patient(density: NDArray[np.float32]) -> NDArray[np.bool_]:
    """True in the air around the patient: low density that reaches the edge of its slice."""
    around = np.zeros(density.shape, bool)
    for k, one_slice in enumerate(density):
        labels, _ = ndimage.label(one_slice < BODY)
        edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
        around[k] = np.isin(labels, np.unique(edge[edge > 0]))
    return around
