"""The CBCT's histogram made that of the registered planning CT, over what both show.

Source: the idea of Abe et al. 2017, doi 10.4236/ijmpcero.2017.64032.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from terasu.enhance.contract import Context, Enhanced, finish, require_fit
from terasu.patient.volume import Volume

# Fixed, denser at both ends, where lung, gas and bone are (percent).
_PERCENT = (0.1, 0.5, 1.0, 2.0, 4.0, *(float(p) for p in range(6, 96, 2)), 96.0, 98.0, 99.0, 99.5, 99.9)


@dataclass(frozen=True)
class HistogramMatching:
    """A rising map between equal quantiles; a shift beyond the outermost of them."""

    name: str = "histogram_matching"
    version: str = "1"

    def apply(self, cbct: Volume, context: Context) -> Enhanced:
        """Map every measured voxel."""
        require_fit(cbct, context)
        where = context.view & context.body & context.reach
        raw = np.percentile(cbct.values[where], _PERCENT)
        true = np.percentile(context.planning.values[where], _PERCENT)
        values = cbct.values[context.view].astype(np.float32)
        mapped = np.interp(values, raw, true)
        mapped += np.minimum(values - raw[0], 0) + np.maximum(values - raw[-1], 0)
        card = {"percent": _PERCENT, "raw_hu": tuple(raw.tolist()), "true_hu": tuple(true.tolist())}
        return finish(self, cbct, mapped, context, card)
