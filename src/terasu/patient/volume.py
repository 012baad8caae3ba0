"""An image or a dose: values on a grid, with unit and origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.errors import GeometryError
from terasu.patient.grid import Grid

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Source:
    """Where an object came from, without knowing DICOM.

    Attributes:
        modality: DICOM modality: ``CT``, ``MR``, ``RTDOSE``, ``RTSTRUCT``, ``RTPLAN``.
        series_instance_uid: of the object read, empty for something made here.
        sop_instance_uids: one an instance, in slice order for images.
        sop_class_uid: of the instances.
        header: DICOM keyword → text, the attributes that a derived object has to inherit
            (patient and study modules) and that checks ask for (PatientPosition, KVP, …).
        made_by: name and version of what generated the values; empty for an acquired image.
    """

    modality: str = ""
    series_instance_uid: str = ""
    sop_instance_uids: tuple[str, ...] = ()
    sop_class_uid: str = ""
    header: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    made_by: str = ""


@dataclass(frozen=True, eq=False)
class Volume:
    """Values on a grid.

    Attributes:
        values: (z, y, x), the grid's shape.
        grid: where the voxels are.
        unit: ``HU``, ``Gy``, ``g/cm3``, ``1`` …
        source: where it came from.
    """

    values: NDArray[Any]
    grid: Grid
    unit: str = "HU"
    source: Source = field(default_factory=Source)

    def __post_init__(self) -> None:
        if self.values.shape != self.grid.shape_zyx:
            raise GeometryError(
                "The values do not fit their grid.",
                got=f"values {self.values.shape}, grid {self.grid.shape_zyx}",
                expected="the same (z, y, x) shape",
            )

    def __getitem__(self, _: object) -> None:
        raise TypeError(
            "A Volume is not indexed: use .values[k, j, i], .crop(start_kji, stop_kji) or sample()."
        )

    def with_values(
        self, values: NDArray[Any], *, unit: str | None = None, made_by: str | None = None
    ) -> Volume:
        """Other values on the same grid; ``made_by`` marks them as generated."""
        source = self.source if made_by is None else replace(self.source, made_by=made_by)
        return Volume(values, self.grid, self.unit if unit is None else unit, source)

    def crop(self, start_kji: tuple[int, int, int], stop_kji: tuple[int, int, int]) -> Volume:
        """The part from ``start_kji`` up to, not including, ``stop_kji`` (a view)."""
        box = tuple(slice(a, b) for a, b in zip(start_kji, stop_kji, strict=True))
        return Volume(self.values[box], self.grid.crop(start_kji, stop_kji), self.unit, self.source)


def finite(volume: Volume) -> bool:
    """True if no value is NaN or infinite."""
    return bool(np.isfinite(volume.values).all())
