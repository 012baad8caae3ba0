"""Texture features of a region, by slice, by slices together, and by volume, under their IBSI codes.

The endings say how matrices become one number. For pairs and runs: ``2D_avg`` each slice and direction on its
own; ``2D_comb`` directions counted together, slices on their own; ``2_5D_avg`` slices together, directions on
their own; ``2_5D_comb`` all together; ``3D_avg`` and ``3D_comb`` the same with neighbours in the volume. For
the others: ``2D`` slices on their own, ``2_5D`` slices together, ``3D``. What is on its own is averaged as a
feature.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.errors import InputError
from terasu.radiomics.cooccurrence import cooccurrence_features
from terasu.radiomics.counting import Counts, Levels, directions, neighbours, pairs, runs, zones
from terasu.radiomics.emphasis import NAMES, emphases
from terasu.radiomics.tone_difference import tone_difference_features

Mask = NDArray[np.bool_]
Features = dict[str, float]
Reach = Literal["slice", "volume", "both"]
_IN_SLICE = {"slice": (True,), "volume": (False,), "both": (True, False)}
_RUN = "sre lre lgre hgre srlge srhge lrlge lrhge glnu glnu_norm rlnu rlnu_norm r_perc gl_var rl_var rl_entr"
_ZONE = "sze lze lgze hgze szlge szhge lzlge lzhge glnu glnu_norm zsnu zsnu_norm z_perc gl_var zs_var zs_entr"
_DISTANCE = (
    "sde lde lgze hgze sdlge sdhge ldlge ldhge glnu glnu_norm zdnu zdnu_norm z_perc gl_var zd_var zd_entr"
)
_DEPENDENCE = (
    "lde hde lgce hgce ldlge ldhge hdlge hdhge glnu glnu_norm dcnu dcnu_norm dc_perc gl_var dc_var dc_entr "
    "dc_energy"
)


def texture_features(
    levels: Levels, *, morphology: Mask | None = None, coarseness: int = 0, reach: Reach = "both"
) -> dict[str, float]:
    """Every texture feature of one region.

    Args:
        levels: (z, y, x), 0 outside of the region, else 1 … n; slices are along z.
        morphology: region before voxels were taken out by their value, for the distance to its edge;
            ``levels > 0`` if None.
        coarseness: levels this near to one another depend on each other (IBSI's α).
        reach: neighbours in the slice, in the volume, or both.
    Returns:
        IBSI code → value; NaN where no matrix holds anything.
    Raises:
        InputError: no voxel in the region.
    Source: IBSI reference manual, arXiv 1612.07003, sections 3.6 to 3.11
    """
    levels = np.ascontiguousarray(levels, dtype=np.int32)
    if levels.ndim != 3 or not (levels > 0).any():
        raise InputError(
            "There is no texture without voxels.",
            got=f"shape {levels.shape}, {np.count_nonzero(levels > 0)} voxels",
            expected="a region of at least one voxel in a volume (z, y, x)",
            todo="Check the contour, and the range of values that the region was limited to.",
        )
    region = levels > 0 if morphology is None else morphology
    found: Features = {}
    for in_slice in _IN_SLICE[reach]:
        found |= _pair_features(levels, in_slice) | _run_features(levels, in_slice)
        found |= _zone_features(levels, _distance_to_edge(region, in_slice), in_slice)
        found |= _neighbour_features(levels, in_slice, coarseness)
    return found


def _pair_features(levels: Levels, in_slice: bool) -> Features:
    counted = pairs(levels, directions("slice" if in_slice else "volume"), int(levels.max()), in_slice)
    found: Features = {}
    for ending, counts in _ways(counted, in_slice).items():
        features = cooccurrence_features(counts)
        found |= {f"cm_{name}_{ending}": _mean(values) for name, values in features.items()}
    return found


def _run_features(levels: Levels, in_slice: bool) -> Features:
    counted = runs(levels, directions("slice" if in_slice else "volume"), int(levels.max()), in_slice)
    voxels = (levels > 0).sum(axis=(1, 2) if in_slice else None).astype(np.float64)
    each = np.broadcast_to(np.reshape(voxels, (-1, 1, 1, 1)), (*counted.shape[:2], 1, 1))
    of = _ways(each, in_slice)
    found: Features = {}
    for ending, counts in _ways(counted, in_slice).items():
        found |= _named("rlm", _RUN, ending, emphases(counts, of[ending][..., 0, 0]))
    return found


def _ways(counts: Counts, in_slice: bool) -> dict[str, Counts]:
    """Matrices (slices or 1, directions, …) merged in IBSI's ways."""
    if not in_slice:
        return {"3D_avg": counts[0], "3D_comb": counts[0].sum(axis=0)}
    return {
        "2D_avg": counts,
        "2D_comb": counts.sum(axis=1),
        "2_5D_avg": counts.sum(axis=0),
        "2_5D_comb": counts.sum(axis=(0, 1)),
    }


def _zone_features(levels: Levels, distance: Levels, in_slice: bool) -> Features:
    listed = zones(levels, distance, in_slice)
    voxels = (levels > 0).sum(axis=(1, 2)).astype(np.float64)
    found: Features = {}
    for family, names, column in (("szm", _ZONE, 2), ("dzm", _DISTANCE, 3)):
        shape = (len(levels), int(levels.max()), int(listed[:, column].max()))
        counts = np.zeros(shape)
        np.add.at(counts, (listed[:, 0], listed[:, 1] - 1, listed[:, column] - 1), 1)
        for ending, matrix, of in _slices_or_volume(counts, voxels, in_slice):
            found |= _named(family, names, ending, emphases(matrix, of))
    return found


def _neighbour_features(levels: Levels, in_slice: bool, coarseness: int) -> Features:
    dependent, with_any, difference = neighbours(levels, int(levels.max()), in_slice, coarseness)
    voxels = (levels > 0).sum(axis=(1, 2)).astype(np.float64)
    found: Features = {}
    for ending, matrix, of in _slices_or_volume(dependent, voxels, in_slice):
        found |= _named("ngl", _DEPENDENCE, ending, emphases(matrix, of))
    for ending, some, differences in _slices_or_volume(with_any, difference, in_slice):
        each = [tone_difference_features(*one) for one in zip(some, differences, strict=True)]
        found |= {f"ngt_{name}_{ending}": _mean(np.array([one[name] for one in each])) for name in each[0]}
    return found


def _slices_or_volume(
    counts: Counts, beside: Counts, in_slice: bool
) -> tuple[tuple[str, Counts, Counts], ...]:
    """(ending, matrices, what lies beside them), one a slice and all together."""
    together = counts.sum(axis=0, keepdims=True), beside.sum(axis=0, keepdims=True)
    if in_slice:
        return ("2D", counts, beside), ("2_5D", *together)
    return (("3D", *together),)


def _distance_to_edge(region: Mask, in_slice: bool) -> Levels:
    """Steps through faces to the outside, 1 at the edge; the image's edge is one."""
    padded = np.pad(region, 1)
    if not in_slice:
        steps = ndimage.distance_transform_cdt(padded, metric="taxicab")
    else:
        steps = np.stack([ndimage.distance_transform_cdt(one, metric="taxicab") for one in padded])
    return np.ascontiguousarray(steps[1:-1, 1:-1, 1:-1], dtype=np.int32)


def _named(family: str, codes: str, ending: str, values: Mapping[str, Counts]) -> Features:
    return {
        f"{family}_{code}_{ending}": _mean(values[name])
        for code, name in zip(codes.split(), NAMES, strict=False)
    }


def _mean(values: Counts) -> float:
    """Of the matrices that hold something."""
    told = values[np.isfinite(values)] if np.ndim(values) else np.atleast_1d(values)
    return float(told.mean()) if told.size else float("nan")
