"""Texture in a cube around every voxel: many cubes are stacked along z and counted at once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from terasu.radiomics.counting import (
    Counts,
    Levels,
    Whole,
    directions,
    neighbours,
    runs,
    without_gaps,
    zones,
)
from terasu.radiomics.emphasis import CODES, emphases
from terasu.radiomics.pyradiomics_names import GLDM, GLRLM, GLSZM, NGTDM
from terasu.radiomics.tone_difference import tone_difference_features

Array = NDArray[np.float64]
Columns = dict[str, Array]
_NEIGHBOURS = 27


def texture_around(cubes: Levels, family: str, *, in_slice: bool, together: bool) -> Columns:
    """Features of every cube, as ``texture_of`` has them of a region.

    Args:
        cubes: (n, z, y, x), 0 outside of the region, else 1 ….
        family: ``gldm``, ``glrlm``, ``glszm`` or ``ngtdm``.
    Returns:
        PyRadiomics' name → (n,).
    """
    n, planes = cubes.shape[0], cubes.shape[1] + 1
    apart = np.pad(cubes, ((0, 0), (0, 1), (0, 0), (0, 0)))  # a plane of 0 between two cubes
    stack = np.ascontiguousarray(apart.reshape(n * planes, *cubes.shape[2:]))
    closed, present = without_gaps(stack)
    if family == "glrlm":
        return _of_runs(cubes, closed, present, in_slice, together)
    if family == "glszm":
        return _of_zones(n, planes, closed, present, in_slice)
    counted = neighbours(stack, int(present[-1]), in_slice, 0)
    dependent, _, difference = (_by_cube(one, n)[:, present - 1] for one in counted)
    voxels = dependent.sum(axis=2)
    if family == "gldm":
        sizes = np.arange(1, _NEIGHBOURS + 1, dtype=np.int64)
        return _coded(GLDM, "ngl", emphases(dependent, present, sizes, voxels.sum(axis=1)))
    toned = [tone_difference_features(*one, present) for one in zip(voxels, difference, strict=True)]
    return {name: np.array([one[code] for one in toned]) for name, code in NGTDM.items()}


def _of_runs(cubes: Levels, closed: Levels, present: Whole, in_slice: bool, together: bool) -> Columns:
    ways = directions("slice" if in_slice else "volume")
    counts = _by_cube(runs(closed, ways, len(present), True, max(cubes.shape[1:])), len(cubes))
    counts *= _through_two_voxels(cubes > 0, ways)[:, :, None, None]
    if together:
        counts = counts.sum(axis=1, keepdims=True)
    lengths = np.arange(1, counts.shape[-1] + 1, dtype=np.int64)
    values = _coded(GLRLM, "rlm", emphases(counts, present, lengths, (counts * lengths).sum(axis=(-2, -1))))
    return {name: _mean(value) for name, value in values.items()}


def _of_zones(n: int, planes: int, closed: Levels, present: Whole, in_slice: bool) -> Columns:
    listed = zones(closed, np.ones_like(closed), in_slice)
    sizes, place = np.unique(listed[:, 2], return_inverse=True)
    counts = np.zeros((n, len(present), len(sizes)))
    np.add.at(counts, (listed[:, 0] // planes, listed[:, 1] - 1, place), 1)
    voxels = (counts * sizes).sum(axis=(1, 2))
    return _coded(GLSZM, "szm", emphases(counts, present, sizes, voxels))


def _by_cube(by_slice: Counts, n: int) -> Counts:
    return np.asarray(by_slice.reshape(n, -1, *by_slice.shape[1:]).sum(axis=1))


def _through_two_voxels(inside: NDArray[np.bool_], ways: Whole) -> NDArray[np.bool_]:
    """(cubes, directions): is there a line along it through more than one voxel of the cube?"""
    flat = inside.reshape(len(inside), -1).astype(np.float64)
    shape = (inside.shape[1], inside.shape[2], inside.shape[3])
    return np.stack([(flat @ _lines(shape, tuple(way)) > 1).any(axis=1) for way in ways.tolist()], axis=1)


@lru_cache(maxsize=64)
def _lines(shape: tuple[int, int, int], way: tuple[int, int, int]) -> Array:
    """(voxels, lines): which voxel of a cube lies on which line along ``way``."""
    places, step = np.argwhere(np.ones(shape, bool)), np.array(way)
    axis = int(np.flatnonzero(step)[0])
    starts = places - (places[:, axis] * step[axis])[:, None] * step
    _, line = np.unique(starts, axis=0, return_inverse=True)
    return np.asarray(np.eye(int(line.max()) + 1)[line.ravel()], np.float64)


def _coded(table: Mapping[str, str], family: str, values: Mapping[str, Counts]) -> Columns:
    return {name: values[CODES[family][code]] for name, code in table.items()}


def _mean(values: Array) -> Array:
    """Over the directions that hold something; NaN where none does."""
    told = ~np.isnan(values)
    n, total = told.sum(axis=1), np.where(told, values, 0).sum(axis=1)
    return np.asarray(np.divide(total, n, out=np.full(len(values), np.nan), where=n > 0), np.float64)
