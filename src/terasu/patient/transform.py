"""How one image's space maps onto another's: rigid matrices and displacement fields, in LPS mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terasu.errors import GeometryError
from terasu.patient.grid import Grid, without_dust

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rigid:
    """A rigid map of points: ``to = matrix @ (from, 1)``.

    Attributes:
        matrix: 4 × 4, LPS mm → LPS mm, rotation and shift only.
        from_frame_uid, to_frame_uid: Frame of Reference UIDs, empty where unknown.
        origin: who says so (``identity``, ``REG object``, ``mutual information`` …).
    """

    matrix: Array
    from_frame_uid: str = ""
    to_frame_uid: str = ""
    origin: str = ""

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        rotation = matrix[:3, :3]
        is_rigid = (
            matrix.shape == (4, 4)
            and np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3)
            and np.linalg.det(rotation) > 0
        )
        if not is_rigid:
            raise GeometryError(
                "This is no rigid transform.", got=str(matrix), expected="rotation and shift only"
            )
        matrix[:3, :3] = without_dust(matrix[:3, :3])
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)

    @classmethod
    def identity(cls, *, frame_uid: str = "", origin: str = "identity") -> Rigid:
        """The map that moves nothing."""
        return cls(np.eye(4), frame_uid, frame_uid, origin)

    def apply(self, points_lps_mm: ArrayLike) -> Array:
        """Map points (…, 3) LPS [mm]."""
        points = np.asarray(points_lps_mm, float)
        return np.asarray(points @ self.matrix[:3, :3].T + self.matrix[:3, 3])

    def inverse(self) -> Rigid:
        """The map back."""
        return Rigid(
            np.asarray(np.linalg.inv(self.matrix), dtype=np.float64),
            self.to_frame_uid,
            self.from_frame_uid,
            self.origin,
        )

    @property
    def shift_mm(self) -> float:
        """Length of the shift at the frame's origin [mm]; see ``shift_at`` for a point that matters."""
        return float(np.linalg.norm(self.matrix[:3, 3]))

    def shift_at(self, point_lps_mm: ArrayLike) -> Array:
        """How far a point is moved, (3,) LPS [mm]."""
        return np.asarray(self.apply(point_lps_mm) - np.asarray(point_lps_mm, float))

    @property
    def rotation_deg(self) -> float:
        """Angle of the rotation about its own axis [degree]."""
        cosine = (np.trace(self.matrix[:3, :3]) - 1) / 2
        return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


@dataclass(frozen=True, eq=False)
class Deformation:
    """A displacement field: the point p of ``grid`` finds its partner at p + displacement.

    It pulls back: an image of the partner space sampled at p + d(p) lands on ``grid``.

    Attributes:
        displacement_lps_mm: (z, y, x, 3) float32, LPS [mm].
        grid: where the field is defined (the fixed image).
        origin: which tool and settings.
    """

    displacement_lps_mm: NDArray[np.float32]
    grid: Grid
    origin: str = ""

    def __post_init__(self) -> None:
        if self.displacement_lps_mm.shape != (*self.grid.shape_zyx, 3):
            raise GeometryError(
                "The displacement field does not fit its grid.",
                got=str(self.displacement_lps_mm.shape),
                expected=str((*self.grid.shape_zyx, 3)),
            )
