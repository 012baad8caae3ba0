"""Rigid match of two images of one patient: a search, then mutual information; the same on every run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from terasu.errors import RegistrationError
from terasu.patient.structures import Mask
from terasu.patient.transform import Rigid
from terasu.patient.volume import Volume, finite
from terasu.register.level import Level, box_of, make_level
from terasu.register.search import best_shifts


@dataclass(frozen=True)
class RigidSettings:
    """How the match is looked for.

    Attributes:
        spacing_mm: to which both images are thinned.
        samples: points that the metric looks at, first for every starting point, then for the best of them.
        reach_mm: shifts from the start that are searched, along each axis, both ways.
        starts: so many of the best shifts begin a descent, beside the start itself.
        iterations: at most so many steps of a descent, from a starting point and from the best end.
        histogram_bins: of the joint histogram.
        flatten_mm: each voxel is measured against its surroundings of this width, which removes shading.
        edge_mm: rim of the field of view that is not looked at.
        seed: of the sampling.
    """

    spacing_mm: float = 4.0
    samples: tuple[int, int] = (6_000, 30_000)
    reach_mm: float = 40.0
    starts: int = 2
    iterations: tuple[int, int] = (40, 60)
    histogram_bins: int = 40
    flatten_mm: float = 20.0
    edge_mm: float = 10.0
    seed: int = 20240501


@dataclass(frozen=True, eq=False)
class RigidResult:
    """A rigid match and what speaks for it.

    Attributes:
        transform: maps points of the *fixed* image to points of the *moving* image [LPS mm], so that
            ``resample(moving, onto=fixed.grid, through=transform, …)`` lays moving on fixed.
        start: what it began with.
        similarity_before, similarity_after: mutual information [nat] of both flattened images at the finest
            level, with ``start`` and with ``transform``; more is better.
        shift_mm: distance between where ``start`` and ``transform`` take the centre of the field of view.
        rotation_deg: angle between ``start`` and ``transform``.
        centre_lps_mm: that centre, in the fixed image.
        overlap: share of the field of view that lands inside of the moving image.
        converged: False where the last level used up its iterations.
        stop: why the optimiser stopped, in its own words.
        seconds: wall time.
    """

    transform: Rigid
    start: Rigid
    similarity_before: float
    similarity_after: float
    shift_mm: float
    rotation_deg: float
    centre_lps_mm: tuple[float, float, float]
    overlap: float
    converged: bool
    stop: str
    seconds: float

    @property
    def similarity_gain(self) -> float:
        """Similarity after − before; positive is better."""
        return self.similarity_after - self.similarity_before


def register_rigid(
    moving: Volume,
    fixed: Volume,
    *,
    start: Rigid | None = None,
    fixed_mask: Mask | None = None,
    settings: RigidSettings | None = None,
) -> RigidResult:
    """Lay ``moving`` (planning CT) on ``fixed`` (the day's CBCT).

    Mutual information on sampled points with a fixed seed on one thread, so that a run repeats to the bit.

    Args:
        moving, fixed: images [HU] of one patient.
        start: fixed → moving [LPS mm]; if None, identity within one frame of reference, else the grids'
            centres are laid on one another.
        fixed_mask: where the fixed image may be looked at: its field of view.
        settings: levels and sampling.
    Returns:
        RigidResult; its transform maps fixed points to moving points.
    Raises:
        RegistrationError: an image is no CT, not finite or constant, or the images do not overlap.
    Source: Mattes et al., IEEE Trans Med Imaging 2003;22:120, doi 10.1109/TMI.2003.809072
    """
    began = time.perf_counter()
    chosen = settings or RigidSettings()
    mask = np.ones(fixed.grid.shape_zyx, bool) if fixed_mask is None else fixed_mask
    refuse_unfit("fixed", fixed, mask)
    refuse_unfit("moving", moving)
    begin = start or _default_start(moving, fixed)
    _require_overlap(_overlap(begin, mask, fixed, moving), "before the match")
    centre = _centre_of(mask, fixed)
    with _one_thread():
        match = _search_and_descend(moving, fixed, mask, _to_euler(begin, centre), chosen)
    transform = _to_rigid(match.euler, fixed, moving)
    overlap = _overlap(transform, mask, fixed, moving)
    _require_overlap(overlap, "after the match")
    return RigidResult(
        transform=transform,
        start=begin,
        similarity_before=match.before,
        similarity_after=match.after,
        shift_mm=float(np.linalg.norm(transform.apply(centre) - begin.apply(centre))),
        rotation_deg=_angle_deg(begin, transform),
        centre_lps_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
        overlap=overlap,
        converged=match.converged,
        stop=match.stop,
        seconds=time.perf_counter() - began,
    )


def refuse_unfit(name: str, image: Volume, inside: Mask | None = None) -> None:
    """Raise RegistrationError unless the image is a CT with something in it."""
    if image.unit != "HU" or image.source.modality not in ("", "CT"):
        raise RegistrationError(
            f"The {name} image is no CT.",
            got=f"{image.source.modality or 'unknown modality'} in {image.unit}",
            expected="CT or CBCT in HU",
        )
    if not finite(image):
        raise RegistrationError(
            f"The {name} image holds values that are no numbers.", expected="a finite HU in every voxel"
        )
    values = image.values[::2, ::4, ::4] if inside is None else image.values[inside]
    if values.size < 500 or float(np.ptp(values)) < 50:
        raise RegistrationError(
            f"The {name} image is empty or constant where it is looked at.",
            got=f"{values.size} voxels",
            expected="at least 500 voxels over more than 50 HU",
            todo="Look at the image and at its field of view.",
        )


@dataclass(frozen=True, eq=False)
class _Match:
    euler: Any
    before: float
    after: float
    converged: bool
    stop: str


@contextmanager
def _one_thread() -> Iterator[None]:
    """SimpleITK on one thread: sums in one order, so equal to the bit on every run."""
    usual = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(usual)


def _search_and_descend(
    moving: Volume, fixed: Volume, mask: Mask, begin: Any, settings: RigidSettings
) -> _Match:
    level = make_level(
        moving,
        fixed,
        mask,
        spacing_mm=settings.spacing_mm,
        flatten_mm=settings.flatten_mm,
        edge_mm=settings.edge_mm,
    )
    shifts = best_shifts(level, begin, reach_mm=settings.reach_mm, count=settings.starts)
    quick = _method(level, settings, phase=0, step_mm=2.0)
    ends = [_run(quick, level, start) for start in (begin, *(_shifted(begin, shift) for shift in shifts))]
    best = min(ends, key=lambda end: end[0])[1]
    careful = _method(level, settings, phase=1, step_mm=0.5)
    value, euler = _run(careful, level, best)
    stop = careful.GetOptimizerStopConditionDescription()
    before = -_metric(careful, level, begin)
    return _Match(euler, before, -value, "Maximum number of iterations" not in stop, stop)


def _shifted(euler: Any, shift_lps_mm: NDArray[np.float64]) -> Any:
    moved = sitk.Euler3DTransform(euler)
    moved.SetTranslation((np.asarray(euler.GetTranslation()) + shift_lps_mm).tolist())
    return moved


def _method(level: Level, settings: RigidSettings, *, phase: int, step_mm: float) -> Any:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(settings.histogram_bins)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(min(1.0, settings.samples[phase] / level.points), settings.seed)
    method.SetMetricFixedMask(level.mask)
    method.SetInterpolator(sitk.sitkLinear)
    method.MetricUseFixedImageGradientFilterOff()
    method.MetricUseMovingImageGradientFilterOff()
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=step_mm,
        minStep=0.01,
        numberOfIterations=settings.iterations[phase],
        relaxationFactor=0.6,
        gradientMagnitudeTolerance=1e-8,
    )
    method.SetOptimizerScalesFromPhysicalShift()
    return method


def _run(method: Any, level: Level, euler: Any) -> tuple[float, Any]:
    """(metric, Euler transform) at the end of one descent."""
    method.SetInitialTransform(sitk.Euler3DTransform(euler), inPlace=False)
    try:
        found = method.Execute(level.fixed, level.moving)
    except RuntimeError as error:
        raise RegistrationError(
            "The rigid match failed.",
            got=str(error).strip().splitlines()[-1],
            expected="two overlapping images of one patient",
            todo="Give a starting point (a registration object).",
        ) from error
    return method.GetMetricValue(), sitk.Euler3DTransform(sitk.CompositeTransform(found).GetNthTransform(0))


def _metric(method: Any, level: Level, euler: Any) -> float:
    method.SetInitialTransform(sitk.Euler3DTransform(euler), inPlace=False)
    return float(method.MetricEvaluate(level.fixed, level.moving))


def _default_start(moving: Volume, fixed: Volume) -> Rigid:
    from_uid, to_uid = fixed.grid.frame_of_reference_uid, moving.grid.frame_of_reference_uid
    if from_uid == to_uid or not from_uid or not to_uid:
        return Rigid(np.eye(4), from_uid, to_uid, origin="identity")
    matrix = np.eye(4)
    matrix[:3, 3] = moving.grid.centre_lps_mm - fixed.grid.centre_lps_mm
    return Rigid(matrix, from_uid, to_uid, origin="centres of the grids")


def _centre_of(mask: Mask, fixed: Volume) -> NDArray[np.float64]:
    """Middle of the mask's bounding box in LPS [mm]."""
    start, stop = box_of(mask)
    return fixed.grid.to_lps_mm((np.asarray(start) + np.asarray(stop) - 1) / 2)


def _overlap(rigid: Rigid, mask: Mask, fixed: Volume, moving: Volume) -> float:
    index = np.argwhere(mask[::2, ::8, ::8]) * (2, 8, 8)
    index = index if len(index) else np.argwhere(mask)
    return float(moving.grid.contains(rigid.apply(fixed.grid.to_lps_mm(index))).mean())


def _require_overlap(overlap: float, when: str) -> None:
    if overlap < 0.2:
        raise RegistrationError(
            f"The two images hardly overlap {when}.",
            got=f"{100 * overlap:.0f} % of the field of view lies in the other image",
            expected="at least 20 %",
            todo="Give a registration object, or check that both series show the same region of one patient.",
        )


def _to_euler(rigid: Rigid, centre_lps_mm: NDArray[np.float64]) -> Any:
    euler = sitk.Euler3DTransform()
    euler.SetCenter(centre_lps_mm.tolist())
    euler.SetMatrix(rigid.matrix[:3, :3].ravel().tolist(), 1e-3)
    euler.SetTranslation(rigid.shift_at(centre_lps_mm).tolist())
    return euler


def _to_rigid(euler: Any, fixed: Volume, moving: Volume) -> Rigid:
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(euler.GetMatrix(), (3, 3))
    matrix[:3, 3] = euler.TransformPoint((0.0, 0.0, 0.0))
    from_uid, to_uid = fixed.grid.frame_of_reference_uid, moving.grid.frame_of_reference_uid
    return Rigid(matrix, from_uid, to_uid, origin="Mattes mutual information (SimpleITK)")


def _angle_deg(first: Rigid, second: Rigid) -> float:
    turn = np.eye(4)
    turn[:3, :3] = second.matrix[:3, :3] @ first.matrix[:3, :3].T
    return Rigid(turn).rotation_deg
