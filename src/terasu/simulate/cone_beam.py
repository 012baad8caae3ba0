"""A kV cone-beam CT from a true CT, through projections: as the imager takes it, FDK and HU calibration."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from terasu.patient.grid import Grid
from terasu.patient.structures import Mask
from terasu.patient.volume import Source, Volume
from terasu.simulate.case import SimulatedCase, require_ct
from terasu.simulate.cone_object import (
    INSERT_AT,
    INSERT_RADIUS,
    ConeObject,
    calibration_phantom,
    object_of,
)
from terasu.simulate.cone_settings import ConeBeamSettings
from terasu.simulate.rtk import fdk, project_cone, require_rtk
from terasu.simulate.scatter import scatter_of
from terasu.simulate.spectrum import Spectrum, one_energy, transmitted, tube_spectrum, water_path_mm
from terasu.simulate.thick_slices import averaged_onto

F32 = NDArray[np.float32]
MADE_BY = "Terasu simulated cone-beam CT, projections"
_POSITIONS = 10
_AT_ONCE = 30
_SOLID_HU = -400.0


def simulate_cone_beam(
    true_ct: Volume, settings: ConeBeamSettings | None = None, *, seed: int = 0, grid: Grid | None = None
) -> SimulatedCase:
    """What a linac's kV imager would have made of a patient.

    Args:
        true_ct: kV HU.
        settings: of the imager; a published preset or a half-fan scan if left out.
        seed: of the noise.
        grid: of the result, axial; its middle is the isocentre. If left out: the field of view about the
            patient's middle.
    Returns:
        Image, truth and field of view on one grid.
    Raises:
        InputError: no CT in HU, NaN, nothing but air.
        MissingPartError: RTK is not installed (the extra ``cbct``).
        GeometryError: the grid lies in another frame of reference.
    """
    settings = settings or ConeBeamSettings()
    require_rtk()
    require_ct(true_ct)
    grid = grid or cone_grid(true_ct, settings)
    truth = averaged_onto(true_ct, grid)
    primary = primary_of(object_of(true_ct, grid.centre_lps_mm, settings), settings)
    hu = calibrated_hu(reading_of(primary, grid, settings, seed=seed), settings)
    hu = np.clip(np.rint(hu), -1000, 6000)
    seen = field_of_view(grid, settings)
    values = np.where(seen, hu, -1000).astype(np.int16)
    image = Volume(values, grid, "HU", Source("CT", made_by=MADE_BY))
    water, air = _phantom_readings(_calibration(settings))
    measured = {"water_reading": water, "air_reading": air, "mean_energy_kev": spectrum_of(settings).mean_kev}
    return SimulatedCase(image, truth, seen, "cbct", settings, seed, measured)


def cone_grid(ct: Volume, settings: ConeBeamSettings) -> Grid:
    """The field of view about the patient's middle, square."""
    solid = ct.values[:: max(1, len(ct.values) // 8)] > _SOLID_HU
    place = np.argwhere(solid)
    middle = ct.grid.to_lps_mm((place.min(axis=0) + place.max(axis=0)) / 2) if place.size else None
    centre = ct.grid.centre_lps_mm.copy()
    if middle is not None:
        centre[:2] = middle[:2]
    across = max(1, int(np.ceil(2 * settings.radius_mm / settings.pixel_mm)))
    length = min(settings.length_mm, float(np.ptp(ct.grid.corners_lps_mm()[:, 2])))
    shape = (max(1, int(length / settings.slice_mm + 1e-6)), across, across)
    spacing = (settings.slice_mm, settings.pixel_mm, settings.pixel_mm)
    origin = centre - (np.asarray(shape[::-1]) - 1) / 2 * np.asarray(spacing[::-1])
    return Grid.from_axes(
        shape,
        spacing_zyx_mm=spacing,
        origin_lps_mm=np.round(origin, 4).tolist(),
        frame_of_reference_uid=ct.grid.frame_of_reference_uid,
    )


def field_of_view(grid: Grid, settings: ConeBeamSettings) -> Mask:
    """(z, y, x), True where every projection has seen the voxel, about the grid's middle."""
    slices, rows, columns = grid.shape_zyx
    z, y, x = (
        (np.arange(n) - (n - 1) / 2) * step
        for n, step in zip((slices, rows, columns), grid.spacing_zyx_mm, strict=True)
    )
    circle = np.hypot(y[:, None], x[None, :]) <= settings.radius_mm
    return np.asarray((np.abs(z) <= settings.length_mm / 2)[:, None, None] & circle[None])


def reading_of(primary: F32, grid: Grid, settings: ConeBeamSettings, *, seed: int = 0) -> F32:
    """What is reconstructed of the rays that came through, in units of water (z, y, x), not yet calibrated.

    Args:
        primary: of ``primary_of``.
        grid: axial, the isocentre in its middle.
        seed: of the noise.
    """
    z, y, x = ((n - 1) / 2 * step for n, step in zip(grid.shape_zyx, grid.spacing_zyx_mm, strict=True))
    lines = detected(primary, settings, seed=seed)
    return fdk(lines, settings, grid.shape_zyx, grid.spacing_zyx_mm, (-x, -y, -z))


def calibrated_hu(reading: F32, settings: ConeBeamSettings) -> F32:
    """HU by two points: what the same imager reads of its phantom's water is 0, of the air in it −1000."""
    water, air = _phantom_readings(_calibration(settings))
    return np.asarray((reading - np.float32(water)) * np.float32(1000 / (water - air)), np.float32)


def detected(primary: F32, settings: ConeBeamSettings, *, seed: int) -> F32:
    """Thickness of water (view, v, u) [mm] that the imager takes each ray to have met, with its errors."""
    spectrum = spectrum_of(settings)
    chance = np.random.default_rng((seed, 2311))
    photons = settings.photons_per_mm2 * settings.panel_mm**2
    found = np.empty_like(primary)
    last: F32 | None = None
    for start in range(0, len(primary), _AT_ONCE):
        some = primary[start : start + _AT_ONCE]
        signal = some + scatter_of(
            some,
            spectrum,
            to_primary=settings.scatter_to_primary,
            sigma_mm=settings.scatter_sigma_mm,
            pixel_mm=settings.panel_mm,
        )
        last = _add_lag(signal, settings.lag, last)
        if np.isfinite(photons):
            counts = np.maximum(chance.poisson(photons * signal.astype(np.float64)), 1)
            signal = np.asarray(counts / photons, np.float32)
        found[start : start + _AT_ONCE] = water_path_mm(signal, spectrum)
    return found


def spectrum_of(settings: ConeBeamSettings) -> Spectrum:
    """Of the settings' tube, or one energy."""
    if not settings.beam_hardening:
        return one_energy()
    return tube_spectrum(settings.kv, aluminium_mm=settings.aluminium_mm, titanium_mm=settings.titanium_mm)


def primary_of(scanned: ConeObject, settings: ConeBeamSettings) -> F32:
    """Share of the open beam (view, v, u) that comes straight through, the patient moving meanwhile."""
    spectrum = spectrum_of(settings)
    phase = np.arange(settings.projections) / settings.frames_per_s / settings.motion_period_s % 1
    moves = settings.motion_mm > 0
    position = np.floor(phase * _POSITIONS).astype(int) if moves else np.zeros(settings.projections, int)
    found = np.empty((settings.projections, settings.rows, settings.columns), np.float32)
    for one in np.unique(position):
        views = np.flatnonzero(position == one)
        shift = settings.motion_mm / 2 * np.sin(2 * np.pi * (one + 0.5) / _POSITIONS) if moves else 0.0
        water, bone = (
            _grams(part, scanned, shift, settings, views) for part in (scanned.water, scanned.bone)
        )
        found[views] = transmitted(water, bone, spectrum)
    return found


def _grams(
    density: F32, scanned: ConeObject, shift_mm: float, settings: ConeBeamSettings, views: NDArray[np.intp]
) -> F32:
    """Mass on each ray [g/cm²], the object moved to the head by ``shift_mm``."""
    if not density.any():
        return np.zeros((len(views), settings.rows, settings.columns), np.float32)
    x, y, z = scanned.origin_lps_mm
    lines = project_cone(density, scanned.spacing_zyx_mm, (x, y, z + shift_mm), settings, views)
    return np.asarray(lines / 10, np.float32)


def _add_lag(signal: F32, lag: float, last: F32 | None) -> F32:
    """Each frame keeps a share of the one before, in place; returns the last."""
    for frame in signal:
        if lag and last is not None:
            frame[...] = (1 - lag) * frame + lag * last
        last = frame.copy()
    return signal[-1] if last is None else last


def _calibration(settings: ConeBeamSettings) -> ConeBeamSettings:
    """The same imager on a quiet phantom, at one resolution that shows its insert: only means count."""
    return replace(
        settings,
        photons_per_mm2=np.inf,
        motion_mm=0.0,
        lag=0.0,
        couch=False,
        columns=128,
        projections=120,
        work_mm=3.0,
        pixel_mm=4.0,
        slice_mm=4.0,
    )


@lru_cache(maxsize=16)
def _phantom_readings(settings: ConeBeamSettings) -> tuple[float, float]:
    """What water and the insert of air in the phantom read before calibration; about 1 and 0."""
    diameter = settings.calibration_mm
    primary = _phantom_primary(
        replace(settings, scatter_to_primary=0.0, scatter_sigma_mm=1.0, truncation_mm=0.0)
    )
    side = max(3, int(0.8 * diameter / settings.pixel_mm))
    grid = Grid.from_axes((5, side, side), spacing_zyx_mm=(4.0, settings.pixel_mm, settings.pixel_mm))
    plane = reading_of(primary, grid, settings).mean(axis=0)
    place = (np.arange(side) - (side - 1) / 2) * settings.pixel_mm
    readings = []
    for middle_mm in (-INSERT_AT * diameter, INSERT_AT * diameter):
        away = np.hypot(place[:, None], place[None] - middle_mm)
        readings.append(float(plane[away <= max(0.6 * INSERT_RADIUS * diameter, away.min())].mean()))
    return readings[0], readings[1]


@lru_cache(maxsize=4)
def _phantom_primary(settings: ConeBeamSettings) -> F32:
    """Rays through the phantom; scatter and truncation do not change them."""
    found = primary_of(calibration_phantom(settings.calibration_mm, settings), settings)
    found.setflags(write=False)
    return found
