"""A cone-beam CT from a true CT, in the image: HU errors, scatter cupping, noise, streaks, truncation.

No projections are simulated: every error is put where it is known to show, in a size that is known, so
that what a correction removes can be told. For image-domain models of scatter see Siewerdsen and Jaffray,
Med Phys 2001;28:220, doi 10.1118/1.1339879 (cupping grows with the object's size).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.patient.grid import Grid
from terasu.patient.resample import resample
from terasu.patient.structures import Mask
from terasu.patient.volume import Source, Volume
from terasu.simulate.artefacts import CbctArtefacts
from terasu.simulate.noise import filtered_noise, smooth_noise
from terasu.simulate.streaks import streaks_of

F32 = NDArray[np.float32]
MADE_BY = "Terasu simulated cone-beam CT"
_SOLID_HU = -400.0
_REFERENCE_RADIUS_MM = 180.0
_RIM_MM = 20.0
_SHADING_MM = 100.0


@dataclass(frozen=True, eq=False)
class SimulatedCbct:
    """A simulated CBCT and what it should have shown.

    Attributes:
        cbct: HU, int16; the padding constant where nothing was seen.
        truth: the true CT on the CBCT's grid.
        seen: (z, y, x), True inside of the cylinder of the field of view.
        truncated: share of the patient's voxels in the scanned length that lie outside of the cylinder.
    """

    cbct: Volume
    truth: Volume
    seen: Mask
    truncated: float


def cbct_grid(
    isocentre_lps_mm: tuple[float, float, float],
    artefacts: CbctArtefacts,
    *,
    pixels: int = 512,
    slice_mm: float = 3.0,
    frame_of_reference_uid: str = "",
) -> Grid:
    """The square grid of a scan about the isocentre: as wide as the field, as long as the cylinder."""
    step = round(artefacts.diameter_mm / pixels * 1.02, 3)
    slices = max(1, int(artefacts.length_mm // slice_mm))
    half = np.array([(pixels - 1) * step, (pixels - 1) * step, (slices - 1) * slice_mm]) / 2
    return Grid.from_axes(
        (slices, pixels, pixels),
        spacing_zyx_mm=(slice_mm, step, step),
        origin_lps_mm=np.round(np.asarray(isocentre_lps_mm) - half, 4).tolist(),
        frame_of_reference_uid=frame_of_reference_uid,
    )


def simulate_cbct(
    true_ct: Volume, artefacts: CbctArtefacts, *, grid: Grid | None = None, seed: int = 0
) -> SimulatedCbct:
    """What a cone-beam scanner would have made of a patient.

    Args:
        true_ct: HU of the day.
        artefacts: how bad.
        grid: of the CBCT, axial; the rotation axis is the middle of its slices. The true CT's own grid if
            left out.
        seed: of noise, shading, streaks and rings.
    Returns:
        CBCT, truth and field of view on one grid; equal for equal arguments.
    Raises:
        GeometryError: the grid lies in another frame of reference.
    """
    truth = true_ct if grid is None else resample(true_ct, onto=grid, outside=-1000.0)
    seen = _seen(truth.grid, artefacts)
    solid = np.asarray(truth.values > _SOLID_HU)
    read = _read(truth, solid, artefacts, np.random.default_rng((seed, 53)))
    # Scanners clip at the bottom of their scale; the padding stays apart from measured air by its place.
    read = np.where(seen, np.clip(np.rint(read), -1000, 6000), artefacts.padding_hu)
    scanned = solid & np.asarray(seen.any(axis=(1, 2), keepdims=True))
    outside = float(np.count_nonzero(scanned & ~seen)) / max(1, int(np.count_nonzero(scanned)))
    cbct = Volume(read.astype(np.int16), truth.grid, "HU", Source("CT", made_by=MADE_BY))
    return SimulatedCbct(cbct, truth, seen, outside)


def _seen(grid: Grid, artefacts: CbctArtefacts) -> Mask:
    slices = grid.shape_zyx[0]
    along = (np.arange(slices) - (slices - 1) / 2) * grid.spacing_zyx_mm[0]
    circle = np.flatnonzero(_radius_mm(grid).ravel() <= artefacts.diameter_mm / 2)
    seen = np.zeros((slices, grid.shape_zyx[1] * grid.shape_zyx[2]), np.bool_)
    seen[np.ix_(np.flatnonzero(np.abs(along) <= artefacts.length_mm / 2), circle)] = True
    return seen.reshape(grid.shape_zyx)


def _read(truth: Volume, solid: Mask, artefacts: CbctArtefacts, chance: np.random.Generator) -> F32:
    """HU as read, everywhere on the grid."""
    hu, grid = truth.values.astype(np.float32), truth.grid
    radius, sizes = _radius_mm(grid), _effective_radius_mm(solid, grid)
    read = _curve(hu, artefacts)
    if artefacts.blur_mm:
        sigma = [artefacts.blur_mm / step for step in grid.spacing_zyx_mm]
        ndimage.gaussian_filter(read, sigma, output=read, truncate=3)
    matter = np.clip((read + 1000) / 800, 0, 1)
    if artefacts.cupping_hu:
        read += _cupping(solid, grid, sizes, artefacts.cupping_hu)
    if artefacts.shading_hu:
        read += matter * _shading(grid, chance, artefacts.shading_hu)
    if artefacts.streaks_hu:
        read += matter * streaks_of(hu, grid, chance, artefacts.streaks_hu)
    if artefacts.rim_hu:
        read += _rim(solid, radius, grid, artefacts, chance)
    if artefacts.rings_hu:
        read += _rings(radius, chance, artefacts.rings_hu)[None]
    if artefacts.noise_hu:
        read += _noise(grid, radius, sizes, chance, artefacts)
    return read


def _curve(hu: F32, artefacts: CbctArtefacts) -> F32:
    true, read = (np.asarray(column, float) for column in zip(*artefacts.hu_curve, strict=True))
    return np.asarray(np.interp(hu, true, read), np.float32)


def _radius_mm(grid: Grid) -> F32:
    """Distance of every pixel from the axis of rotation, (y, x)."""
    _, rows, columns = grid.shape_zyx
    y = (np.arange(rows) - (rows - 1) / 2) * grid.spacing_zyx_mm[1]
    x = (np.arange(columns) - (columns - 1) / 2) * grid.spacing_zyx_mm[2]
    return np.asarray(np.hypot(y[:, None], x[None, :]), np.float32)


def _effective_radius_mm(solid: Mask, grid: Grid) -> F32:
    """Radius of the circle that has the patient's area, slice by slice."""
    area = np.count_nonzero(solid, axis=(1, 2)) * grid.spacing_zyx_mm[1] * grid.spacing_zyx_mm[2]
    return np.asarray(np.sqrt(area / np.pi), np.float32)


def _cupping(solid: Mask, grid: Grid, sizes: F32, depth_hu: float) -> F32:
    """Too low in the middle of the patient, right at his skin; more in a thick patient."""
    shape = np.zeros(grid.shape_zyx, np.float32)
    rows, columns = np.indices(grid.shape_zyx[1:], dtype=np.float32)
    for k, size in enumerate(sizes):
        if size < 20:
            continue
        j, i = np.nonzero(solid[k])
        centre, spread = (j.mean(), i.mean()), (max(j.std(), 1.0), max(i.std(), 1.0))
        # A filled ellipse has a standard deviation of half of its half axis.
        away = ((rows - centre[0]) / (2 * spread[0])) ** 2 + ((columns - centre[1]) / (2 * spread[1])) ** 2
        shape[k] = np.clip(1 - away, 0, 1) * (size / _REFERENCE_RADIUS_MM) ** 2
    return np.asarray(-np.float32(depth_hu) * shape, np.float32)


def _shading(grid: Grid, chance: np.random.Generator, sd_hu: float) -> F32:
    """Smooth random shading: a few random numbers 10 cm apart, spline-interpolated."""
    size = np.asarray(grid.shape_zyx) * np.asarray(grid.spacing_zyx_mm)
    coarse = chance.standard_normal(np.ceil(size / _SHADING_MM).astype(int) + 3).astype(np.float32)
    axes = [
        (np.arange(n) - (n - 1) / 2) * step / _SHADING_MM + (m - 1) / 2
        for n, step, m in zip(grid.shape_zyx, grid.spacing_zyx_mm, coarse.shape, strict=True)
    ]
    for axis, place in enumerate(axes):
        coarse = np.moveaxis(np.tensordot(_spline(place, coarse.shape[axis]), coarse, (1, axis)), 0, axis)
    return np.asarray(coarse * np.float32(sd_hu / max(float(coarse.std()), 1e-6)), np.float32)


def _spline(place: NDArray[np.float64], nodes: int) -> F32:
    """Cubic B-spline weights (n, nodes) of points given in units of the nodes' distance."""
    away = np.abs(place[:, None] - np.arange(nodes)[None, :])
    near, far = 2 / 3 - away**2 + away**3 / 2, (2 - away) ** 3 / 6
    return np.asarray(np.where(away < 1, near, np.where(away < 2, far, 0)), np.float32)


def _rim(solid: Mask, radius: F32, grid: Grid, artefacts: CbctArtefacts, chance: np.random.Generator) -> F32:
    """Bright at the edge of the field where the patient reaches beyond it, by direction.

    Source: Ohnesorge et al., Med Phys 2000;27:39, doi 10.1118/1.598855 (truncation lifts the edge).
    """
    edge = artefacts.diameter_mm / 2
    glow = np.exp(-np.clip(edge - radius, 0, None) / _RIM_MM)
    _, rows, columns = grid.shape_zyx
    angle = np.arctan2(np.arange(rows)[:, None] - rows / 2, np.arange(columns)[None, :] - columns / 2)
    uneven = 1 + 0.8 * np.sin(angle + chance.uniform(0, 2 * np.pi))
    beyond = solid & (radius > edge)[None]
    truncated = np.count_nonzero(beyond, axis=(1, 2)) / np.maximum(np.count_nonzero(solid, axis=(1, 2)), 1)
    strength = np.clip(truncated / 0.3, 0, 1)[:, None, None]
    return np.asarray(artefacts.rim_hu * strength * (glow * uneven)[None] * solid, np.float32)


def _rings(radius: F32, chance: np.random.Generator, sd_hu: float) -> F32:
    """Rings about the axis, stronger towards it as fewer rays share a fault."""
    steps = chance.standard_normal(600).astype(np.float32)
    ring = np.interp(radius, np.arange(600) * 0.8, steps)
    return np.asarray(sd_hu * ring * np.clip(60 / np.maximum(radius, 12), 0, 3), np.float32)


def _noise(grid: Grid, radius: F32, sizes: F32, chance: np.random.Generator, artefacts: CbctArtefacts) -> F32:
    """Correlated noise, strongest in the middle of a thick patient."""
    if artefacts.noise_peak_per_mm:
        noise = filtered_noise(grid.shape_zyx, grid.spacing_zyx_mm[1:], artefacts.noise_peak_per_mm, chance)
    else:
        noise = smooth_noise(grid.shape_zyx, chance)
    where = 0.4 + 0.6 * np.exp(-((radius / 130) ** 2))
    thick = np.clip(sizes / _REFERENCE_RADIUS_MM, 0.4, 1.5)
    noise *= (artefacts.noise_hu * where).astype(np.float32)[None]
    noise *= thick[:, None, None]
    return noise
