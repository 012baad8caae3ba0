"""A grid as DICOM describes planes: position, orientation and spacing of one slice.

Source: DICOM PS3.3 section C.7.6.2 (Image Plane).
"""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from terasu.dicom.decimal import ds_text
from terasu.patient.grid import Grid


def slices_along_normal(grid: Grid) -> list[int]:
    """Slice numbers in ascending order along row direction × column direction.

    A grid may be left-handed; planes in a file are always sorted along their normal.
    """
    across = grid.affine[:3, 0] @ np.cross(grid.affine[:3, 2], grid.affine[:3, 1])
    order = list(range(grid.shape_zyx[0]))
    return order if across > 0 else order[::-1]


def add_plane(data: Dataset, grid: Grid, k: int) -> None:
    """Image Position and Orientation (Patient) and Pixel Spacing of slice ``k``."""
    data.ImagePositionPatient = [ds_text(value) for value in grid.to_lps_mm([k, 0, 0])]
    directions = grid.direction_lps
    data.ImageOrientationPatient = [ds_text(value) for value in (*directions[:, 0], *directions[:, 1])]
    data.PixelSpacing = [ds_text(value) for value in grid.spacing_zyx_mm[1:]]
