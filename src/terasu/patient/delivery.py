"""What the machine does: beams and their control points, planned or logged.

Angles and positions follow IEC 61217 as DICOM writes them: leaf and jaw positions [mm] at the
isocentre plane in the beam limiting device system, gantry 0° from above for a supine patient.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from terasu.patient.volume import Source

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Beam:
    """One treatment beam, every control point complete (inherited attributes carried forward).

    Attributes:
        number, name: Beam Number, Beam Name.
        machine: Treatment Machine Name.
        radiation: Radiation Type (``PHOTON``).
        energy_mv: Nominal Beam Energy [MV]; ``fff`` for a flattening-filter-free beam.
        meterset_mu: Beam Meterset of one fraction [MU].
        meterset_fraction: (n,) cumulative, 0 … 1, never falling.
        gantry_deg, collimator_deg, couch_deg: (n,) IEC 61217 [degree].
        isocentre_lps_mm: (n, 3).
        jaws_x_mm, jaws_y_mm: (n, 2) [mm]; without a jaw pair, the widest field of the machine.
        leaves_mm: (n, 2, pairs) leaf tips, bank 0 on the negative side [mm]; pairs = 0 without MLC.
        leaf_boundaries_mm: (pairs + 1,) along the other axis [mm].
        leaf_axis: axis along which leaves travel, ``x`` (MLCX) or ``y`` (MLCY).
        sad_mm: source–axis distance [mm].
    """

    number: int
    name: str
    machine: str
    radiation: str
    energy_mv: float
    meterset_mu: float
    meterset_fraction: Array
    gantry_deg: Array
    collimator_deg: Array
    couch_deg: Array
    isocentre_lps_mm: Array
    jaws_x_mm: Array
    jaws_y_mm: Array
    leaves_mm: Array
    leaf_boundaries_mm: Array
    leaf_axis: Literal["x", "y"] = "x"
    sad_mm: float = 1000.0
    fff: bool = False
    kind: str = "DYNAMIC"

    @property
    def n_control_points(self) -> int:
        """Number of control points."""
        return len(self.meterset_fraction)


@dataclass(frozen=True, eq=False)
class Delivery:
    """The treatment beams of one plan or of one delivered fraction.

    Attributes:
        beams: set-up beams left out.
        origin: ``plan`` or ``log``.
        fractions: number of fractions planned; doses are stated for all of them unless said otherwise.
        prescription_gy: to the target over all fractions, 0 where the file does not say.
        target_name: ROI name of the prescription's target, empty where not said.
        patient_position: ``HFS`` …
        label: RT Plan Label.
        frame_of_reference_uid: of the isocentre.
        referenced_structure_set_uid: SOP Instance UID of the RTSTRUCT that the plan was made on.
        notes: what a reader had to assume, one sentence each.
    """

    beams: tuple[Beam, ...]
    origin: Literal["plan", "log"] = "plan"
    fractions: int = 1
    prescription_gy: float = 0.0
    target_name: str = ""
    patient_position: str = "HFS"
    label: str = ""
    frame_of_reference_uid: str = ""
    referenced_structure_set_uid: str = ""
    source: Source = field(default_factory=Source)
    notes: tuple[str, ...] = ()

    @property
    def meterset_mu(self) -> float:
        """Sum over beams, one fraction [MU]."""
        return float(sum(beam.meterset_mu for beam in self.beams))
