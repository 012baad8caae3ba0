"""The patient's outline on a CT or CBCT, without the table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.errors import EnhanceError
from terasu.patient.grid import Grid
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume

_LEAST_DENSE_HU = -700.0
_COARSE_MM = 4.0
_TABLE_MM = 18.0
_LUNG_HU = -500.0
_SKIN_MM = 6.0
_THICK_MM = 40.0
_FLAT_MM = 6.0


def find_body(image: Volume, *, view: Mask | None = None, beyond: Mask | None = None) -> Mask:
    """Outline of the patient, holes (lung, gas) filled.

    The skin is put a third of the way from air to the median of what is dense, since raw CBCT reads tissue
    200 to 500 HU too low. The table is a thin shell: it does not survive an opening of 18 mm in the slice
    plane, and what is left of it does not hang together with the patient. Where a flat top sticks out beside
    the patient, nothing beneath its surface counts, so that what touches him goes as well. That part is done
    at 4 mm. A curved top that touches the patient stays in part: an External contour is better.

    Args:
        image: CT or CBCT [HU], slices along the patient's length (k).
        view: field of view; nothing is looked for outside of it.
        beyond: (z, y, x) the patient where the field of view ends (the registered planning CT's outline);
            closes a lung that the field of view cuts.
    Returns:
        (z, y, x) bool.
    Raises:
        EnhanceError: nothing in the image is denser than air.
    """
    dense = image.values > skin_hu(image, view)
    if view is not None:
        dense &= view
    step_zyx = _coarse_steps(image.grid)
    coarse = dense[:: step_zyx[0], :: step_zyx[1], :: step_zyx[2]]
    mm = np.asarray(image.grid.spacing_zyx_mm, np.float64) * step_zyx.astype(np.float64)
    core = _largest(_above_flat_tops(_opened(coarse, mm, _TABLE_MM), coarse, mm))
    if not core.any():
        raise EnhanceError(
            "No patient was found in the image.",
            got=f"no connected region above {_LEAST_DENSE_HU:g} HU",
            expected="a CT or CBCT of a patient, in HU",
            todo="Look at the image and its rescale slope and intercept.",
        )
    body = dense & _finer(_grown(core, mm), step_zyx, image.grid.shape_zyx)
    if view is None or beyond is None:
        return filled_by_slice(body)
    return filled_by_slice(body | (beyond & ~view)) & view


def dark_rim(body: Mask, view: Mask, planned: Mask, planning: Volume) -> Mask:
    """Where a patient who is cut by the field of view reads as air near the cut: nothing was measured there.

    That is air where the planning CT has tissue, and nearer to the edge of the field of view than to the
    planned skin; so a lost layer of fat is none.

    Args:
        body: by ``find_body``; view, planned: field of view and the planned outline, all on the grid of
            planning: the planning CT where the rigid match puts it [HU].
    """
    grid = planning.grid
    step_zyx = _coarse_steps(grid)
    few = tuple(slice(None, None, step) for step in step_zyx)
    mm = np.asarray(grid.spacing_zyx_mm, np.float64) * step_zyx.astype(np.float64)
    rim = _rim(view[few], planned[few], mm)
    dark = _grown(rim & ~body[few] & (planning.values[few] > _LUNG_HU), mm) & rim
    return _finer(dark, step_zyx, grid.shape_zyx) & view & planned


def skin_hu(image: Volume, view: Mask | None = None) -> float:
    """A third of the way from air to the median of what is dense [HU]."""
    few = (slice(None, None, 2), slice(None, None, 4), slice(None, None, 4))
    values = image.values[few] if view is None else image.values[few][view[few]]
    dense = values[values > _LEAST_DENSE_HU]
    return float(-1000 + (np.median(dense) + 1000) / 3) if dense.size else _LEAST_DENSE_HU


def _coarse_steps(grid: Grid) -> NDArray[np.intp]:
    return np.maximum(1, np.rint(_COARSE_MM / np.asarray(grid.spacing_zyx_mm))).astype(np.intp)


def _disc(mm: NDArray[np.float64], radius_mm: float) -> Mask:
    """A disc in the slice plane; at least the four neighbours."""
    reach = np.maximum(1, np.floor(radius_mm / mm[1:])).astype(int)
    y, x = np.mgrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1]
    disc = (y * mm[1]) ** 2 + (x * mm[2]) ** 2 <= max(radius_mm, mm[1:].max()) ** 2
    return np.asarray(disc[None])


def _opened(mask: Mask, mm: NDArray[np.float64], thickness_mm: float) -> Mask:
    return np.asarray(ndimage.binary_opening(mask, _disc(mm, thickness_mm / 2)))


def _above_flat_tops(found: Mask, dense: Mask, mm: NDArray[np.float64]) -> Mask:
    """Less the rows beneath a flat table top, slice by slice; the table may lie on either side."""
    thick = _opened(filled_by_slice(dense), mm, _THICK_MM)
    kept = found.copy()
    for k in np.flatnonzero(thick.any(axis=(1, 2))):
        middle = int(np.argwhere(thick[k])[:, 0].mean())
        top = _flat_top(dense[k], thick[k], middle, mm)
        if top is not None:
            kept[k, top:] = False
        top = _flat_top(dense[k, ::-1], thick[k, ::-1], len(dense[k]) - 1 - middle, mm)
        if top is not None:
            kept[k, : len(dense[k]) - top] = False
    return kept


def _flat_top(dense: Mask, thick: Mask, middle: int, mm: NDArray[np.float64]) -> int | None:
    """First row of a table that sticks out beside the patient, past his middle row; None if none is flat."""
    columns = np.flatnonzero(thick.any(axis=0))
    beside = np.ones(dense.shape[1], bool)
    beside[max(0, columns[0] - 2) : columns[-1] + 3] = False
    below = dense[middle:, beside]
    tops = below.argmax(axis=0)[below.any(axis=0)]
    if tops.size * mm[2] < _THICK_MM:
        return None
    top = int(np.median(tops))
    return middle + top if np.mean(np.abs(tops - top) * mm[1] <= _FLAT_MM) >= 0.8 else None


def _rim(view: Mask, planned: Mask, mm: NDArray[np.float64]) -> Mask:
    """Where the edge of the field of view is nearer than the planned skin, slice by slice."""
    rim = np.zeros_like(view)
    for k in np.flatnonzero((planned & ~view).any(axis=(1, 2)) & (planned & view).any(axis=(1, 2))):
        to_edge = ndimage.distance_transform_edt(view[k], sampling=mm[1:])
        to_skin = ndimage.distance_transform_edt(planned[k], sampling=mm[1:])
        rim[k] = planned[k] & view[k] & (to_edge < to_skin)
    return rim


def _largest(mask: Mask) -> Mask:
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == sizes.argmax())


def _grown(mask: Mask, mm: NDArray[np.float64]) -> Mask:
    return np.asarray(ndimage.binary_dilation(mask, _disc(mm, _SKIN_MM)))


def _finer(mask: Mask, step_zyx: NDArray[np.intp], shape_zyx: tuple[int, int, int]) -> Mask:
    """Each coarse voxel stands for the full ones nearest to it."""
    for axis, (step, size) in enumerate(zip(step_zyx, shape_zyx, strict=True)):
        nearest = np.minimum((np.arange(size) + step // 2) // step, mask.shape[axis] - 1)
        mask = np.take(mask, nearest, axis=axis)
    return mask


def filled_by_slice(mask: Mask) -> Mask:
    """Holes filled slice by slice, inside of the bounding box."""
    rows, columns = np.flatnonzero(mask.any(axis=(0, 2))), np.flatnonzero(mask.any(axis=(0, 1)))
    box = (
        (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        if rows.size
        else (slice(0), slice(0))
    )
    filled = mask.copy()
    for plane in filled:
        plane[box] = ndimage.binary_fill_holes(plane[box])
    return filled
