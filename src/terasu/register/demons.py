"""Deformable match by diffeomorphic demons with symmetric forces: what SimpleITK has when Greedy is missing.

Source: Vercauteren et al., NeuroImage 2009;45:S61, doi 10.1016/j.neuroimage.2008.10.040
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from terasu.errors import RegistrationError


@dataclass(frozen=True)
class DemonsSettings:
    """Settings of the demons.

    Attributes:
        shrink: levels, as multiples of the working spacing.
        iterations: by level.
        smooth_voxels: Gaussian on the field, and on the update, each iteration.
        longest_step_voxels: longest step of one iteration.
    """

    shrink: tuple[int, ...] = (4, 2, 1)
    iterations: tuple[int, ...] = (40, 30, 8)
    smooth_voxels: tuple[float, float] = (1.5, 1.0)
    longest_step_voxels: float = 1.5


def demons_name() -> str:
    """Name and version, for the record."""
    return f"diffeomorphic demons, SimpleITK {sitk.Version_VersionString()}"


def demons_displacement(
    fixed: Any, moving: Any, settings: DemonsSettings | None = None
) -> NDArray[np.float32]:
    """Displacement, (z, y, x, 3) LPS [mm] on the fixed grid: moving sampled at p + d(p) is like fixed.

    Args:
        fixed, moving: flattened SimpleITK images on one grid, 0 where nothing is to be looked at.
        settings: levels and smoothness.
    Raises:
        RegistrationError: the filter failed.
    """
    chosen = settings or DemonsSettings()
    field: Any = None
    for shrink, iterations in zip(chosen.shrink, chosen.iterations, strict=True):
        thin_fixed, thin_moving = (_shrunk(image, shrink) for image in (fixed, moving))
        start = None if field is None else _onto(field, thin_fixed)
        field = _one_level(thin_fixed, thin_moving, start, iterations, chosen)
    return np.asarray(sitk.GetArrayFromImage(_onto(field, fixed)), dtype=np.float32)


def _shrunk(image: Any, factor: int) -> Any:
    fitting = [min(factor, size) for size in image.GetSize()]
    return sitk.BinShrink(image, fitting)


def _onto(field: Any, image: Any) -> Any:
    return sitk.Resample(field, image, sitk.Transform(), sitk.sitkLinear, 0.0, field.GetPixelID(), True)


def _one_level(fixed: Any, moving: Any, start: Any, iterations: int, settings: DemonsSettings) -> Any:
    demons = sitk.DiffeomorphicDemonsRegistrationFilter()
    demons.SetNumberOfIterations(iterations)
    demons.SetUseGradientType(demons.Symmetric)
    demons.SetMaximumUpdateStepLength(settings.longest_step_voxels)
    demons.SetSmoothDisplacementField(True)
    demons.SetStandardDeviations(settings.smooth_voxels[0])
    demons.SetSmoothUpdateField(True)
    demons.SetUpdateFieldStandardDeviations(settings.smooth_voxels[1])
    try:
        return demons.Execute(fixed, moving) if start is None else demons.Execute(fixed, moving, start)
    except RuntimeError as error:
        raise RegistrationError(
            "The demons could not match the two images.",
            got=str(error).strip().splitlines()[-1],
            expected="two overlapping images",
            todo="The rigid match is used in its place.",
        ) from error
