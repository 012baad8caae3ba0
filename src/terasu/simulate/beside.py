"""A real scan and a simulated one side by side: profiles, histograms, noise power, and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.patient.grid import require_same_grid
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume
from terasu.simulate.calibrate import medians, noise_hu
from terasu.simulate.noise_power import radial_noise_power

F64 = NDArray[np.float64]
Curve = tuple[F64, F64]
_SOFT_HU, _BODY_HU = (-20, 150), -300
_BINS_HU = np.arange(-1000, 1001, 20.0)


@dataclass(frozen=True, eq=False)
class Beside:
    """Real and simulated of one patient, on one grid.

    Attributes:
        real, simulated, truth: HU.
        seen: (z, y, x), field of view of both.
        profiles: title → image → (mm from the axis, HU) through the middle, along x and along y.
        histograms: image → (HU, share of the body's voxels).
        noise_power: image → (1/mm, HU² mm²) in soft tissue.
        numbers: name with unit → (real, simulated).
    """

    real: Volume
    simulated: Volume
    truth: Volume
    seen: Mask
    profiles: Mapping[str, Mapping[str, Curve]]
    histograms: Mapping[str, Curve]
    noise_power: Mapping[str, Curve]
    numbers: Mapping[str, tuple[float, float]]


def beside(real: Volume, simulated: Volume, truth: Volume, seen: Mask) -> Beside:
    """Compare two scans of the same patient against the same CT.

    Args:
        real, simulated, truth: HU on one grid.
        seen: field of view that both have.
    Raises:
        GeometryError: different grids.
        InputError: no soft tissue in the field of view.
    """
    require_same_grid(real.grid, simulated.grid, first_name="real scan", second_name="simulated scan")
    require_same_grid(real.grid, truth.grid, first_name="real scan", second_name="truth")
    body = seen & (truth.values > _BODY_HU)
    soft = seen & (truth.values >= _SOFT_HU[0]) & (truth.values < _SOFT_HU[1])
    images = {"real": real, "simulated": simulated, "planning CT": truth}
    numbers = _numbers(real, simulated, truth, seen, body, soft)
    return Beside(
        real,
        simulated,
        truth,
        seen,
        _profiles(images),
        {name: _histogram(one, body) for name, one in images.items()},
        {name: radial_noise_power(one, even_tissue(truth, soft)) for name, one in list(images.items())[:2]},
        numbers,
    )


def even_tissue(truth: Volume, soft: Mask) -> Mask:
    """Soft tissue and what little else lies between, closed over 6 mm, for blocks of noise."""
    size = [max(1, round(12 / step)) for step in truth.grid.spacing_zyx_mm[1:]]
    return np.asarray(ndimage.uniform_filter(soft.astype(np.float32), (1, *size)) > 0.5)


def _numbers(
    real: Volume, simulated: Volume, truth: Volume, seen: Mask, body: Mask, soft: Mask
) -> dict[str, tuple[float, float]]:
    both = (real, simulated)
    found: dict[str, tuple[float, float]] = {}
    for name, where in (("body", body), ("soft tissue", soft)):
        errors = [one.values[where].astype(np.float64) - truth.values[where] for one in both]
        found[f"{name}: mean error [HU]"] = (float(errors[0].mean()), float(errors[1].mean()))
        found[f"{name}: mean absolute error [HU]"] = (
            float(np.abs(errors[0]).mean()),
            float(np.abs(errors[1]).mean()),
        )
    noise = [noise_hu(one, soft) for one in both]
    found["soft tissue: noise [HU]"] = (noise[0], noise[1])
    first, second = (
        medians(one.values.astype(np.float32), truth.values.astype(np.float32), seen, truth.grid)
        for one in both
    )
    return found | {f"{name} [HU, median]": (first[name], second[name]) for name in first}


def _profiles(images: Mapping[str, Volume]) -> dict[str, dict[str, Curve]]:
    grid = next(iter(images.values())).grid
    slices, rows, columns = grid.shape_zyx
    k, j, i = slices // 2, rows // 2, columns // 2
    _, y_mm, x_mm = grid.spacing_zyx_mm
    x, y = _from_middle_mm(columns, x_mm), _from_middle_mm(rows, y_mm)
    across = {name: (x, _thick(one.values[k, j - 1 : j + 2])) for name, one in images.items()}
    down = {name: (y, _thick(one.values[k, :, i - 1 : i + 2].T)) for name, one in images.items()}
    return {"right to left": across, "front to back": down}


def _from_middle_mm(count: int, step_mm: float) -> F64:
    return np.asarray((np.arange(count) - (count - 1) / 2) * step_mm, np.float64)


def _thick(lines: NDArray[np.generic]) -> F64:
    """Mean of three lines beside one another."""
    return np.asarray(np.asarray(lines, np.float64).mean(axis=0), np.float64)


def _histogram(image: Volume, body: Mask) -> Curve:
    counts, edges = np.histogram(image.values[body], _BINS_HU)
    return (edges[:-1] + edges[1:]) / 2, counts / max(1, int(body.sum()))
