"""HU along a line through the target, and how often each HU occurs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from terasu.patient.volume import Volume
from terasu.report.content import ReportContent
from terasu.report.curves import Series
from terasu.report.panels import AIR_HU, images_shown
from terasu.report.planes import sample_points
from terasu.report.stage import Stage

_BIN_HU = 10.0


def profile(content: ReportContent, stage: Stage) -> dict[str, Series]:
    """Title of the image → (x [mm], HU) from the patient's right to left through the focus."""
    axial = stage.planes[0]
    x = np.arange(-axial.width_mm / 2, axial.width_mm / 2, 1.0) + axial.centre_lps_mm[0]
    points = np.column_stack(
        [x, np.full_like(x, stage.focus_lps_mm[1]), np.full_like(x, stage.focus_lps_mm[2])]
    )
    shown = images_shown(content)
    return {title: (x, sample_points(image, points, outside=AIR_HU)) for title, image in shown.items()}


def target_extent(content: ReportContent, stage: Stage) -> tuple[float, float] | None:
    """Where the profile crosses the planned target, x [mm]; None where it does not."""
    structures, name = content.planned, content.case.target
    if structures is None or name not in structures.masks:
        return None
    x = np.arange(-300.0, 300.0, 0.5) + stage.focus_lps_mm[0]
    points = np.column_stack(
        [x, np.full_like(x, stage.focus_lps_mm[1]), np.full_like(x, stage.focus_lps_mm[2])]
    )
    mask = Volume(structures.masks[name], structures.grid, "1")
    inside = np.flatnonzero(sample_points(mask, points, outside=0.0) > 0.5)
    return (float(x[inside[0]]), float(x[inside[-1]])) if len(inside) else None


def histogram(content: ReportContent) -> dict[str, Series]:
    """Title of the image → (HU, share of voxels [% per bin]), at the same points of the patient for all."""
    shown = images_shown(content)
    ground = content.images.raw or content.images.improved or content.images.planning
    if ground is None:
        return {}
    points = _points_in_patient(ground, content.images.filled)
    edges = np.arange(-400.0, 600.0 + _BIN_HU, _BIN_HU)
    if not len(points):
        return {}
    return {
        title: (edges[:-1] + _BIN_HU / 2, _share(sample_points(image, points, outside=AIR_HU), edges))
        for title, image in shown.items()
    }


def _points_in_patient(ground: Volume, filled: Volume | None, *, most: int = 40_000) -> NDArray[np.float64]:
    step = max(1, round((ground.grid.size / 600_000) ** (1 / 3)))
    index = np.argwhere(ground.values[::step, ::step, ::step] > -500) * step
    if len(index) > most:
        index = index[np.random.default_rng(0).choice(len(index), most, replace=False)]
    points = ground.grid.to_lps_mm(index)
    if filled is None:
        return points
    as_number = Volume(filled.values.astype(bool), filled.grid, "1")
    return points[sample_points(as_number, points, outside=0.0, nearest=True) < 0.5]


def _share(values: NDArray[np.float32], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    counts, _ = np.histogram(values, edges)
    return np.asarray(100.0 * counts / max(1, len(values)))
