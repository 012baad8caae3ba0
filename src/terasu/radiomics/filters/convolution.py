"""Convolution with kernels that are a product of three, one along each axis, and its turns by right angles.

A kernel here has an odd number of taps, its middle tap is at the voxel.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from terasu.radiomics.filters.boundary import Boundary, extended
from terasu.radiomics.regrid import Box

Array = NDArray[np.float64]
Pooling = Literal["average", "max"]
"""How responses in several orientations become one (IBSI-2, pseudo-rotational invariance)."""

ALONE: Array = np.ones(1)  # leaves an axis as it is


def convolved(values: NDArray[Any], kernels_zyx: Sequence[Array], box: Box, boundary: Boundary) -> Array:
    """The image convolved along every axis, inside of ``box``."""
    z, y, x = (len(kernel) // 2 for kernel in kernels_zyx)
    return _inside(extended(values, box, (z, y, x), boundary), kernels_zyx)


def in_all_turns(
    values: NDArray[Any],
    kernels_xyz: Sequence[Array],
    box: Box,
    boundary: Boundary,
    pooling: Pooling | None,
) -> Array:
    """The response to a product of kernels, pooled over its turns by right angles.

    Args:
        kernels_xyz: along x and y, and z for a filter in 3-D.
        pooling: over the 24 turns in 3-D, the 4 in a slice; None for no turn.
    """
    half = max(len(kernel) // 2 for kernel in kernels_xyz)
    kernels = [np.pad(kernel, half - len(kernel) // 2) for kernel in kernels_xyz]
    block = extended(values, box, (half if len(kernels) == 3 else 0, half, half), boundary)
    if pooling is None:
        return _inside(block, _zyx(kernels))
    if pooling == "average":
        found = [weight * _inside(block, _zyx(one)) for weight, one in _invariant_part(kernels)]
        return np.sum(found, axis=0) if found else np.zeros([one.stop - one.start for one in box])
    return _highest(block, kernels)


def _highest(block: Array, kernels: Sequence[Array]) -> Array:
    highest: Array | None = None
    for signs, one in _turned(kernels):
        response = _inside(block, _zyx(one))
        for sign in signs:
            highest = sign * response if highest is None else np.maximum(highest, sign * response)
    assert highest is not None  # there is always the turn by nothing
    return highest


def _zyx(kernels_xyz: Sequence[Array]) -> list[Array]:
    return [*([ALONE] * (3 - len(kernels_xyz))), *reversed(kernels_xyz)]


def _invariant_part(kernels: Sequence[Array]) -> list[tuple[float, list[Array]]]:
    """Products of kernels, weighted, whose sum is the mean over all turns.

    Every kernel is an even and an odd part. Turning mirrors an even number of axes for an even exchange of
    axes and an odd number for an odd one, so in the mean only the product of all even parts stays, and that
    of all odd parts with the sign of the exchange.
    """
    found: dict[bytes, tuple[float, list[Array]]] = {}
    for sign, name in ((1, b"even"), (-1, b"odd")):
        parts = [(kernel + sign * kernel[::-1]) / 2 + 0.0 for kernel in kernels]  # + 0.0: no minus zero
        for order in itertools.permutations(range(len(parts))):
            chosen = [parts[i] for i in order]
            key = name + b"".join(kernel.tobytes() for kernel in chosen)
            weight = _parity(order) if sign < 0 else 1
            found[key] = (found.get(key, (0.0, chosen))[0] + weight, chosen)
    turns = math.factorial(len(kernels))
    return [
        (weight / turns, chosen)
        for weight, chosen in found.values()
        if weight and all(kernel.any() for kernel in chosen)
    ]


def _turned(kernels: Sequence[Array]) -> list[tuple[set[int], list[Array]]]:
    """Every product of kernels that a turn makes, once, with the signs that it comes with."""
    found: dict[bytes, tuple[set[int], list[Array]]] = {}
    for order in itertools.permutations(range(len(kernels))):
        for mirrored in itertools.product((False, True), repeat=len(kernels)):
            if (-1 if sum(mirrored) % 2 else 1) != _parity(order):
                continue
            sign, chosen = 1, []
            for i, flip in zip(order, mirrored, strict=True):
                odd = flip and np.array_equal(kernels[i][::-1], -kernels[i])
                sign = -sign if odd else sign
                chosen.append(kernels[i][::-1] if flip and not odd else kernels[i])
            key = b"".join(kernel.tobytes() for kernel in chosen)
            found.setdefault(key, (set(), chosen))[0].add(sign)
    return list(found.values())


def _parity(order: Sequence[int]) -> int:
    return -1 if sum(a > b for a, b in itertools.combinations(order, 2)) % 2 else 1


def _inside(block: Array, kernels_zyx: Sequence[Array]) -> Array:
    """Convolution where the kernels do not reach beyond the block: half their length is lost on each side."""
    for axis, kernel in enumerate(kernels_zyx):
        if len(kernel) == 1:
            block = block if kernel[0] == 1 else block * kernel[0]
            continue
        shape = block.shape
        flat = block.reshape(math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :]))
        found = np.empty((flat.shape[0], shape[axis] - len(kernel) + 1, flat.shape[2]))
        _weigh(flat, np.ascontiguousarray(kernel[::-1], dtype=np.float64), found)
        block = found.reshape(*shape[:axis], found.shape[1], *shape[axis + 1 :])
    return block


@njit(cache=True, nogil=True)
def _weigh(values: Any, taps: Any, found: Any) -> None:
    """found[o, j, i] = sum of taps[m] values[o, j + m, i]; the innermost loop runs where memory does."""
    for o in range(found.shape[0]):
        if found.shape[2] == 1:
            for j in range(found.shape[1]):
                found[o, j, 0] = taps[0] * values[o, j, 0]
            for m in range(1, len(taps)):
                for j in range(found.shape[1]):
                    found[o, j, 0] += taps[m] * values[o, j + m, 0]
            continue
        for j in range(found.shape[1]):
            for i in range(found.shape[2]):
                found[o, j, i] = taps[0] * values[o, j, i]
            for m in range(1, len(taps)):
                for i in range(found.shape[2]):
                    found[o, j, i] += taps[m] * values[o, j + m, i]
