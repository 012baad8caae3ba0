"""What one dose has more or less than another: voxel by voxel, and quantity by quantity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from terasu.dose.dvh import Dvh
from terasu.errors import DoseError
from terasu.patient.grid import require_same_grid
from terasu.patient.resample import resample
from terasu.patient.structures import StructureSet
from terasu.patient.volume import Volume


@dataclass(frozen=True)
class DifferenceIn:
    """Voxel by voxel evaluated − reference within one structure [Gy].

    Attributes:
        mean_gy, median_gy: of the voxels.
        low_gy, high_gy: 2nd and 98th percentile.
    """

    mean_gy: float
    median_gy: float
    low_gy: float
    high_gy: float


@dataclass(frozen=True)
class DoseDelta:
    """Evaluated − reference of one structure's DVH quantities [Gy].

    Attributes:
        d98_gy, d95_gy, d50_gy, d2_gy, mean_gy: differences of D98%, D95%, D50%, D2% and Dmean.
    """

    d98_gy: float
    d95_gy: float
    d50_gy: float
    d2_gy: float
    mean_gy: float


def difference_map(reference: Volume, evaluated: Volume, *, percent_of_gy: float | None = None) -> Volume:
    """Evaluated − reference on the reference's grid.

    Args:
        reference, evaluated: doses [Gy]; the second is interpolated where the grids differ.
        percent_of_gy: if given, the result is in percent of this dose, e.g. the prescription.
    Returns:
        Volume in Gy or %, NaN where the evaluated grid does not reach.
    Raises:
        GeometryError: frames of reference differ.
        DoseError: one of them is no dose.
    """
    for name, dose in (("reference", reference), ("evaluated", evaluated)):
        if dose.unit != "Gy":
            raise DoseError(f"The {name} is no dose.", got=f"unit {dose.unit}", expected="a Volume in Gy")
    there = evaluated.values
    if not evaluated.grid.agrees_with(reference.grid):
        there = resample(evaluated, reference.grid, outside=float("nan")).values
    more = there.astype(np.float32) - reference.values
    if percent_of_gy is None:
        return reference.with_values(more)
    return reference.with_values(more * np.float32(100 / percent_of_gy), unit="%")


def difference_in(difference: Volume, structures: StructureSet, name: str) -> DifferenceIn:
    """Statistics of a difference map [Gy] in a structure.

    Args:
        difference: from ``difference_map``.
        structures: on the same grid.
        name: of the structure.
    Raises:
        GeometryError: the grids differ.
        DoseError: no voxel of the structure has a difference.
    """
    require_same_grid(difference.grid, structures.grid, first_name="difference", second_name="structures")
    values = difference.values[structures[name] & np.isfinite(difference.values)].astype(np.float64)
    if not values.size:
        raise DoseError(
            f"No voxel of {name!r} has a dose difference.", expected="a structure within both doses"
        )
    low, median, high = (float(one) for one in np.percentile(values, (2, 50, 98)))
    return DifferenceIn(float(values.mean()), median, low, high)


def delta(reference: Dvh, evaluated: Dvh) -> DoseDelta:
    """Evaluated − reference of one structure [Gy]."""
    d98, d95, d50, d2 = (evaluated.d_percent(v) - reference.d_percent(v) for v in (98, 95, 50, 2))
    return DoseDelta(d98, d95, d50, d2, evaluated.mean_gy - reference.mean_gy)


def delta_table(reference: Mapping[str, Dvh], evaluated: Mapping[str, Dvh]) -> dict[str, DoseDelta]:
    """``delta`` of every structure that has a DVH in both, in the reference's order."""
    return {name: delta(one, evaluated[name]) for name, one in reference.items() if name in evaluated}
