"""The classical arms by name, in the order of a report."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from terasu.enhance.contract import Enhancer
from terasu.enhance.density_override import DensityOverride
from terasu.enhance.histogram_matching import HistogramMatching
from terasu.enhance.hu_calibration import HuCalibration
from terasu.enhance.raw import Raw
from terasu.enhance.shading_correction import ShadingCorrection
from terasu.enhance.virtual_ct import VirtualCt

_ALL: tuple[Enhancer, ...] = (
    Raw(),
    HuCalibration(),
    HistogramMatching(),
    ShadingCorrection(),
    DensityOverride(),
    VirtualCt(),
)

ARMS: Mapping[str, Enhancer] = MappingProxyType({arm.name: arm for arm in _ALL})
