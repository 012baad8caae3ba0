"""The voxels that an engine calculates on: along LPS, with room for the patient to turn in."""

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
_MARGIN = 2


def lattice_like(onto: Grid, isocentre_lps_mm: Array) -> Grid:
    """``onto`` itself where an engine can use its voxels, else a cubic lattice along LPS of its pitch.

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


def widened(lattice: Grid, image: Grid, isocentre_lps_mm: Array, radius_mm: float) -> Grid:
    """The same voxel raster, from −radius to +radius around the isocentre transversally.

    Along z it keeps the lattice's slices and adds those of the image within ``radius_mm`` of them
    that a divergent field could pass through.
    """
    step = np.asarray(lattice.spacing_zyx_mm)
    iso_kji = lattice.to_index_kji(isocentre_lps_mm)
    reach = np.ceil(radius_mm / step) + _MARGIN
    start = np.floor(iso_kji - reach).astype(int)
    stop = np.ceil(iso_kji + reach).astype(int) + 1
    slices = lattice.to_index_kji(image.corners_lps_mm())[:, 0]
    start[0] = min(0, max(start[0], int(np.floor(slices.min()))))
    stop[0] = max(lattice.shape_zyx[0], min(stop[0], int(np.ceil(slices.max())) + 1))
    return lattice.crop(start.tolist(), stop.tolist())


def body_radius_mm(density: Volume, isocentre_lps_mm: Array) -> float:
    """Largest transverse distance from the isocentre to anything that is not air [mm]."""
    solid = density.values.max(axis=0) > BODY
    if not solid.any():
        return 50.0
    rows, columns = np.nonzero(solid)
    index = np.stack([np.zeros(len(rows)), rows, columns], axis=1)
    points = density.grid.to_lps_mm(index) - isocentre_lps_mm
    return float(np.hypot(points[:, 0], points[:, 1]).max())


def electron_density_on(lattice: Grid, image_hu: Volume, table: DensityTable) -> NDArray[np.float32]:
    """Relative electron density of every lattice voxel, the mean over the voxel, vacuum for air.

    Density is looked up at the image's own resolution and averaged afterwards, since the mean of HU
    is not the HU of the mean.
    """
    density = density_of(image_hu, table)
    parts = [
        int(np.clip(round(coarse / fine), 1, 4))
        for coarse, fine in zip(lattice.spacing_zyx_mm, image_hu.grid.spacing_zyx_mm, strict=True)
    ]
    fine = resample(density, _finer(lattice, parts), outside=0.0).values
    k, j, i = lattice.shape_zyx
    blocks = fine.reshape(k, parts[0], j, parts[1], i, parts[2])
    mean = blocks.mean(axis=(1, 3, 5), dtype=np.float32)
    return np.where(mean < AIR, np.float32(0), mean)


def density_of(image_hu: Volume, table: DensityTable) -> Volume:
    """The image as relative electron density, slice by slice to spare memory."""
    values = np.empty(image_hu.grid.shape_zyx, np.float32)
    for k, slice_hu in enumerate(image_hu.values):
        values[k] = to_electron_density(slice_hu, table)
    return Volume(values, image_hu.grid, "1", image_hu.source)


def _finer(lattice: Grid, parts: list[int]) -> Grid:
    """Every voxel cut into ``parts`` along (k, j, i)."""
    cut = np.asarray(parts)
    affine = lattice.affine.copy()
    affine[:3, :3] = affine[:3, :3] / cut
    affine[:3, 3] = lattice.to_lps_mm((1 / cut - 1) / 2)
    z, y, x = (int(n) for n in np.asarray(lattice.shape_zyx) * cut)
    return Grid((z, y, x), affine, lattice.frame_of_reference_uid)


def around_the_patient(density: NDArray[np.float32]) -> NDArray[np.bool_]:
    """True in the air around the patient: low density that reaches the edge of its slice."""
    around = np.zeros(density.shape, bool)
    for k, one_slice in enumerate(density):
        labels, _ = ndimage.label(one_slice < BODY)
        edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
        around[k] = np.isin(labels, np.unique(edge[edge > 0]))
    return around
