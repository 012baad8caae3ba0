"""One slice as a picture: grey image, colour wash, contours, orientation letters, scale bar."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from contourpy import contour_generator
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from PIL import Image, features

from terasu.report.planes import Picture, Plane

PANEL_WIDTH_PX = 600
_DPI = 150
_SHADOW = [withStroke(linewidth=2.2, foreground="#000000")]


@dataclass(frozen=True, eq=False)
class Outline:
    """Contours of one structure.

    Attributes:
        lines_mm: polylines (n, 2), to the right and down from the plane's top left corner.
        colour, dashed, width_pt: how they are drawn.
    """

    lines_mm: tuple[NDArray[np.float64], ...]
    colour: str
    dashed: bool = False
    width_pt: float = 1.1


@dataclass(frozen=True, eq=False)
class Wash:
    """Colour over the image.

    Attributes:
        picture: values; NaN is left clear.
        colours: name of a matplotlib colour map.
        low, high: ends of the colour scale.
        clear_below: values of a smaller magnitude are left clear.
        opacity: of the colour.
        lines: values at which a black line is drawn.
    """

    picture: Picture
    colours: str
    low: float
    high: float
    clear_below: float = 0.0
    opacity: float = 0.55
    lines: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Slice:
    """What one panel shows.

    Attributes:
        plane: where it lies.
        grey: image on the plane [HU]; None for a plain ground.
        level_hu, width_hu: window.
        wash: colour, or None.
        outlines: contours.
        hatched: True where the image was filled and not imaged.
        profile_y_mm: height at which a profile is taken, marked at both edges.
    """

    plane: Plane
    grey: Picture | None
    level_hu: float = 40.0
    width_hu: float = 400.0
    wash: Wash | None = None
    outlines: tuple[Outline, ...] = ()
    hatched: Picture | None = None
    profile_y_mm: float | None = None


def lines_at(picture: Picture, plane: Plane, value: float) -> tuple[NDArray[np.float64], ...]:
    """Where a picture crosses a value, as polylines (n, 2) [mm] from the top left corner."""
    if not _crosses(picture, value):
        return ()
    x, y = _axes_mm(picture, plane)
    found = contour_generator(x, y, picture).lines(value)
    return tuple(np.asarray(line, dtype=np.float64) for line in found)


def panel(shown: Slice, *, width_px: int = PANEL_WIDTH_PX) -> NDArray[np.uint8]:
    """The slice as RGB pixels, (rows, columns, 3)."""
    plane = shown.plane
    height_px = max(8, round(width_px * plane.height_mm / plane.width_mm))
    size = (width_px / _DPI, height_px / _DPI)
    figure = Figure(figsize=size, dpi=_DPI, facecolor="#000000")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    _draw_grey(axes, shown)
    if shown.wash is not None:
        _draw_wash(axes, plane, shown.wash)
    if shown.hatched is not None and _crosses(shown.hatched, 0.5):
        _draw_hatch(axes, plane, shown.hatched)
    for outline in shown.outlines:
        _draw_outline(axes, outline)
    _draw_letters(axes, plane)
    _draw_scale(axes, plane)
    if shown.profile_y_mm is not None:
        _draw_profile_marks(axes, plane, shown.profile_y_mm)
    axes.set_xlim(0, plane.width_mm)
    axes.set_ylim(plane.height_mm, 0)
    return _pixels(figure)


def encoded(pixels: NDArray[np.uint8]) -> tuple[str, bytes]:
    """(media type, bytes) of a picture: WebP where this Pillow can, else PNG."""
    stream = io.BytesIO()
    if features.check("webp"):
        Image.fromarray(pixels).save(stream, "WEBP", quality=88, method=2)
        return "image/webp", stream.getvalue()
    Image.fromarray(pixels).save(stream, "PNG", optimize=True)
    return "image/png", stream.getvalue()


def colour_bar(wash: Wash, *, label: str, ticks: tuple[float, ...]) -> NDArray[np.uint8]:
    """The scale of a wash as RGB pixels; values beyond its ends take the end's colour."""
    figure = Figure(figsize=(2.9, 0.5), dpi=2 * _DPI)
    axes = figure.add_axes((0.04, 0.62, 0.92, 0.3))
    ramp = np.linspace(wash.low, wash.high, 256)[None, :]
    axes.imshow(ramp, aspect="auto", cmap=wash.colours, extent=(wash.low, wash.high, 0, 1))
    axes.set_yticks([])
    axes.set_xticks(list(ticks), [f"{tick:g}".replace("-", "−") for tick in ticks])
    axes.tick_params(labelsize=6.5, length=2, pad=1.5)
    axes.set_xlabel(label, fontsize=6.5, labelpad=1)
    return _pixels(figure)


def _pixels(figure: Figure) -> NDArray[np.uint8]:
    stream = io.BytesIO()
    figure.savefig(stream, format="rgba", dpi=figure.dpi)
    columns, rows = (round(length) for length in figure.bbox.size)
    return np.frombuffer(stream.getvalue(), np.uint8).reshape(rows, columns, 4)[..., :3]


def _extent(plane: Plane) -> tuple[float, float, float, float]:
    return 0.0, plane.width_mm, plane.height_mm, 0.0


def _axes_mm(picture: NDArray[Any], plane: Plane) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows, columns = picture.shape
    return (np.arange(columns) + 0.5) * plane.width_mm / columns, (
        np.arange(rows) + 0.5
    ) * plane.height_mm / rows


def _draw_grey(axes: Axes, shown: Slice) -> None:
    grey = np.full(shown.plane.shape, -1000.0, np.float32) if shown.grey is None else shown.grey
    low, high = shown.level_hu - shown.width_hu / 2, shown.level_hu + shown.width_hu / 2
    axes.imshow(grey, cmap="gray", vmin=low, vmax=high, extent=_extent(shown.plane), interpolation="bilinear")


def _draw_wash(axes: Axes, plane: Plane, wash: Wash) -> None:
    is_clear = ~np.isfinite(wash.picture) | (np.abs(wash.picture) < wash.clear_below)
    values = np.where(np.isfinite(wash.picture), wash.picture, wash.low)
    colours = colormaps[wash.colours](Normalize(wash.low, wash.high, clip=True)(values))
    colours[..., 3] = np.where(is_clear, 0.0, wash.opacity)
    axes.imshow(colours, extent=_extent(plane), interpolation="nearest")
    for value in wash.lines:
        lines = lines_at(np.asarray(values, np.float32), plane, value)
        axes.add_collection(LineCollection(lines, colors="#000000", linewidths=1.0))


def _draw_hatch(axes: Axes, plane: Plane, hatched: Picture) -> None:
    x, y = _axes_mm(hatched, plane)
    drawn = axes.contourf(x, y, hatched, levels=[0.5, 2.0], colors="none", hatches=["////"])
    drawn.set_edgecolor("#ffffff66")
    drawn.set_linewidth(0.0)
    axes.contour(x, y, hatched, levels=[0.5], colors=["#ffffff99"], linewidths=0.6, linestyles=":")


def _draw_outline(axes: Axes, outline: Outline) -> None:
    style: Any = (0, (3.2, 2.0)) if outline.dashed else "-"
    axes.add_collection(
        LineCollection(
            outline.lines_mm, colors=outline.colour, linewidths=outline.width_pt, linestyles=[style]
        )
    )


def _draw_letters(axes: Axes, plane: Plane) -> None:
    right, left, bottom, top = plane.letters
    _letter(axes, right, 0.985, 0.5)
    _letter(axes, left, 0.015, 0.5)
    _letter(axes, top, 0.5, 0.98)
    _letter(axes, bottom, 0.5, 0.02)


def _letter(axes: Axes, letter: str, x: float, y: float) -> None:
    across = "center" if x == 0.5 else "right" if x > 0.5 else "left"
    along = "center" if y == 0.5 else "top" if y > 0.5 else "bottom"
    axes.text(
        x,
        y,
        letter,
        transform=axes.transAxes,
        horizontalalignment=across,
        verticalalignment=along,
        color="#ffffff",
        fontsize=8,
        fontweight="bold",
        path_effects=_SHADOW,
    )


def _draw_scale(axes: Axes, plane: Plane) -> None:
    length = 50.0 if plane.width_mm > 160 else 20.0
    x, y = 0.03 * plane.width_mm, plane.height_mm - 0.03 * plane.width_mm
    axes.plot(
        [x, x + length], [y, y], color="#ffffff", linewidth=1.6, solid_capstyle="butt", path_effects=_SHADOW
    )
    axes.text(
        x,
        y - 0.012 * plane.width_mm,
        f"{length:.0f} mm",
        color="#ffffff",
        fontsize=6.5,
        va="bottom",
        path_effects=_SHADOW,
    )


def _draw_profile_marks(axes: Axes, plane: Plane, y_mm: float) -> None:
    for x, marker in ((0.0, ">"), (plane.width_mm, "<")):
        axes.plot([x], [y_mm], marker=marker, color="#ffe45c", markersize=6, clip_on=True)


def _crosses(picture: NDArray[Any], value: float) -> bool:
    return bool(np.nanmin(picture) < value < np.nanmax(picture))
