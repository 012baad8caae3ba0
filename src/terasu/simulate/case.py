"""A simulated image with its truth beside it, and what may be simulated at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume, finite

F32 = NDArray[np.float32]
_NOTHING: Mapping[str, float] = MappingProxyType({})
_LEAST_DENSE_HU = -900.0


@dataclass(frozen=True, eq=False)
class SimulatedCase:
    """An image of poor quality and what it should have shown.

    Attributes:
        image: HU as the simulated machine reads them.
        truth: the true CT on the image's grid [HU].
        seen: (z, y, x), True inside of the field of view.
        engine: ``cbct``, ``mvct`` or ``fast``.
        settings: the engine's frozen dataclass, every number in it.
        seed: of all that chance decided.
        measured: numbers found on the way, such as the HU calibration; name with unit → value.
    """

    image: Volume
    truth: Volume
    seen: Mask
    engine: str
    settings: Any
    seed: int
    measured: Mapping[str, float] = field(default_factory=lambda: _NOTHING)

    def card(self) -> dict[str, Any]:
        """Engine, settings, seed and measured numbers, ready for JSON."""
        grid = self.image.grid
        return {
            "made_by": self.image.source.made_by,
            "engine": self.engine,
            "seed": self.seed,
            "settings": asdict(self.settings),
            "measured": dict(self.measured),
            "grid": {"shape_zyx": list(grid.shape_zyx), "spacing_zyx_mm": list(grid.spacing_zyx_mm)},
            "seen_share": float(self.seen.mean()),
        }


def require_ct(ct: Volume) -> None:
    """Refuse what no low-quality image can be made of.

    Raises:
        InputError: another modality than CT, another unit than HU, NaN, or nothing but air.
    """
    if ct.source.modality not in ("", "CT"):
        raise InputError(
            "Only a CT can be degraded: its HU say how much a beam is attenuated.",
            got=f"modality {ct.source.modality}",
            expected="CT",
            todo="Choose the planning CT series.",
        )
    if ct.unit != "HU":
        raise InputError(
            "This image is not in HU.", got=f"unit {ct.unit!r}", expected="HU", todo="Read it as a CT."
        )
    if not finite(ct):
        bad = int(np.count_nonzero(~np.isfinite(ct.values)))
        raise InputError(
            "The CT holds values that are no numbers.",
            got=f"{bad} voxels NaN or infinite",
            expected="finite HU everywhere",
            todo="Fill them with -1000 HU first, and say so.",
        )
    _refuse_no_body(ct.values)


def require_slices(hu: NDArray[Any], pixel_mm: float) -> F32:
    """HU slices (n, y, x) as float32, or a refusal.

    Raises:
        InputError: not three axes, no pixels, NaN, a pixel without size, or nothing but air.
    """
    if hu.ndim != 3 or 0 in hu.shape or not pixel_mm > 0:
        raise InputError(
            "These are no CT slices.",
            got=f"shape {hu.shape}, pixels of {pixel_mm} mm",
            expected="HU (n, y, x) and a pixel size above 0 mm",
            todo="Give one slice as hu[None].",
        )
    if not np.isfinite(hu).all():
        raise InputError(
            "The slices hold values that are no numbers.",
            got=f"{int(np.count_nonzero(~np.isfinite(hu)))} pixels NaN or infinite",
            expected="finite HU",
            todo="Fill them with -1000 HU first.",
        )
    _refuse_no_body(hu)
    return np.asarray(hu, np.float32)


def _refuse_no_body(hu: NDArray[Any]) -> None:
    lowest, highest = float(hu.min()), float(hu.max())
    if highest < _LEAST_DENSE_HU:
        raise InputError(
            "There is nothing but air in this CT.",
            got=f"HU from {lowest:g} to {highest:g}",
            expected="a patient or a phantom",
            todo="Check the rescale slope and intercept, and the slices chosen.",
        )
    if lowest >= 0 and highest > 900 and float(np.median(hu)) < 300:
        raise InputError(
            "This looks like something other than HU: nothing is below water.",
            got=f"values from {lowest:g} to {highest:g}",
            expected="air near -1000 and water near 0",
            todo="Subtract the offset (grey values + 1024 are a common mistake); an MR has no HU.",
        )
