"""What all slices share: drawn panels, their scales, and the contours on a plane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terasu.patient.structures import StructureSet
from terasu.patient.volume import Volume
from terasu.report.content import ReportContent
from terasu.report.numbers import as_words
from terasu.report.planes import Plane, sample_mask
from terasu.report.slices import Outline, Wash, colour_bar, lines_at
from terasu.report.stage import Stage
from terasu.report.style import Colour

AIR_HU = -1000.0


@dataclass(frozen=True, eq=False)
class Drawn:
    """One picture, ready.

    Attributes:
        pixels: (rows, columns, 3).
        title: what it shows.
        alt: the same for those who do not see it.
    """

    pixels: NDArray[np.uint8]
    title: str
    alt: str


@dataclass(frozen=True, eq=False)
class Sheet:
    """Slices of one kind, row by row, with their scales.

    Attributes:
        rows: view and position → slices from left to right.
        scales: colour bars.
    """

    rows: tuple[tuple[str, tuple[Drawn, ...]], ...]
    scales: tuple[Drawn, ...] = ()


@dataclass(frozen=True, eq=False)
class Scene:
    """One plane with the contours on it, sampled once for all images.

    Attributes:
        plane: where it lies.
        planned, day: contours; planned ones dashed.
        profile_y_mm: where the HU profile crosses, axial only.
    """

    plane: Plane
    planned: tuple[Outline, ...]
    day: tuple[Outline, ...]
    profile_y_mm: float | None = None

    @property
    def title(self) -> str:
        """View and position."""
        return f"{self.plane.view.capitalize()}, {self.plane.position}"

    def alt(self, title: str, what: str) -> str:
        """A picture of this plane in words."""
        return f"{title}: {self.plane.view} slice at {self.plane.position}, {what}."


def scenes_of(content: ReportContent, stage: Stage, colours: Mapping[str, Colour]) -> tuple[Scene, ...]:
    """The three planes with their contours."""
    return tuple(
        Scene(
            plane,
            _outlines(content.planned, plane, colours, dashed=True),
            _outlines(content.of_the_day, plane, colours, dashed=False),
            _profile_height(plane, stage) if plane.view == "axial" else None,
        )
        for plane in stage.planes
    )


def images_shown(content: ReportContent) -> dict[str, Volume]:
    """Title → image, those that are there, as every figure orders them."""
    images = content.images
    improved = f"Improved ({as_words(images.improved_by)})" if images.improved_by else "Improved"
    named = (("Planning CT", images.planning), ("Day, raw", images.raw), (improved, images.improved))
    shown = {title: image for title, image in named if image is not None}
    if images.truth is not None:
        return shown | {"True CT of the day": images.truth}
    return shown | ({"Virtual CT": images.virtual} if images.virtual is not None else {})


def scale_of(wash: Wash, label: str) -> Drawn:
    """The colour bar of a wash, with round ticks."""
    step = rounded_up((wash.high - wash.low) / 4)
    first, last = round(np.ceil(wash.low / step - 1e-6)), round(np.floor(wash.high / step + 1e-6))
    ticks = tuple(index * step for index in range(first, last + 1))
    alt = f"Colour scale: {label}, from {wash.low:.4g} to {wash.high:.4g}."
    return Drawn(colour_bar(wash, label=label, ticks=ticks), label, alt)


def rounded_up(value: float) -> float:
    """The next 1, 2, 3 or 5 times a power of ten."""
    scale = 10.0 ** np.floor(np.log10(value))
    return float(next(step * scale for step in (1, 2, 3, 5, 10) if step * scale >= value * 0.999))


def _outlines(
    structures: StructureSet | None, plane: Plane, colours: Mapping[str, Colour], *, dashed: bool
) -> tuple[Outline, ...]:
    if structures is None:
        return ()
    return tuple(
        Outline(
            lines_at(sample_mask(structures.masks[name], structures.grid, plane), plane, 0.5),
            colour.on_image,
            dashed,
        )
        for name, colour in colours.items()
        if name in structures.masks
    )


def _profile_height(plane: Plane, stage: Stage) -> float:
    row, _ = plane.pixel_of(stage.focus_lps_mm)
    return (row + 0.5) * plane.height_mm / plane.shape[0]
