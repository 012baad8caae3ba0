"""What part of the patient is shown, and which of the parts can be shown together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.patient.structures import StructureSet
from terasu.patient.volume import Volume
from terasu.report.content import Doses, GammaResult, Images, ReportContent
from terasu.report.planes import Plane, View

_TARGET_TYPES = ("PTV", "CTV", "GTV")
_AIR_HU = -350.0
_EDGE_MM = 12.0


@dataclass(frozen=True)
class Stage:
    """Three planes through the focus.

    Attributes:
        focus_lps_mm: where they meet.
        planes: axial, coronal, sagittal.
    """

    focus_lps_mm: tuple[float, float, float]
    planes: tuple[Plane, ...]


def in_one_frame(content: ReportContent) -> tuple[ReportContent, tuple[str, ...]]:
    """The content without the parts that lie in a frame of reference other than the leading image's.

    Returns:
        The content, and a sentence for each part that cannot be shown beside the others.
    """
    leading = leading_image(content.images)
    frame = leading.grid.frame_of_reference_uid if leading is not None else ""
    notes: list[str] = []

    def fits(part: Volume | StructureSet | None, what: str) -> bool:
        own = part.grid.frame_of_reference_uid if part is not None else ""
        if own and frame and own != frame:
            notes.append(f"The {what} lies in another frame of reference and is not drawn over the others.")
            return False
        return part is not None

    def keep(part: Volume | None, what: str) -> Volume | None:
        return part if fits(part, what) else None

    images = replace(
        content.images,
        planning=keep(content.images.planning, "planning CT"),
        raw=keep(content.images.raw, "day's image"),
        improved=keep(content.images.improved, "improved image"),
        virtual=keep(content.images.virtual, "virtual CT"),
        truth=keep(content.images.truth, "true CT"),
        filled=keep(content.images.filled, "mask of filled voxels"),
    )
    doses = Doses(
        plan=keep(content.doses.plan, "planned dose"),
        day=tuple(arm for arm in content.doses.day if fits(arm.dose, f"dose {arm.name!r}")),
        gamma=tuple(_gamma_in(one, keep(one.gamma, "gamma map")) for one in content.doses.gamma),
    )
    planned = content.planned if fits(content.planned, "planned structure set") else None
    day = content.of_the_day if fits(content.of_the_day, "day's structure set") else None
    return replace(content, images=images, doses=doses, planned=planned, of_the_day=day), tuple(notes)


def leading_image(images: Images) -> Volume | None:
    """The image that sets the frame of reference: the planning CT, or the first there is."""
    for image in (images.planning, images.improved, images.raw, images.virtual, images.truth):
        if image is not None:
            return image
    return None


def set_stage(content: ReportContent) -> Stage | None:
    """Three planes through the target that hold the patient; None where there is no image."""
    image = leading_image(content.images)
    if image is None:
        return None
    low, high = _patient_box(image)
    low, high = _along_the_day(content.images, low, high)
    focus = np.clip(content.focus_lps_mm or _focus(content, (low + high) / 2), low, high)
    x, y, z = (float(value) for value in focus)
    size_x, size_y, size_z = (float(value) for value in high - low)
    mid_x, mid_y, mid_z = (float(value) for value in (low + high) / 2)
    planes = (
        _plane("axial", (mid_x, mid_y, z), size_x, size_y),
        _plane("coronal", (mid_x, y, mid_z), size_x, size_z),
        _plane("sagittal", (x, mid_y, mid_z), size_y, size_z),
    )
    return Stage((x, y, z), planes)


def targets_and_organs(content: ReportContent) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of targets and of organs at risk, as all pictures and curves order them; no outline."""
    names = list(dict.fromkeys([*_mask_names(content), *(curve.structure for curve in content.dvh)]))
    targets = {curve.structure for curve in content.dvh if curve.is_target}
    targets |= {row.structure for row in content.dose_rows if row.is_target} | {content.case.target}
    types = _types(content)
    targets |= {name for name in names if types.get(name) in _TARGET_TYPES}
    shown = [
        name for name in names if types.get(name) != "EXTERNAL" and name.lower() not in ("body", "external")
    ]
    return tuple(n for n in shown if n in targets), tuple(n for n in shown if n not in targets)


def _gamma_in(result: GammaResult, gamma: Volume | None) -> GammaResult:
    return replace(result, gamma=gamma)


def _mask_names(content: ReportContent) -> list[str]:
    sets = [one for one in (content.planned, content.of_the_day) if one is not None]
    return [name for one in sets for name in one.names]


def _types(content: ReportContent) -> dict[str, str]:
    sets = [one for one in (content.of_the_day, content.planned) if one is not None]
    return {name: kind.upper() for one in sets for name, kind in one.types.items()}


def _focus(content: ReportContent, otherwise: NDArray[np.float64]) -> NDArray[np.float64]:
    targets, _ = targets_and_organs(content)
    for name in (content.case.target, *targets):
        for one in (content.planned, content.of_the_day):
            if one is not None and name in one.masks and one.masks[name].any():
                return one.grid.to_lps_mm(_middle_kji(one.masks[name]))
    return otherwise


def _middle_kji(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.array(
        [np.average(np.arange(n), weights=mask.sum(axis=_others(axis))) for axis, n in enumerate(mask.shape)]
    )


def _others(axis: int) -> tuple[int, int]:
    first, second = (other for other in range(3) if other != axis)
    return first, second


def _patient_box(image: Volume) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Low and high corner of the patient, LPS [mm]; the couch and lone voxels do not count."""
    steps = np.array([2, 4, 4])
    body = _largest_part(image.values[::2, ::4, ::4] > _AIR_HU)
    last = np.asarray(image.grid.shape_zyx) - 1
    low_kji, high_kji = np.zeros(3), last.astype(float)
    if body.any():
        found = np.argwhere(body)
        low_kji = found.min(axis=0) * steps
        high_kji = np.minimum(last, (found.max(axis=0) + 1) * steps)
    ends = np.stack([low_kji, high_kji])
    corners = image.grid.to_lps_mm([[ends[a, 0], ends[b, 1], ends[c, 2]] for a, b, c in np.ndindex(2, 2, 2)])
    return corners.min(axis=0) - _EDGE_MM, corners.max(axis=0) + _EDGE_MM


def _largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected part after an opening in the slice, which lets go of a thin couch."""
    cross = ndimage.generate_binary_structure(2, 1)[None]
    parts, count = ndimage.label(ndimage.binary_opening(mask, cross, iterations=2))
    if not count:
        return mask
    sizes = np.bincount(parts.ravel())
    return np.asarray(parts == 1 + int(np.argmax(sizes[1:])))


def _along_the_day(
    images: Images, low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From head to foot, no more than the day's image and a little beyond."""
    day = images.improved if images.raw is None else images.raw
    if day is None:
        return low, high
    ends = day.grid.corners_lps_mm()[:, 2]
    low, high = low.copy(), high.copy()
    bottom, top = max(low[2], ends.min() - _EDGE_MM), min(high[2], ends.max() + _EDGE_MM)
    if top - bottom > 2 * _EDGE_MM:
        low[2], high[2] = bottom, top
    return low, high


def _plane(view: View, centre: tuple[float, float, float], width_mm: float, height_mm: float) -> Plane:
    step = max(0.5, max(width_mm, height_mm) / 440)
    return Plane(view, centre, width_mm, height_mm, step)
