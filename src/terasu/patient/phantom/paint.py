"""From shapes to HU on a grid: soft borders, muscles with fat between them, slab by slab."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from terasu.patient.grid import Grid
from terasu.patient.phantom import tissue
from terasu.patient.phantom.anatomy import Anatomy
from terasu.patient.phantom.body import SKIN_MM, body, couch_top_mm
from terasu.patient.phantom.frame import box_of, coordinates, cut, in_slabs
from terasu.patient.phantom.layers import Layer, layers_of
from terasu.patient.phantom.muscles import MUSCLES, REACH_MM, SEPTUM_MM
from terasu.patient.phantom.shapes import F32, Shape, flipped, grown
from terasu.patient.phantom.texture import add_texture

_FAR_MM = 40.0
Place = tuple[F32, F32, F32]


def paint(anatomy: Anatomy, grid: Grid) -> F32:
    """HU of the patient and the couch on a grid, without noise, (z, y, x) float32."""
    hu = np.empty(grid.shape_zyx, np.float32)
    outside, layers = body(anatomy), layers_of(anatomy)
    _, rows, columns = grid.shape_zyx

    def fill(start: int, stop: int) -> None:
        slab = grid.crop((start, 0, 0), (stop, rows, columns))
        hu[start:stop] = _couch(anatomy, slab)
        _paint_slab(anatomy, outside, layers, slab, hu[start:stop])

    in_slabs(fill, grid.shape_zyx)
    return hu


def _paint_slab(anatomy: Anatomy, outside: Shape, layers: Sequence[Layer], grid: Grid, hu: F32) -> None:
    box = box_of(outside, grid, anatomy)
    if box is None:
        return
    part = grid.crop([one.start for one in box], [one.stop for one in box])
    place = coordinates(part, anatomy)
    steps = part.spacing_zyx_mm
    pixel, slice_mm = min(steps) / anatomy.size, max(steps) / anatomy.size
    skin = outside.distance(*place)
    found = np.full(part.shape_zyx, tissue.SKIN.hu, np.float32)
    _mix(found, _share(skin + SKIN_MM, pixel), tissue.FAT.hu)
    _mix(found, _muscle(anatomy, part, place, pixel), tissue.MUSCLE.hu)
    for layer in layers:
        _add(layer, anatomy, part, place, found, pixel, slice_mm)
    add_texture(anatomy, found, *place)
    # Last, so that nothing can stick out of the skin.
    around = hu[box]
    around += _share(skin, pixel) * (found - around)


def _add(
    layer: Layer, anatomy: Anatomy, part: Grid, place: Place, hu: F32, pixel: float, slice_mm: float
) -> None:
    box = box_of(layer.shape, part, anatomy)
    if box is None:
        return
    x, y, z = (cut(one, box) for one in place)
    steps = (-slice_mm / 4, slice_mm / 4) if slice_mm > 1.6 * pixel else (0.0,)
    distances = [layer.shape.distance(x, y, z + np.float32(step)) for step in steps]
    for depth, kind in layer.shells:
        share = _share(distances[0] + np.float32(depth), pixel)
        for one in distances[1:]:
            share += _share(one + np.float32(depth), pixel)
        _mix(hu[box], share / np.float32(len(steps)), kind.hu)


def _muscle(anatomy: Anatomy, part: Grid, place: Place, pixel: float) -> F32:
    """Share of muscle: each grows until it meets its neighbour, and a septum of fat stays between them."""
    nearest, second = (np.full(part.shape_zyx, _FAR_MM, np.float32) for _ in range(2))
    for shape, reach in MUSCLES:
        for side in (shape, flipped(shape)):
            box = box_of(grown(side, REACH_MM), part, anatomy)
            if box is None:
                continue
            found = side.distance(*(cut(one, box) for one in place)) - np.float32(reach)
            near, next_best = nearest[box], second[box]
            np.minimum(next_best, np.maximum(near, found), out=next_best)
            np.minimum(near, found, out=near)
    return np.minimum(_share(nearest, pixel), _share(SEPTUM_MM - (second - nearest), 2 * pixel))


def _share(distance: F32, width_mm: float) -> F32:
    """Share of a voxel that lies inside: a ramp of one pixel's width."""
    return np.asarray(np.clip(0.5 - distance / np.float32(width_mm), 0, 1), dtype=np.float32)


def _mix(hu: F32, share: F32, other_hu: float) -> None:
    hu += share * (np.float32(other_hu) - hu)


def _couch(anatomy: Anatomy, grid: Grid) -> NDArray[np.float32]:
    """Carbon fibre about foam, flat, under the patient, 49 cm wide; air elsewhere."""
    row, column = (np.arange(n) for n in grid.shape_zyx[1:])
    below = grid.to_lps_mm(np.stack([0 * row, row, 0 * row], axis=-1))[:, 1] - couch_top_mm(anatomy)
    aside = np.abs(grid.to_lps_mm(np.stack([0 * column, 0 * column, column], axis=-1))[:, 0])
    plane = np.full((len(row), len(column)), tissue.AIR.hu, np.float32)
    for shell, kind in ((0.0, tissue.COUCH_SHELL), (2.0, tissue.COUCH_FOAM)):
        deep = np.maximum(np.abs(below[:, None] - 25) - 25, aside[None, :] - 245) + shell
        _mix(plane, _share(deep.astype(np.float32), grid.spacing_zyx_mm[1]), kind.hu)
    return plane
