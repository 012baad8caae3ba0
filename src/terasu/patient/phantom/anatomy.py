"""What a made patient is like, and what a day changes in him."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from terasu.errors import InputError

_LIMITS = {
    "seed": (0, 2**32 - 1),
    "size": (0.8, 1.25),
    "fat_mm": (15.0, 60.0),
    "bladder_cc": (40.0, 500.0),
    "rectal_gas_cc": (0.0, 80.0),
    "prostate_cc": (20.0, 90.0),
    "rotation_deg": (-15.0, 15.0),
    "weight_loss_mm": (-20.0, 15.0),
}


@dataclass(frozen=True)
class Anatomy:
    """A made male pelvis on one day.

    Attributes:
        seed: of everything that chance decides: asymmetry, texture, loops of bowel, noise.
        size: of the whole patient, 1 for hips of 38 cm; organs asked for in cm³ keep their volume.
        fat_mm: subcutaneous fat at the hips on the day of planning [mm].
        bladder_cc, rectal_gas_cc, prostate_cc: volumes [cm³]; the bladder's with its wall.
        rotation_deg: roll about the long axis through the prostate, as it was lain down [degree].
        shift_lps_mm: of the whole patient against the planning position [mm].
        weight_loss_mm: subcutaneous fat lost since planning [mm]; negative for a gain.
        hip_prosthesis: side of a metal hip, empty for none.
        fiducials: three gold seeds in the prostate.
        calcifications: grains of chalk in the prostate.
    Raises:
        InputError: a number outside of what the shapes can do.
    """

    seed: int = 1
    size: float = 1.0
    fat_mm: float = 26.0
    bladder_cc: float = 190.0
    rectal_gas_cc: float = 6.0
    prostate_cc: float = 42.0
    rotation_deg: float = 0.0
    shift_lps_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    weight_loss_mm: float = 0.0
    hip_prosthesis: Literal["", "L", "R"] = ""
    fiducials: bool = False
    calcifications: bool = False

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = float(getattr(self, name))
            if not low <= value <= high:
                raise InputError(
                    f"The made patient cannot have {name} = {value:g}.",
                    got=f"{value:g}",
                    expected=f"{low:g} … {high:g}",
                    todo="Choose a value in this range.",
                )
        if len(self.shift_lps_mm) != 3 or not all(abs(step) <= 60 for step in self.shift_lps_mm):
            raise InputError(
                "The made patient cannot be shifted like that.",
                got=str(self.shift_lps_mm),
                expected="three numbers, each at most 60 mm",
                todo="Choose a shorter shift.",
            )
        if self.fat_mm - self.weight_loss_mm < 8:
            raise InputError(
                "The made patient would lose more fat than he has.",
                got=f"{self.weight_loss_mm:g} of {self.fat_mm:g} mm",
                expected="at least 8 mm left",
                todo="Choose less weight loss, or more fat.",
            )


@dataclass(frozen=True)
class Day:
    """What differs on a day of treatment; the defaults are a day that needs to be looked at.

    Attributes:
        bladder_cc, rectal_gas_cc, rotation_deg, shift_lps_mm, weight_loss_mm: as in ``Anatomy``.
    """

    bladder_cc: float = 110.0
    rectal_gas_cc: float = 22.0
    rotation_deg: float = 1.5
    shift_lps_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    weight_loss_mm: float = 4.0


def day_of(anatomy: Anatomy, day: Day) -> Anatomy:
    """The same patient on another day."""
    return replace(
        anatomy,
        bladder_cc=day.bladder_cc,
        rectal_gas_cc=day.rectal_gas_cc,
        rotation_deg=day.rotation_deg,
        shift_lps_mm=day.shift_lps_mm,
        weight_loss_mm=day.weight_loss_mm,
    )
