"""The last straight line from a model's HU to true HU, fitted on validation patients and on nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.errors import InputError

_SOFT_HU = (-200.0, 200.0)
_STEEPEST = 1.25
_LEAST_VOXELS = 500


@dataclass(frozen=True)
class Calibration:
    """hu ↦ slope · hu + offset_hu.

    Attributes:
        patients, voxels: how many it was fitted on; 0 for the line that changes nothing.
        how: ``truth`` (least squares against the true CT), ``median`` (offset of soft tissue between
            unpaired patients), ``none``.
    """

    slope: float = 1.0
    offset_hu: float = 0.0
    patients: int = 0
    voxels: int = 0
    how: str = "none"

    def apply(self, hu: NDArray[np.float32]) -> NDArray[np.float32]:
        """Along the line; exactly the same values where it changes nothing."""
        if (self.slope, self.offset_hu) == (1.0, 0.0):
            return hu
        return np.asarray(self.slope * hu + self.offset_hu, np.float32)

    def as_dict(self) -> dict[str, Any]:
        """For a card."""
        return asdict(self)


def fit_to_truth(made: Sequence[NDArray[Any]], truth: Sequence[NDArray[Any]]) -> Calibration:
    """Least squares over all voxels of the body, patient by patient given.

    Args:
        made, truth: one array of HU a patient, voxel by voxel.
    Returns:
        The line; its slope between 0.8 and 1.25.
    Raises:
        InputError: hardly any voxels.
    """
    x, y = (np.concatenate([np.ravel(one) for one in parts]).astype(np.float64) for parts in (made, truth))
    _require(x.size)
    spread = float(x.var())
    slope = float(np.mean((x - x.mean()) * (y - y.mean())) / spread) if spread > 0 else 1.0
    slope = float(np.clip(slope, 1 / _STEEPEST, _STEEPEST))
    return Calibration(slope, float(y.mean() - slope * x.mean()), len(made), int(x.size), "truth")


def fit_to_others(made: Sequence[NDArray[Any]], others: Sequence[NDArray[Any]]) -> Calibration:
    """Offset between the medians of soft tissue of two groups of patients; no slope, since they differ.

    Args:
        made: HU of the body of each validation patient.
        others: HU of the body of each validation patient of the target modality.
    """
    x, y = (np.concatenate([_soft(one) for one in parts]) for parts in (made, others))
    _require(min(x.size, y.size))
    offset = float(np.median(y) - np.median(x))
    return Calibration(1.0, offset, len(made), int(x.size), "median")


def _soft(hu: NDArray[Any]) -> NDArray[np.float64]:
    flat = np.ravel(hu).astype(np.float64)
    return flat[(flat > _SOFT_HU[0]) & (flat < _SOFT_HU[1])]


def _require(voxels: int) -> None:
    if voxels < _LEAST_VOXELS:
        raise InputError(
            "There is too little tissue to calibrate on.",
            got=f"{voxels} voxels",
            expected=f"at least {_LEAST_VOXELS}",
            todo="Give more validation patients.",
        )
