"""Cone-beam projections and FDK through RTK, in the patient's own axes.

RTK turns its source about Y. Its axes here: X = LPS x, Y = LPS z (to the head), Z = −LPS y (to the front);
all positions from the isocentre. Nobody else knows that.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.errors import MissingPartError
from terasu.simulate.cone_settings import ConeBeamSettings

F32 = NDArray[np.float32]
Triple = tuple[float, float, float]


def require_rtk() -> Any:
    """The itk module with RTK in it.

    Raises:
        MissingPartError: the extra ``cbct`` is not installed.
    """
    try:
        # ITK's own modules, loaded on first use, warn of how they were wrapped; as errors they end Python.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            import itk

            _ = itk.RTK.FDKConeBeamReconstructionFilter, itk.Image, itk.F
    except (ImportError, AttributeError) as error:
        raise MissingPartError(
            "Cone-beam projections need RTK.",
            got="no module itk.RTK",
            expected="the package itk-rtk",
            todo="pip install 'terasu[cbct]', or use the fast engine.",
        ) from error
    return itk


def project_cone(
    values: F32,
    spacing_zyx_mm: Triple,
    origin_lps_mm: Triple,
    settings: ConeBeamSettings,
    views: NDArray[np.intp],
) -> F32:
    """Line integrals (view, v, u) of a volume, u along +x at gantry 0, v to the head.

    Args:
        values: (z, y, x), axes along LPS.
        origin_lps_mm: centre of voxel (0, 0, 0), from the isocentre.
        views: which of the settings' projections.
    """
    itk = require_rtk()
    kind = itk.Image[itk.F, 3]
    project = itk.RTK.JosephForwardProjectionImageFilter[kind, kind].New()
    project.SetGeometry(_geometry(itk, settings, views))
    empty = np.zeros((len(views), settings.rows, settings.columns), np.float32)
    project.SetInput(0, _stack(itk, empty, settings))
    project.SetInput(1, _volume(itk, values, spacing_zyx_mm, origin_lps_mm))
    project.Update()
    return np.asarray(itk.array_from_image(project.GetOutput()), np.float32)


def fdk(
    lines: F32,
    settings: ConeBeamSettings,
    shape_zyx: tuple[int, int, int],
    spacing_zyx_mm: Triple,
    origin_lps_mm: Triple,
) -> F32:
    """Feldkamp, Davis and Kress: a volume (z, y, x) from the line integrals of all projections.

    Half fan: projections are weighted for the displaced panel; full fan: after Parker for the short scan.
    Where the patient reaches beyond the panel, projections go on as far as ``truncation_mm`` says.
    """
    itk = require_rtk()
    kind = itk.Image[itk.F, 3]
    geometry = _geometry(itk, settings, np.arange(settings.projections))
    stack = _stack(itk, lines, settings)
    weight = (
        itk.RTK.DisplacedDetectorImageFilter[kind].New()
        if settings.fan == "half"
        else itk.RTK.ParkerShortScanImageFilter[kind].New()
    )
    weight.SetInput(stack)
    weight.SetGeometry(geometry)
    found = itk.RTK.FDKConeBeamReconstructionFilter[kind].New()
    found.SetGeometry(geometry)
    found.SetInput(0, _volume(itk, np.zeros(shape_zyx, np.float32), spacing_zyx_mm, origin_lps_mm))
    weight.Update()
    found.SetInput(1, _continued(itk, weight.GetOutput(), settings))
    found.GetRampFilter().SetHannCutFrequency(settings.hann_cutoff)
    found.Update()
    return np.ascontiguousarray(itk.array_from_image(found.GetOutput())[::-1].transpose(1, 0, 2), np.float32)


def _geometry(itk: Any, settings: ConeBeamSettings, views: NDArray[np.intp]) -> Any:
    geometry = itk.RTK.ThreeDCircularProjectionGeometry.New()
    for view in views:
        angle = settings.angles_deg[int(view)]
        geometry.AddProjection(
            settings.source_axis_mm, settings.source_detector_mm, angle, settings.offset_mm, 0.0
        )
    return geometry


def _stack(itk: Any, lines: F32, settings: ConeBeamSettings) -> Any:
    image = itk.image_from_array(np.ascontiguousarray(lines, np.float32))
    side = settings.panel_mm
    image.SetSpacing([side, side, 1.0])
    image.SetOrigin([-(settings.columns - 1) / 2 * side, -(settings.rows - 1) / 2 * side, 0.0])
    return image


def _continued(itk: Any, weighted: Any, settings: ConeBeamSettings) -> Any:
    """Projections with a fall to 0 (cos²) at each outer edge of the panel, in place of a step.

    Source: the idea of Ohnesorge et al., Med Phys 2000;27:39, doi 10.1118/1.598855; the shape is ours.
    """
    more = round(settings.truncation_mm / settings.panel_mm)
    if not more:
        return weighted
    lines = np.asarray(itk.array_from_image(weighted), np.float32)
    fall = np.cos((np.arange(more) + 1) / (more + 1) * np.pi / 2).astype(np.float32) ** 2
    parts = [lines, lines[..., -1:] * fall]
    left = more if settings.fan == "full" else 0
    if left:
        parts.insert(0, lines[..., :1] * fall[::-1])
    image = itk.image_from_array(np.ascontiguousarray(np.concatenate(parts, axis=2)))
    origin = np.array(weighted.TransformIndexToPhysicalPoint(weighted.GetLargestPossibleRegion().GetIndex()))
    origin[0] -= left * settings.panel_mm
    image.SetSpacing(weighted.GetSpacing())
    image.SetOrigin(origin.tolist())
    return image


def _volume(itk: Any, values: F32, spacing_zyx_mm: Triple, origin_lps_mm: Triple) -> Any:
    z_mm, y_mm, x_mm = spacing_zyx_mm
    x, y, z = origin_lps_mm
    image = itk.image_from_array(np.ascontiguousarray(values.transpose(1, 0, 2)[::-1], np.float32))
    image.SetSpacing([x_mm, z_mm, y_mm])
    image.SetOrigin([x, z, -(y + (values.shape[1] - 1) * y_mm)])
    return image
