"""How far an organ reaches to the head and to the feet: apex and base are where observers differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terasu.patient.agreement import bounding_box
from terasu.patient.grid import Grid

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Extent:
    """Lowest and highest slice of an organ.

    Attributes:
        inferior_mm, superior_mm: outer faces of the first and the last slice, towards the head positive.
    """

    inferior_mm: float
    superior_mm: float

    @property
    def length_mm(self) -> float:
        """From face to face."""
        return self.superior_mm - self.inferior_mm


def extent_of(mask: Mask, grid: Grid) -> Extent:
    """Cranio-caudal extent of a mask that is not empty, along the slice axis of its grid.

    Raises:
        InputError: the mask is empty.
    """
    slices = bounding_box(mask)[0]
    thickness_mm = grid.spacing_zyx_mm[0]
    towards_head = 1.0 if grid.affine[2, 0] >= 0 else -1.0
    start_mm = float(grid.affine[:3, 3] @ grid.affine[:3, 0]) / thickness_mm * towards_head
    ends = [start_mm + towards_head * (slice_ - 0.5) * thickness_mm for slice_ in (slices.start, slices.stop)]
    return Extent(min(ends), max(ends))
