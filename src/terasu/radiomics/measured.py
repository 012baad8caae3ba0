"""What a profile gives for one region: values, why one is missing, what to be careful about, provenance."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from terasu import __version__
from terasu.patient.volume import Volume
from terasu.radiomics.prepare import box_of

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
FEWEST_VOXELS = 64
MOST_LEVELS = 256
EXTRACTOR = f"terasu {__version__}"


@dataclass(frozen=True)
class LevelsUsed:
    """How the values of one image became grey levels.

    Attributes:
        first_edge: lower end of the lowest bin; width: of each bin; number: highest level that occurs.
    """

    first_edge: float
    width: float
    number: int


@dataclass(frozen=True, eq=False)
class Measured:
    """Features of one region.

    Attributes:
        values: name → value; NaN where there is none.
        reasons: name → why, for every NaN and no other.
        cautions: what makes the values doubtful, one sentence each.
        levels: image (``original``, ``wavelet-LLH``, …) → its grey levels.
        voxels: how many were left after each step.
        shape_zyx, spacing_zyx_mm, origin_lps_mm: of the grid that was measured on.
    """

    values: dict[str, float]
    reasons: dict[str, str]
    cautions: tuple[str, ...]
    levels: dict[str, LevelsUsed]
    voxels: dict[str, int]
    shape_zyx: tuple[int, int, int]
    spacing_zyx_mm: tuple[float, float, float]
    origin_lps_mm: tuple[float, float, float] = field(default=(0.0, 0.0, 0.0))


class Profile(Protocol):
    """One way to read features: names and values that never change without another extractor version."""

    @property
    def name(self) -> str:
        """As it stands in tables: ``pyradiomics`` or ``ibsi``."""
        ...

    def names(self) -> tuple[str, ...]:
        """Every feature in the order of the table, without an image."""
        ...

    def measure(self, image: Volume, mask: Mask) -> Measured:
        """Features of one region of a whole image.

        Args:
            mask: (z, y, x) on the image's grid.
        Raises:
            GeometryError: another shape.
            InputError: an empty or one-voxel region, values that are not finite, or none left.
        """
        ...


def settings_of(profile: Profile) -> str:
    """The settings of a profile as JSON, for provenance."""
    return json.dumps(_plain(profile), sort_keys=True)


def hash_of_image(image: Volume) -> str:
    """SHA-256 of values and grid: equal for the same voxels in the same place, whatever file held them."""
    planes = (np.asarray(plane, np.float32) + 0.0 for plane in image.values)  # −0 is 0
    return _digest(np.asarray(image.values.shape), image.grid.affine, *planes)


def hash_of_mask(mask: Mask, image: Volume) -> str:
    """SHA-256 of a mask on the image's grid."""
    return _digest(np.asarray(mask.shape), image.grid.affine, np.packbits(mask))


def cautions_of(
    image: Volume, mask: Mask, inside: Array, levels: Mapping[str, LevelsUsed]
) -> tuple[str, ...]:
    """What makes features of this region doubtful.

    Args:
        inside: (n,) the values that were measured.
    """
    found = []
    if inside.min() == inside.max():
        found.append(f"the region is flat: every voxel is {inside[0]:g}")
    if len(inside) < FEWEST_VOXELS:
        found.append(f"{len(inside)} voxels, fewer than {FEWEST_VOXELS}: texture means little")
    many = [f"{name} {used.number}" for name, used in levels.items() if used.number > MOST_LEVELS]
    if many:
        found.append(f"more than {MOST_LEVELS} grey levels: {', '.join(many)}")
    return (*found, *_cut(image, mask))


def explained(values: dict[str, float], inside: Array) -> tuple[dict[str, float], dict[str, str]]:
    """The values with NaN for whatever is no finite number, and why for each of those."""
    missing = [name for name, value in values.items() if not np.isfinite(value)]
    flat = bool(inside.min() == inside.max())
    reasons = {name: _why(name, flat, len(inside)) for name in missing}
    return {name: value if name not in reasons else float("nan") for name, value in values.items()}, reasons


def _why(name: str, flat: bool, voxels: int) -> str:
    word = name.lower()
    if "robustmean" in word or "rmad" in word:
        return "no value lies between the 10th and the 90th percentile"
    if flat and any(part in word for part in ("moran", "geary", "_cov", "_qcod")):
        return "all values are equal"
    if any(part in word for part in ("_cov", "_qcod")):
        return "the mean or the sum of the quartiles is 0"
    if word == "morph_com":
        return "the values sum to 0"
    if "aee" in word or "flatness" in word or "elongation" in word:
        return "the region lies in one plane or on one line"
    if "glcm" in word or word.startswith("cm_"):
        return "no two voxels of the region are neighbours"
    if any(part in word for part in ("ngtdm", "ngt_")):
        return "no voxel of the region has a neighbour in it"
    return f"not defined on this region of {voxels} voxels" + (", which is flat" if flat else "")


def _cut(image: Volume, mask: Mask) -> list[str]:
    """The region ends where the image ends, or holds what fills the image where nothing was seen."""
    found = []
    box = box_of(mask)
    ends = [
        word
        for words, part, n in zip(_ENDS, box, mask.shape, strict=True)
        for word, touches in zip(words, (part.start == 0, part.stop == n), strict=True)
        if touches and n > 1
    ]
    if ends:
        found.append(f"the region reaches the {', '.join(ends)} of the image: it may be cut")
    corners = image.values[:, :: max(image.values.shape[1] - 1, 1), :: max(image.values.shape[2] - 1, 1)]
    padding = corners.flat[0]
    if (corners == padding).all():
        unseen = int(np.count_nonzero(image.values[box][mask[box]] == padding))
        if unseen:
            found.append(
                f"{unseen} voxels hold {float(padding):g}, which fills the image's corners: "
                "the region may be cut by the field of view"
            )
    return found


_ENDS = (("first slice", "last slice"), ("first row", "last row"), ("first column", "last column"))


def _digest(shape: NDArray[Any], *arrays: NDArray[Any]) -> str:
    found = hashlib.sha256(shape.astype(np.int64).tobytes())
    for one in arrays:
        found.update(np.ascontiguousarray(one).tobytes())
    return found.hexdigest()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
        return {"kind": type(value).__name__, **fields}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
