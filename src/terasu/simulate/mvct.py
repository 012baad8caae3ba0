"""A megavoltage CT from a true CT: electron density, few photons of 1 MeV, thick slices.

The fan of the machine is taken as rebinned to parallel beams, its helix as a stack of slices. Not in it:
scatter and beam hardening, which are small at these energies, and the tilt of a helical slice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.errors import InputError
from terasu.patient.grid import Grid
from terasu.patient.structures import Mask
from terasu.patient.volume import Source, Volume
from terasu.simulate.attenuation import WATER_1_MEV_PER_MM, mvct_hu_of
from terasu.simulate.case import F32, SimulatedCase, require_ct, require_slices
from terasu.simulate.projector import back_project, project
from terasu.simulate.thick_slices import averaged_onto

MADE_BY = "Terasu simulated megavoltage CT"
_AT_ONCE = 16


@dataclass(frozen=True)
class MvctSettings:
    """A helical megavoltage CT in numbers.

    Attributes:
        photons_per_mm2: detected without an object, per view and mm² at the axis (element × slice); inf for
            an image without noise. As it stands: 24 HU in the middle of 20 cm of water with slices of 6 mm
            and pixels of 0.76 mm (2.4 % in a Catphan: De Marco et al., Phys Med 2019;57:200, doi
            10.1016/j.ejmp.2019.01.009).
        views: over half a turn; a coarse image takes fewer, with as many photons in all.
        bin_mm: detector element at the axis.
        blur_mm: standard deviation of focal spot and detector, in the slice.
        cutoff_per_mm: of the Hann window on the ramp filter.
        pixel_mm, pixels, slice_mm: of the image; its field of view is a circle as wide as the image.
    Raises:
        InputError: an amount that is not above 0 (a blur: below 0).
    """

    photons_per_mm2: float = 7000.0
    views: int = 400
    bin_mm: float = 0.76
    blur_mm: float = 0.6
    cutoff_per_mm: float = 0.66
    pixel_mm: float = 0.76
    pixels: int = 512
    slice_mm: float = 6.0

    def __post_init__(self) -> None:
        amounts = (self.photons_per_mm2, self.views, self.bin_mm, self.cutoff_per_mm)
        if not min(*amounts, self.pixel_mm, self.pixels, self.slice_mm) > 0 or not self.blur_mm >= 0:
            raise InputError(
                "This megavoltage CT cannot be simulated.",
                got=str(self),
                expected="every amount above 0, a blur of 0 or more",
                todo="Start from MvctSettings().",
            )


def mvct_slices(
    hu: NDArray[Any], pixel_mm: float, settings: MvctSettings | None = None, *, seed: int = 0
) -> F32:
    """Megavoltage slices of CT slices, on the same pixels: for training, in number.

    Args:
        hu: (n, y, x) kV HU; each slice is one of ``settings.slice_mm``, already averaged if it has to be.
        pixel_mm: side of a pixel, of input and result.
        settings: pixel size, matrix and thickness in it say only how much noise there is.
        seed: of the noise; slice i has the same noise whatever stands beside it.
    Returns:
        (n, y, x) MVCT HU, float32. Pixels coarser than the detector average its elements, noise too.
    Raises:
        InputError: not HU slices.
    """
    settings = settings or MvctSettings()
    slices = require_slices(hu, pixel_mm)
    found = np.empty_like(slices)
    for start in range(0, len(slices), _AT_ONCE):
        some = slice(start, min(start + _AT_ONCE, len(slices)))
        found[some] = _scanned(slices[some], pixel_mm, settings, seed, start)
    return found


def simulate_mvct(
    true_ct: Volume, settings: MvctSettings | None = None, *, seed: int = 0, grid: Grid | None = None
) -> SimulatedCase:
    """What a helical megavoltage CT would have made of a patient.

    Args:
        true_ct: kV HU.
        settings: of the machine.
        seed: of the noise.
        grid: of the result, square pixels; if left out, as ``settings`` says, about the true CT's middle.
    Returns:
        Image, truth (averaged over the thick slices) and field of view on one grid.
    Raises:
        InputError: no CT in HU, NaN, nothing but air.
        GeometryError: the grid lies in another frame of reference.
    """
    settings = settings or MvctSettings()
    require_ct(true_ct)
    grid = grid or mvct_grid(true_ct.grid, settings)
    truth = averaged_onto(true_ct, grid)
    pixel_mm = grid.spacing_zyx_mm[2]
    found = np.empty(grid.shape_zyx, np.float32)
    for start in range(0, len(found), _AT_ONCE):
        some = slice(start, min(start + _AT_ONCE, len(found)))
        found[some] = _scanned(truth.values[some], pixel_mm, settings, seed, start)
    seen = np.broadcast_to(_circle(grid), grid.shape_zyx)
    found[~seen] = -1000
    image = Volume(np.rint(found).astype(np.int16), grid, "HU", Source("CT", made_by=MADE_BY))
    return SimulatedCase(image, truth, seen, "mvct", settings, seed)


def mvct_grid(true_grid: Grid, settings: MvctSettings) -> Grid:
    """The machine's grid about the middle of a CT, as long as that."""
    extent = np.ptp(true_grid.corners_lps_mm()[:, 2])
    shape = (max(1, int(extent / settings.slice_mm + 1e-6)), settings.pixels, settings.pixels)
    spacing = (settings.slice_mm, settings.pixel_mm, settings.pixel_mm)
    half = (np.asarray(shape[::-1]) - 1) / 2 * np.asarray(spacing[::-1])
    return Grid.from_axes(
        shape,
        spacing_zyx_mm=spacing,
        origin_lps_mm=np.round(true_grid.centre_lps_mm - half, 4).tolist(),
        frame_of_reference_uid=true_grid.frame_of_reference_uid,
    )


def _scanned(hu: F32, pixel_mm: float, settings: MvctSettings, seed: int, first: int) -> F32:
    """Slices projected, counted and reconstructed; ``first`` numbers them, for their noise."""
    rows, columns = hu.shape[1:]
    # A pixel coarser than the detector is made of elements that are summed before they are filtered.
    bin_mm = max(settings.bin_mm, pixel_mm / 2)
    bins = int(np.ceil(np.hypot(rows, columns) * pixel_mm / bin_mm)) + 4
    views = min(settings.views, int(np.ceil(np.pi / 2 * max(rows, columns))))
    angles = np.arange(views) * np.pi / views
    per_mm = np.float32(WATER_1_MEV_PER_MM) * (1 + mvct_hu_of(hu) / np.float32(1000))
    lines = project(np.asarray(per_mm, np.float32), pixel_mm, angles, bins, bin_mm)
    if settings.blur_mm:
        ndimage.gaussian_filter1d(lines, settings.blur_mm / bin_mm, axis=-1, output=lines, truncate=4)
    if np.isfinite(settings.photons_per_mm2):
        photons = settings.photons_per_mm2 * bin_mm * settings.slice_mm * settings.views / views
        for n, one in enumerate(lines):
            one[...] = _counted(one, photons, np.random.default_rng((seed, 1171, first + n)))
    cutoff = min(settings.cutoff_per_mm, 1 / bin_mm, 1 / pixel_mm)
    image = back_project(lines, bin_mm, angles, (rows, columns), pixel_mm, cutoff)
    return np.asarray(1000 * (image / WATER_1_MEV_PER_MM - 1), np.float32)


def _counted(lines: F32, photons: float, chance: np.random.Generator) -> F32:
    """Line integrals as read from numbers of photons that follow Poisson's law."""
    counts = np.maximum(chance.poisson(photons * np.exp(-lines.astype(np.float64))), 1)
    return np.asarray(np.log(photons / counts), np.float32)


def _circle(grid: Grid) -> Mask:
    _, rows, columns = grid.shape_zyx
    y, x = np.arange(rows) - (rows - 1) / 2, np.arange(columns) - (columns - 1) / 2
    return np.asarray(np.hypot(y[:, None], x[None, :]) <= min(rows, columns) / 2)
