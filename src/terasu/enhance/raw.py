"""The day's image as it came, the cut-off part of the patient filled: what every improvement has to beat."""

from __future__ import annotations

from terasu.enhance.contract import Context, Enhanced, composed, require_fit
from terasu.patient.volume import Volume


class Raw:
    """No change inside of the field of view."""

    name = "raw"

    def apply(self, cbct: Volume, context: Context) -> Enhanced:
        """See ``Enhancer.apply``."""
        require_fit(cbct, context)
        return composed(cbct, cbct.values, context, name=self.name, card={})
