"""What every column of a feature table means: image, family, IBSI code, PyRadiomics alias, unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from terasu.radiomics.ibsi_codes import CODES
from terasu.radiomics.measured import Profile
from terasu.radiomics.pyradiomics_names import CLASSES, SHAPE
from terasu.radiomics.wavelets import AXIS_ORDER

_FAMILY = {"firstorder": "", "glcm": "cm_", "gldm": "ngl_", "glrlm": "rlm_", "glszm": "szm_", "ngtdm": "ngt_"}
_ENDINGS = ("_2D_avg", "_2D_comb", "_2_5D_avg", "_2_5D_comb", "_3D_avg", "_3D_comb", "_2D", "_2_5D", "_3D")
_OTHERWISE = MappingProxyType(
    {
        "firstorder_Kurtosis": "not reduced by 3, as the IBSI's is",
        "firstorder_Energy": "after voxelArrayShift",
        "firstorder_RootMeanSquared": "after voxelArrayShift",
        "firstorder_Entropy": "of bins that begin at a multiple of their width",
        "firstorder_Uniformity": "of bins that begin at a multiple of their width",
        "shape_MeshVolume": "where voxels touch by edges it depends on where the bounding box begins",
        "shape_MajorAxisLength": "of voxel centres",
        "glcm_JointEnergy": "the IBSI calls it angular second moment",
        "glcm_SumSquares": "the IBSI's joint variance",
        "gldm_LargeDependenceEmphasis": "the IBSI's high dependence emphasis of NGLDM",
        "gldm_SmallDependenceEmphasis": "the IBSI's low dependence emphasis of NGLDM",
    }
)


@dataclass(frozen=True)
class FeatureEntry:
    """One column.

    Attributes:
        column: as it stands in the table.
        image: ``original``, ``wavelet-LHH`` or the name of a filter.
        ibsi: short name in the IBSI's reference tables; empty where the IBSI has no such feature.
        ibsi_code: its four letters.
        pyradiomics: what PyRadiomics calls it; empty where it has none.
        note: where name and IBSI's definition part ways, and the axis order of sub-bands.
    """

    column: str
    image: str
    ibsi: str
    ibsi_code: str
    pyradiomics: str
    note: str


def dictionary(profile: Profile) -> tuple[FeatureEntry, ...]:
    """Every column of a profile's table, in order."""
    entry = _of_pyradiomics if profile.name == "pyradiomics" else _of_ibsi
    return tuple(entry(name) for name in profile.names())


def _of_pyradiomics(column: str) -> FeatureEntry:
    image, family, feature = column.split("_", 2)
    short = _short_of(family, feature)
    note = _OTHERWISE.get(f"{family}_{feature}", "")
    if image.startswith("wavelet-"):
        axes = f"sub-band letters along {AXIS_ORDER} (PyRadiomics before 1.3: zyx)"
        note = f"{note}; {axes}" if note else axes
    return FeatureEntry(column, image, short, CODES.get(short, ""), column, note)


def _short_of(family: str, feature: str) -> str:
    """PyRadiomics' class and feature as the IBSI's short name."""
    if family == "shape":
        return "" if SHAPE[feature] == "-" else f"morph_{SHAPE[feature]}"
    code = CLASSES[family][feature]
    return "" if code == "-" else f"{_FAMILY[family]}{code}"


def _of_ibsi(column: str) -> FeatureEntry:
    if _without_ending(column) in CODES:
        short = _without_ending(column)
        return FeatureEntry(column, "original", short, CODES[short], _ALIAS.get(short, ""), "")
    image, _, code = column.rpartition("_stat_")
    short = f"stat_{code}"
    return FeatureEntry(column, image, short, CODES[short], "", "of the response map, within the region")


def _without_ending(column: str) -> str:
    for ending in _ENDINGS:
        if column.endswith(ending):
            return column.removesuffix(ending)
    return column


def _aliases() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for family, table in CLASSES.items():
        for feature in table:
            found.setdefault(_short_of(family, feature), f"original_{family}_{feature}")
    for feature in SHAPE:
        found.setdefault(_short_of("shape", feature), f"original_shape_{feature}")
    return MappingProxyType({short: name for short, name in found.items() if short})


_ALIAS = _aliases()
