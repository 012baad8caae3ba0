"""Structures: as polygons in LPS mm (what RTSTRUCT holds) and as masks on a grid (what is measured)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from terasu.errors import GeometryError, InputError
from terasu.patient.grid import Grid
from terasu.patient.volume import Source

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Roi:
    """One region of interest as DICOM draws it.

    Attributes:
        name: ROI Name as it stands in the file.
        number: ROI Number.
        contours_lps_mm: closed planar polygons, each (n, 3) LPS [mm]; the last point is not
            repeated. Several on a slice combine by even–odd, so a hole is a contour too.
        interpreted_type: RT ROI Interpreted Type (``PTV``, ``ORGAN``, ``EXTERNAL``, …).
        colour_rgb: display colour, 0…255.
        algorithm: ROI Generation Algorithm (``MANUAL``, ``AUTOMATIC``, ``SEMIAUTOMATIC``).
        slab_mm: Contour Slab Thickness, the height that one contour stands for [mm]; 0 where unknown.
    """

    name: str
    number: int
    contours_lps_mm: tuple[NDArray[np.float64], ...]
    interpreted_type: str = ""
    colour_rgb: tuple[int, int, int] = (255, 160, 0)
    algorithm: str = ""
    slab_mm: float = 0.0


@dataclass(frozen=True, eq=False)
class ContourSet:
    """The ROIs of one RTSTRUCT, before any grid is chosen.

    Attributes:
        rois: in file order.
        frame_of_reference_uid: empty where the file does not say.
        referenced_series_uid: the image series that it was drawn on, empty where not said.
        notes: what a reader had to repair or leave out, one sentence each.
    """

    rois: tuple[Roi, ...]
    frame_of_reference_uid: str = ""
    referenced_series_uid: str = ""
    referenced_sop_uids: tuple[str, ...] = ()
    source: Source = field(default_factory=Source)
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """ROI names in file order."""
        return tuple(roi.name for roi in self.rois)

    def __getitem__(self, name: str) -> Roi:
        for roi in self.rois:
            if roi.name == name:
                return roi
        raise InputError(
            f"There is no ROI named {name!r}.", got=", ".join(self.names), expected="one of these names"
        )

    def __iter__(self) -> Iterator[Roi]:
        return iter(self.rois)


@dataclass(frozen=True, eq=False)
class StructureSet:
    """Masks by name on one grid.

    Attributes:
        grid: of every mask.
        masks: name → (z, y, x) bool, True where the voxel centre is inside.
        source_names: name → ROI name in the file, where they differ (TG-263 naming).
        types: name → RT ROI Interpreted Type, where known.
    """

    grid: Grid
    masks: Mapping[str, Mask]
    source_names: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, mask in self.masks.items():
            if mask.shape != self.grid.shape_zyx or mask.dtype != np.bool_:
                raise GeometryError(
                    f"The mask of {name!r} does not fit its grid.",
                    got=f"{mask.dtype} {mask.shape}",
                    expected=f"bool {self.grid.shape_zyx}",
                )

    @property
    def names(self) -> tuple[str, ...]:
        """Structure names."""
        return tuple(self.masks)

    def __getitem__(self, name: str) -> Mask:
        if name not in self.masks:
            raise InputError(
                f"There is no structure named {name!r}.",
                got=", ".join(self.masks),
                expected="one of these names",
            )
        return self.masks[name]

    def volume_cc(self, name: str) -> float:
        """Volume of a structure [cm³], voxel count × voxel volume."""
        return float(np.count_nonzero(self[name])) * self.grid.voxel_volume_mm3 / 1000.0
