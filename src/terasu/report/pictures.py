"""Every slice of the report, drawn once for screen and paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from terasu.patient.volume import Volume
from terasu.report.content import ReportContent
from terasu.report.curves import Series
from terasu.report.dose_slices import dose_sheet
from terasu.report.numbers import shown
from terasu.report.panels import AIR_HU, Drawn, Scene, Sheet, images_shown, scale_of, scenes_of
from terasu.report.planes import Picture, sample, sample_mask
from terasu.report.profiles import histogram, profile, target_extent
from terasu.report.slices import Slice, Wash, panel
from terasu.report.stage import Stage, set_stage, targets_and_organs
from terasu.report.style import Colour, colours_of

_SPAN_HU = 200.0
_PATIENT_HU = -400.0


@dataclass(frozen=True, eq=False)
class Pictures:
    """All slices of a report; a sheet without rows could not be drawn.

    Attributes:
        anatomy, dose, hu_difference: the sheets.
        stage: where the slices lie, None without an image.
        colours: of the structures, in slices and curves.
        profile: title → HU along a line through the target.
        target_mm: where that line crosses the target.
        histogram: title → how often each HU occurs.
    """

    anatomy: Sheet
    dose: Sheet
    hu_difference: Sheet
    stage: Stage | None
    colours: Mapping[str, Colour]
    profile: Mapping[str, Series] = field(default_factory=dict)
    target_mm: tuple[float, float] | None = None
    histogram: Mapping[str, Series] = field(default_factory=dict)


def draw_pictures(content: ReportContent) -> Pictures:
    """Draw what the content has; it must lie in one frame of reference (``stage.in_one_frame``)."""
    colours = colours_of(*targets_and_organs(content))
    stage = set_stage(content)
    if stage is None:
        return Pictures(Sheet(()), Sheet(()), Sheet(()), None, colours)
    scenes = scenes_of(content, stage, colours)
    return Pictures(
        anatomy=_anatomy(content, scenes),
        dose=dose_sheet(content, scenes),
        hu_difference=_hu_difference(content, scenes),
        stage=stage,
        colours=colours,
        profile=profile(content, stage),
        target_mm=target_extent(content, stage),
        histogram=histogram(content),
    )


def _anatomy(content: ReportContent, scenes: tuple[Scene, ...]) -> Sheet:
    shift_hu = _raw_shift_hu(content, scenes[0])
    rows = []
    for scene in scenes:
        named = images_shown(content).items()
        drawn = (_anatomy_panel(content, scene, title, image, shift_hu) for title, image in named)
        rows.append((scene.title, tuple(drawn)))
    return Sheet(tuple(rows))


def _raw_shift_hu(content: ReportContent, axial: Scene) -> float:
    """How far the raw scale is off in soft tissue, if the window would hide it all; else 0."""
    raw, planning = content.images.raw, content.images.planning
    if raw is None or planning is None:
        return 0.0
    seen, reference = (sample(one, axial.plane, outside=AIR_HU) for one in (raw, planning))
    is_soft = (np.abs(reference) < 150) & (seen > -990)
    if not is_soft.any():
        return 0.0
    shift = float(np.median(seen[is_soft]) - np.median(reference[is_soft]))
    return 10.0 * round(shift / 10) if abs(shift) > content.images.width_hu / 4 else 0.0


def _anatomy_panel(
    content: ReportContent, scene: Scene, title: str, image: Volume, raw_shift_hu: float
) -> Drawn:
    images = content.images
    grey = sample(image, scene.plane, outside=AIR_HU)
    level_hu = images.level_hu + (raw_shift_hu if image is images.raw else 0.0)
    if level_hu != images.level_hu:
        title = f"{title}, level {shown(level_hu, 'HU')} HU"
    one = Slice(
        scene.plane,
        grey,
        level_hu,
        images.width_hu,
        outlines=scene.planned if image is images.planning else scene.planned + scene.day,
        hatched=_hatched(content, scene, grey) if image is images.improved else None,
        profile_y_mm=scene.profile_y_mm,
    )
    return Drawn(panel(one), title, scene.alt(title, "with contours"))


def _hatched(content: ReportContent, scene: Scene, grey: Picture) -> Picture | None:
    """Where the patient was filled in; the air around is of no interest."""
    filled = _filled(content, scene)
    return None if filled is None else np.asarray(filled * (grey > _PATIENT_HU), dtype=np.float32)


def _filled(content: ReportContent, scene: Scene) -> Picture | None:
    filled = content.images.filled
    return None if filled is None else sample_mask(filled.values.astype(bool), filled.grid, scene.plane)


def _hu_difference(content: ReportContent, scenes: tuple[Scene, ...]) -> Sheet:
    images = content.images
    named = (
        ("Day, raw − planning CT", images.raw, images.planning),
        ("Improved − planning CT", images.improved, images.planning),
        ("Improved − raw", images.improved, images.raw),
        ("Improved − true CT", images.improved, images.truth),
    )
    pairs = [(title, one, other) for title, one, other in named if one is not None and other is not None]
    if not pairs:
        return Sheet(())
    rows = []
    for scene in scenes[:2]:
        drawn = (_difference_panel(content, scene, *pair) for pair in pairs)
        rows.append((scene.title, tuple(drawn)))
    ramp = Wash(np.zeros((2, 2), np.float32), "PuOr_r", -_SPAN_HU, _SPAN_HU)
    return Sheet(tuple(rows), (scale_of(ramp, "Difference [HU]"),))


def _difference_panel(content: ReportContent, scene: Scene, title: str, one: Volume, other: Volume) -> Drawn:
    """Inside the patient of either image; where the machine has not seen, nothing raw is compared."""
    first = sample(one, scene.plane, outside=np.nan)
    second = sample(other, scene.plane, outside=np.nan)
    is_judged = (first > _PATIENT_HU) | (second > _PATIENT_HU)
    filled = _filled(content, scene)
    raw = content.images.raw
    if filled is not None and (one is raw or other is raw):
        is_judged &= filled < 0.5
    values = np.asarray(np.where(is_judged, first - second, np.nan), dtype=np.float32)
    wash = Wash(values, "PuOr_r", -_SPAN_HU, _SPAN_HU, opacity=1.0)
    return Drawn(panel(Slice(scene.plane, None, wash=wash)), title, scene.alt(title, "difference in HU"))
