"""Contours ↔ masks: what RTSTRUCT holds and what is measured, without loss in either direction.

The single steps: ``rasterise`` (polygons → mask), ``trace`` (mask → polygons), ``polygons_volume_cc``
(the truth that a mask is held to) and ``fill_missing`` (slices that somebody left out).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from terasu.errors import GeometryError, InputError
from terasu.patient.between import fill_missing as fill_missing
from terasu.patient.grid import Grid
from terasu.patient.planes import Planes, planes_of
from terasu.patient.rasterise import axes_of, fill_planes
from terasu.patient.rasterise import polygons_volume_cc as polygons_volume_cc
from terasu.patient.rasterise import rasterise as rasterise
from terasu.patient.structures import ContourSet, Mask, Roi, StructureSet
from terasu.patient.trace import trace as trace

Names = Iterable[str] | Mapping[str, str]

_COLOURS = (
    (230, 25, 75), (60, 180, 75), (0, 130, 200), (255, 225, 25), (245, 130, 48), (145, 30, 180),
    (70, 240, 240), (240, 50, 230), (210, 245, 60), (170, 110, 40), (0, 128, 128), (128, 0, 0),
)  # fmt: skip


def to_structures(contour_set: ContourSet, grid: Grid, names: Names | None = None) -> StructureSet:
    """The ROIs as masks on a grid.

    Args:
        contour_set: what an RTSTRUCT holds.
        grid: of the masks.
        names: ROI names to take, or ROI name → name that the structure is to have. If left out, every
            ROI that has contours, under its own name (a name that comes again gets a number).
    Returns:
        Masks; an ROI that lies outside of the grid has an empty one.
    Raises:
        GeometryError: the grid lies in another frame of reference, or an ROI is not planar.
        InputError: a name that is asked for is not there, or has no contours.
    """
    _require_frame(contour_set, grid)
    masks: dict[str, Mask] = {}
    sources: dict[str, str] = {}
    types: dict[str, str] = {}
    for roi, name in _chosen(contour_set, names):
        own = _numbered(name, masks)
        planes = _planes_of(roi, grid)
        slab_mm = roi.slab_mm or (_common_spacing_mm(contour_set) if planes.number < 3 else None)
        masks[own] = fill_planes(planes, grid, slab_mm=slab_mm)
        if roi.name != own:
            sources[own] = roi.name
        if roi.interpreted_type:
            types[own] = roi.interpreted_type
    return StructureSet(grid, masks, sources, types)


def to_contours(
    structures: StructureSet, names: Iterable[str] | None = None, *, smooth: bool = False
) -> ContourSet:
    """The masks as ROIs that ``to_structures`` turns back into the same masks.

    Args:
        structures: masks by name.
        names: those to take, in this order; all if left out.
        smooth: contours at the 0.5 level in place of along the pixel edges, see ``trace``.
    Raises:
        InputError: a name is not there, or its mask is empty (RTSTRUCT has no contour for that).
    """
    grid = structures.grid
    rois = []
    for number, name in enumerate(structures.names if names is None else names, start=1):
        contours = trace(structures[name], grid, smooth=smooth)
        if not contours:
            raise InputError(f"The mask of {name!r} is empty.", expected="at least one voxel inside")
        rois.append(
            Roi(
                name=name,
                number=number,
                contours_lps_mm=contours,
                interpreted_type=structures.types.get(name, ""),
                colour_rgb=_COLOURS[(number - 1) % len(_COLOURS)],
                algorithm="AUTOMATIC",
                slab_mm=grid.spacing_zyx_mm[0],
            )
        )
    return ContourSet(tuple(rois), grid.frame_of_reference_uid)


def _chosen(contour_set: ContourSet, names: Names | None) -> list[tuple[Roi, str]]:
    if names is None:
        return [(roi, roi.name) for roi in contour_set if roi.contours_lps_mm]
    wanted = names if isinstance(names, Mapping) else {name: name for name in names}
    chosen = [(contour_set[source], name) for source, name in wanted.items()]
    for roi, _ in chosen:
        if not roi.contours_lps_mm:
            raise InputError(f"The ROI {roi.name!r} has no contours.", expected="at least one closed contour")
    return chosen


def _numbered(name: str, taken: Mapping[str, object]) -> str:
    number, own = 1, name
    while own in taken:
        number += 1
        own = f"{name} ({number})"
    return own


def _planes_of(roi: Roi, grid: Grid) -> Planes:
    try:
        return planes_of(roi.contours_lps_mm, axes_lps=axes_of(grid))
    except GeometryError as error:
        raise GeometryError(
            f"The ROI {roi.name!r} cannot be drawn: {error.what}",
            got=error.got,
            expected=error.expected,
            todo=error.todo,
        ) from error


def _common_spacing_mm(contour_set: ContourSet) -> float | None:
    """The slice spacing that most ROIs of the set show: one or two planes alone do not tell theirs."""
    found = [roi.slab_mm or _spacing_mm(roi) for roi in contour_set]
    known = [spacing for spacing in found if spacing]
    return float(np.median(known)) if known else None


def _spacing_mm(roi: Roi) -> float | None:
    try:
        planes = planes_of(roi.contours_lps_mm)
    except GeometryError:
        return None
    return planes.spacing_mm if planes.number > 2 else None


def _require_frame(contour_set: ContourSet, grid: Grid) -> None:
    drawn, wanted = contour_set.frame_of_reference_uid, grid.frame_of_reference_uid
    if drawn and wanted and drawn != wanted:
        raise GeometryError(
            "The contours and the image lie in different frames of reference.",
            got=f"contours in {drawn}, image in {wanted}",
            expected="one frame of reference",
            todo="Register the two images and propagate the contours.",
        )
