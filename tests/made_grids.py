"""Grids anywhere in the patient, for laws: random rotations, places and spacings."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from terasu.patient.grid import Grid

# Unit vectors of columns (i), rows (j) and slices (k) in LPS for the patient positions of DICOM
# (PS3.3 C.7.3.1.1.2), an axial series each, its slices towards the head of the gantry.
POSITIONS = {
    "HFS": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "HFP": ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),
    "HFDL": ((0, -1, 0), (1, 0, 0), (0, 0, 1)),
    "HFDR": ((0, 1, 0), (-1, 0, 0), (0, 0, 1)),
    "FFS": ((-1, 0, 0), (0, 1, 0), (0, 0, -1)),
    "FFP": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "FFDL": ((0, 1, 0), (1, 0, 0), (0, 0, -1)),
    "FFDR": ((0, -1, 0), (-1, 0, 0), (0, 0, -1)),
    "sagittal": ((0, 1, 0), (0, 0, -1), (-1, 0, 0)),
    "coronal": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
}


def direction(name: str) -> NDArray[np.float64]:
    """3 × 3 with columns i, j, k."""
    return np.array(POSITIONS[name], float).T


@st.composite
def rotations(draw: st.DrawFn) -> NDArray[np.float64]:
    """Any proper rotation, from a quaternion."""
    w, x, y, z = (draw(st.floats(-1, 1)) for _ in range(4))
    length = np.sqrt(w * w + x * x + y * y + z * z)
    if length < 0.1:
        return np.eye(3)
    w, x, y, z = (part / length for part in (w, x, y, z))
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def directions() -> st.SearchStrategy[NDArray[np.float64]]:
    """A patient position, another orthogonal plane, or an oblique one."""
    return st.one_of(st.sampled_from(sorted(POSITIONS)).map(direction), rotations())


@st.composite
def grids(draw: st.DrawFn, *, largest: tuple[int, int, int] = (4, 8, 9)) -> Grid:
    """Small grids of any place, orientation and (non-square) spacing."""
    return Grid.from_axes(
        [draw(st.integers(1, most)) for most in largest],
        spacing_zyx_mm=[draw(st.floats(0.3, 6.0)) for _ in range(3)],
        origin_lps_mm=[draw(st.floats(-600, 600)) for _ in range(3)],
        direction_lps=draw(directions()),
        frame_of_reference_uid="1.2.3",
    )
