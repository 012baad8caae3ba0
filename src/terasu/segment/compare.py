"""One organ drawn twice: every measure of agreement in one record that says how it was measured.

Source: Sherer et al. 2021, doi 10.1016/j.radonc.2021.05.003 (which measures, and that none is enough alone).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from terasu.errors import InputError
from terasu.patient.agreement import centroid_lps_mm, dice
from terasu.patient.grid import Grid
from terasu.patient.structures import Mask
from terasu.segment.added_path import added_path_by_slice_mm, path_by_slice_mm
from terasu.segment.engines import EngineName, surface_distances
from terasu.segment.extent import extent_of
from terasu.segment.published import Tolerance, tolerance_of
from terasu.segment.surface_measures import hausdorff_mm, mean_distance_mm, surface_dice

ADDED_PATH_MM = (0.0, 1.0, 2.0, 3.0)
RASTER_RULE = "voxel centre inside, even-odd, a contour stands for one slice"
_NAN = float("nan")


@dataclass(frozen=True)
class Comparison:
    """How a test contour agrees with the reference; NaN where one of the two is empty.

    Attributes:
        organ: as it is called.
        engine, tolerance_mm, tolerance_source, raster_rule: how it was measured.
        dice: of the volumes; ``surface_dice`` of the surfaces, at the tolerance.
        hausdorff_mm, hausdorff_95_mm, mean_distance_mm: see ``surface_measures``.
        added_path_mm, added_path_share: at 0, 1, 2 and 3 mm; the share is of the reference's whole outline.
        centroid_mm: distance between the centres of mass.
        inferior_mm, superior_mm: how far the test's ends lie from the reference's, towards the head positive
            (of a prostate: apex and base).
        reference_cc, test_cc, volume_ratio: test by reference.
    """

    organ: str
    engine: str
    tolerance_mm: float
    tolerance_source: str
    raster_rule: str
    dice: float
    surface_dice: float
    hausdorff_mm: float
    hausdorff_95_mm: float
    mean_distance_mm: float
    added_path_mm: tuple[float, ...]
    added_path_share: tuple[float, ...]
    centroid_mm: float
    inferior_mm: float
    superior_mm: float
    reference_cc: float
    test_cc: float
    volume_ratio: float


def compare(
    reference: Mask,
    test: Mask,
    grid: Grid,
    *,
    organ: str,
    engine: EngineName = "mesh",
    tolerance_mm: float | None = None,
) -> Comparison:
    """Measure how a test contour agrees with the reference.

    Args:
        reference, test: (z, y, x) on ``grid``.
        organ: TG-263 name; decides the tolerance of the surface Dice.
        tolerance_mm: instead of the organ's own.
    Raises:
        InputError: the reference is empty.
    """
    if not reference.any():
        raise InputError(f"The reference of {organ} is empty.", expected="at least one voxel inside")
    own = tolerance_of(organ) if tolerance_mm is None else Tolerance(tolerance_mm, "as asked")
    surfaces = _surfaces(reference, test, grid, engine, own.mm)
    path_mm = path_by_slice_mm(reference, grid.spacing_zyx_mm).sum()
    added_mm = tuple(
        float(added_path_by_slice_mm(reference, test, grid.spacing_zyx_mm, mm).sum()) for mm in ADDED_PATH_MM
    )
    to_cc = grid.voxel_volume_mm3 / 1000.0
    volumes_cc = np.count_nonzero(reference) * to_cc, np.count_nonzero(test) * to_cc
    return Comparison(
        organ,
        engine,
        own.mm,
        own.source,
        RASTER_RULE,
        dice(reference, test),
        *surfaces,
        added_mm,
        tuple(float(mm / path_mm) for mm in added_mm),
        *_places(reference, test, grid),
        *volumes_cc,
        volumes_cc[1] / volumes_cc[0],
    )


def _surfaces(
    reference: Mask, test: Mask, grid: Grid, engine: EngineName, tolerance_mm: float
) -> tuple[float, float, float, float]:
    if not test.any():
        return 0.0, _NAN, _NAN, _NAN
    found = surface_distances(reference, test, grid.spacing_zyx_mm, engine=engine)
    return (
        surface_dice(found, tolerance_mm),
        hausdorff_mm(found),
        hausdorff_mm(found, 95),
        mean_distance_mm(found),
    )


def _places(reference: Mask, test: Mask, grid: Grid) -> tuple[float, float, float]:
    if not test.any():
        return _NAN, _NAN, _NAN
    apart_mm = np.linalg.norm(centroid_lps_mm(test, grid) - centroid_lps_mm(reference, grid))
    first, second = extent_of(reference, grid), extent_of(test, grid)
    return (
        float(apart_mm),
        second.inferior_mm - first.inferior_mm,
        second.superior_mm - first.superior_mm,
    )
