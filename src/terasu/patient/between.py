"""Contours for slices that somebody left out, from the shapes on either side."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.patient.grid import Grid
from terasu.patient.planes import BRIDGED, Planes, Polygon, planes_of
from terasu.patient.rasterise import rasterise
from terasu.patient.structures import Mask
from terasu.patient.trace import trace

Array = NDArray[np.float64]

_PIXEL_MM = 0.5
_MOST_PIXELS = 1024


def fill_missing(
    contours_lps_mm: Iterable[Polygon], *, at_most: int = 2, spacing_mm: float | None = None
) -> tuple[Polygon, ...]:
    """The contours with missing planes drawn in, by shape-based interpolation.

    Only where somebody asks for it: ``rasterise`` never invents a contour. Parts whose cross-sections do
    not overlap are not joined, since the interpolated shape vanishes between them.

    Args:
        contours_lps_mm: closed polygons, each (n, 3) LPS [mm], in parallel planes.
        at_most: most planes that may be missing in a row; a wider gap lies between two separate parts.
        spacing_mm: distance that the planes are to have; if left out, that which the ROI itself shows.
    Returns:
        The contours given and those added, in the order of their planes.
    Source: Raya and Udupa 1990, doi 10.1109/42.52980 (signed distances, blended linearly).
    """
    planes = planes_of(contours_lps_mm)
    spacing = spacing_mm or planes.spacing_mm
    if spacing is None:
        return planes.contours
    by_plane = planes.by_plane()
    filled = list(by_plane[0])
    for p, gap in enumerate(np.diff(planes.offsets_mm)):
        if BRIDGED * spacing < gap <= (at_most + BRIDGED) * spacing:
            filled += _between(planes, p, steps=round(gap / spacing))
        filled += by_plane[p + 1]
    return tuple(filled)


def _between(planes: Planes, p: int, *, steps: int) -> list[Polygon]:
    """Contours on the ``steps`` − 1 planes between plane p and the next."""
    below, above = planes.by_plane()[p : p + 2]
    start, end = planes.offsets_mm[p : p + 2]
    low, high = (
        _signed_distance(rasterise(contours, grid, slab_mm=1.0)[0])
        for contours, grid in ((below, _sheet(planes, p, start)), (above, _sheet(planes, p, end)))
    )
    drawn: list[Polygon] = []
    for step in range(1, steps):
        part = step / steps
        shape = low * (1 - part) + high * part > 0
        drawn += trace(shape[None], _sheet(planes, p, start + part * (end - start)), smooth=True)
    return drawn


def _sheet(planes: Planes, p: int, offset_mm: float) -> Grid:
    """A grid of one slice, parallel to the planes, that holds the contours of planes p and p + 1."""
    points = np.concatenate([one for plane in planes.by_plane()[p : p + 2] for one in plane])
    u_axis, v_axis = planes.in_plane_axes
    u, v = points @ u_axis, points @ v_axis
    pixel = max(_PIXEL_MM, float(max(np.ptp(u), np.ptp(v))) / _MOST_PIXELS)
    origin = planes.normal_lps * offset_mm + u_axis * (u.min() - pixel) + v_axis * (v.min() - pixel)
    shape = (1, int(np.ptp(v) / pixel) + 4, int(np.ptp(u) / pixel) + 4)
    return Grid.from_axes(
        shape,
        spacing_zyx_mm=(1.0, pixel, pixel),
        origin_lps_mm=origin.tolist(),
        direction_lps=np.column_stack([u_axis, v_axis, planes.normal_lps]),
    )


def _signed_distance(inside: Mask) -> Array:
    """Distance to the outline [pixel], positive inside."""
    if not inside.any():
        return np.full(inside.shape, -np.inf)
    return np.asarray(
        ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside), dtype=np.float64
    )
