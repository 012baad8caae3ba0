"""Small made images and regions of awkward shapes; numpy only, so that another environment can read it."""

from __future__ import annotations

import numpy as np


def regions() -> dict[str, tuple[np.ndarray, np.ndarray, tuple[float, float, float]]]:
    """Name → image (z, y, x) int16, region, voxel size (z, y, x) [mm]."""
    return {
        "blob": _case(1, (9, 12, 11), _ball(4.2)),
        "one_slice": _case(2, (6, 10, 9), _slice),
        "one_line": _case(3, (5, 9, 8), _line),
        "scattered": _case(4, (8, 9, 10), _scattered),
        "touching_corners": _case(5, (8, 8, 8), _checkers),
        "at_the_border": _case(6, (7, 9, 11), lambda shape: np.indices(shape).sum(axis=0) < 8),
        "few_levels": _case(7, (8, 9, 9), _ball(3.5), spread=30),
        "flat": _case(8, (6, 7, 8), _ball(2.6), spread=0),
    }


def _case(seed, shape, region, spread=400):
    values = np.random.default_rng(seed).normal(40, spread / 3, shape)
    smooth = (values + np.roll(values, 1, 0) + np.roll(values, 1, 1) + np.roll(values, 1, 2)) / 2
    return np.rint(smooth).astype(np.int16), np.asarray(region(shape), bool), (2.5, 0.9, 1.1)


def _ball(radius):
    def inside(shape):
        middle = [(n - 1) / 2 for n in shape]
        away = sum((one - m) ** 2 for one, m in zip(np.indices(shape), middle, strict=True))
        return away <= radius**2

    return inside


def _slice(shape):
    found = np.zeros(shape, bool)
    found[2, 2:8, 1:7] = True
    found[2, 4, 3] = False
    return found


def _line(shape):
    found = np.zeros(shape, bool)
    found[2, 1:8, 4] = True
    return found


def _scattered(shape):
    found = np.random.default_rng(40).random(shape) < 0.08
    found[0] = found[-1] = False
    return found


def _checkers(shape):
    found = np.indices(shape).sum(axis=0) % 2 == 0
    found[:2] = found[6:] = False
    return found


def voxel_regions():
    """Name → values, region, spacing (z, y, x), radius of the cube, settings of PyRadiomics."""
    rng = np.random.default_rng(11)
    smooth = np.repeat(np.repeat(rng.integers(0, 5, (4, 4, 4)), 2, axis=1), 2, axis=2) * 30.0
    smooth[:2, :4, :4] = 60.0  # some cubes are flat
    noise = rng.normal(0, 60, (5, 6, 6)).round()
    ball = np.zeros((4, 8, 8), bool)
    ball[0:3, 1:6, 1:5] = True
    ball[1, 3, 3] = False
    ball[3, 7, 7] = True  # a voxel on its own
    part = np.zeros((5, 6, 6), bool)
    part[1:4, 1:4, 1:5] = True
    spacing = (3.0, 1.0, 1.0)
    return {
        "smooth": (smooth, ball, spacing, 1, {}),
        "noise": (noise, part, spacing, 1, {}),
        "noise, radius 2": (noise, part, spacing, 2, {}),
        "noise, in slice": (noise, part, spacing, 1, {"force2D": True}),
        "smooth, together": (smooth, ball, spacing, 1, {"weightingNorm": "no_weighting"}),
    }
