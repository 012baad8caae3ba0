"""The form of one contour: how much, how long, in how many pieces, how smooth from slice to slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.patient.agreement import bounding_box
from terasu.patient.grid import Grid
from terasu.patient.structures import Mask
from terasu.segment.extent import extent_of
from terasu.segment.surface_net import mesh_of

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Form:
    """Of a mask that is not empty.

    Attributes:
        volume_cc, length_mm: length from the first slice to the last.
        mean_section_cm2: volume by length.
        sphericity: 1 for a ball, smaller the more surface a volume has.
        elongation: longest by shortest principal axis.
        pieces: separate ones, corners joining.
        stray_percent: of the volume, outside of the largest piece.
        missing_slices: empty ones between the first and the last.
        hole_percent: of the volume, enclosed within slices.
        jump_mm: largest shift of the centre from one slice to the next, both ends left out.
        at_the_end: True if the mask reaches the first or the last slice of the image.
    """

    volume_cc: float
    length_mm: float
    mean_section_cm2: float
    sphericity: float
    elongation: float
    pieces: int
    stray_percent: float
    missing_slices: int
    hole_percent: float
    jump_mm: float
    at_the_end: bool


def form_of(mask: Mask, grid: Grid) -> Form:
    """Measure the form of one contour.

    Raises:
        InputError: the mask is empty.
    """
    box = bounding_box(mask)
    inner = mask[box]
    voxels = np.count_nonzero(inner)
    volume_mm3 = voxels * grid.voxel_volume_mm3
    length_mm = extent_of(mask, grid).length_mm
    sizes = _piece_sizes(inner)
    return Form(
        volume_mm3 / 1000,
        length_mm,
        volume_mm3 / length_mm / 100,
        _sphericity(inner, grid.spacing_zyx_mm, volume_mm3),
        _elongation(inner, grid.spacing_zyx_mm),
        len(sizes),
        100 * (1 - float(sizes.max()) / voxels),
        int(np.count_nonzero(~inner.any(axis=(1, 2)))),
        100 * _hole_voxels(inner) / voxels,
        _jump_mm(inner, grid.spacing_zyx_mm),
        box[0].start == 0 or box[0].stop == mask.shape[0],
    )


def _piece_sizes(mask: Mask) -> NDArray[np.int64]:
    labels, _ = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    return np.asarray(np.bincount(labels.ravel())[1:], dtype=np.int64)


def _hole_voxels(mask: Mask) -> int:
    cross = ndimage.generate_binary_structure(2, 1)
    return sum(int(np.count_nonzero(ndimage.binary_fill_holes(one, cross) & ~one)) for one in mask)


def _sphericity(mask: Mask, spacing_zyx_mm: tuple[float, float, float], volume_mm3: float) -> float:
    """Source: Wadell 1935, doi 10.1086/624298."""
    area_mm2 = mesh_of(mask, spacing_zyx_mm).vertex_areas_mm2().sum()
    return float(np.pi ** (1 / 3) * (6 * volume_mm3) ** (2 / 3) / area_mm2)


def _elongation(mask: Mask, spacing_zyx_mm: tuple[float, float, float]) -> float:
    """A voxel's own width belongs to the spread, so that one voxel has an axis too."""
    points_mm = np.argwhere(mask) * np.asarray(spacing_zyx_mm)
    spread = np.atleast_2d(np.cov(points_mm.T, bias=True)) + np.diag(np.square(spacing_zyx_mm) / 12)
    axes = np.sqrt(np.linalg.eigvalsh(spread))
    return float(axes[-1] / axes[0])


def _jump_mm(mask: Mask, spacing_zyx_mm: tuple[float, float, float]) -> float:
    filled = np.flatnonzero(mask.any(axis=(1, 2)))[1:-1]
    if len(filled) < 2:
        return 0.0
    centres_mm = np.array([np.argwhere(mask[k]).mean(axis=0) for k in filled]) * spacing_zyx_mm[1:]
    return float(np.linalg.norm(np.diff(centres_mm, axis=0), axis=1).max())
