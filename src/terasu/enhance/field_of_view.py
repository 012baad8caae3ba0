"""Where a cone-beam image was really seen: its field of view, found in the voxels themselves.

Headers say it wrongly or not at all after a resampling, so the image is asked: the corners of its slices
hold a constant (padding), and everything that is not padding lies inside the circle of reconstruction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from terasu.errors import EnhanceError
from terasu.patient.grid import Grid
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume

Array = NDArray[np.float64]

_PADDING_TOLERANCE_HU = 0.5
_SAMPLED_SLICES = 24


@dataclass(frozen=True, eq=False)
class FieldOfView:
    """What the machine has seen.

    Attributes:
        mask: (z, y, x), True where the value was measured.
        shape: ``circle`` (a cylinder was found), ``outline`` (a frame was found, as resampling leaves
            it), ``whole`` (every slice that holds data, whole).
        radius_mm: of the circle, NaN where there is none.
        padding_hu: the constant that stands for *nothing was measured*, NaN where there is none.
        slices: first and last slice seen, along the grid's k.
        note: one sentence for the report.
    """

    mask: Mask
    shape: Literal["circle", "outline", "whole"]
    radius_mm: float
    padding_hu: float
    slices: tuple[int, int]
    note: str


@dataclass(frozen=True)
class _Circle:
    """centre_yx_mm(k) = centre + drift × k, in the slice's own plane."""

    centre_yx_mm: tuple[float, float]
    drift_yx_mm: tuple[float, float]
    radius_mm: float


def find_field_of_view(image: Volume, *, edge_mm: float = 2.0) -> FieldOfView:
    """Find the field of view of a CBCT from its values.

    Args:
        image: CBCT [HU], slices along k.
        edge_mm: the circle is drawn this much smaller, because its outermost voxels are interpolated
            with padding and carry the bright rim of a truncated reconstruction.
    Returns:
        FieldOfView on the image's grid.
    Raises:
        EnhanceError: no slice holds anything but padding.
    """
    padding = _padding(image.values)
    if padding is None:
        mask = np.ones(image.grid.shape_zyx, bool)
        last = image.grid.shape_zyx[0] - 1
        return FieldOfView(mask, "whole", np.nan, np.nan, (0, last), "No padding: all voxels were seen.")
    measured = np.abs(image.values - padding) > _PADDING_TOLERANCE_HU
    seen = _seen_slices(measured)
    outlines = _outlines(measured, seen, image.grid)
    circle = _common_circle(outlines, image.grid)
    if circle is not None:
        mask, note = _cylinder(circle, image.grid, seen, edge_mm), f"A circle of {circle.radius_mm:.0f} mm."
        return FieldOfView(mask, "circle", circle.radius_mm, padding, _ends(seen), note)
    if _is_frame(outlines):
        mask = _outline_masks(measured, seen, image.grid)
        note = "A frame, as a resampling leaves it: what lies in it was seen."
        return FieldOfView(mask, "outline", np.nan, padding, _ends(seen), note)
    mask = np.zeros(image.grid.shape_zyx, bool)
    mask[seen] = True
    note = "Padding that follows the patient (air set to a constant): all voxels are taken as seen."
    return FieldOfView(mask, "whole", np.nan, padding, _ends(seen), note)


def _padding(values: NDArray[np.generic]) -> float | None:
    """The constant in nine of ten slice corners, None if they do not agree."""
    corners = values[:, :: _step(values.shape[1]), :: _step(values.shape[2])].reshape(-1)
    found, counts = np.unique(corners, return_counts=True)
    return float(found[np.argmax(counts)]) if counts.max() >= 0.9 * corners.size else None


def _step(size: int) -> int:
    return max(1, size - 1)


def _seen_slices(measured: Mask) -> NDArray[np.intp]:
    """Slices with at least half of the usual content, less those that were blended with padding."""
    content = measured.sum(axis=(1, 2))
    if not content.any():
        raise EnhanceError(
            "The CBCT holds nothing but one constant value.",
            got=f"{measured.shape[0]} slices of padding",
            expected="an image of the patient",
            todo="Export the series again.",
        )
    seen = np.flatnonzero(content >= 0.5 * np.median(content[content > 0]))
    first, last = seen[0], seen[-1]
    if first > 0 and last - first > 2:
        seen = seen[seen > first]
    if last < len(content) - 1 and last - first > 2:
        seen = seen[seen < last]
    return seen


def _ends(seen: NDArray[np.intp]) -> tuple[int, int]:
    return int(seen[0]), int(seen[-1])


def _outlines(measured: Mask, seen: NDArray[np.intp], grid: Grid) -> list[tuple[int, Array]]:
    """(k, convex hull vertices (n, 2) in mm along (j, i)) of some slices."""
    chosen = seen[np.unique(np.linspace(0, len(seen) - 1, _SAMPLED_SLICES).astype(int))]
    hulls = ((int(k), _hull_yx(measured[k])) for k in chosen)
    spacing = np.asarray(grid.spacing_zyx_mm[1:])
    return [(k, hull * spacing) for k, hull in hulls if hull is not None]


def _hull_yx(measured: Mask) -> Array | None:
    """Vertices of the convex hull; only the first and last pixel of every row can be one."""
    rows = np.flatnonzero(measured.any(axis=1))
    left = measured[rows].argmax(axis=1)
    right = measured.shape[1] - 1 - measured[rows, ::-1].argmax(axis=1)
    points = np.concatenate([np.c_[rows, left], np.c_[rows, right]]).astype(float)
    try:
        return np.asarray(points[ConvexHull(points).vertices])
    except (QhullError, ValueError):
        return None


def _common_circle(outlines: list[tuple[int, Array]], grid: Grid) -> _Circle | None:
    """One cylinder through the slices' circles, None unless most slices show one."""
    pixel_mm = max(grid.spacing_zyx_mm[1:])
    fits = [(k, fit) for k, hull in outlines if (fit := _fit_circle(hull, tolerance_mm=1.2 * pixel_mm))]
    if len(fits) < max(1, len(outlines) // 2):
        return None
    ks = np.array([k for k, _ in fits], float)
    found = np.array([fit for _, fit in fits])
    (y, drift_y), (x, drift_x) = _line(ks, found[:, 0]), _line(ks, found[:, 1])
    radius = float(np.median(found[:, 2]))
    if np.median(np.abs(found[:, 2] - radius)) > 2 * pixel_mm:
        return None
    return _Circle((y, x), (drift_y, drift_x), radius)


def _fit_circle(points: Array, *, tolerance_mm: float) -> tuple[float, float, float] | None:
    """Circle through most vertices of a convex hull, and none outside of it.

    A straight side (the patient's flat front where air was clipped) has two vertices, an arc has many. The
    circle is voted for by triples of vertices (RANSAC with a fixed seed) and refined on those that lie on it.
    No circle: fewer than half of the vertices on it, or a gap of more than 160°.
    """
    if len(points) < 12:
        return None
    found = _voted_circle(points, tolerance_mm)
    on_circle = np.abs(_off(points, found)) <= tolerance_mm
    if on_circle.sum() < max(12, 0.5 * len(points)):
        return None
    y, x, radius = _algebraic_circle(points[on_circle])
    angles = np.sort(np.arctan2(points[on_circle, 0] - y, points[on_circle, 1] - x))
    gaps = np.diff(np.append(angles, angles[0] + 2 * np.pi))
    return (y, x, radius) if gaps.max() <= np.radians(160) else None


def _voted_circle(points: Array, tolerance_mm: float) -> tuple[float, float, float]:
    """Of 400 circles through three vertices: most vertices on it, none well outside of it."""
    triples = np.random.default_rng(0).integers(0, len(points), (400, 3))
    circles = _circumcircles(*(points[triples[:, corner]] for corner in range(3)))
    off = np.hypot(points[:, 0] - circles[:, :1], points[:, 1] - circles[:, 1:2]) - circles[:, 2:]
    votes = (np.abs(off) <= tolerance_mm).sum(axis=1) - len(points) * (off > 2 * tolerance_mm).sum(axis=1)
    y, x, radius = (float(value) for value in circles[int(np.argmax(votes))])
    return y, x, radius


def _circumcircles(a: Array, b: Array, c: Array) -> Array:
    """(n, 3): centre y, x and radius of the circles through three points; far away where they are in line."""
    u, v = b - a, c - a
    cross = 2 * (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
    cross = np.where(np.abs(cross) < 1e-6, 1e-6, cross)
    uu, vv = (u**2).sum(axis=1), (v**2).sum(axis=1)
    y, x = (v[:, 1] * uu - u[:, 1] * vv) / cross, (u[:, 0] * vv - v[:, 0] * uu) / cross
    return np.stack([a[:, 0] + y, a[:, 1] + x, np.hypot(y, x)], axis=1)


def _off(points: Array, circle: tuple[float, float, float]) -> Array:
    """Signed distance from the circle, positive outside [mm]."""
    y, x, radius = circle
    return np.asarray(np.hypot(points[:, 0] - y, points[:, 1] - x) - radius)


def _algebraic_circle(points: Array) -> tuple[float, float, float]:
    """Least squares of |p|² − 2 c·p + (|c|² − r²) = 0 (Kåsa 1976)."""
    centre = points.mean(axis=0)
    p = points - centre
    system = np.c_[2 * p, np.ones(len(p))]
    solution, *_ = np.linalg.lstsq(system, (p**2).sum(axis=1), rcond=None)
    radius = float(np.sqrt(max(solution[2] + solution[:2] @ solution[:2], 0.0)))
    return float(centre[0] + solution[0]), float(centre[1] + solution[1]), radius


def _line(ks: Array, values: Array) -> tuple[float, float]:
    """Offset and slope by medians (Theil–Sen): one bad slice moves nothing."""
    first, second = np.triu_indices(len(ks), 1)
    slope = (
        float(np.median((values[second] - values[first]) / (ks[second] - ks[first]))) if len(ks) > 2 else 0.0
    )
    return float(np.median(values - slope * ks)), slope


def _cylinder(circle: _Circle, grid: Grid, seen: NDArray[np.intp], edge_mm: float) -> Mask:
    mask = np.zeros(grid.shape_zyx, bool)
    _, rows, columns = grid.shape_zyx
    _, row_mm, column_mm = grid.spacing_zyx_mm
    radius = max(circle.radius_mm - edge_mm, 0.0)
    for k in seen:
        y = np.arange(rows) * row_mm - circle.centre_yx_mm[0] - circle.drift_yx_mm[0] * k
        x = np.arange(columns) * column_mm - circle.centre_yx_mm[1] - circle.drift_yx_mm[1] * k
        mask[k] = y[:, None] ** 2 + x[None, :] ** 2 <= radius**2
    return mask


def _is_frame(outlines: list[tuple[int, Array]]) -> bool:
    """True if the outlines are rectangles, turned or not: the frame of a resampled image, no patient."""
    filled = [_share_of_box(hull) for _, hull in outlines]
    return bool(filled) and float(np.median(filled)) > 0.95


def _share_of_box(hull: Array) -> float:
    """Area of a convex polygon ÷ area of the smallest rectangle around it, which shares a side with it."""
    sides = np.roll(hull, -1, axis=0) - hull
    along = sides / np.linalg.norm(sides, axis=1, keepdims=True)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    boxes = np.ptp(hull @ along.T, axis=0) * np.ptp(hull @ across.T, axis=0)
    return float(ConvexHull(hull).volume / boxes.min())


def _outline_masks(measured: Mask, seen: NDArray[np.intp], grid: Grid) -> Mask:
    mask = np.zeros(grid.shape_zyx, bool)
    for k in seen:
        hull = _hull_yx(measured[k])
        if hull is not None:
            mask[k] = _inside(grid.shape_zyx[1:], hull)
    return mask


def _inside(shape_yx: tuple[int, ...], hull_yx: Array) -> Mask:
    """Pixels inside of a convex polygon, its edge included."""
    equations = ConvexHull(hull_yx).equations
    y, x = np.ogrid[: shape_yx[0], : shape_yx[1]]
    sides = (a * y + b * x + c <= 1e-6 for a, b, c in equations)
    return np.asarray(np.logical_and.reduce(list(sides)))
