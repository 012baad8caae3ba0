"""Loops of bowel above the bladder, sigmoid, and the great vessels of the pelvis."""

from __future__ import annotations

import numpy as np

from terasu.patient.phantom.anatomy import Anatomy
from terasu.patient.phantom.organs import Organs
from terasu.patient.phantom.shapes import Shape, chain, minus, outline

BOWEL_WALL_MM = 2.0
Row = tuple[float, float, float, float]


def bowel_bag(organs: Organs) -> Shape:
    """The room that the bowel has: the cavity above the dome, without bladder and rectum."""
    floor = max(8.0, organs.bladder_top_mm - 34)
    cavity = outline(
        {floor: (0, -12, 34, 34, 30), 60: (0, -14, 44, 42, 48), 130: (0, -24, 62, 34, 52)}
        if floor < 60
        else {floor: (0, -14, 42, 40, 42), 130: (0, -24, 62, 34, 52)},
        power=2.4,
    )
    return minus(cavity, organs.bladder, organs.rectum, organs.vesicles, gap_mm=1.5)


def loops(anatomy: Anatomy, organs: Organs) -> tuple[tuple[Shape, Shape | None], ...]:
    """Every loop, and its gas where there is some."""
    chance = np.random.default_rng((anatomy.seed, 23))
    found = [_sigmoid()]
    for level in range(6):
        for way in (-1.0, 1.0):
            found.append(_loop(chance, organs.bladder_top_mm * 0.55 + 14 + 25 * level, way))
    return tuple(_layers(rows, gas) for rows, gas in found)


def vessels() -> tuple[Shape, ...]:
    """Iliac and femoral arteries and veins of the left side."""
    artery = chain(
        [
            (30, 6, 128, 5),
            (42, -2, 90, 5),
            (50, -18, 55, 4.5),
            (62, -50, 12, 4.5),
            (66, -64, -20, 4.5),
            (62, -62, -60, 4.5),
            (62, -50, -200, 4),
        ]
    )
    vein = chain(
        [
            (32, 20, 128, 6.5),
            (42, 12, 90, 6.5),
            (46, -2, 55, 6),
            (50, -44, 12, 6),
            (54, -58, -20, 6),
            (54, -52, -60, 6),
            (60, -40, -200, 5),
        ]
    )
    inner = chain([(42, 8, 92, 4), (46, 36, 62, 3.5), (44, 48, 30, 3), (40, 46, 6, 2.5), (34, 34, -14, 2)])
    plexus = chain([(30, 42, 18, 2), (33, 30, -8, 2.2), (26, 26, -30, 2)])
    return artery, vein, inner, plexus


def _sigmoid() -> tuple[list[Row], float]:
    rows = [
        (0, 36, 62, 12),
        (-14, 26, 76, 12.5),
        (-4, 14, 88, 13),
        (20, 12, 86, 13),
        (40, 4, 98, 13),
        (62, -22, 128, 14),
    ]
    return [(float(x), float(y), float(z), float(r)) for x, y, z, r in rows], 6.0


def _loop(chance: np.random.Generator, level: float, way: float) -> tuple[list[Row], float]:
    """One loop that wanders on its side of the belly."""
    radius = float(chance.uniform(9.5, 13))
    x = way * (6 + 34 * np.sort(chance.random(4)))
    y = np.array([-40.0, -22, -4, 20]) + chance.uniform(-9, 9, 4)
    z = level + chance.uniform(-9, 9, 4)
    if chance.random() < 0.5:
        y = y[::-1]
    gas = radius * float(chance.choice([0.0, 0.0, 0.45, 0.62]))
    rows = [(float(a), float(b), float(c), radius) for a, b, c in zip(x, y, z, strict=True)]
    return rows, gas


def _layers(rows: list[Row], gas_mm: float) -> tuple[Shape, Shape | None]:
    wall = chain(rows)
    if gas_mm <= 0:
        return wall, None
    middle = rows[len(rows) // 2 - 1 : len(rows) // 2 + 1]
    bubble = chain([(x, y - (r - BOWEL_WALL_MM - gas_mm), z, gas_mm) for x, y, z, r in middle])
    return wall, bubble
