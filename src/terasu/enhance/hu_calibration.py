"""One curve from raw to true HU, through the medians of the tissue classes.

Source: the idea of Richter et al., Radiat Oncol 2008;3:42, doi 10.1186/1748-717X-3-42 (a calibration by
patient and site); here the curve is fitted to the patient's own registered planning CT.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.enhance.contract import AIR_HU, Context, Enhanced, finish, require_fit
from terasu.enhance.tissue import core_of, is_tissue
from terasu.errors import EnhanceError
from terasu.patient.volume import Volume

Knots = tuple[tuple[float, float], ...]

_LEAST_RISE_HU = 20.0
_STEEPEST = 3.0


@dataclass(frozen=True)
class HuCalibration:
    """Piecewise linear, rising, through air and the tissues that the field of view shows.

    Attributes:
        table: (raw HU, true HU), rising; fitted to the planning CT if None. A clinic that has measured
            its own CBCT on a phantom gives its table here.
        least_cc: a class with less than this in view is not fitted.
    """

    table: Knots | None = None
    least_cc: float = 5.0
    name: str = "hu_calibration"
    version: str = "1"

    def apply(self, cbct: Volume, context: Context) -> Enhanced:
        """Map every measured voxel through the curve."""
        require_fit(cbct, context)
        knots = fit_knots(cbct, context, least_cc=self.least_cc) if self.table is None else self.table
        _refuse_bad(knots)
        mapped = _through(cbct.values[context.view], knots)
        card = {"raw_hu": tuple(raw for raw, _ in knots), "true_hu": tuple(true for _, true in knots)}
        return finish(self, cbct, mapped, context, card)


def fit_knots(cbct: Volume, context: Context, *, least_cc: float = 5.0) -> Knots:
    """(median raw HU, median planning HU) of every tissue class in view, with air at −1000.

    Medians stand firm against what moved. Where shading is so strong that the medians do not rise, or rise so
    little that the curve between them would be steeper than any scanner's, the class with fewer voxels is
    left out.
    """
    where = context.view & context.body & (cbct.values > -900)
    found = []
    for tissue in ("lung", "fat", "soft", "bone"):
        core = core_of(is_tissue(context.planning.values, tissue)) & where
        count = int(np.count_nonzero(core))
        if count * cbct.grid.voxel_volume_mm3 >= 1000 * least_cc:
            raw, true = (float(np.median(image.values[core])) for image in (cbct, context.planning))
            found.append((count, raw, true))
    return ((AIR_HU, AIR_HU), *((raw, true) for _, raw, true in _rising(found)))


def _rising(found: list[tuple[int, float, float]]) -> list[tuple[int, float, float]]:
    """Drop the smaller of two neighbours that rise too little, until all rise enough."""
    kept = sorted(found, key=lambda knot: knot[2])
    place = 1
    while place < len(kept):
        (_, raw_before, true_before), (_, raw, true) = kept[place - 1 : place + 1]
        if raw - raw_before >= max(_LEAST_RISE_HU, (true - true_before) / _STEEPEST):
            place += 1
            continue
        kept.pop(place if kept[place][0] < kept[place - 1][0] else place - 1)
        place = 1
    return [knot for knot in kept if knot[1] > AIR_HU + _LEAST_RISE_HU]


def _refuse_bad(knots: Knots) -> None:
    raw = np.array([knot[0] for knot in knots])
    true = np.array([knot[1] for knot in knots])
    if len(knots) < 2 or (np.diff(raw) <= 0).any() or (np.diff(true) < 0).any():
        raise EnhanceError(
            "The calibration curve does not rise.",
            got=str([tuple(round(value) for value in knot) for knot in knots]),
            expected="at least two points (raw HU, true HU), both rising",
            todo="Give a table measured on a phantom, or use the density override.",
        )


def _through(values: NDArray[Any], knots: Knots) -> NDArray[np.float32]:
    """Along the curve; above its end along the last piece, at most three times as steep as raw."""
    raw, true = np.array(knots).T
    mapped = np.interp(values, raw, true)
    slope = float(np.clip((true[-1] - true[-2]) / (raw[-1] - raw[-2]), 1 / _STEEPEST, _STEEPEST))
    over = np.asarray(values, np.float64) - raw[-1]
    return np.asarray(np.where(over > 0, true[-1] + slope * over, mapped), np.float32)
