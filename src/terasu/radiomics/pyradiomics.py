"""The profile ``pyradiomics``: the names and the values of PyRadiomics 3, on the same kernels as the IBSI's.

851 features of an image: 93 of the image itself and of each of its 8 coif1 sub-bands, and 14 of the shape.

Source: van Griethuysen et al. 2017, doi 10.1158/0008-5472.CAN-17-0339
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.patient.volume import Volume
from terasu.radiomics.counting import Levels
from terasu.radiomics.intensity import histogram, statistics
from terasu.radiomics.measured import LevelsUsed, Measured, cautions_of, explained
from terasu.radiomics.mesh import farthest_apart, farthest_in_planes, outermost_points, surface
from terasu.radiomics.prepare import Mask, box_of, refuse_not_finite, refuse_unfit
from terasu.radiomics.pyradiomics_names import CLASSES, FIRSTORDER, SHAPE
from terasu.radiomics.pyradiomics_prepare import Limits, limited, normalised, resampled
from terasu.radiomics.pyradiomics_texture import texture_of
from terasu.radiomics.wavelets import BANDS, wavelet_bands

Array = NDArray[np.float64]
Features = dict[str, float]
Image = Literal["original", "wavelet"]


@dataclass(frozen=True)
class PyRadiomics:
    """PyRadiomics' settings, as far as they are offered; the defaults are its own.

    Attributes:
        bin_width: of the grey levels; the first bin begins at a multiple of it.
        bin_count: a fixed number of bins instead.
        images: which images, in this order.
        shape: the 14 features of the shape too.
        in_slice: neighbours in the slice only (``force2D``).
        together: directions counted together (``weightingNorm="no_weighting"``), not averaged.
        array_shift: added to the values for energy and root mean square (``voxelArrayShift``).
        normalise_scale: normalise the whole image first (``normalize``, ``normalizeScale``).
        spacing_zyx_mm: resample to this voxel size (``resampledPixelSpacing``); 0 keeps an axis.
        limits: voxels whose values count (``resegmentRange``), limits_kind: ``resegmentMode``. The shape is
            that of all voxels.
    """

    bin_width: float = 25.0
    bin_count: int | None = None
    images: tuple[Image, ...] = ("original", "wavelet")
    shape: bool = True
    in_slice: bool = False
    together: bool = False
    array_shift: float = 0.0
    normalise_scale: float | None = None
    spacing_zyx_mm: tuple[float, float, float] | None = None
    limits: tuple[float, ...] | None = None
    limits_kind: Limits = "absolute"

    def __post_init__(self) -> None:
        if not self.bin_width > 0 or (self.bin_count is not None and self.bin_count < 1) or not self.images:
            raise InputError(
                "These settings of PyRadiomics are impossible.",
                got=f"bin width {self.bin_width}, bins {self.bin_count}, {len(self.images)} images",
                expected="a bin width above 0, one bin or more, one image or more",
                todo="Correct the recipe.",
            )

    @property
    def name(self) -> str:
        """As it stands in tables."""
        return "pyradiomics"

    def names(self) -> tuple[str, ...]:
        """Every feature in its order, without an image."""
        return feature_names(self)

    def features(self, image: Volume, mask: Mask) -> Features:
        """PyRadiomics name → value, as they are: see ``measure`` for what is missing and why."""
        return self._read(*self.prepared(image, mask, {}), {})

    def measure(self, image: Volume, mask: Mask) -> Measured:
        """Values, reasons, cautions and provenance of one region.

        Args:
            image: whole: the sub-bands look beyond the region.
            mask: (z, y, x) on its grid.
        Raises:
            GeometryError: another shape.
            InputError: an empty or one-voxel region, values that are not finite, or none left in the limits.
        """
        voxels: dict[str, int] = {}
        levels: dict[str, LevelsUsed] = {}
        prepared = self.prepared(image, mask, voxels)
        values = self._read(*prepared, levels)
        seen, _, inside = prepared
        region = np.asarray(seen.values[inside], np.float64)
        values, reasons = explained(values, region)
        grid = seen.grid
        return Measured(
            values,
            reasons,
            cautions_of(image, mask, region, levels),
            levels,
            voxels,
            grid.shape_zyx,
            grid.spacing_zyx_mm,
            grid.origin_lps_mm,
        )

    def prepared(self, image: Volume, mask: Mask, voxels: dict[str, int]) -> tuple[Volume, Mask, Mask]:
        """Image, region as drawn and region whose values count; ``voxels`` is filled in.

        Raises:
            GeometryError: another shape.
            InputError: an empty or one-voxel region, values that are not finite, or none left in the limits.
        """
        refuse_unfit(image, mask)
        voxels["drawn"] = int(np.count_nonzero(mask))
        if self.normalise_scale is not None:
            image = normalised(image, self.normalise_scale)
        if self.spacing_zyx_mm is not None:
            image, mask = resampled(image, mask, self.spacing_zyx_mm)
            refuse_unfit(image, mask)
        voxels["interpolated"] = int(np.count_nonzero(mask))
        inside = mask if self.limits is None else limited(image, mask, self.limits, self.limits_kind)
        voxels["limited"] = int(np.count_nonzero(inside))
        return image, mask, inside

    def _read(self, image: Volume, drawn: Mask, inside: Mask, levels: dict[str, LevelsUsed]) -> Features:
        found = shape_features(drawn, image.grid.spacing_zyx_mm) if self.shape else {}
        box = box_of(inside)
        region = np.ascontiguousarray(inside[box])
        for name, values in self.images_in(image, box):
            seen = values[region]
            refuse_not_finite(seen, "the region and what the sub-bands look at around it")
            grey, levels[name] = self.grey(seen)
            for family, features in self._families(seen, grey, region, image.grid.voxel_volume_mm3).items():
                found |= {f"{name}_{family}_{feature}": value for feature, value in features.items()}
        return found

    def images_in(self, image: Volume, box: Any) -> Iterator[tuple[str, Array]]:
        """Name and values of every image that is read, within a box."""
        if "original" in self.images:
            yield "original", np.ascontiguousarray(image.values[box], dtype=np.float64)
        if "wavelet" in self.images:
            for band, values in wavelet_bands(image.values, box).items():
                yield f"wavelet-{band}", values

    def grey(self, values: Array) -> tuple[Levels, LevelsUsed]:
        """Grey levels (n,) of values (n,), and what they are."""
        edges = self.edges(values)
        found = np.digitize(values, edges).astype(np.int32)
        return found, LevelsUsed(float(edges[0]), float(edges[1] - edges[0]), int(found.max()))

    def _families(self, seen: Array, grey: Levels, region: Mask, voxel_mm3: float) -> dict[str, Features]:
        placed = np.zeros(region.shape, np.int32)
        placed[region] = grey
        texture = texture_of(placed, in_slice=self.in_slice, together=self.together)
        return {"firstorder": self.first_order(seen, grey, voxel_mm3)} | texture

    def levels(self, values: Array) -> Levels:
        """Grey levels (n,) of values (n,), from 1."""
        return self.grey(values)[0]

    def edges(self, values: Array) -> Array:
        """Lower edges of the bins, and the upper edge of the last."""
        if self.bin_count is not None:
            edges = np.histogram_bin_edges(values, self.bin_count)
            edges[-1] += 1  # the highest value belongs to the highest bin
            return np.asarray(edges, np.float64)
        low, high = float(values.min()), float(values.max())
        return np.arange(low - low % self.bin_width, high + 2 * self.bin_width, self.bin_width)

    def first_order(self, values: Array, levels: Levels, voxel_mm3: float) -> Features:
        """The 18 features of values (n,) and their grey levels (n,)."""
        codes = statistics(values) | {
            name: value
            for name, value in histogram(levels).items()
            if name in ("ih_entropy", "ih_uniformity")
        }
        codes["stat_kurt"] += 0.0 if codes["stat_var"] == 0 else 3.0
        squares = float(np.square(values + self.array_shift).sum())
        codes["stat_energy"], codes["stat_rms"] = squares, float(np.sqrt(squares / len(values)))
        codes["-"] = squares * voxel_mm3
        return {name: codes[code] for name, code in FIRSTORDER.items()}


def preset_744(**settings: Any) -> PyRadiomics:
    """The 744 features of the eight sub-bands alone: 93 × 8."""
    return PyRadiomics(images=("wavelet",), shape=False, **settings)


def feature_names(profile: PyRadiomics) -> tuple[str, ...]:
    """Every name in its order, without an image."""
    names = [f"original_shape_{name}" for name in SHAPE] if profile.shape else []
    images = ["original"] if "original" in profile.images else []
    images += [f"wavelet-{band}" for band in BANDS] if "wavelet" in profile.images else []
    for image in images:
        names += [f"{image}_{family}_{name}" for family, table in CLASSES.items() for name in table]
    return tuple(names)


def shape_features(region: Mask, spacing_zyx_mm: tuple[float, float, float]) -> Features:
    """The 14 features of the shape: lengths in mm, areas in mm², volumes in mm³."""
    spacing = np.asarray(spacing_zyx_mm, np.float64)
    part = np.ascontiguousarray(region[box_of(region)])
    volume, area = surface(part, spacing, mirrored=True)
    voxels = int(np.count_nonzero(part))
    places = np.argwhere(part) * spacing
    spread = np.linalg.eigvalsh(np.cov(places, rowvar=False, ddof=0)) if voxels > 1 else np.zeros(3)
    least, minor, major = (4 * float(one) for one in np.sqrt(np.maximum(spread, 0)))
    found = {
        "pca_maj_axis": major,
        "pca_min_axis": minor,
        "pca_least_axis": least,
        "pca_elongation": minor / major if major else float("nan"),
        "pca_flatness": least / major if major else float("nan"),
        "diam": farthest_apart(outermost_points(part) * spacing / 2),
        "volume": volume,
        "area_mesh": area,
        "av": area / volume,
        "sphericity": float((36 * np.pi * volume**2) ** (1 / 3)) / area,
        "vol_approx": float(voxels * spacing.prod()),
    }
    named = {name: found[code] for name, code in SHAPE.items() if code != "-"}
    for across, axis in (("Slice", 0), ("Column", 1), ("Row", 2)):
        named[f"Maximum2DDiameter{across}"] = farthest_in_planes(part, spacing, axis)
    return {f"original_shape_{name}": named[name] for name in SHAPE}
