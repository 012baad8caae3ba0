"""The CBCT as it came; what was not measured is continued from the planning CT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from terasu.enhance.contract import Context, Enhanced, finish, require_fit
from terasu.patient.volume import Volume


@dataclass(frozen=True)
class Raw:
    """Nothing is corrected."""

    name: str = "raw"
    version: str = "1"

    def apply(self, cbct: Volume, context: Context) -> Enhanced:
        """Fill the truncation, leave the rest."""
        require_fit(cbct, context)
        outside = 100.0 * float(np.mean(~context.view[context.body]))
        return finish(self, cbct, cbct.values[context.view], context, {"body_filled_percent": outside})
