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
from terasu.radiomics.tone_difference import tone_difference_features

Mask = NDArray[np.bool_]
Features = dict[str, float]
Reach = Literal["slice", "volume", "both"]
_IN_SLICE = {"slice": (True,), "volume": (False,), "both": (True, False)}


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
    closed, present = without_gaps(levels)
    found: Features = {}
    for in_slice in _IN_SLICE[reach]:
        found |= _pair_features(closed, present, in_slice) | _run_features(closed, present, in_slice)
        found |= _zone_features(closed, present, _distance_to_edge(region, in_slice), in_slice)
        found |= _neighbour_features(levels, present, in_slice, coarseness)
    return found


def _pair_features(closed: Levels, present: Whole, in_slice: bool) -> Features:
    counted = pairs(closed, directions("slice" if in_slice else "volume"), len(present), in_slice)
    found: Features = {}
    for ending, counts in _ways(counted, in_slice).items():
        features = cooccurrence_features(counts, present)
        found |= {f"cm_{name}_{ending}": _mean(values) for name, values in features.items()}
    return found


def _run_features(closed: Levels, present: Whole, in_slice: bool) -> Features:
    counted = runs(closed, directions("slice" if in_slice else "volume"), len(present), in_slice)
    voxels = (closed > 0).sum(axis=(1, 2) if in_slice else None).astype(np.float64)
    each = np.broadcast_to(np.reshape(voxels, (-1, 1, 1, 1)), (*counted.shape[:2], 1, 1))
    of = _ways(each, in_slice)
    lengths = _up_to(counted.shape[-1])
    found: Features = {}
    for ending, counts in _ways(counted, in_slice).items():
        found |= _named("rlm", ending, emphases(counts, present, lengths, of[ending][..., 0, 0]))
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


def _zone_features(closed: Levels, present: Whole, distance: Levels, in_slice: bool) -> Features:
    listed = zones(closed, distance, in_slice)
    voxels = (closed > 0).sum(axis=(1, 2)).astype(np.float64)
    found: Features = {}
    for family, column in (("szm", 2), ("dzm", 3)):
        sizes, place = np.unique(listed[:, column], return_inverse=True)
        counts = np.zeros((len(closed), len(present), len(sizes)))
        np.add.at(counts, (listed[:, 0], listed[:, 1] - 1, place), 1)
        for ending, matrix, of in _slices_or_volume(counts, voxels, in_slice):
            found |= _named(family, ending, emphases(matrix, present, sizes, of))
    return found


def _neighbour_features(levels: Levels, present: Whole, in_slice: bool, coarseness: int) -> Features:
    counted = neighbours(levels, int(present[-1]), in_slice, coarseness)
    dependent, with_any, difference = (one[:, present - 1] for one in counted)
    voxels = (levels > 0).sum(axis=(1, 2)).astype(np.float64)
    found: Features = {}
    for ending, matrix, of in _slices_or_volume(dependent, voxels, in_slice):
        found |= _named("ngl", ending, emphases(matrix, present, _up_to(27), of))
    for ending, some, differences in _slices_or_volume(with_any, difference, in_slice):
        each = [tone_difference_features(*one, present) for one in zip(some, differences, strict=True)]
        found |= {f"ngt_{name}_{ending}": _mean(np.array([one[name] for one in each])) for name in each[0]}
    return found


def _up_to(n: int) -> Whole:
    return np.arange(1, n + 1, dtype=np.int64)


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


def _named(family: str, ending: str, values: Mapping[str, Counts]) -> Features:
    return {f"{family}_{code}_{ending}": _mean(values[name]) for code, name in CODES[family].items()}


def _mean(values: Counts) -> float:
    """Of the matrices that hold something."""
    told = values[np.isfinite(values)] if np.ndim(values) else np.atleast_1d(values)
    return float(told.mean()) if told.size else float("nan")
