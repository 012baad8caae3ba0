"""Deformable match by Greedy: diffeomorphic, by local correlation.

Source: Yushkevich et al., Alzheimer's & Dementia 2016;12(7S):P126, doi 10.1016/j.jalz.2016.06.205
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from importlib import metadata, util
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from terasu.errors import MissingPartError, RegistrationError


@dataclass(frozen=True)
class GreedySettings:
    """Settings of Greedy.

    Attributes:
        metric: weighted normalised cross-correlation over patches of 5³ voxels; *weighted* respects the mask.
        iterations: coarse, middle and finest level (4, 2 and 1 times the working spacing). Twice as many on
            the coarser two find no more similarity on a pelvis or an abdomen and no better way back.
        smooth_mm: Gaussian on the update and on the whole field, each iteration.
    """

    metric: str = "WNCC 2x2x2"
    iterations: tuple[int, ...] = (50, 25, 5)
    smooth_mm: tuple[float, float] = (5.0, 3.0)


def has_greedy() -> bool:
    """True if the extra is installed."""
    return util.find_spec("picsl_greedy") is not None


def greedy_name() -> str:
    """Name and version, for the record."""
    return f"picsl-greedy {metadata.version('picsl-greedy')}"


def greedy_displacement(
    fixed: Any, moving: Any, mask: Any, settings: GreedySettings | None = None
) -> NDArray[np.float32]:
    """Displacement, (z, y, x, 3) LPS [mm] on the fixed grid: moving sampled at p + d(p) is like fixed.

    No noise is added to the images (``-noise 0``): a run repeats to the bit on any number of threads.

    Args:
        fixed, moving, mask: SimpleITK images on one grid; nothing outside of the mask is looked at.
        settings: metric, iterations, smoothness.
    Raises:
        MissingPartError: picsl-greedy is not installed.
        RegistrationError: Greedy failed.
    """
    if not has_greedy():
        raise MissingPartError(
            "Greedy is not installed.", expected="picsl-greedy", todo="pip install 'terasu[deformable]'"
        )
    from picsl_greedy import Greedy3D

    engine, told = Greedy3D(), io.StringIO()
    images = {"fixed": _float(fixed), "moving": _float(moving), "mask": _float(mask), "warp": None}
    try:
        engine.execute(_command(settings or GreedySettings()), told, told, **images)
    except (RuntimeError, ValueError) as error:
        raise RegistrationError(
            "Greedy could not match the two images.",
            got=str(error).strip()[-200:],
            expected="two overlapping images",
            todo="The rigid match is used in its place.",
        ) from error
    return np.asarray(sitk.GetArrayFromImage(engine["warp"]), dtype=np.float32)


def _command(settings: GreedySettings) -> str:
    update, whole = settings.smooth_mm
    iterations = "x".join(str(n) for n in settings.iterations)
    return (
        f"-i fixed moving -gm mask -m {settings.metric} -n {iterations} -s {update:g}mm {whole:g}mm "
        f"-noise 0 -threads {os.cpu_count() or 1} -V 0 -o warp"
    )


def _float(image: Any) -> Any:
    return sitk.Cast(image, sitk.sitkFloat32)
