"""What a report is made of. Every part may be missing: a case that was blocked early has no dose.

Images, doses and structures may lie on grids of their own, as long as they share one frame of
reference: every slice is sampled in LPS mm. Nothing here knows DICOM.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.patient.structures import StructureSet
from terasu.patient.volume import Volume
from terasu.safety.verdict import Verdict

Values = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Scan:
    """One image series in words.

    Attributes:
        date: as it is to be read, e.g. ``2024-03-11``.
        scanner: manufacturer and model.
        detail: voxels, tube voltage, whatever helps.
    """

    date: str = ""
    scanner: str = ""
    detail: str = ""


@dataclass(frozen=True)
class CaseHeader:
    """Which case this is.

    Attributes:
        label: the folder or case name, never the patient's.
        site: treated site.
        patient_key: de-identified key.
        patient_shown: what a clinic chose to show instead of the key; empty by default.
        planning_ct, day_image: the two series.
        plan_label: RT Plan Label.
        prescription_gy: over all fractions.
        fractions: number planned.
        target: name of the structure that was prescribed to.
        judged_at: date and time of the verdict.
    """

    label: str = ""
    site: str = ""
    patient_key: str = ""
    patient_shown: str = ""
    planning_ct: Scan | None = None
    day_image: Scan | None = None
    plan_label: str = ""
    prescription_gy: float | None = None
    fractions: int | None = None
    target: str = ""
    judged_at: str = ""


@dataclass(frozen=True, eq=False)
class Images:
    """The images of the case in the treated position, HU.

    Attributes:
        planning: planning CT, rigidly registered.
        raw: the day's image as it came.
        improved: the image that is delivered.
        virtual: planning CT deformed onto the day.
        truth: true CT of the day, known only for a made patient.
        improved_by: the arm that made ``improved``, as read.
        filled: bool, True where ``improved`` was not imaged but filled from the planning CT.
        level_hu, width_hu: display window.
    """

    planning: Volume | None = None
    raw: Volume | None = None
    improved: Volume | None = None
    virtual: Volume | None = None
    truth: Volume | None = None
    improved_by: str = ""
    filled: Volume | None = None
    level_hu: float = 40.0
    width_hu: float = 400.0


@dataclass(frozen=True, eq=False)
class DoseArm:
    """The plan's delivery calculated on one image; total dose [Gy]."""

    name: str
    dose: Volume


@dataclass(frozen=True, eq=False)
class GammaResult:
    """Gamma of one arm against the plan.

    Attributes:
        criterion: as read, ``2 %/2 mm, global, above 10 %``.
        arm: evaluated arm.
        pass_percent: of the judged voxels.
        judged_voxels: how many were judged, None where not told.
        gamma: map, NaN where not judged.
    """

    criterion: str
    arm: str
    pass_percent: float
    judged_voxels: int | None = None
    gamma: Volume | None = None


@dataclass(frozen=True, eq=False)
class Doses:
    """Doses of the case.

    Attributes:
        plan: on the planning CT.
        day: on the images of the day; the first is the one that the report leads with.
        gamma: one for each criterion and arm; the first map is drawn.
    """

    plan: Volume | None = None
    day: tuple[DoseArm, ...] = ()
    gamma: tuple[GammaResult, ...] = ()


@dataclass(frozen=True, eq=False)
class DvhCurve:
    """One cumulative DVH.

    Attributes:
        structure, arm: ``plan`` or the name of a dose arm.
        dose_gy: rising.
        volume_percent: falling from 100.
        is_target: drawn heavier.
    """

    structure: str
    arm: str
    dose_gy: Values
    volume_percent: Values
    is_target: bool = False


@dataclass(frozen=True)
class DoseRow:
    """One DVH quantity of one structure, plan and day.

    Attributes:
        structure, quantity, unit: e.g. ``PTV``, ``D95%``, ``Gy``.
        plan: None where it could not be calculated.
        day: arm → value.
        is_target: printed first.
    """

    structure: str
    quantity: str
    unit: str
    plan: float | None
    day: Mapping[str, float]
    is_target: bool = False


@dataclass(frozen=True)
class HuRow:
    """HU error of one arm in one tissue class.

    Attributes:
        tissue: class, as read.
        arm: image.
        mean_error_hu, mae_hu: against ``reference``.
        reference: ``registered planning CT`` or ``true CT of the day``.
    """

    tissue: str
    arm: str
    mean_error_hu: float
    mae_hu: float | None = None
    reference: str = "registered planning CT"


@dataclass(frozen=True)
class ArmRow:
    """One way to make an image of the day, beside the others.

    Attributes:
        name: arm.
        mean_error_hu, mae_hu: against the registered planning CT, inside patient and field of view.
        true_mean_error_hu, true_mae_hu: against the true CT of the day, made patients only.
        target_mean_gy, target_d95_gy: of the target, total dose.
        gamma_percent: pass rate against the plan at the report's leading criterion.
        is_chosen: this arm is delivered as the improved image.
        note: why it failed, or what to know about it.
    """

    name: str
    mean_error_hu: float | None = None
    mae_hu: float | None = None
    true_mean_error_hu: float | None = None
    true_mae_hu: float | None = None
    target_mean_gy: float | None = None
    target_d95_gy: float | None = None
    gamma_percent: float | None = None
    is_chosen: bool = False
    note: str = ""


@dataclass(frozen=True)
class InputChosen:
    """One input and why it was taken."""

    what: str
    which: str
    why: str = ""


@dataclass(frozen=True)
class Written:
    """One object that was written."""

    what: str
    uid: str
    file: str = ""


@dataclass(frozen=True)
class Provenance:
    """What made the numbers.

    Attributes:
        software: name and version.
        engine: dose engine and version.
        machine: machine model and its file's hash.
        commissioned: whether that machine was fitted to the clinic's; None where no dose was calculated.
        hashes: what → SHA-256.
        inputs, written: objects read and written.
        notes: what a reader or a step had to assume, one sentence each.
        seconds: step → wall time [s].
    """

    software: str = ""
    engine: str = ""
    machine: str = ""
    commissioned: bool | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[InputChosen, ...] = ()
    written: tuple[Written, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ReportContent:
    """Everything that a report shows.

    Attributes:
        verdict: the only part that must be there.
        case: header.
        statements: what has to be read together with the numbers, one sentence each.
        images, planned, of_the_day, doses: pictures come from these. ``planned`` and ``of_the_day``
            carry the structures by the same names.
        dvh, dose_rows, hu_rows, arms: curves and tables.
        focus_lps_mm: where slices are taken; the planned target's centre if None.
        missing: part (``images``, ``dose``, ``dvh``, ``gamma``, ``hounsfield``) → why it is not here.
        provenance: what made the numbers.
    """

    verdict: Verdict
    case: CaseHeader = field(default_factory=CaseHeader)
    statements: tuple[str, ...] = ()
    images: Images = field(default_factory=Images)
    planned: StructureSet | None = None
    of_the_day: StructureSet | None = None
    doses: Doses = field(default_factory=Doses)
    dvh: tuple[DvhCurve, ...] = ()
    dose_rows: tuple[DoseRow, ...] = ()
    hu_rows: tuple[HuRow, ...] = ()
    arms: tuple[ArmRow, ...] = ()
    focus_lps_mm: tuple[float, float, float] | None = None
    missing: Mapping[str, str] = field(default_factory=dict)
    provenance: Provenance = field(default_factory=Provenance)
