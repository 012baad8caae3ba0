"""One map from raw to calibrated HU for the whole image, fitted tissue by tissue on the planning CT."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.enhance.contract import Context, Enhanced, composed, require_fit
from terasu.enhance.tissue import class_masks
from terasu.patient.volume import Volume

_FEWEST_VOXELS = 500
_AIR_HU = -1000.0

Anchors = list[tuple[float, float]]


class HuCalibration:
    """Straight lines through (median raw, median planning CT) of each tissue, and through air.

    Medians, because the two images never fit everywhere: half of a class may be misplaced before they move.
    """

    name = "hu_calibration"

    def apply(self, cbct: Volume, context: Context) -> Enhanced:
        """See ``Enhancer.apply``."""
        require_fit(cbct, context)
        anchors = fit_anchors(cbct.values, context)
        card = {f"raw HU that reads {round(to)} HU": float(raw) for raw, to in anchors}
        return composed(cbct, mapped(cbct.values, anchors), context, name=self.name, card=card)


def fit_anchors(raw_hu: NDArray[Any], context: Context) -> Anchors:
    """(raw, calibrated) pairs, both rising; air always among them."""
    planned = class_masks(context.matched.values, context.inside)
    pairs: Anchors = [(min(_AIR_HU, float(np.min(raw_hu[context.view]))), _AIR_HU)]
    for name in ("lung", "fat", "soft", "bone"):
        mask = planned[name]
        if np.count_nonzero(mask) >= _FEWEST_VOXELS:
            pair = float(np.median(raw_hu[mask])), float(np.median(context.matched.values[mask]))
            if pair[0] > pairs[-1][0] + 10 and pair[1] > pairs[-1][1] + 10:
                pairs.append(pair)
    return pairs


def mapped(raw_hu: NDArray[Any], anchors: Anchors) -> NDArray[np.float32]:
    """Through the anchors by straight lines; beyond the last one parallel to the identity."""
    raw, to = np.array(anchors).T
    raw = np.append(raw, raw[-1] + 5000.0)
    to = np.append(to, to[-1] + 5000.0)
    return np.asarray(np.interp(raw_hu, raw, to), np.float32)
