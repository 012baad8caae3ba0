"""Maps of features: the value of a feature in a cube around every voxel of a region, on the image's grid.

Grey levels are those of the whole region; a cube is cut where the region ends. This is PyRadiomics'
``voxelBased`` with its ``maskedKernel``.

Source: van Griethuysen et al. 2017, doi 10.1158/0008-5472.CAN-17-0339
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.patient.volume import Volume
from terasu.radiomics.cooccurrence import NAMES
from terasu.radiomics.counting import Levels, Whole, directions
from terasu.radiomics.prepare import Mask, box_of, refuse_not_finite
from terasu.radiomics.pyradiomics import Image, PyRadiomics, feature_names
from terasu.radiomics.pyradiomics_names import CLASSES, GLCM
from terasu.radiomics.voxel_cooccurrence import cooccurrence_around
from terasu.radiomics.voxel_texture import texture_around

Array = NDArray[np.float64]
_BATCH = 256  # cubes counted at once


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """Values of features at the voxels of a region; a map on the image's grid is made when it is asked for.

    Attributes:
        image: whose grid it is; inside: (z, y, x) the region.
        values: feature → (n,), in the order of ``inside``; NaN where a cube has no value.
    """

    image: Volume
    inside: Mask
    values: dict[str, Array]

    def volume(self, feature: str, *, outside: float = np.nan) -> Volume:
        """One map: float32 on the image's grid, ``outside`` beyond the region."""
        found = np.full(self.inside.shape, outside, np.float32)
        found[self.inside] = self.values[feature]
        return Volume(found, self.image.grid, "1", self.image.source)


def feature_maps(
    image: Volume,
    mask: Mask,
    features: Sequence[str],
    profile: PyRadiomics | None = None,
    *,
    radius: int = 1,
) -> FeatureMaps:
    """Maps of several features; those of one class and image cost hardly more than one of them.

    Args:
        image: whole: the sub-bands look beyond the region.
        mask: (z, y, x) on its grid.
        features: PyRadiomics' names: ``original_glcm_JointEntropy``, ``wavelet-LHH_firstorder_Mean``.
        profile: bins, directions and limits; its defaults if None. It must not resample.
        radius: of the cube [voxels]; in the slice only where the profile says ``in_slice``.
    Raises:
        GeometryError: another shape.
        InputError: a feature that has no map, a radius below 1, or a region that cannot be measured.
    """
    profile = profile or PyRadiomics()
    wanted = _wanted(features)
    _refuse_settings(profile, radius)
    seen, _, inside = profile.prepared(image, mask, {})
    box = box_of(inside)
    found: dict[str, Array] = {}
    for name, values in _images(profile, seen, box, {one.image for one in wanted.values()}):
        cubes = _cubes(profile, values, inside[box], radius, seen.grid.voxel_volume_mm3)
        for family in dict.fromkeys(one.family for one in wanted.values() if one.image == name):
            columns = _of_family(cubes, family, profile)
            for feature, one in wanted.items():
                if (one.image, one.family) == (name, family):
                    found[feature] = columns[one.feature]
    return FeatureMaps(image, inside, {name: found[name] for name in features})


@dataclass(frozen=True)
class _Name:
    image: str
    family: str
    feature: str


@dataclass(frozen=True, eq=False)
class _Cubes:
    """A region of one image with a border: levels, values, and the cubes' centres in the mask's order."""

    levels: Levels
    values: Array
    centres: Whole
    reach: Whole
    voxel_mm3: float

    def batches(self) -> Iterator[tuple[Array, Levels]]:
        """Values and levels of the cubes, (n, z, y, x) each, some hundreds at a time."""
        offsets = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in self.reach), indexing="ij"))
        for start in range(0, len(self.centres), _BATCH):
            some = self.centres[start : start + _BATCH].T[:, :, None, None, None] + offsets[:, None]
            yield self.values[tuple(some)], self.levels[tuple(some)]


def _cubes(profile: PyRadiomics, values: Array, inside: Mask, radius: int, voxel_mm3: float) -> _Cubes:
    refuse_not_finite(values[inside], "the region and what the sub-bands look at around it")
    levels = np.zeros(values.shape, np.int32)
    levels[inside] = profile.levels(values[inside])
    reach = np.array([0 if profile.in_slice else radius, radius, radius], np.int64)
    border = [(int(one), int(one)) for one in reach]
    return _Cubes(
        np.pad(levels, border),
        np.pad(values, border),
        np.argwhere(inside).astype(np.int64) + reach,
        reach,
        voxel_mm3,
    )


def _of_family(cubes: _Cubes, family: str, profile: PyRadiomics) -> dict[str, Array]:
    """Feature → (n,) values, in the order of the region's voxels."""
    if family == "glcm":
        ways = directions("slice" if profile.in_slice else "volume")
        found = cooccurrence_around(cubes.levels, cubes.centres, cubes.reach, ways, profile.together)
        places = {code: place for place, code in enumerate((*NAMES, "-"))}
        return {name: found[:, places[code]] for name, code in GLCM.items()}
    parts = [
        _of_cubes(values, levels, family, cubes.voxel_mm3, profile) for values, levels in cubes.batches()
    ]
    return {name: np.concatenate([one[name] for one in parts]) for name in CLASSES[family]}


def _of_cubes(
    values: Array, levels: Levels, family: str, voxel_mm3: float, profile: PyRadiomics
) -> dict[str, Array]:
    if family != "firstorder":
        return texture_around(levels, family, in_slice=profile.in_slice, together=profile.together)
    each = [
        profile.first_order(one[grey > 0], grey[grey > 0], voxel_mm3)
        for one, grey in zip(values, levels, strict=True)
    ]
    return {name: np.array([one[name] for one in each]) for name in each[0]}


def _images(
    profile: PyRadiomics, image: Volume, box: tuple[slice, slice, slice], wanted: set[str]
) -> Iterator[tuple[str, Array]]:
    both: tuple[Image, ...] = ("original", "wavelet")
    kinds = tuple(kind for kind in both if any(one.startswith(kind) for one in wanted))
    for name, values in replace(profile, images=kinds).images_in(image, box):
        if name in wanted:
            yield name, values


def _wanted(features: Sequence[str]) -> dict[str, _Name]:
    known = feature_names(PyRadiomics(shape=False))
    found = {}
    for name in features:
        if name not in known:
            raise _no_map(name, known)
        image, family, feature = name.split("_", 2)
        found[name] = _Name(image, family, feature)
    return found


def _no_map(name: str, known: Sequence[str]) -> InputError:
    if "_shape_" in name:
        return InputError(
            "A feature of the shape has no map: it belongs to the region as a whole.",
            got=name,
            expected="a feature of firstorder, glcm, gldm, glrlm, glszm or ngtdm",
            todo="Choose a feature of one of these classes.",
        )
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return InputError(
        "There is no such feature.",
        got=name,
        expected="a name such as " + ", ".join(close or known[:3]),
        todo="Look it up with terasu radiomics names.",
    )


def _refuse_settings(profile: PyRadiomics, radius: int) -> None:
    if radius < 1 or profile.spacing_zyx_mm is not None:
        raise InputError(
            "A map of these settings cannot be made.",
            got=f"radius {radius}, resampling to {profile.spacing_zyx_mm} mm",
            expected="a radius from 1, on the image's own grid",
            todo="Leave resampling out, or resample the image first.",
        )
