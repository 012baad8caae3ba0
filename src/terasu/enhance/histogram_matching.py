"""The raw histogram made equal to the planning CT's, by quantiles inside of the patient that was seen."""

from __future__ import annotations

import numpy as np

from terasu.enhance.contract import Context, Enhanced, composed, require_fit
from terasu.patient.volume import Volume

_QUANTILES = np.concatenate([[0.0005], np.linspace(0.005, 0.995, 199), [0.9995]])


class HistogramMatching:
    """A monotone map; the two tails go on parallel to the identity."""

    name = "histogram_matching"

    def apply(self, cbct: Volume, context: Context) -> Enhanced:
        """See ``Enhancer.apply``."""
        require_fit(cbct, context)
        raw = np.quantile(cbct.values[context.inside], _QUANTILES)
        to = np.quantile(context.matched.values[context.inside], _QUANTILES)
        rising = np.concatenate([[True], np.diff(raw) > 0])
        raw, to = raw[rising], to[rising]
        raw = np.concatenate([[raw[0] - 2000], raw, [raw[-1] + 5000]])
        to = np.concatenate([[to[0] - 2000], to, [to[-1] + 5000]])
        values = np.maximum(np.interp(cbct.values, raw, to), -1000.0)
        card = {
            "median before": float(np.interp(0.5, _QUANTILES, raw[1:-1])) if rising.all() else float("nan")
        }
        return composed(cbct, values, context, name=self.name, card=card)
