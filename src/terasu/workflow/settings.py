"""What a user may choose about a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from terasu.errors import InputError


@dataclass(frozen=True)
class Settings:
    """Choices of one run of the main job.

    Attributes:
        policy: limits to judge by; the built-in policy if None.
        machine: machine model file; the generic, uncommissioned one if None.
        density: HU to density table; the built-in one if None.
        planning_series, daily_series: Series Instance UIDs where the choice by reference is not clear.
        structure_set, plan: SOP Instance UIDs, likewise.
        target: ROI to plan for or to judge as target where the plan does not name one.
        set_up: ``recorded``: the patient lies where frame of reference or registration object says;
            ``matched``: as if the couch had been moved to the rigid match.
        made_plan: whether a plan may be made where the folder has none.
        made_target_margin_mm: the made plan's target is the named ROI grown by this much (negative: shrunk).
        prescription_gy, fractions: of a made plan.
        improvement: arm that is delivered as the improved image.
        deformable: whether to try a deformable registration.
        dose_spacing_mm: of the dose grid.
        truth: folder with the true CT of a made patient's day.
        statements: sentences that the report has to say with the numbers.
        show_patient: whether the report may show the patient's ID instead of a key.
    """

    policy: Path | None = None
    machine: Path | None = None
    density: Path | None = None
    planning_series: str | None = None
    daily_series: str | None = None
    structure_set: str | None = None
    plan: str | None = None
    target: str | None = None
    set_up: Literal["recorded", "matched"] = "recorded"
    made_plan: bool = False
    made_target_margin_mm: float = 0.0
    prescription_gy: float = 60.0
    fractions: int = 20
    improvement: str = "shading_correction"
    deformable: bool = True
    dose_spacing_mm: float = 3.0
    show_patient: bool = False
    truth: Path | None = None
    statements: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require("dose grid spacing", self.dose_spacing_mm, 1.0, 10.0, "mm", "--dose-grid 3")
        _require("prescription", self.prescription_gy, 0.1, 200.0, "Gy", "--prescription 60")
        _require("number of fractions", self.fractions, 1, 200, "", "--fractions 20")
        _require("target margin", self.made_target_margin_mm, -100.0, 100.0, "mm", "--margin 0")


def _require(what: str, value: float, low: float, high: float, unit: str, such_as: str) -> None:
    if not low <= value <= high:
        raise InputError(
            f"The {what} is out of reach.",
            got=f"{value:g} {unit}".strip(),
            expected=f"{low:g} to {high:g} {unit}".strip(),
            todo=f"For instance {such_as}.",
        )
