"""Pelvis and femora; the origin lies between the centres of the femoral heads. Measures in mm.

Proportions after Gray's Anatomy and after what axial CT of the male pelvis shows.
"""

from __future__ import annotations

import numpy as np

from terasu.patient.phantom.shapes import (
    F32,
    Shape,
    both,
    chain,
    ellipsoid,
    grown,
    loft,
    minus,
    mirrored,
    union,
)

HEAD_LPS_MM = (88.0, 0.0, 0.0)
HEAD_RADIUS_MM = 24.5
JOINT_RADIUS_MM = 27.5


def femur() -> Shape:
    """The left femur from its head to below the lesser trochanter."""
    return union(
        femoral_head(),
        chain([(92, 2, -4, 17), (116, 10, -30, 15.5), (124, 10, -48, 16)]),
        chain([(131, 19, -8, 10), (131, 17, -22, 14), (127, 12, -48, 14)]),
        chain([(108, 15, -56, 7), (116, 8, -66, 10)]),
        chain([(124, 8, -48, 16.5), (121, -8, -95, 14.5), (118, -16, -170, 14)]),
        blend_mm=6,
    )


def femoral_head() -> Shape:
    """The left femoral head, a ball."""
    return ellipsoid(HEAD_LPS_MM, (HEAD_RADIUS_MM,) * 3)


def head_and_neck() -> Shape:
    """What is contoured as Femur_Head_L: the head and the neck to where it meets the trochanters."""
    return both(femur(), union(grown(femoral_head(), 1), chain([(92, 2, -4, 25), (108, 7, -21, 24)])))


def femoral_marrow() -> Shape:
    """The inside of the left femur: the shell is thin at the head and thick at the shaft."""
    bone = femur()

    def distance(x: F32, y: F32, z: F32) -> F32:
        shell = np.interp(z, (-90, -62, -35, 0), (6.5, 5.0, 2.2, 1.4)).astype(np.float32)
        return bone.distance(x, y, z) + shell

    return Shape(bone.low_lps_mm, bone.high_lps_mm, distance)


def stem() -> Shape:
    """A left hip prosthesis: ball, neck and stem."""
    ball = ellipsoid(HEAD_LPS_MM, (16.0,) * 3)
    return union(
        ball, chain([(92, 2, -4, 7), (116, 9, -28, 8), (123, 6, -52, 8), (120, -10, -120, 6)]), blend_mm=3
    )


def cup() -> Shape:
    """The socket of the prosthesis, a metal shell about the ball."""
    ball = ellipsoid(HEAD_LPS_MM, (29.0,) * 3)
    return both(minus(ball, ellipsoid(HEAD_LPS_MM, (25.0,) * 3)), _above_the_joint())


def _above_the_joint() -> Shape:
    """The half space at the pelvis' side of the joint, medially and above."""
    x0, y0, z0 = HEAD_LPS_MM
    u, v, w = -0.70, 0.14, 0.70

    def distance(x: F32, y: F32, z: F32) -> F32:
        return np.asarray(-2 - (x - x0) * u - (y - y0) * v - (z - z0) * w, np.float32)

    return Shape((30, -60, -60), (140, 60, 60), distance)


def joint_space() -> Shape:
    """Cartilage between head and socket."""
    return both(ellipsoid(HEAD_LPS_MM, (JOINT_RADIUS_MM,) * 3), _above_the_joint())


def hip_bone() -> Shape:
    """The left hip bone: ilium, socket, ischium and pubis."""
    ball = ellipsoid(HEAD_LPS_MM, (JOINT_RADIUS_MM,) * 3)
    socket = both(ellipsoid(HEAD_LPS_MM, (36.0, 35.0, 37.0)), _above_the_joint())
    front = chain([(78, -28, 26, 9), (67, -33, 4, 9), (54, -37, -10, 8)])
    back = chain([(84, 24, 26, 13), (70, 36, 4, 12), (64, 40, -22, 11)])
    whole = union(ilium(), socket, front, back, blend_mm=7)
    return minus(union(whole, _ischium(), _pubis(), blend_mm=5), ball)


def ilium() -> Shape:
    """The left iliac wing, a bent plate thick at both ends."""
    return loft(
        {
            18: [(74, -24, 9), (84, 0, 12), (80, 24, 12)],
            30: [(80, -32, 7), (86, -2, 9), (78, 27, 11)],
            42: [(88, -41, 6), (85, -4, 6.5), (70, 36, 10)],
            60: [(103, -49, 6), (96, 0, 4.5), (55, 66, 10)],
            80: [(115, -47, 6), (106, 5, 4.0), (52, 74, 11)],
            102: [(123, -38, 6), (113, 12, 4.0), (54, 74, 11)],
            126: [(122, -8, 5), (112, 26, 5), (72, 66, 8)],
        }
    )


def _ischium() -> Shape:
    spine = chain([(62, 44, 2, 7), (50, 55, -4, 3)])
    tuber = chain([(64, 40, -22, 11), (63, 34, -38, 11), (62, 38, -54, 13), (58, 40, -66, 9)])
    return union(spine, tuber, blend_mm=4)


def _pubis() -> Shape:
    upper = chain([(56, -36, -9, 8), (34, -41, -20, 6.5), (15, -36, -28, 8)])
    body = chain([(13.2, -36, -26, 10), (12.2, -27, -46, 9)])
    lower = chain([(13, -24, -48, 6.5), (26, 0, -60, 5), (42, 25, -67, 5), (57, 39, -66, 8)])
    return union(upper, body, lower, blend_mm=4)


def symphysis() -> Shape:
    """The disc of cartilage between the pubic bodies."""
    return loft({-48: [(0, -30, 4), (0, -22, 4)], -24: [(0, -40, 4), (0, -30, 4)]})


def sacrum() -> Shape:
    """Sacrum with its crest, apart from the hip bones by the sacroiliac joints."""
    body = loft(
        {
            14: [(0, 89, 6), (12, 88, 5)],
            28: [(0, 89, 7), (26, 87, 6)],
            42: [(0, 87, 8), (40, 83, 7)],
            60: [(0, 83, 11), (45, 77, 9)],
            80: [(0, 72, 17), (44, 69, 14)],
            100: [(0, 58, 22), (44, 60, 17)],
            130: [(0, 45, 24), (40, 52, 18)],
        }
    )
    crest = loft({36: [(0, 90, 5), (0, 95, 3)], 130: [(0, 90, 7), (0, 101, 4)]})
    return minus(mirrored(union(body, crest, blend_mm=5)), mirrored(ilium()), gap_mm=2)


def sacral_canal() -> Shape:
    """The canal behind the sacral bodies."""
    return loft(
        {40: [(-5, 92, 2), (5, 92, 2)], 60: [(-8, 92, 3), (8, 92, 3)], 130: [(-9, 82, 5), (9, 82, 5)]}
    )


def sacral_holes() -> tuple[Shape, ...]:
    """The left foramina, filled with fat and nerves."""
    return tuple(ellipsoid((26 + 0.05 * z, 90 - 0.18 * z, z), (4, 12, 4)) for z in (52.0, 76.0, 101.0))


def coccyx() -> Shape:
    """The coccyx."""
    return chain([(0, 89, 14, 6), (0, 87, 2, 5), (0, 82, -10, 4), (0, 77, -17, 3)])
