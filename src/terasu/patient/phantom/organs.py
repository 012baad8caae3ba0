"""Bladder, prostate, seminal vesicles and rectum of one day, disjoint, with the volumes asked for.

How they move: gas widens the rectum, whose back is held by the sacrum, so its front wall comes forward
and pushes the seminal vesicles (much) and the prostate (less); a full bladder grows mostly upwards and
forwards and presses the vesicles down and back. The directions and sizes (a few millimetres; vesicles
about 1.5 times the prostate) follow van Herk et al., Int J Radiat Oncol Biol Phys 1995;33:1311, doi
10.1016/0360-3016(95)02116-6, and Padhani et al., ibid 1999;44:525, doi 10.1016/S0360-3016(99)00040-1;
the formulas are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from terasu.patient.phantom.anatomy import Anatomy
from terasu.patient.phantom.frame import BEND_MM, bent
from terasu.patient.phantom.shapes import Shape, both, chain, ellipsoid, grown, loft, minus, mirrored, union

WALL_MM = 3.0
_SAMPLE_MM = 2.0
_NORMAL_BLADDER_CC = 190.0


@dataclass(frozen=True, eq=False)
class Organs:
    """The organs of one day in the patient's frame.

    Attributes:
        gas: inside of the rectum, None without any.
        bladder_top_mm: z of the dome.
    """

    bladder: Shape
    prostate: Shape
    vesicles: Shape
    rectum: Shape
    lumen: Shape
    gas: Shape | None
    bladder_top_mm: float


@lru_cache(maxsize=8)
def organs_of(anatomy: Anatomy) -> Organs:
    """All organs of the pelvis on this day."""
    gas_mm = _gas_radius_mm(anatomy)
    rows = _rectum_rows(gas_mm)
    rectum, lumen = _tube(rows), _tube([(x, y, z, r - WALL_MM) for x, y, z, r in rows])
    forward = {z: (_rectum_axis(z)[0] - _rectum_axis(z)[1]) - (y - r) for _, y, z, r in rows}
    full = (anatomy.bladder_cc - _NORMAL_BLADDER_CC) / 100
    push = 0.6 * max(0.0, _near(forward, -28.0) - 1.5) - 0.4 * float(np.clip(full, -2, 2))
    prostate = _prostate(anatomy, rectum, push, drop=0.8 * float(np.clip(full, -2, 3)))
    push = 0.75 * max(0.0, _near(forward, -4.0) - 2) - 0.9 * float(np.clip(full, -2, 3))
    vesicles = minus(_vesicles(push, 0.8 * float(np.clip(full, -2, 3))), prostate, rectum, gap_mm=0.4)
    bladder, top = _bladder(anatomy, prostate, vesicles, rectum, push)
    gas = both(_gas(rows, gas_mm), grown(lumen, -0.5)) if gas_mm else None
    return Organs(bladder, prostate, vesicles, rectum, lumen, gas, top)


def volume_cc(shape: Shape, anatomy: Anatomy, *, spacing_mm: float = _SAMPLE_MM) -> float:
    """Volume of a shape of this patient [cm³], by fine sampling with soft borders."""
    low, high = np.asarray(shape.low_lps_mm) - BEND_MM - 2, np.asarray(shape.high_lps_mm) + BEND_MM + 2
    axes = [np.arange(a, b, spacing_mm, dtype=np.float32) for a, b in zip(low, high, strict=True)]
    x, y, z = axes[0][None, None, :], axes[1][None, :, None], axes[2][:, None, None]
    found = shape.distance(*bent(x, y, z, anatomy))
    share = np.clip(0.5 - found / spacing_mm, 0, 1, dtype=np.float32)
    return float(share.sum(dtype=np.float64)) * (spacing_mm * anatomy.size) ** 3 / 1000


def _fitted(make: Callable[[float], Shape], wanted_cc: float, anatomy: Anatomy, guess: float) -> float:
    """The linear size for which ``make`` gives the volume asked for."""
    size = guess
    for _ in range(6):
        found = volume_cc(make(size), anatomy)
        if abs(found / wanted_cc - 1) < 0.003:
            break
        size *= float(np.clip(wanted_cc / max(found, 1e-3), 0.3, 3.0) ** (1 / 3))
    return size


def _prostate(anatomy: Anatomy, rectum: Shape, push: float, *, drop: float) -> Shape:
    def of_size(s: float) -> Shape:
        base = ellipsoid((0, 15 - push, -32 - drop), (24.5 * s, 17.5 * s, 19.5 * s))
        apex = ellipsoid((0, 17 - push, -45 - drop - 6 * (s - 1)), (13 * s, 12 * s, 11 * s))
        return minus(union(base, apex, blend_mm=4), rectum, gap_mm=0.4)

    return of_size(_fitted(of_size, anatomy.prostate_cc, anatomy, (anatomy.prostate_cc / 38) ** (1 / 3)))


def _vesicles(push: float, drop: float) -> Shape:
    y, z = -push, -drop
    lobe = chain(
        [(4, 27 + y, -13 + z, 5), (14, 30 + y, -6 + z, 6.5), (25, 34 + y, 1 + z, 6), (36, 38 + y, 5 + z, 3.5)]
    )
    return mirrored(lobe)


def _bladder(
    anatomy: Anatomy, prostate: Shape, vesicles: Shape, rectum: Shape, push: float
) -> tuple[Shape, float]:
    """Neck and back wall stay where they are; the dome rises and the front comes forward."""

    def axes(s: float) -> tuple[float, float, float]:
        return 40 * s**0.95, 33 * s**0.65, 34 * s**1.4

    def of_size(s: float) -> Shape:
        a, b, c = axes(s)
        whole = ellipsoid((0, 25 - 0.6 * push - b, c - 15), (a, b, c))
        neck = ellipsoid((0, 4 - 0.6 * push, -10), (17, 15, 9))
        return minus(union(whole, neck, blend_mm=8), prostate, vesicles, rectum, gap_mm=0.6)

    size = _fitted(of_size, anatomy.bladder_cc, anatomy, (anatomy.bladder_cc / 180) ** (1 / 3))
    return of_size(size), 2 * axes(size)[2] - 15


_AXIS = (
    # z, y, radius of the empty rectum [mm]
    (-60.0, 57.0, 9.5),
    (-46.0, 52.0, 11.5),
    (-30.0, 48.0, 13.5),
    (-14.0, 54.0, 14.5),
    (2.0, 61.0, 14.5),
    (20.0, 64.0, 13.5),
    (38.0, 58.0, 12.5),
    (52.0, 47.0, 12.0),
    (62.0, 36.0, 12.0),
)


def _rectum_axis(z: float) -> tuple[float, float]:
    table = np.asarray(_AXIS)
    return float(np.interp(z, table[:, 0], table[:, 1])), float(np.interp(z, table[:, 0], table[:, 2]))


def _tube(rows: list[tuple[float, float, float, float]]) -> Shape:
    """A round tube that runs upwards: round on every axial slice, as it is contoured."""
    return loft({z: [(x, y, r)] for x, y, z, r in rows})


def _gas_profile_mm(z: float, gas_mm: float) -> float:
    return gas_mm * float(np.exp(-(((z + 13) / 25) ** 2)))


def _rectum_rows(gas_mm: float) -> list[tuple[float, float, float, float]]:
    """Points (x, y, z, outer radius) along the rectum, widened by gas and moved off the sacrum by it."""
    rows = []
    for z in np.linspace(_AXIS[0][0], _AXIS[-1][0], 17).tolist():
        y, empty = _rectum_axis(z)
        needed = _gas_profile_mm(z, gas_mm) + WALL_MM + 1.0
        radius = (empty**8 + needed**8) ** (1 / 8) if gas_mm else empty
        rows.append((2.5 * float(np.sin(z / 21)), y - 0.65 * (radius - empty), z, radius))
    return rows


def _gas(rows: list[tuple[float, float, float, float]], gas_mm: float) -> Shape:
    """Gas floats: in a patient on his back it lies along the front wall."""
    bubbles = []
    for x, y, z, radius in rows:
        gas = _gas_profile_mm(z, gas_mm)
        if gas > min(2.0, 0.6 * gas_mm):
            bubbles.append((x, y - 0.7 * max(0.0, radius - WALL_MM - 0.5 - gas), z, gas))
    return _tube(bubbles)


def _gas_radius_mm(anatomy: Anatomy) -> float:
    if anatomy.rectal_gas_cc <= 0.2:
        return 0.0

    def of_size(s: float) -> Shape:
        rows = _rectum_rows(s)
        return both(_gas(rows, s), _tube([(x, y, z, r - WALL_MM - 0.5) for x, y, z, r in rows]))

    return _fitted(of_size, anatomy.rectal_gas_cc, anatomy, (anatomy.rectal_gas_cc * 1000 / 98) ** 0.5)


def _near(by_z: dict[float, float], z: float) -> float:
    return by_z[min(by_z, key=lambda one: abs(one - z))]
