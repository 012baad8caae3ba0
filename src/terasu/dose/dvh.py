"""Dose–volume histograms, exact enough for small structures in steep gradients.

A structure is cut into parts much finer than the dose grid: an RTSTRUCT's polygons as a solid blended
between their planes (``dvh_outline``), a mask's voxels divided. At each the dose is interpolated linearly,
and its rise across the part is spread over the histogram (``dvh_points``).

Sources: quantities, ICRU Report 83 (2010) and ICRU Report 91 (2017); the analytic shapes that this is
held to, Nelms et al. 2015, doi 10.1118/1.4923175.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.dose.dvh_outline import solid_of
from terasu.errors import DoseError
from terasu.patient.grid import Grid
from terasu.patient.planes import Planes, planes_of
from terasu.patient.structures import Mask, Roi
from terasu.patient.volume import Volume

Array = NDArray[np.float64]

PARTS = 150_000
"""Parts that a structure is cut into, about; a smaller one gets finer parts."""
FINEST_MM, COARSEST_MM = 0.15, 2.5
BINS = 8192
SMALL_CC, SMALL_NEAR_MAX_CC = 2.0, 0.035


@dataclass(frozen=True, eq=False)
class Dvh:
    """The dose of one structure.

    Attributes:
        dose_gy: (n,) rising [Gy].
        share: (n,) part of the volume, 1 … 0, that receives at least this dose; linear in between.
        volume_cc: of the structure [cm³].
        mean_gy: ``Dmean`` [Gy].
        min_gy, max_gy: lowest and highest dose of a part; prefer ``d_percent(98)`` and ``near_max_gy``.
        outside_fraction: share of its volume beyond the dose grid, which no number here knows.
    """

    dose_gy: Array
    share: Array
    volume_cc: float
    mean_gy: float
    min_gy: float
    max_gy: float
    outside_fraction: float = 0.0

    def d_percent(self, percent: float) -> float:
        """``D95%``: dose that at least this percentage of the volume receives [Gy]. ICRU 83."""
        wanted = min(max(percent / 100, 0.0), 1.0)
        above = max(int(np.searchsorted(-self.share, -wanted, side="right")) - 1, 0)
        following = min(above + 1, len(self.share) - 1)
        fall = self.share[above] - self.share[following]
        part = (self.share[above] - wanted) / fall if fall > 0 else 0.0
        dose = self.dose_gy[above] + part * (self.dose_gy[following] - self.dose_gy[above])
        return float(min(max(dose, self.min_gy), self.max_gy))

    def d_cc(self, volume_cc: float) -> float:
        """``D0.03cc``: dose to the hottest volume of this size [Gy], or the lowest if it is smaller."""
        return self.d_percent(100 * volume_cc / self.volume_cc)

    def v_gy(self, dose_gy: float) -> float:
        """``V20Gy``: share of the volume that receives at least this dose [%]."""
        if dose_gy <= self.min_gy:
            return 100.0
        return 0.0 if dose_gy > self.max_gy else 100.0 * float(np.interp(dose_gy, self.dose_gy, self.share))

    @property
    def near_max_gy(self) -> float:
        """D2%, and D of 35 mm³ for a structure below 2 cm³. ICRU 91."""
        return self.d_cc(SMALL_NEAR_MAX_CC) if self.volume_cc < SMALL_CC else self.d_percent(2)

    @property
    def homogeneity_index(self) -> float:
        """(D2% − D98%) / D50%. ICRU 83."""
        return (self.d_percent(2) - self.d_percent(98)) / self.d_percent(50)

    def curve(self, *, bins: int = 200) -> tuple[Array, Array]:
        """Cumulative DVH: rising dose [Gy], volume that receives at least it [%]."""
        dose = np.linspace(0.0, max(self.max_gy, 1e-6) * 1.02, bins)
        return dose, np.array([self.v_gy(one) for one in dose])


def dvh_of(dose: Volume, roi: Roi, *, slab_mm: float | None = None) -> Dvh:
    """DVH of an ROI's polygons; the first and last contour end half a slab beyond their planes.

    Args:
        dose: absorbed dose [Gy], on any grid.
        roi: closed planar contours, LPS [mm], in parallel planes of any direction.
        slab_mm: slice spacing that the ROI was drawn on; taken from the ROI if left out.
    Raises:
        DoseError: no contours, one plane of unknown thickness, or an ROI that the dose grid does not meet.
        GeometryError: contours in planes that are not parallel.
    """
    from terasu.dose.dvh_points import gather_slabs

    _require_gy(dose)
    planes = planes_of(roi.contours_lps_mm)
    thickness_mm = _thickness_mm(planes, roi, slab_mm)
    step_mm = _step_mm(planes, thickness_mm)
    solid = solid_of(planes, thickness_mm, step_mm)
    onto = np.column_stack([dose.grid.inverse[:3, :3] @ solid.frame, dose.grid.inverse[:3, 3]])
    histogram = _Histogram.over(dose)
    arrays = solid.signed_mm, solid.layers_mm, solid.start_mm
    gather_slabs(dose.values, onto, *arrays, solid.step_mm, histogram.bins, histogram.sums)
    return histogram.as_dvh(dose, 1.0, roi.name)


def dvh_of_mask(dose: Volume, mask: Mask, grid: Grid, *, name: str = "structure") -> Dvh:
    """DVH of a mask: its voxels, divided until there are parts enough.

    Args:
        dose: absorbed dose [Gy], on any grid.
        mask: (z, y, x) on ``grid``.
    Raises:
        DoseError: an empty mask, or one that the dose grid does not meet.
    """
    from terasu.dose.dvh_points import gather_voxels

    _require_gy(dose)
    inside = np.flatnonzero(mask)
    if not len(inside):
        raise DoseError(f"The {name} is empty, so it has no DVH.", expected="at least one voxel inside")
    onto = (dose.grid.inverse @ grid.affine)[:3]
    histogram = _Histogram.over(dose)
    parts = _parts(len(inside), grid.spacing_zyx_mm)
    gather_voxels(dose.values, onto, inside, mask.shape, parts, histogram.bins, histogram.sums)
    return histogram.as_dvh(dose, grid.voxel_volume_mm3, name)


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


@dataclass(frozen=True, eq=False)
class _Histogram:
    """What is gathered: changes of density at the edges, and the sums."""

    bins: tuple[float, float, Array]
    sums: Array

    @classmethod
    def over(cls, dose: Volume) -> _Histogram:
        low, high = float(dose.values.min()), float(dose.values.max())
        width = max(high - low, 1e-6 * max(abs(high), 1e-3)) / (BINS - 4)
        return cls((low - 2 * width, width, np.zeros(BINS)), np.array([np.inf, -np.inf, 0.0, 0.0, 0.0]))

    def as_dvh(self, dose: Volume, mm3_per_share: float, name: str) -> Dvh:
        lowest, highest, total, inside, everything = (float(value) for value in self.sums)
        if not inside > 0:
            raise DoseError(
                f"The dose grid does not meet the {name}.",
                got=dose.grid.describe(),
                expected="a dose grid around it",
                todo="Check that dose and structure lie in one frame of reference.",
            )
        first, width, change = self.bins
        below = np.concatenate([[0.0], np.cumsum(np.cumsum(change))[:-1]]) * width
        share = np.clip(1 - np.maximum.accumulate(below) / inside, 0.0, 1.0)
        low, high = float(dose.values.min()), float(dose.values.max())
        return Dvh(
            dose_gy=np.asarray(first + width * np.arange(BINS), np.float64),
            share=share,
            volume_cc=everything * mm3_per_share / 1000,
            mean_gy=total / inside,
            min_gy=max(lowest, low),
            max_gy=min(highest, high),
            outside_fraction=max(0.0, 1 - inside / everything),
        )


def _thickness_mm(planes: Planes, roi: Roi, slab_mm: float | None) -> float:
    if not planes.contours:
        raise DoseError(
            f"The structure {roi.name!r} has no contours, so it has no DVH.",
            expected="closed contours",
            todo="Draw it, or leave it out.",
        )
    thickness = slab_mm or roi.slab_mm or planes.spacing_mm
    if not thickness:
        raise DoseError(
            f"The structure {roi.name!r} is drawn in one plane, so it has no volume.",
            got="contours in one plane, and no slice thickness",
            expected="two planes, or the thickness that one stands for",
            todo="Pass slab_mm=…, the slice spacing of the images drawn on.",
        )
    return float(thickness)


def _step_mm(planes: Planes, thickness_mm: float) -> float:
    """Part size from the size of the structure: area of its planes' bounding boxes × thickness."""
    axes = np.column_stack(planes.in_plane_axes)
    boxes = [np.prod(np.ptp(np.concatenate(plane) @ axes, axis=0)) for plane in planes.by_plane()]
    return float(np.clip(np.cbrt(sum(boxes) * thickness_mm / PARTS), FINEST_MM, COARSEST_MM))


def _parts(count: int, spacing_zyx_mm: tuple[float, float, float]) -> tuple[int, int, int]:
    """Into how many parts a voxel is divided along (k, j, i): longer sides into more.

    One, or an even number: then no part's middle lies where the interpolated dose has a kink.
    """
    target_mm = float(np.cbrt(count * np.prod(spacing_zyx_mm) / PARTS))
    step = np.clip(target_mm, FINEST_MM, COARSEST_MM)
    parts = np.maximum(1, np.ceil(np.asarray(spacing_zyx_mm) / step - 0.25)).astype(int)
    k, j, i = (int(n + n % 2) if n > 1 else 1 for n in parts)
    return k, j, i


def _require_gy(dose: Volume) -> None:
    problem: Any = dose.unit if dose.unit != "Gy" else None
    if problem is None and not np.isfinite(dose.values).all():
        problem = "NaN or infinite values"
    if problem is not None:
        raise DoseError("A DVH needs a dose in Gy.", got=problem, expected="finite values in Gy")
