"""The classical arms, by name, in the order of the report."""

from __future__ import annotations

from collections.abc import Mapping

from terasu.enhance.contract import Enhancer
from terasu.enhance.density_override import DensityOverride
from terasu.enhance.histogram_matching import HistogramMatching
from terasu.enhance.hu_calibration import HuCalibration
from terasu.enhance.raw import Raw
from terasu.enhance.shading_correction import ShadingCorrection
from terasu.enhance.virtual_ct import VirtualCt
from terasu.errors import EnhanceError


def classical_arms() -> Mapping[str, Enhancer]:
    """Name → improvement."""
    arms: tuple[Enhancer, ...] = (
        Raw(),
        HuCalibration(),
        HistogramMatching(),
        ShadingCorrection(),
        DensityOverride(),
        VirtualCt(),
    )
    return {arm.name: arm for arm in arms}


def arm_named(name: str) -> Enhancer:
    """One arm.

    Raises:
        EnhanceError: there is none of that name.
    """
    arms = classical_arms()
    if name not in arms:
        raise EnhanceError(f"There is no improvement named {name!r}.", expected=", ".join(arms))
    return arms[name]
