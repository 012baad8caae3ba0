"""The outside of the made patient: trunk, thighs, the cleft between the buttocks, and the couch's height."""

from __future__ import annotations

import numpy as np

from terasu.patient.phantom.anatomy import Anatomy
from terasu.patient.phantom.shapes import F32, Shape, chain, ellipsoid, minus, mirrored, outline, union

_FAT_DRAWN_MM = 26.0
_BACK_MM = 109.0
SKIN_MM = 2.0


def body(anatomy: Anatomy) -> Shape:
    """What is contoured as External: everything inside of the skin."""
    more = _fat_more_mm(anatomy)
    whole = union(_trunk(more), mirrored(_thigh(more)), blend_mm=14)
    whole = union(whole, _genitals(), blend_mm=6)
    return minus(_flattened(whole, back_mm(anatomy)), _cleft(back_mm(anatomy)))


def back_mm(anatomy: Anatomy) -> float:
    """Where the back ends on the couch, y in the patient's frame [mm]."""
    return _BACK_MM + 0.35 * _fat_more_mm(anatomy)


def couch_top_mm(anatomy: Anatomy) -> float:
    """Where the couch begins, y in the room [mm]; it gives way to a patient who lies rolled."""
    lean = 95.0 * np.sin(np.radians(abs(anatomy.rotation_deg)))
    return float(back_mm(anatomy) * anatomy.size + lean + anatomy.shift_lps_mm[1])


def _fat_more_mm(anatomy: Anatomy) -> float:
    return (anatomy.fat_mm - anatomy.weight_loss_mm) / anatomy.size - _FAT_DRAWN_MM


def _trunk(more: float) -> Shape:
    levels = {
        126.0: (172.0, 84.0),
        60: (181, 88),
        12: (190, 91),
        -21: (188, 88),
        -51: (184, 80),
        -78: (176, 74),
    }
    drawn = {
        z: (0.0, 15.0, a + more, front + 15 + 0.9 * more, 97 + 0.35 * more)
        for z, (a, front) in levels.items()
    }
    return outline(drawn | {190.0: drawn[126.0]}, power=2.6)


def _thigh(more: float) -> Shape:
    levels = {-30.0: (96.0, 80.0, 78.0), -78: (97, 87, 86), -120: (98, 84, 88), -220: (99, 77, 86)}
    return outline(
        {
            z: (x + more / 2, 12.0, a + more / 2, front + 12 + more / 2, 99 + more / 3)
            for z, (x, a, front) in levels.items()
        },
        power=2.4,
    )


def _genitals() -> Shape:
    root = chain([(0, -66, -56, 17), (1, -84, -84, 17), (3, -92, -112, 15)])
    return union(root, ellipsoid((0, -62, -112), (27, 24, 30)), blend_mm=8)


def _flattened(shape: Shape, back: float) -> Shape:
    """Lying on a couch: rounded off where the body would go below it."""

    def distance(x: F32, y: F32, z: F32) -> F32:
        inside, plane = shape.distance(x, y, z), y - back
        share = np.maximum(10 - np.abs(inside - plane), 0)
        return np.asarray(np.maximum(inside, plane) + share * share / 40, np.float32)

    low, high = shape.low_lps_mm, shape.high_lps_mm
    return Shape(low, (high[0], back, high[2]), distance)


def _cleft(back: float) -> Shape:
    """The fold between the buttocks: closed by the couch except at its mouth."""

    def distance(x: F32, y: F32, z: F32) -> F32:
        floor = np.interp(z, (-84, -69, -51, -21, 12, 40), (58, 74, 84, 95, 102, 112)).astype(np.float32)
        width = 0.8 + 7 * np.exp((y - back) / 5)
        return np.asarray(np.maximum(np.abs(x) - width, floor - y), np.float32)

    return Shape((-12, 50, -230), (12, back + 5, 50), distance)
