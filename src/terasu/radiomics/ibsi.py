"""The profile ``ibsi``: every feature of the first IBSI chapter, with its preprocessing, under its IBSI code.

Source: Zwanenburg et al. 2020, doi 10.1148/radiol.2020191145; reference manual, arXiv 1612.07003
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from terasu.patient.grid import Grid
from terasu.patient.volume import Volume
from terasu.radiomics.discretise import Bins, FixedBinNumber, FixedBinSize
from terasu.radiomics.filters import Filter
from terasu.radiomics.intensity import histogram, intensity_volume, statistics
from terasu.radiomics.measured import LevelsUsed, Measured, cautions_of, explained
from terasu.radiomics.morphology import morphology_features
from terasu.radiomics.peak import peak_features
from terasu.radiomics.prepare import Mask, Preparation, Region, box_of, prepare
from terasu.radiomics.texture import Reach, texture_features

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Ibsi:
    """One way to read features.

    Attributes:
        preparation: interpolation and limits.
        bins: of the values for histogram and texture.
        reach: ``volume`` for neighbours in the volume, ``slice`` for neighbours in the slice, or ``both``.
        curve_bins: of the intensity–volume histogram; None for whole values as they are.
        filters: convolutional filters; of each response map the 18 intensity statistics are read, which are
            those that IBSI-2 has references for.
    """

    preparation: Preparation
    bins: Bins
    reach: Reach = "volume"
    curve_bins: Bins | None = None
    filters: tuple[Filter, ...] = ()

    @property
    def name(self) -> str:
        """As it stands in tables."""
        return "ibsi"

    def names(self) -> tuple[str, ...]:
        """Every feature in its order, without an image."""
        filtered = (f"{one.name}_{code}" for one in self.filters for code in statistics(np.arange(3.0)))
        return (*_codes(self.reach), *filtered)

    def measure(self, image: Volume, mask: Mask) -> Measured:
        """Values, reasons, cautions and provenance of one region.

        Args:
            mask: (z, y, x) on the image's grid.
        Raises:
            GeometryError: another shape.
            InputError: an empty or one-voxel region, values that are not finite, or none left.
        """
        region = prepare(image, mask, self.preparation, whole_image=bool(self.filters))
        inside = region.values[region.inside]
        values = self.features(region)
        for one in self.filters:
            box = box_of(region.inside)
            response = one.apply(region.values, region.spacing_zyx_mm, box)[region.inside[box]]
            values |= {f"{one.name}_{code}": value for code, value in statistics(response).items()}
        values, reasons = explained(values, inside)
        grey, edges = self.bins.levels(inside, self._lowest)
        levels = {"original": LevelsUsed(float(edges[0]), float(edges[1] - edges[0]), int(grey.max()))}
        grid = region.grid
        return Measured(
            values,
            reasons,
            cautions_of(image, mask, inside, levels),
            levels,
            region.voxels,
            grid.shape_zyx,
            grid.spacing_zyx_mm,
            grid.origin_lps_mm,
        )

    def features(self, region: Region) -> dict[str, float]:
        """IBSI code → value; NaN where a feature is not defined on this region."""
        inside = region.values[region.inside]
        levels, _ = self.bins.levels(inside, self._lowest)
        placed = np.zeros(region.values.shape, np.int32)
        placed[region.inside] = levels
        found = morphology_features(region.drawn, region.spacing_zyx_mm, region.values, region.inside)
        found |= peak_features(region.values, region.inside, region.spacing_zyx_mm)
        found |= statistics(inside) | intensity_volume(*self._curve(inside)) | histogram(levels)
        return found | texture_features(placed, morphology=region.drawn, reach=self.reach)

    @property
    def _lowest(self) -> float | None:
        return None if self.preparation.value_range is None else self.preparation.value_range[0]

    def _curve(self, inside: Array) -> tuple[Array, Array]:
        """Values and the axis of their intensity–volume histogram (IBSI 3.5)."""
        low, high = self.preparation.value_range or (float(inside.min()), float(inside.max()))
        if self.curve_bins is None:
            return inside, np.arange(low, high + 1)
        levels, _ = self.curve_bins.levels(inside, self._lowest)
        if isinstance(self.curve_bins, FixedBinSize):
            size = self.curve_bins.size
            middle: Array = low + (np.asarray(levels, np.float64) - 0.5) * size
            return middle, np.arange(low + size / 2, high, size)
        return levels.astype(np.float64), np.arange(1.0, self.curve_bins.number + 1)


@lru_cache
def _codes(reach: Reach) -> tuple[str, ...]:
    """Codes do not depend on the image: they are those of a small one."""
    small = Volume(np.arange(27.0).reshape(3, 3, 3), Grid.from_axes((3, 3, 3), spacing_zyx_mm=(1, 1, 1)))
    region = prepare(small, np.ones((3, 3, 3), bool), Preparation())
    return tuple(Ibsi(Preparation(), FixedBinNumber(4), reach).features(region))


_IN_SLICE, _IN_VOLUME = (None, 2.0, 2.0), (2.0, 2.0, 2.0)
CONFIGURATIONS: Mapping[str, Ibsi] = MappingProxyType(
    {
        "A": Ibsi(Preparation(value_range=(-500, 400)), FixedBinSize(25), "slice"),
        "B": Ibsi(Preparation(_IN_SLICE, value_range=(-500, 400)), FixedBinNumber(32), "slice"),
        "C": Ibsi(
            Preparation(_IN_VOLUME, value_range=(-1000, 400)), FixedBinSize(25), curve_bins=FixedBinSize(2.5)
        ),
        "D": Ibsi(Preparation(_IN_VOLUME, outliers_sigma=3), FixedBinNumber(32)),
        "E": Ibsi(
            Preparation(_IN_VOLUME, "cubic", value_range=(-1000, 400), outliers_sigma=3),
            FixedBinNumber(32),
            curve_bins=FixedBinNumber(1000),
        ),
    }
)
"""How the CT phantom of IBSI-1 is read (table 5.1 of the manual)."""
