"""What an engine of surface distances is: it turns two masks into weighted distances, both ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from terasu.errors import GeometryError, InputError

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
EngineName = Literal["mesh", "grid"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
Measure = Callable[[Mask, Mask, tuple[float, float, float]], "SurfaceDistances"]


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """How far two surfaces lie apart, point by point.

    Attributes:
        engine: that measured, ``mesh`` or ``grid``.
        there_mm, there_mm2: of every point of the reference's surface: its distance to the test's surface
            and the area that it stands for.
        back_mm, back_mm2: of every point of the test's surface, to the reference's.
    """

    engine: str
    there_mm: Floats
    there_mm2: Floats
    back_mm: Floats
    back_mm2: Floats


def surface_distances(
    reference: Mask,
    test: Mask,
    spacing_zyx_mm: tuple[float, float, float],
    *,
    engine: EngineName = "mesh",
) -> SurfaceDistances:
    """Distances between the surfaces of two masks on one grid.

    Args:
        reference, test: (z, y, x), neither empty.
        spacing_zyx_mm: of their grid.
        engine: ``mesh``, a smooth surface between the voxels (default), or ``grid``, which gives the
            values of DeepMind's surface-distance.
    Raises:
        InputError: an empty mask, or an engine that there is not.
        GeometryError: masks of different shape.
    """
    if reference.shape != test.shape:
        raise GeometryError(
            "Two masks are compared that lie on different grids.",
            got=f"{reference.shape} and {test.shape}",
            expected="one grid",
        )
    if not reference.any() or not test.any():
        raise InputError(
            "The distance to an empty mask was asked for.", expected="at least one voxel inside of both"
        )
    return _engine(engine)(reference, test, spacing_zyx_mm)


def _engine(name: str) -> Measure:
    from terasu.segment.grid_engine import grid_distances
    from terasu.segment.mesh_engine import mesh_distances

    engines: dict[str, Measure] = {"mesh": mesh_distances, "grid": grid_distances}
    if name not in engines:
        raise InputError(
            f"There is no engine of surface distances named {name!r}.",
            got=name,
            expected=" or ".join(ENGINES),
        )
    return engines[name]
