"""How tightly a prescription isodose follows its target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from terasu.dose.dvh import Dvh, dvh_of_mask
from terasu.errors import DoseError
from terasu.patient.volume import Volume


@dataclass(frozen=True)
class Conformity:
    """Indices of one target and one prescription.

    Attributes:
        paddick: (volume of the target in the isodose)² / (target × isodose); 1 is perfect. Paddick 2000,
            doi 10.3171/jns.2000.93.supplement_3.0219; asked for by ICRU 91.
        rtog: isodose / target; 1 is equal in size, wherever it lies. Shaw et al. 1993,
            doi 10.1016/0360-3016(93)90548-A.
        gradient_index: half the prescription's isodose / the prescription's isodose. Paddick and
            Lippitz 2006, doi 10.3171/sup.2006.105.7.194.
        isodose_cc: volume that receives the prescription, in and out of the target [cm³].
    """

    paddick: float
    rtog: float
    gradient_index: float
    isodose_cc: float


def conformity(dose: Volume, target: Dvh, prescription_gy: float) -> Conformity:
    """Conformity of a dose to a target.

    Args:
        dose: the whole dose grid [Gy]; isodoses that leave it are counted as far as it reaches.
        target: DVH of the target in this dose.
        prescription_gy: isodose level.
    Raises:
        DoseError: no voxel receives the prescription.
    """
    if not prescription_gy > 0 or float(dose.values.max()) < prescription_gy:
        raise DoseError(
            "No isodose of the prescription exists.",
            got=f"prescription {prescription_gy:g} Gy, highest dose {float(dose.values.max()):g} Gy",
            expected="a dose that reaches the prescription",
            todo="Check the prescription, and whether the dose is that of one fraction or of all.",
        )
    everywhere = dvh_of_mask(dose, np.ones(dose.grid.shape_zyx, np.bool_), dose.grid, name="dose grid")
    isodose_cc, half_cc = (
        everywhere.v_gy(level) / 100 * everywhere.volume_cc
        for level in (prescription_gy, prescription_gy / 2)
    )
    covered_cc = target.v_gy(prescription_gy) / 100 * target.volume_cc
    return Conformity(
        paddick=covered_cc**2 / (target.volume_cc * isodose_cc),
        rtog=isodose_cc / target.volume_cc,
        gradient_index=half_cc / isodose_cc,
        isodose_cc=isodose_cc,
    )
