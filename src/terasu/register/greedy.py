"""Deformable match by Greedy: diffeomorphic, by local correlation.

Source: Yushkevich et al., Alzheimer's & Dementia 2016;12(7S):P126, doi 10.1016/j.jalz.2016.06.205
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from terasu.errors import MissingPartError, RegistrationError
from terasu.patient.cores import cores


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


def greedy_both_ways(
    day: Any, planning: Any, mask: Any, settings: GreedySettings | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Displacements, (z, y, x, 3) LPS [mm] on the images' grid: day → planning, and matched on its own, back.

    An image sampled at p + d(p) is like the other one. Each way runs in a process of its own: Greedy holds
    the interpreter while it works, so a progress bar would stand still and Ctrl-C would wait. No noise is
    added to the images (``-noise 0``): a run repeats to the bit on any number of threads.

    Args:
        day, planning, mask: SimpleITK images on one grid; nothing outside of the mask is looked at.
        settings: metric, iterations, smoothness.
    Raises:
        MissingPartError: picsl-greedy is not installed.
        RegistrationError: Greedy failed.
    """
    if not has_greedy():
        raise MissingPartError(
            "Greedy is not installed.", expected="picsl-greedy", todo="pip install 'terasu[deformable]'"
        )
    command = _command(settings or GreedySettings())
    with tempfile.TemporaryDirectory(prefix="terasu-greedy-") as place:
        folder = Path(place)
        for name, image in (("day", day), ("planning", planning), ("mask", mask)):
            sitk.WriteImage(sitk.Cast(image, sitk.sitkFloat32), str(folder / f"{name}.mha"))
        pairs = ("day", "planning"), ("planning", "day")
        there, back = (_start(folder, fixed, moving, command) for fixed, moving in pairs)
        with there, back:
            try:
                return _warp_of(there, folder / "day.npy"), _warp_of(back, folder / "planning.npy")
            finally:
                there.kill()
                back.kill()


def _start(folder: Path, fixed: str, moving: str, command: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "terasu.register.greedy_child", str(folder), fixed, moving, command]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _warp_of(running: subprocess.Popen[str], written: Path) -> NDArray[np.float32]:
    _, told = running.communicate()
    if running.returncode:
        raise RegistrationError(
            "Greedy could not match the two images.",
            got=told.strip()[-200:] or f"exit code {running.returncode}",
            expected="two overlapping images",
            todo="The rigid match is used in its place.",
        )
    return np.asarray(np.load(written), np.float32)


def _command(settings: GreedySettings) -> str:
    update, whole = settings.smooth_mm
    iterations = "x".join(str(n) for n in settings.iterations)
    return (
        f"-i fixed moving -gm mask -m {settings.metric} -n {iterations} -s {update:g}mm {whole:g}mm "
        f"-noise 0 -threads {max(1, cores() // 2)} -V 0 -o warp"
    )
