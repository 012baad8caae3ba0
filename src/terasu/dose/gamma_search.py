"""The smallest gamma around a point, searched cell by cell. Compiled; knows neither Gy nor mm.

Between its voxels a dose is trilinear. So a cell of eight voxels never leaves the range of its corners,
and is nowhere steeper than its steepest edge along each axis. Both bounds, with the distance to the cell,
rule out nearly all cells. In the others gamma² is minimised by Gauss–Newton steps, each the exact minimum of
the linearised dose within the cell; a cell that is bent by more than the dose criterion, and could by its
bound hold less than was found, is halved along each axis, and so on.

Lengths are in distance criteria and dose differences in dose criteria throughout: gamma² is the sum of
their squares.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

_FAST = {"contract", "arcp", "nsz", "reassoc"}
_STEPS = 4
_STILL = 0.003
"""A Gauss–Newton step shorter than this is the last."""
_NEARLY = 0.99
"""What could lower gamma² by less than 1 % is not searched."""
_BENT = 1.0
"""Mixed differences, in dose criteria, up to which the steps alone find the minimum of a cell."""
_SMALLEST = 1 / 16
"""A part of a cell this small is not halved again."""


def corner_range(dose: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lowest and highest corner of every cell, each (k − 1, j − 1, i − 1)."""
    low = high = dose
    for axis in range(3):
        before, after = (np.delete(one, end, axis) for one, end in ((low, -1), (low, 0)))
        low = np.minimum(before, after)
        before, after = (np.delete(one, end, axis) for one, end in ((high, -1), (high, 0)))
        high = np.maximum(before, after)
    return low, high


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def search(
    judged: NDArray[np.int64],
    reference: Any,
    onto: NDArray[np.float64],
    evaluated: Any,
    ranges: Any,
    neighbours: Any,
    scale: Any,
    criteria: Any,
) -> NDArray[np.float32]:
    """Gamma of reference voxels.

    Args:
        judged: (n,) flat indices of the reference voxels.
        reference: (k, j, i) reference dose.
        onto: 3 × 4, maps the reference's (k, j, i, 1) to a fractional index of ``evaluated``.
        evaluated: (k, j, i) dose, at least two voxels along each axis.
        ranges: ``corner_range(evaluated)``.
        neighbours: cells around a point as offsets (m, 3), and the smallest squared length that each
            can have (m,), rising.
        scale: size of an evaluated voxel along each axis, in distance criteria.
        criteria: dose criterion; its part of the voxel's own dose (used if the first is 0); largest gamma.
    Returns:
        (n,) gamma, NaN beyond the outer edges of the evaluated voxels.
    """
    low, high = ranges
    offsets, nearest = neighbours
    n0, n1, n2 = low.shape
    rows, columns = reference.shape[1], reference.shape[2]
    found = np.empty(len(judged), np.float32)
    for m in range(len(judged)):
        row = judged[m] // columns
        k, j, i = row // rows, row % rows, judged[m] % columns
        p0, p1, p2 = _place(onto, 0, k, j, i), _place(onto, 1, k, j, i), _place(onto, 2, k, j, i)
        if not (_covers(p0, n0) and _covers(p1, n1) and _covers(p2, n2)):
            found[m] = np.nan
            continue
        b0, b1, b2 = _cell(p0, n0), _cell(p1, n1), _cell(p2, n2)
        wanted = float(reference[k, j, i])
        per_criterion = 1.0 / (criteria[0] if criteria[0] > 0 else criteria[1] * wanted)
        here = (p0 - b0, p1 - b1, p2 - b2)
        corners = _differences(_corners(evaluated, b0, b1, b2), wanted, per_criterion)
        best = min(criteria[2] * criteria[2], _nearest_place(corners, here, scale))
        bent = True
        for round_ in range(2):  # the bent cells again, once all others have said how near the minimum is
            if not bent:
                break
            bent = False
            for o in range(len(offsets)):
                if nearest[o] >= best:
                    break
                c0, c1, c2 = b0 + offsets[o, 0], b1 + offsets[o, 1], b2 + offsets[o, 2]
                if c0 < 0 or c1 < 0 or c2 < 0 or c0 >= n0 or c1 >= n1 or c2 >= n2:
                    continue
                at = (p0 - c0, p1 - c1, p2 - c2)
                gap2 = _gap2(at, scale)
                if gap2 >= best:
                    continue
                missed = max(low[c0, c1, c2] - wanted, wanted - high[c0, c1, c2], 0.0) * per_criterion
                if gap2 + missed * missed < best:
                    corners = _differences(_corners(evaluated, c0, c1, c2), wanted, per_criterion)
                    best, left = _whole_cell(corners, at, scale, best, round_ == 1)
                    bent = bent or left
        found[m] = math.sqrt(best)
    return found


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _place(onto: Any, axis: int, k: int, j: int, i: int) -> Any:
    return onto[axis, 0] * k + onto[axis, 1] * j + onto[axis, 2] * i + onto[axis, 3]


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _covers(place: float, cells: int) -> Any:
    """Within the outer voxel edges, rounding forgiven."""
    return -0.501 <= place <= cells + 0.501


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _cell(place: float, cells: int) -> Any:
    return min(max(math.floor(place), 0), cells - 1)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _corners(dose: Any, k: int, j: int, i: int) -> Any:
    return (
        dose[k, j, i],
        dose[k, j, i + 1],
        dose[k, j + 1, i],
        dose[k, j + 1, i + 1],
        dose[k + 1, j, i],
        dose[k + 1, j, i + 1],
        dose[k + 1, j + 1, i],
        dose[k + 1, j + 1, i + 1],
    )


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _differences(c: Any, wanted: float, per_criterion: float) -> Any:
    """Corners as dose differences, in criteria."""
    f = per_criterion
    return (
        (c[0] - wanted) * f,
        (c[1] - wanted) * f,
        (c[2] - wanted) * f,
        (c[3] - wanted) * f,
        (c[4] - wanted) * f,
        (c[5] - wanted) * f,
        (c[6] - wanted) * f,
        (c[7] - wanted) * f,
    )


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _gap2(at: Any, scale: Any) -> Any:
    """Squared length from a point to the unit cell."""
    total = 0.0
    for axis in range(3):
        gap = max(-at[axis], at[axis] - 1.0, 0.0) * scale[axis]
        total += gap * gap
    return total


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _least(c: Any, at: Any, scale: Any) -> Any:
    """A gamma² that no place of the cell is below.

    From the place nearest to the point the difference can shrink no faster than the steepest edges allow in
    the directions that stay within the cell; the minimum over a plane that steep is known.
    """
    k, j, i = _held(at[0], 0.0, 1.0), _held(at[1], 0.0, 1.0), _held(at[2], 0.0, 1.0)
    miss = _value(c, k, j, i)
    sign = 1.0 if miss > 0 else -1.0
    steep = (
        _fall(sign, k, c[4] - c[0], c[5] - c[1], c[6] - c[2], c[7] - c[3]) / scale[0],
        _fall(sign, j, c[2] - c[0], c[3] - c[1], c[6] - c[4], c[7] - c[5]) / scale[1],
        _fall(sign, i, c[1] - c[0], c[3] - c[2], c[5] - c[4], c[7] - c[6]) / scale[2],
    )
    slope2 = steep[0] * steep[0] + steep[1] * steep[1] + steep[2] * steep[2]
    return _gap2(at, scale) + miss * miss / (1.0 + slope2)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _fall(sign: float, place: float, a: float, b: float, c: float, d: float) -> Any:
    """How fast a difference of this sign can shrink along an axis with these four edges."""
    up, down = 0.0, 0.0
    if place < 1.0:
        up = max(-sign * a, -sign * b, -sign * c, -sign * d)
    if place > 0.0:
        down = max(sign * a, sign * b, sign * c, sign * d)
    return max(up, down, 0.0)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _bend(c: Any) -> Any:
    """How far a trilinear cell is from a linear one: the sum of its mixed differences."""
    jk, ik = c[0] - c[2] - c[4] + c[6], c[0] - c[1] - c[4] + c[5]
    ij = c[0] - c[1] - c[2] + c[3]
    ijk = ij - c[4] + c[5] + c[6] - c[7]
    return abs(jk) + abs(ik) + abs(ij) + abs(ijk)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _nearest_place(c: Any, at: Any, scale: Any) -> Any:
    """gamma² at the place of the cell that is nearest to the point."""
    miss = _value(c, _held(at[0], 0.0, 1.0), _held(at[1], 0.0, 1.0), _held(at[2], 0.0, 1.0))
    return _gap2(at, scale) + miss * miss


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _whole_cell(corners: Any, at: Any, scale: Any, best: float, thoroughly: bool) -> Any:
    """The smaller of ``best`` and the smallest gamma² of a cell, sought no further away than ``best``.

    And whether more may be found by searching thoroughly.
    """
    reach = math.sqrt(best)
    k0, k1 = _held(at[0] - reach / scale[0], 0.0, 1.0), _held(at[0] + reach / scale[0], 0.0, 1.0)
    j0, j1 = _held(at[1] - reach / scale[1], 0.0, 1.0), _held(at[1] + reach / scale[1], 0.0, 1.0)
    i0, i1 = _held(at[2] - reach / scale[2], 0.0, 1.0), _held(at[2] + reach / scale[2], 0.0, 1.0)
    k, j, i = k1 - k0, j1 - j0, i1 - i0
    if k <= 0.0 or j <= 0.0 or i <= 0.0:
        return best, False
    c = _part(corners, (k0, j0, i0), (k1, j1, i1))
    at = ((at[0] - k0) / k, (at[1] - j0) / j, (at[2] - i0) / i)
    scale = (scale[0] * k, scale[1] * j, scale[2] * i)
    missed = max(min(c), -max(c), 0.0)
    if _gap2(at, scale) + missed * missed >= best:
        return best, False
    least = _least(c, at, scale)
    if least >= _NEARLY * best:
        return best, False
    best = _minimum(c, at, scale, best)
    if least >= _NEARLY * best or _bend(c) <= _BENT:
        return best, False
    if not thoroughly:
        return best, True
    return _in_halves(c, at, scale, best), False


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _in_halves(corners: Any, at: Any, scale: Any, best: float) -> Any:
    stack = [(corners, 0.0, 0.0, 0.0, 1.0)]
    while len(stack) > 0:
        whole, k, j, i, size = stack.pop()
        half = size / 2
        scale_part = (scale[0] * half, scale[1] * half, scale[2] * half)
        for part in range(8):
            x, y, z = part >> 2, (part >> 1) & 1, part & 1
            k0, j0, i0 = k + x * half, j + y * half, i + z * half
            at_part = ((at[0] - k0) / half, (at[1] - j0) / half, (at[2] - i0) / half)
            gap2 = _gap2(at_part, scale_part)
            if gap2 >= _NEARLY * best:
                continue
            c = _part(whole, (0.5 * x, 0.5 * y, 0.5 * z), (0.5 * x + 0.5, 0.5 * y + 0.5, 0.5 * z + 0.5))
            missed = max(min(c), -max(c), 0.0)
            least = max(gap2 + missed * missed, _least(c, at_part, scale_part))
            if least >= _NEARLY * best:
                continue
            best = _minimum(c, at_part, scale_part, best)
            if half > _SMALLEST and least < _NEARLY * best and _bend(c) > _BENT:
                stack.append((c, k0, j0, i0, half))
    return best


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _part(c: Any, start: Any, end: Any) -> Any:
    """The corners of a box within a cell."""
    a, d, f = start
    b, e, g = end
    return (
        _value(c, a, d, f),
        _value(c, a, d, g),
        _value(c, a, e, f),
        _value(c, a, e, g),
        _value(c, b, d, f),
        _value(c, b, d, g),
        _value(c, b, e, f),
        _value(c, b, e, g),
    )


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _value(c: Any, k: float, j: float, i: float) -> Any:
    """A trilinear cell at a place within."""
    near = (c[0] + (c[1] - c[0]) * i) * (1 - j) + (c[2] + (c[3] - c[2]) * i) * j
    far = (c[4] + (c[5] - c[4]) * i) * (1 - j) + (c[6] + (c[7] - c[6]) * i) * j
    return near + (far - near) * k


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _slope(c: Any, k: float, j: float, i: float) -> Any:
    """Derivatives of a trilinear cell along (k, j, i)."""
    c00, c01 = c[0] + (c[1] - c[0]) * i, c[2] + (c[3] - c[2]) * i
    c10, c11 = c[4] + (c[5] - c[4]) * i, c[6] + (c[7] - c[6]) * i
    along_k = (c10 + (c11 - c10) * j) - (c00 + (c01 - c00) * j)
    along_j = (c01 - c00) * (1 - k) + (c11 - c10) * k
    near = (c[1] - c[0]) * (1 - j) + (c[3] - c[2]) * j
    far = (c[5] - c[4]) * (1 - j) + (c[7] - c[6]) * j
    return along_k, along_j, near * (1 - k) + far * k


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _minimum(c: Any, at: Any, scale: Any, best: float) -> Any:
    """Gauss–Newton from the cell's nearest place; every place visited counts."""
    low = (-at[0] * scale[0], -at[1] * scale[1], -at[2] * scale[2])
    high = (low[0] + scale[0], low[1] + scale[1], low[2] + scale[2])
    e0, e1, e2 = _held(0.0, low[0], high[0]), _held(0.0, low[1], high[1]), _held(0.0, low[2], high[2])
    for step in range(_STEPS + 1):
        k, j, i = at[0] + e0 / scale[0], at[1] + e1 / scale[1], at[2] + e2 / scale[2]
        miss = _value(c, k, j, i)
        best = min(best, e0 * e0 + e1 * e1 + e2 * e2 + miss * miss)
        if step == _STEPS:
            break
        s0, s1, s2 = _slope(c, k, j, i)
        slope = (s0 / scale[0], s1 / scale[1], s2 / scale[2])
        level = miss - slope[0] * e0 - slope[1] * e1 - slope[2] * e2
        rest = _remaining(level, slope, low, high)
        n0 = _held(-rest * slope[0], low[0], high[0])
        n1 = _held(-rest * slope[1], low[1], high[1])
        n2 = _held(-rest * slope[2], low[2], high[2])
        moved = abs(n0 - e0) + abs(n1 - e1) + abs(n2 - e2)
        e0, e1, e2 = n0, n1, n2
        if moved < _STILL and step > 0:
            break
    return best


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _held(value: float, low: float, high: float) -> Any:
    return min(max(value, low), high)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _remaining(level: float, slope: Any, low: Any, high: Any) -> Any:
    """The dose difference r that is left at the minimum of |e|² + (level + slope·e)² with e in a box.

    There every e is −r · slope, held in the box, so r is the zero of a rising, piecewise linear function:
    narrow to the piece that holds it, then it is exact.
    """
    rest = level / (1.0 + slope[0] * slope[0] + slope[1] * slope[1] + slope[2] * slope[2])
    if abs(_excess(rest, level, slope, low, high)) < 1e-9:
        return rest
    left, right = level, level
    for axis in range(3):
        a, b = slope[axis] * low[axis], slope[axis] * high[axis]
        left += min(a, b)
        right += max(a, b)
    at_left, at_right = _excess(left, level, slope, low, high), _excess(right, level, slope, low, high)
    for axis in range(3):
        if slope[axis] != 0.0:
            for bend in (-low[axis] / slope[axis], -high[axis] / slope[axis]):
                if left < bend < right:
                    value = _excess(bend, level, slope, low, high)
                    if value > 0:
                        right, at_right = bend, value
                    else:
                        left, at_left = bend, value
    if at_right - at_left <= 0.0:
        return left
    return left - at_left * (right - left) / (at_right - at_left)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _excess(r: float, level: float, slope: Any, low: Any, high: Any) -> Any:
    total = r - level
    for axis in range(3):
        total -= slope[axis] * _held(-r * slope[axis], low[axis], high[axis])
    return total
