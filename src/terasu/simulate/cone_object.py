"""What the cone beam goes through: water and bone about the isocentre, the couch beneath."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terasu.patient.grid import Grid
from terasu.patient.volume import Volume
from terasu.simulate.attenuation import water_and_bone
from terasu.simulate.cone_settings import ConeBeamSettings
from terasu.simulate.thick_slices import averaged_onto

F32 = NDArray[np.float32]
_COUCH_WIDE_MM, _COUCH_THICK_MM = 530.0, 50.0
_SKIN_G_CM2, _FOAM_G_CM3 = 0.15, 0.05
_SOLID_HU = -400.0


@dataclass(frozen=True, eq=False)
class ConeObject:
    """Densities [g/cm³], (z, y, x) along LPS.

    Attributes:
        water, bone: of every voxel.
        spacing_zyx_mm: of the voxels; origin_lps_mm: of the first, from the isocentre.
    """

    water: F32
    bone: F32
    spacing_zyx_mm: tuple[float, float, float]
    origin_lps_mm: tuple[float, float, float]


def object_of(ct: Volume, isocentre_lps_mm: NDArray[np.float64], settings: ConeBeamSettings) -> ConeObject:
    """A CT as seen by the beam; beyond its ends along the patient, the last slice goes on."""
    step = settings.work_mm
    low, high = ct.grid.corners_lps_mm().min(axis=0), ct.grid.corners_lps_mm().max(axis=0)
    shape = np.maximum(1, ((high - low) / step).astype(int))
    origin = (low + high) / 2 - (shape - 1) / 2 * step
    grid = Grid.from_axes(
        shape[::-1].tolist(),
        spacing_zyx_mm=(step, step, step),
        origin_lps_mm=origin.tolist(),
        frame_of_reference_uid=ct.grid.frame_of_reference_uid,
    )
    water, bone = water_and_bone(averaged_onto(ct, grid).values)
    if settings.couch:
        water = water + _couch(water, step)
    from_isocentre = origin - isocentre_lps_mm
    reach = settings.length_mm / 2 + 0.3 * settings.detector_high_mm + settings.motion_mm
    before = max(0, int(np.ceil((reach + from_isocentre[2]) / step)))
    after = max(0, int(np.ceil((reach - from_isocentre[2]) / step)) - len(water) + 1)
    water, bone = (np.pad(one, ((before, after), (0, 0), (0, 0)), mode="edge") for one in (water, bone))
    x, y, z = (float(one) for one in from_isocentre)
    return ConeObject(water, bone, (step, step, step), (x, y, z - before * step))


INSERT_AT, INSERT_RADIUS = 0.29, 0.075
"""Place and radius of the calibration phantom's air insert, in its diameters (a Catphan's place, wider)."""


def calibration_phantom(diameter_mm: float, settings: ConeBeamSettings) -> ConeObject:
    """Water about the axis with an insert of air on the +x side, longer than the beam is high."""
    step = settings.work_mm
    side, slices = int(diameter_mm / step) + 5, int(1.6 * settings.detector_high_mm / step)
    # Four points a voxel and direction, so that edges are as smooth as in a resampled CT.
    fine = (np.arange(4 * side) - (4 * side - 1) / 2) * step / 4
    inside = np.hypot(fine[:, None], fine[None, :]) <= diameter_mm / 2
    inside &= np.hypot(fine[:, None], fine[None, :] - INSERT_AT * diameter_mm) > INSERT_RADIUS * diameter_mm
    disc = inside.reshape(side, 4, side, 4).mean(axis=(1, 3)).astype(np.float32)
    water = np.repeat(disc[None], slices, axis=0)
    half = -(side - 1) / 2 * step
    origin = (half, half, -(slices - 1) / 2 * step)
    return ConeObject(water, np.zeros_like(water), (step, step, step), origin)


def _couch(water: F32, step: float) -> F32:
    """Two skins of carbon fibre with foam between, right below the lowest solid row [g/cm³]."""
    solid = np.flatnonzero((water > 1 + _SOLID_HU / 1000).any(axis=(0, 2)))
    couch = np.zeros(water.shape[1:], np.float32)
    middle, half = water.shape[2] // 2, int(_COUCH_WIDE_MM / 2 / step)
    across = slice(max(0, middle - half), middle + half)
    top = int(solid[-1]) + 1 if solid.size else 0
    bottom = min(top + int(_COUCH_THICK_MM / step), len(couch) - 1)
    couch[top : bottom + 1, across] = _FOAM_G_CM3
    for skin in (top, bottom):
        if skin < len(couch):
            couch[skin, across] = _SKIN_G_CM2 / (step / 10)
    return np.broadcast_to(couch, water.shape).astype(np.float32) * (water < 0.5)
