"""Find the numbers of a cone-beam simulation that make it read as a real scan of the same patient did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from terasu.errors import InputError
from terasu.patient.grid import Grid, require_same_grid
from terasu.patient.resample import resample
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume
from terasu.simulate.cone_beam import calibrated_hu, primary_of, reading_of
from terasu.simulate.cone_object import object_of
from terasu.simulate.cone_settings import ConeBeamSettings
from terasu.simulate.thick_slices import averaged_onto

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
BOUNDS = {
    "scatter_to_primary": (0.0, 4.0),
    "scatter_sigma_mm": (20.0, 400.0),
    "truncation_mm": (0.0, 400.0),
    "calibration_mm": (100.0, 500.0),
}
_RINGS_MM = ((0, 30), (30, 60), (60, 90), (90, 110), (110, 125))
_CLASSES_HU = ((-250, -20), (-20, 150), (150, 2000))
_SOFT_HU = (-20, 150)
_FIT_MM, _FIT_SLICE_MM = 4.3, 6.0
_LEAST_VOXELS = 30
_BLUR_MM, _COARSE_BLUR_MM = 4.0, 2.0
"""All images are compared at one, coarse resolution; the coarse simulation has about 2 mm of its own."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """What was found.

    Attributes:
        settings: with the fitted numbers in it.
        names: of what was compared, HU.
        real_hu, simulated_hu: medians, in the order of ``names``.
        evaluations: how many simulations it took.
    """

    settings: ConeBeamSettings
    names: tuple[str, ...]
    real_hu: F64
    simulated_hu: F64
    evaluations: int

    @property
    def rms_hu(self) -> float:
        """Root mean square of what is left [HU]."""
        return float(np.sqrt(np.mean((self.real_hu - self.simulated_hu) ** 2)))


def fit_cone_beam(
    true_ct: Volume,
    real: Volume,
    seen: Mask,
    start: ConeBeamSettings,
    *,
    free: Sequence[str] = ("scatter_to_primary", "scatter_sigma_mm", "truncation_mm"),
    evaluations: int = 60,
) -> Fitted:
    """Least squares (Nelder–Mead) on medians: soft tissue by distance from the axis, and tissue classes.

    Medians, since organs have moved between the two scans; coarse and without noise, which do not move them.

    Args:
        true_ct: registered CT of the same patient [HU].
        real: the scan [HU]; its middle is the isocentre.
        seen: (z, y, x) its field of view.
        start: geometry, and the first guess.
        free: which numbers may change, of ``BOUNDS``.
        evaluations: most simulations.
    Raises:
        InputError: a name that cannot be fitted, or no soft tissue in the field of view.
        GeometryError: the two lie in different frames of reference.
    """
    unknown = [name for name in free if name not in BOUNDS]
    if unknown:
        raise InputError("This number cannot be fitted.", got=", ".join(unknown), expected=", ".join(BOUNDS))
    grid = real.grid.with_spacing((_FIT_SLICE_MM, _FIT_MM, _FIT_MM))
    truth = averaged_onto(_blurred(true_ct, _BLUR_MM), grid).values
    within = resample(Volume(seen, real.grid, "1"), onto=grid, interpolation="nearest", outside=0)
    wanted = medians(
        averaged_onto(_blurred(real, _BLUR_MM), grid).values, truth, np.asarray(within.values), grid
    )
    coarse = replace(
        start, photons_per_mm2=np.inf, motion_mm=0.0, lag=0.0, columns=96, projections=100, work_mm=4.0
    )
    primary = primary_of(object_of(true_ct, grid.centre_lps_mm, coarse), coarse)

    def simulated(numbers: F64) -> dict[str, float]:
        trial = _with(coarse, free, numbers)
        image = Volume(calibrated_hu(reading_of(primary, grid, trial), trial), grid)
        blurred = _blurred(image, float(np.sqrt(_BLUR_MM**2 - _COARSE_BLUR_MM**2)))
        return medians(blurred.values, truth, np.asarray(within.values), grid)

    def misfit(scaled: F64) -> float:
        found = simulated(low + scaled * (high - low))
        return float(np.mean([(found[name] - wanted[name]) ** 2 for name in wanted]))

    low, high = (np.array([BOUNDS[name][end] for name in free]) for end in (0, 1))
    first = np.clip((np.array([getattr(start, name) for name in free]) - low) / (high - low), 0, 1)
    simplex = np.vstack([first, *(np.clip(first + step, 0, 1) for step in 0.15 * np.eye(len(free)))])
    options: Any = {"maxfev": evaluations, "initial_simplex": simplex, "xatol": 2e-3, "fatol": 1.0}
    bounds = [(0.0, 1.0)] * len(free)
    best = optimize.minimize(misfit, first, method="Nelder-Mead", bounds=bounds, options=options)
    numbers = low + best.x * (high - low)
    found = simulated(numbers)
    settings = _with(start, free, np.round(numbers, 4))
    names = tuple(wanted)
    real_hu, simulated_hu = (np.array([one[name] for name in names]) for one in (wanted, found))
    return Fitted(settings, names, real_hu, simulated_hu, int(best.nfev))


def _with(settings: ConeBeamSettings, names: Sequence[str], numbers: F64) -> ConeBeamSettings:
    chosen: dict[str, Any] = {name: float(number) for name, number in zip(names, numbers, strict=True)}
    return replace(settings, **chosen)


def _blurred(image: Volume, sigma_mm: float) -> Volume:
    """In the slice."""
    _, y_mm, x_mm = image.grid.spacing_zyx_mm
    values = ndimage.gaussian_filter(image.values.astype(np.float32), (0, sigma_mm / y_mm, sigma_mm / x_mm))
    return Volume(values, image.grid, image.unit, image.source)


def medians(image: F32, truth: F32, seen: Mask, grid: Grid) -> dict[str, float]:
    """Median error in soft tissue by ring about the axis, and median value by tissue class [HU].

    Args:
        image, truth: (z, y, x) on ``grid``.
        seen: field of view.
    Raises:
        InputError: no soft tissue in it.
    """
    _, rows, columns = grid.shape_zyx
    y = (np.arange(rows) - (rows - 1) / 2) * grid.spacing_zyx_mm[1]
    x = (np.arange(columns) - (columns - 1) / 2) * grid.spacing_zyx_mm[2]
    away = np.hypot(y[:, None], x[None])[None]
    soft = seen & (truth >= _SOFT_HU[0]) & (truth < _SOFT_HU[1])
    found = {}
    for least, most in _RINGS_MM:
        ring = soft & (away >= least) & (away < most)
        if ring.sum() >= _LEAST_VOXELS:
            found[f"soft tissue {least} to {most} mm, error"] = float(np.median(image[ring] - truth[ring]))
    for least, most in _CLASSES_HU:
        some = seen & (truth >= least) & (truth < most)
        if some.sum() >= _LEAST_VOXELS:
            found[f"tissue {least} to {most} HU, value"] = float(np.median(image[some]))
    if not found:
        raise InputError(
            "There is no soft tissue where the scan has seen.",
            got=f"{int(seen.sum())} voxels in the field of view",
            expected="a registered CT of the same patient",
            todo="Register the planning CT to the scan first.",
        )
    return found


def fit_photons(simulated: Mapping[float, Volume], real: Volume, within: Mask) -> float:
    """Photons per mm² that give the real scan's noise; its variance is anatomy's, plus a share ∝ 1/dose.

    Args:
        simulated: photons per mm² → the scan simulated with them, on the real scan's grid; two of them.
        real: the scan.
        within: (z, y, x) soft tissue seen in all.
    Raises:
        InputError: the real scan is quieter than the simulation without noise.
        GeometryError: two grids.
    """
    for one in simulated.values():
        require_same_grid(one.grid, real.grid, first_name="simulated scan", second_name="real scan")
    inverse = np.array([1 / photons for photons in simulated])
    variance = np.array([noise_hu(one, within) ** 2 for one in simulated.values()])
    slope, anatomy = np.polyfit(inverse, variance, 1)
    left = noise_hu(real, within) ** 2 - anatomy
    if not (left > 0 and slope > 0):
        raise InputError(
            "No number of photons gives the noise of this scan.",
            got=f"{noise_hu(real, within):.1f} HU, and {np.sqrt(max(anatomy, 0)):.1f} HU without any noise",
            expected="a scan with more noise than that",
            todo="Take the photons of a preset.",
        )
    return float(f"{slope / left:.3g}")


def noise_hu(image: Volume, within: Mask, *, patch_mm: float = 10.0) -> float:
    """Noise of a patient's image: median standard deviation in patches of two slices' difference, over √2.

    Slices next to each other share the anatomy and, in a cone-beam CT, hardly any noise.
    """
    half = np.diff(image.values.astype(np.float32), axis=0) / np.float32(np.sqrt(2))
    size = (1, *(max(3, round(patch_mm / step)) for step in image.grid.spacing_zyx_mm[1:]))
    mean = ndimage.uniform_filter(half, size)
    variance = ndimage.uniform_filter(half**2, size) - mean**2
    inside = ndimage.minimum_filter(within.astype(np.uint8), size)[1:] > 0
    if not inside.any():
        inside = within[1:]
    return float(np.sqrt(np.median(np.maximum(variance[inside], 0))))
