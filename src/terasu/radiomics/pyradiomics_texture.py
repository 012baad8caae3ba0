"""The 75 texture features of PyRadiomics."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from terasu.radiomics.cooccurrence import cooccurrence_features, maximal_correlation
from terasu.radiomics.counting import (
    Counts,
    Levels,
    Whole,
    directions,
    neighbours,
    pairs,
    runs,
    without_gaps,
    zones,
)
from terasu.radiomics.emphasis import CODES, emphases
from terasu.radiomics.pyradiomics_names import GLCM, GLDM, GLRLM, GLSZM, NGTDM
from terasu.radiomics.tone_difference import tone_difference_features

Features = dict[str, float]
_NEIGHBOURS = 27


def texture_of(levels: Levels, *, in_slice: bool = False, together: bool = False) -> dict[str, Features]:
    """Features of one region, by class.

    Args:
        levels: (z, y, x), 0 outside of the region, else 1 ….
        in_slice: neighbours in the slice only; slices are counted together.
        together: directions counted together, not averaged.
    """
    closed, present = without_gaps(levels)
    ways = directions("slice" if in_slice else "volume")
    paired = pairs(closed, ways, len(present), False)[0]
    ran = runs(closed, ways, len(present), False)[0][_through_two_voxels(closed > 0, paired, ways)]
    if together:
        paired, ran = paired.sum(axis=0, keepdims=True), ran.sum(axis=0, keepdims=True)
    gldm, ngtdm = _of_neighbours(levels, present, in_slice)
    return {
        "glcm": _glcm(paired, present),
        "gldm": gldm,
        "glrlm": _glrlm(ran, present),
        "glszm": _glszm(zones(closed, np.ones_like(closed), in_slice), present),
        "ngtdm": ngtdm,
    }


def _glcm(counts: Counts, present: Whole) -> Features:
    features = cooccurrence_features(counts, present) | {"-": maximal_correlation(counts)}
    return {name: _mean(features[code]) for name, code in GLCM.items()}


def _glrlm(counts: Counts, present: Whole) -> Features:
    lengths = np.arange(1, counts.shape[-1] + 1, dtype=np.int64)
    voxels = (counts * lengths).sum(axis=(-2, -1))
    return _coded(GLRLM, "rlm", emphases(counts, present, lengths, voxels))


def _glszm(listed: Whole, present: Whole) -> Features:
    sizes, place = np.unique(listed[:, 2], return_inverse=True)
    counts = np.zeros((len(present), len(sizes)))
    np.add.at(counts, (listed[:, 1] - 1, place), 1)
    return _coded(GLSZM, "szm", emphases(counts, present, sizes, np.array(float(listed[:, 2].sum()))))


def _of_neighbours(levels: Levels, present: Whole, in_slice: bool) -> tuple[Features, Features]:
    counted = neighbours(levels, int(present[-1]), in_slice, 0)
    dependent, _, difference = (one.sum(axis=0)[present - 1] for one in counted)
    sizes = np.arange(1, _NEIGHBOURS + 1, dtype=np.int64)
    voxels = dependent.sum(axis=1)  # PyRadiomics counts those without a neighbour too
    toned = tone_difference_features(voxels, difference, present)
    depended = emphases(dependent, present, sizes, voxels.sum())
    return _coded(GLDM, "ngl", depended), {name: toned[code] for name, code in NGTDM.items()}


def _through_two_voxels(inside: NDArray[np.bool_], paired: Counts, ways: Whole) -> NDArray[np.bool_]:
    """Of every direction: is there a line along it through more than one voxel of the region?"""
    found = np.asarray(paired.any(axis=(1, 2)))
    if found.all():
        return found
    places = np.argwhere(inside)
    for which in np.flatnonzero(~found):
        way = ways[which]
        axis = int(np.flatnonzero(way)[0])
        starts = places - (places[:, axis] * way[axis])[:, None] * way
        found[which] = len(np.unique(starts, axis=0)) < len(places)
    return found


def _coded(table: Mapping[str, str], family: str, values: Mapping[str, Counts]) -> Features:
    return {name: _mean(values[CODES[family][code]]) for name, code in table.items()}


def _mean(values: Counts) -> float:
    """Of the matrices that hold something."""
    told = values[~np.isnan(values)] if np.ndim(values) else np.atleast_1d(values)
    return float(told.mean()) if told.size else float("nan")
