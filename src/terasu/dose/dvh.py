"""Dose–volume histograms, exact enough for small structures in steep gradients.

A structure is sampled at points much finer than the dose grid (an RTSTRUCT's polygons on a grid of their own,
a mask's voxels divided), and the dose is interpolated linearly at each. Every point carries the same volume.

The points are spread at random within their cells (always the same way), so that a dose that rises along
the sampling's own axes is not seen in steps.

Sources: quantities, ICRU Report 83 (2010) and ICRU Report 91 (2017); the analytic shapes that this is
held to, Nelms et al. 2015, doi 10.1118/1.4923175.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.errors import DoseError
from terasu.patient.agreement import bounding_box
from terasu.patient.contours import polygons_volume_cc, rasterise
from terasu.patient.grid import Grid
from terasu.patient.structures import Mask, Roi
from terasu.patient.volume import Volume

Array = NDArray[np.float64]

POINTS = 200_000
"""Points that a structure is sampled at, about; a smaller one gets finer steps."""
FINEST_MM, COARSEST_MM = 0.15, 1.5


@dataclass(frozen=True, eq=False)
class Dvh:
    """The dose of one structure.

    Attributes:
        sorted_gy: dose at points of equal volume, rising [Gy].
        volume_cc: of the structure [cm³].
        outside_fraction: share of its volume beyond the dose grid, which no number here knows.
    """

    sorted_gy: Array
    volume_cc: float
    outside_fraction: float = 0.0

    def d_percent(self, percent: float) -> float:
        """``D95%``: dose that at least this percentage of the volume receives [Gy]. ICRU 83."""
        return float(np.quantile(self.sorted_gy, 1 - percent / 100))

    def d_cc(self, volume_cc: float) -> float:
        """``D0.03cc``: dose to the hottest volume of this size [Gy]; the minimum if the structure is smaller.

        ICRU 91 states the near maximum of small structures as D of 35 mm³: ``d_cc(0.035)``.
        """
        return self.d_percent(min(100.0, 100 * volume_cc / self.volume_cc))

    def v_gy(self, dose_gy: float) -> float:
        """``V20Gy``: share of the volume that receives at least this dose [%]."""
        return 100.0 * (1 - np.searchsorted(self.sorted_gy, dose_gy, side="left") / self.sorted_gy.size)

    @property
    def mean_gy(self) -> float:
        """``Dmean`` [Gy]."""
        return float(self.sorted_gy.mean())

    @property
    def max_gy(self) -> float:
        """Largest sampled dose [Gy]; prefer ``d_percent(2)`` or ``d_cc(0.035)``."""
        return float(self.sorted_gy[-1])

    @property
    def min_gy(self) -> float:
        """Smallest sampled dose [Gy]; prefer ``d_percent(98)``."""
        return float(self.sorted_gy[0])

    @property
    def homogeneity_index(self) -> float:
        """(D2% − D98%) / D50%. ICRU 83."""
        return (self.d_percent(2) - self.d_percent(98)) / self.d_percent(50)

    def curve(self, *, bins: int = 200) -> tuple[Array, Array]:
        """Cumulative DVH: rising dose [Gy], volume that receives at least it [%]."""
        dose = np.linspace(0.0, max(self.max_gy, 1e-6) * 1.02, bins)
        return dose, 100.0 * (1 - np.searchsorted(self.sorted_gy, dose, side="left") / self.sorted_gy.size)


def dvh_of(dose: Volume, roi: Roi, *, slab_mm: float | None = None) -> Dvh:
    """DVH of an ROI's polygons; the first and last contour end half a slab beyond their planes.

    Args:
        dose: absorbed dose [Gy].
        roi: closed planar contours, LPS [mm].
        slab_mm: slice spacing that the ROI was drawn on; taken from its planes if left out.
    Raises:
        DoseError: no contours, or an ROI that the dose grid does not meet.
    """
    if not roi.contours_lps_mm:
        raise DoseError(
            f"The structure {roi.name!r} has no contours, so it has no DVH.",
            expected="closed contours",
            todo="Draw it, or leave it out.",
        )
    volume_cc = polygons_volume_cc(roi.contours_lps_mm, slab_mm=slab_mm)
    fine = _fine_grid(roi.contours_lps_mm, volume_cc, slab_mm)
    index = np.argwhere(rasterise(roi.contours_lps_mm, fine, slab_mm=slab_mm))
    return _of_points(dose, fine.to_lps_mm(index + _spread(len(index), (1, 1, 1))), volume_cc, roi.name)


def dvh_of_mask(dose: Volume, mask: Mask, grid: Grid, *, name: str = "structure") -> Dvh:
    """DVH of a mask: its voxels, divided until there are points enough; of a very large one a sample.

    Args:
        dose: absorbed dose [Gy], on any grid.
        mask: (z, y, x) on ``grid``.
    Raises:
        DoseError: an empty mask, or one that the dose grid does not meet.
    """
    count = int(np.count_nonzero(mask))
    if count == 0:
        raise DoseError(f"The {name} is empty, so it has no DVH.", expected="at least one voxel inside")
    box = bounding_box(mask)
    index = np.argwhere(mask[box]) + [part.start for part in box]
    if count > 2 * POINTS:
        index = index[np.random.default_rng(83).choice(count, POINTS, replace=False)]
    parts = _parts(len(index), grid.spacing_zyx_mm)
    within = [index + offset + _spread(len(index), parts) for offset in _centres(parts)]
    volume_cc = count * grid.voxel_volume_mm3 / 1000
    return _of_points(dose, grid.to_lps_mm(np.concatenate(within)), volume_cc, name)


def require_covered(dvh: Dvh, name: str, *, most_outside: float = 0.001) -> None:
    """Refuse a target that the dose grid does not hold.

    Raises:
        DoseError: more than ``most_outside`` of it lies beyond the grid.
    """
    if dvh.outside_fraction > most_outside:
        raise DoseError(
            f"The dose grid does not cover {name!r}.",
            got=f"{100 * dvh.outside_fraction:.1f} % of its volume lies outside",
            expected="the whole structure inside of the dose grid",
            todo="Calculate or export the dose on a larger grid.",
        )


def _of_points(dose: Volume, points_lps_mm: Array, volume_cc: float, name: str) -> Dvh:
    if dose.unit != "Gy":
        raise DoseError("A DVH needs a dose in Gy.", got=dose.unit, expected="Gy")
    places = dose.grid.to_index_kji(points_lps_mm)
    inside = np.all((places >= -0.5) & (places <= np.asarray(dose.grid.shape_zyx) - 0.5), axis=1)
    if not inside.any():
        raise DoseError(
            f"The dose grid does not meet the {name}.",
            got=dose.grid.describe(),
            expected="a dose grid around it",
            todo="Check that dose and structure lie in one frame of reference.",
        )
    values = ndimage.map_coordinates(
        dose.values, places[inside].T, order=1, mode="nearest", output=np.float64
    )
    # To the microgray, so that a uniform dose stays one number through the interpolation.
    return Dvh(np.sort(np.round(values, 6)), volume_cc, float(1 - inside.mean()))


def _parts(count: int, spacing_zyx_mm: tuple[float, float, float]) -> tuple[int, int, int]:
    """Into how many parts a voxel is divided along (k, j, i): longer sides into more."""
    target_mm = float(np.cbrt(count * np.prod(spacing_zyx_mm) / POINTS))
    step = np.clip(target_mm, FINEST_MM, COARSEST_MM)
    parts = np.maximum(1, np.ceil(np.asarray(spacing_zyx_mm) / step - 0.25)).astype(int)
    while count * parts.prod() > 2 * POINTS and parts.max() > 1:
        parts[parts.argmax()] -= 1
    k, j, i = (int(n) for n in parts)
    return k, j, i


def _centres(parts: tuple[int, int, int]) -> Array:
    """(n, 3) centres of the parts, in voxels from the voxel's centre."""
    axes = [(np.arange(n) + 0.5) / n - 0.5 for n in parts]
    return np.asarray(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3), float)


def _spread(count: int, parts: tuple[int, int, int]) -> Array:
    """(n, 3) places within a part, in voxels; the same on every call."""
    return np.asarray((np.random.default_rng(83).random((count, 3)) - 0.5) / np.asarray(parts), float)


def _fine_grid(contours: tuple[NDArray[np.float64], ...], volume_cc: float, slab_mm: float | None) -> Grid:
    """An axis-parallel grid around the contours, fine enough for the structure's size.

    Along z its cells end where the contours' slabs end, so that no slab is cut in the middle of a cell.
    """
    points = np.concatenate(contours)
    step = float(np.clip(np.cbrt(volume_cc * 1000 / POINTS), FINEST_MM, COARSEST_MM))
    planes = np.unique(np.round([contour[:, 2].mean() for contour in contours], 3))
    slab = slab_mm or (float(np.median(np.diff(planes))) if planes.size > 1 else 1.0)
    fine_z = slab / np.ceil(slab / step)
    low, high = points.min(axis=0) - step, points.max(axis=0) + step
    low[2], high[2] = low[2] + step - slab / 2 - fine_z, high[2] - step + slab / 2 + fine_z
    spacing = np.array([step, step, fine_z])
    x, y, z = (int(n) for n in np.ceil((high - low) / spacing - 1e-6))
    return Grid.from_axes(
        (z, y, x), spacing_zyx_mm=spacing[::-1].tolist(), origin_lps_mm=(low + spacing / 2).tolist()
    )
