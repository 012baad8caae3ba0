"""The report as one HTML file that asks for nothing else."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import partial
from typing import Any

import jinja2
from matplotlib.axes import Axes
from numpy.typing import NDArray

from terasu.report import digest, numbers, tables
from terasu.report.content import ReportContent
from terasu.report.curves import arms_drawn, as_svg, draw_dvh, draw_histogram, draw_profile
from terasu.report.pictures import Pictures
from terasu.report.slices import encoded
from terasu.report.style import LEVEL_INK, LEVEL_TINT
from terasu.safety.verdict import Level

WHY_NOT = "It was not calculated in this run."


@dataclass(frozen=True)
class Curve:
    """A drawn curve.

    Attributes:
        svg: the picture.
        alt: what it shows, in words.
    """

    svg: bytes
    alt: str


def render_html(content: ReportContent, pictures: Pictures, notes: tuple[str, ...] = ()) -> str:
    """The whole page.

    Args:
        content: in one frame of reference.
        pictures: of this content.
        notes: what could not be drawn, and why.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("terasu.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"image": _image_uri, "svg": _svg_uri}
    environment.tests["level_of_pass"] = lambda level: level == Level.PASS
    template = environment.get_template("report.html.j2")
    return template.render(**_names(content, pictures, notes))


def _names(content: ReportContent, pictures: Pictures, notes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "content": content,
        "verdict": content.verdict,
        "meaning": digest.MEANING[content.verdict.level],
        "reasons": content.verdict.reasons(),
        "tiles": digest.tiles(content.verdict),
        "groups": digest.by_check(content.verdict),
        "facts": tables.case_facts(content.case),
        "dose_table": tables.dose_table(content),
        "other_doses_table": tables.other_doses_table(content),
        "gamma_table": tables.gamma_table(content),
        "hu_table": tables.hu_table(content.hu_rows),
        "arms_table": tables.arms_table(content.arms),
        "pictures": pictures,
        "curves": _curves(content, pictures),
        "drawing_notes": notes,
        "why": lambda part: content.missing.get(part, WHY_NOT),
        "say": digest,
        "number": numbers,
        "mark": digest.MARK,
        "ink": {level.name: colour for level, colour in LEVEL_INK.items()},
        "tint": {level.name: colour for level, colour in LEVEL_TINT.items()},
    }


def _curves(content: ReportContent, pictures: Pictures) -> dict[str, Curve]:
    """Name → curve, those that there is something for."""
    found: dict[str, Curve] = {}
    if content.dvh:
        draw = partial(
            draw_dvh,
            curves=content.dvh,
            colours=pictures.colours,
            prescription_gy=content.case.prescription_gy,
        )
        structures = ", ".join(dict.fromkeys(curve.structure for curve in content.dvh))
        alt = f"Dose volume histograms of {structures}, for {', '.join(arms_drawn(content.dvh))}."
        found["dvh"] = _curve(draw, alt, (6.6, 4.4))
    if pictures.profile:
        draw = partial(draw_profile, lines=pictures.profile, target_mm=pictures.target_mm)
        alt = f"HU from right to left through the target: {', '.join(pictures.profile)}."
        found["profile"] = _curve(draw, alt, (6.0, 3.3))
    if pictures.histogram:
        alt = f"Histogram of HU inside the patient: {', '.join(pictures.histogram)}."
        found["histogram"] = _curve(partial(draw_histogram, counts=pictures.histogram), alt, (6.0, 3.3))
    return found


def _curve(draw: Any, alt: str, size_in: tuple[float, float]) -> Curve:
    def into(axes: Axes) -> None:
        draw(axes)

    return Curve(as_svg(into, size_in=size_in), alt)


def _image_uri(pixels: NDArray[Any]) -> str:
    media, data = encoded(pixels)
    return f"data:{media};base64,{base64.b64encode(data).decode()}"


def _svg_uri(curve: Curve) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(curve.svg).decode()}"
