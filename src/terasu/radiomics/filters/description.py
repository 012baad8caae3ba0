"""What every filter is: a description that can be compared and printed, and that can be applied."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.radiomics.filters.boundary import Boundary, Spacing
from terasu.radiomics.regrid import Box

Array = NDArray[np.float64]
Dimensions = Literal[2, 3]
"""2: every slice for itself; 3: the volume."""


class Filter(Protocol):
    """A filter with its parameters, a frozen dataclass; the same input gives the same output."""

    @property
    def name(self) -> str:
        """What tells its features from those of other filters, letters, digits, ``_``, ``.`` and ``-``."""
        ...

    def apply(self, values: NDArray[Any], spacing_zyx_mm: Spacing, box: Box | None = None) -> Array:
        """The response map.

        Args:
            values: (z, y, x) whole image.
            spacing_zyx_mm: voxel size.
            box: where the response is wanted; everywhere if None. What is calculated does not change, only
                less of it.
        Returns:
            float64, of the image's shape, or that of the box.
        Raises:
            InputError: no volume, voxels without a size, values that are not finite in the filter's reach.
        """
        ...


def named(family: str, dimensions: int, *details: str, boundary: Boundary) -> str:
    """``family_3d_detail_…_boundary``."""
    border = boundary if isinstance(boundary, str) else f"fill{boundary:g}"
    return "_".join((family, f"{dimensions}d", *(one for one in details if one), border))


def refuse_unless(holds: bool, parameter: str, got: object, expected: str, todo: str) -> None:
    """Refuse a parameter that makes no filter."""
    if not holds:
        raise InputError(f"No filter can have this {parameter}.", got=repr(got), expected=expected, todo=todo)


def refuse_dimensions(dimensions: int) -> None:
    """Refuse what is neither slices nor a volume."""
    refuse_unless(dimensions in (2, 3), "number of dimensions", dimensions, "2 or 3", "Correct the recipe.")


def refuse_pooling(pooling: str | None) -> None:
    """Refuse a pooling that has no name here."""
    known = pooling in (None, "average", "max")
    refuse_unless(
        known, "pooling", pooling, "average, max, or None for one orientation", "Correct the recipe."
    )


def refuse_length(name: str, length_mm: float) -> None:
    """Refuse a length that is not positive."""
    positive = bool(np.isfinite(length_mm)) and length_mm > 0
    refuse_unless(positive, name, length_mm, "a positive length in mm", "Correct the recipe.")
