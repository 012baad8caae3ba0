"""Where contours come from: an RTSTRUCT or a mask file, and the grid that both drawings are laid on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from terasu.dicom.find import index_folder
from terasu.dicom.headers import IMAGES
from terasu.dicom.image import read_image
from terasu.dicom.links import images_of
from terasu.dicom.rtstruct import read_structures
from terasu.errors import GeometryError, InputError
from terasu.patient.contours import to_structures
from terasu.patient.grid import Grid
from terasu.patient.planes import planes_of
from terasu.patient.structures import ContourSet, Roi, StructureSet
from terasu.patient.volume import Volume
from terasu.patient.volume_file import is_volume_file, read_mask_file, read_volume_file

PIXEL_MM = 1.0
_ROOM_MM = 12.0
Read = ContourSet | Path


def image_at(path: Path, *, drawn: Read | None = None) -> Volume:
    """The image of a volume file, or of a folder with one series.

    Args:
        drawn: contours; of several series the one that they say they were drawn on is taken.
    Raises:
        InputError: nothing there, or several series and none that the contours name.
    """
    if path.is_file() and is_volume_file(path):
        return read_volume_file(path)
    series = images_of(index_folder(path), *IMAGES) if path.is_dir() else ()
    if len(series) > 1 and isinstance(drawn, ContourSet):
        series = tuple(one for one in series if one.uid == drawn.referenced_series_uid) or series
    if len(series) != 1:
        raise InputError(
            f"There is not one image at this path, but {len(series)} series.",
            got="; ".join(one.describe() for one in series) or path.name,
            expected="a folder with one series, or a NIfTI, NRRD or MetaImage file",
            todo="Name the folder of one series; terasu inspect FOLDER lists them.",
        )
    return read_image(series[0]).volume


def drawing_at(path: Path) -> Read:
    """The contours of an RTSTRUCT (or the only one in a folder); a mask file stays a path for now.

    Raises:
        InputError: nothing there, or several structure sets.
    """
    if path.is_file():
        return path if is_volume_file(path) else read_structures(path)
    found = index_folder(path).headers("RTSTRUCT") if path.is_dir() else ()
    if len(found) != 1:
        raise InputError(
            f"There is not one drawing at this path, but {len(found)} structure sets.",
            got=path.name,
            expected="an RTSTRUCT, a folder with one, or a mask file",
            todo="Name the file; terasu inspect FOLDER lists them.",
        )
    return read_structures(found[0].path)


def common_grid(drawings: Iterable[Read]) -> Grid:
    """The grid of a mask file among them, else one of 1 mm pixels on the planes of the contours.

    Raises:
        GeometryError: contours that are not axial, or planes that do not lie on one another.
    """
    given = tuple(drawings)
    for one in given:
        if isinstance(one, Path):
            return read_volume_file(one, unit="1").grid
    return _grid_around([one for one in given if isinstance(one, ContourSet)])


def laid_on(grid: Grid, drawing: Read, rois: dict[str, str] | None = None) -> StructureSet:
    """A drawing as masks.

    Args:
        rois: ROI name → name that it is to have; all if left out.
    """
    if isinstance(drawing, Path):
        name = drawing.name.split(".")[0]
        return StructureSet(grid, {(rois or {}).get(name, name): read_mask_file(drawing, grid)})
    return to_structures(drawing, grid, rois)


def roi_names(drawing: Read) -> tuple[str, ...]:
    """ROIs that have contours; of a mask file its own name."""
    if isinstance(drawing, Path):
        return (drawing.name.split(".")[0],)
    return tuple(roi.name for roi in drawing if roi.contours_lps_mm)


def _grid_around(sets: list[ContourSet]) -> Grid:
    frames = sorted({one.frame_of_reference_uid for one in sets if one.frame_of_reference_uid})
    if len(frames) > 1:
        raise GeometryError(
            "The two drawings lie in different frames of reference.",
            got=" and ".join(frames),
            expected="one frame of reference",
            todo="Register the two images and propagate the contours.",
        )
    rois = [roi for one in sets for roi in one if roi.contours_lps_mm]
    if not rois:
        raise InputError(
            "Neither drawing has a contour.",
            got=f"{sum(len(one.rois) for one in sets)} ROIs, none of them drawn",
            expected="at least one closed contour",
            todo="Export the structures again with their contours.",
        )
    step_mm, first_mm = _slices_of(rois)
    points = np.concatenate([points for roi in rois for points in roi.contours_lps_mm])
    low, high = points.min(axis=0) - _ROOM_MM, points.max(axis=0) + _ROOM_MM
    begin_mm = first_mm - step_mm * np.ceil((first_mm - low[2]) / step_mm)
    shape = np.ceil((high - [low[0], low[1], begin_mm]) / [PIXEL_MM, PIXEL_MM, step_mm]).astype(int) + 1
    return Grid.from_axes(
        tuple(shape[::-1]),
        spacing_zyx_mm=(step_mm, PIXEL_MM, PIXEL_MM),
        origin_lps_mm=(low[0], low[1], begin_mm),
        frame_of_reference_uid=frames[0] if frames else "",
    )


def _slices_of(rois: list[Roi]) -> tuple[float, float]:
    """Spacing of the planes and the place of one of them [mm]."""
    spacings, first_mm = [], None
    for roi in rois:
        planes = planes_of(roi.contours_lps_mm)
        if abs(planes.normal_lps[2]) < 0.9999:
            raise GeometryError(
                f"The ROI {roi.name!r} is not drawn on axial slices.",
                got=f"planes with the normal {np.round(planes.normal_lps, 3).tolist()}",
                expected="axial contours where no image is named",
                todo="Name the image that both were drawn on with --image.",
            )
        if planes.spacing_mm:
            spacings.append(planes.spacing_mm)
        first_mm = float(planes.offsets_mm[0] * planes.normal_lps[2]) if first_mm is None else first_mm
    return (float(np.median(spacings)) if spacings else 3.0), float(first_mm or 0.0)
