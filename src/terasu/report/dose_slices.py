"""Slices with dose: the plan, the day, their difference, and gamma."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from terasu.patient.volume import Volume
from terasu.report.content import ReportContent
from terasu.report.numbers import as_words
from terasu.report.panels import AIR_HU, Drawn, Scene, Sheet, rounded_up, scale_of
from terasu.report.planes import Picture, sample
from terasu.report.slices import Outline, Slice, Wash, panel

_Column = tuple[str, Volume | None, Wash, str]


def dose_sheet(content: ReportContent, scenes: tuple[Scene, ...]) -> Sheet:
    """Plan, day, day − plan and gamma in every plane; empty where there is no dose."""
    doses = [
        dose for dose in (content.doses.plan, *(arm.dose for arm in content.doses.day)) if dose is not None
    ]
    if not doses:
        return Sheet(())
    top_gy, span_gy = _top_gy(content), _span_gy(content, scenes[0])
    rows = []
    washes: dict[str, Wash] = {}
    for scene in scenes:
        drawn = []
        for title, ground, wash, label in _columns(content, scene, top_gy, span_gy):
            drawn.append(_drawn(content, scene, title, ground, wash, label))
            washes.setdefault(label, wash)
        rows.append((scene.title, tuple(drawn)))
    return Sheet(tuple(rows), tuple(scale_of(wash, label) for label, wash in washes.items()))


def _drawn(
    content: ReportContent, scene: Scene, title: str, ground: Volume | None, wash: Wash, label: str
) -> Drawn:
    on_planning = ground is not None and ground is content.images.planning
    contours = scene.planned if on_planning or not scene.day else scene.day
    grey = None if ground is None else sample(ground, scene.plane, outside=AIR_HU)
    images = content.images
    shown = Slice(scene.plane, grey, images.level_hu, images.width_hu, wash, _white(contours))
    return Drawn(panel(shown), title, scene.alt(title, f"colour scale {label}"))


def _columns(content: ReportContent, scene: Scene, top_gy: float, span_gy: float) -> Iterator[_Column]:
    """Title, ground, colour and scale label from left to right."""
    doses, images = content.doses, content.images
    day = doses.day[0] if doses.day else None
    ground = next((one for one in (images.improved, images.raw, images.planning) if one is not None), None)
    on_plan = None if doses.plan is None else sample(doses.plan, scene.plane, outside=np.nan)
    on_day = None if day is None else sample(day.dose, scene.plane, outside=np.nan)
    if on_plan is not None:
        yield "Plan, on planning CT", images.planning, _dose_wash(on_plan, top_gy, content), "Dose [Gy]"
    if day is not None and on_day is not None:
        yield f"Day, on {as_words(day.name)}", ground, _dose_wash(on_day, top_gy, content), "Dose [Gy]"
    if on_plan is not None and on_day is not None:
        yield "Difference, day − plan", ground, _difference_wash(on_day - on_plan, span_gy), "Day − plan [Gy]"
    gamma = next((one for one in doses.gamma if one.gamma is not None), None)
    if gamma is not None and gamma.gamma is not None:
        found = sample(gamma.gamma, scene.plane, outside=np.nan, nearest=True)
        yield (
            f"Gamma, {gamma.criterion.split(',')[0]}",
            ground,
            Wash(found, "coolwarm", 0.0, 2.0, opacity=0.7),
            "Gamma (fails above 1)",
        )


def _dose_wash(picture: Picture, top_gy: float, content: ReportContent) -> Wash:
    prescription = content.case.prescription_gy
    lines = (0.95 * prescription,) if prescription else ()
    return Wash(
        picture, "turbo", 0.0, top_gy, clear_below=0.1 * (prescription or top_gy), opacity=0.5, lines=lines
    )


def _difference_wash(picture: Picture, span_gy: float) -> Wash:
    return Wash(picture, "RdBu_r", -span_gy, span_gy, clear_below=0.08 * span_gy, opacity=0.75)


def _white(contours: tuple[Outline, ...]) -> tuple[Outline, ...]:
    """Contours over a dose, in white so that their colour is not read as dose."""
    return tuple(replace(one, colour="#ffffff", width_pt=0.8) for one in contours)


def _top_gy(content: ReportContent) -> float:
    volumes = (content.doses.plan, *(arm.dose for arm in content.doses.day[:1]))
    top = max(float(volume.values.max()) for volume in volumes if volume is not None)
    return max(top, 1.05 * (content.case.prescription_gy or 0.0)) or 1.0


def _span_gy(content: ReportContent, scene: Scene) -> float:
    """Half the colour scale: 99.5 % of the axial slice within, at least 2 % of the prescription."""
    plan, day = content.doses.plan, content.doses.day
    floor = 0.02 * (content.case.prescription_gy or 50.0)
    if plan is None or not day:
        return rounded_up(floor)
    found = sample(day[0].dose, scene.plane, outside=np.nan) - sample(plan, scene.plane, outside=np.nan)
    found = np.abs(found[np.isfinite(found)])
    return rounded_up(max(float(np.quantile(found, 0.995)) if found.size else 0.0, floor))
