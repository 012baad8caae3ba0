"""Curves: DVH, HU profile, HU histogram. Each draws into axes, on screen and on paper alike."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from terasu.report.content import DvhCurve
from terasu.report.numbers import as_words
from terasu.report.style import INK, RULE, SOFT, Colour, drawable, width_mm

Series = tuple[NDArray[Any], NDArray[Any]]
_ARM_STYLES: tuple[Any, ...] = ("-", (0, (4.5, 2.2)), (0, (1.2, 1.6)))
_IMAGE_STYLES: tuple[tuple[str, Any, float], ...] = (
    ("#16202a", "-", 1.5),
    ("#c4391d", (0, (1.4, 1.4)), 1.2),
    ("#0a62a8", "-", 1.5),
    ("#00795a", (0, (4.5, 2.0)), 1.3),
)


def as_svg(
    draw: Callable[[Axes], None],
    *,
    size_in: tuple[float, float] = (6.4, 3.9),
    margins_in: tuple[float, float, float, float] = (0.65, 0.5, 0.1, 0.35),
) -> bytes:
    """One set of axes as SVG; letters become paths, so it looks the same everywhere.

    Args:
        margins_in: left, bottom, right, top.
    """
    figure = Figure(figsize=size_in)
    width, height = size_in
    left, bottom, right, top = margins_in
    box = (left / width, bottom / height, 1 - (left + right) / width, 1 - (bottom + top) / height)
    draw(figure.add_axes(box))
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def arms_drawn(curves: Sequence[DvhCurve]) -> tuple[str, ...]:
    """The plan and at most two arms of the day, as many as lines can be told apart."""
    arms = list(dict.fromkeys(curve.arm for curve in curves))
    ordered = [arm for arm in arms if arm == "plan"] + [arm for arm in arms if arm != "plan"]
    return tuple(ordered[: len(_ARM_STYLES)])


def draw_dvh(
    axes: Axes, curves: Sequence[DvhCurve], colours: Mapping[str, Colour], *, prescription_gy: float | None
) -> None:
    """Cumulative DVHs: plan solid, the day dashed, each structure named at its line."""
    arms = arms_drawn(curves)
    for curve in curves:
        if curve.arm in arms:
            dose, volume = _thinned(curve.dose_gy, curve.volume_percent)
            axes.plot(
                dose,
                volume,
                color=_on_white(colours, curve.structure),
                linestyle=_ARM_STYLES[arms.index(curve.arm)],
                linewidth=1.7 if curve.is_target else 1.3,
            )
    highest = max((float(curve.dose_gy[-1]) for curve in curves if len(curve.dose_gy)), default=1.0)
    if prescription_gy:
        axes.axvline(prescription_gy, color=SOFT, linewidth=0.7, linestyle=":")
        axes.text(
            prescription_gy, 3, "prescription", fontsize=7, color=SOFT, ha="right", va="bottom", rotation=90,
            bbox={"boxstyle": "square,pad=0.1", "facecolor": "#ffffffd0", "edgecolor": "none"},
        )  # fmt: skip
    axes.set(xlim=(0, 1.02 * highest or 1.0), ylim=(0, 102), xlabel="Dose [Gy]", ylabel="Volume [%]")
    quiet(axes)
    _name_lines(axes, [curve for curve in curves if curve.arm == arms[0]] if arms else [], colours)
    _arm_key(axes, arms)


def draw_profile(
    axes: Axes,
    lines: Mapping[str, Series],
    *,
    target_mm: tuple[float, float] | None,
    key_columns: int = 4,
) -> None:
    """HU along a line from the patient's right to left; the target's extent is shaded."""
    if target_mm is not None:
        axes.axvspan(*target_mm, color="#f1e6d8", linewidth=0)
        axes.text(
            float(np.mean(target_mm)), 0.98, "target", transform=axes.get_xaxis_transform(),
            fontsize=7, color=SOFT, ha="center", va="top",
        )  # fmt: skip
    for (name, (x, y)), (colour, style, width) in zip(lines.items(), _IMAGE_STYLES, strict=False):
        axes.plot(x, y, color=colour, linestyle=style, linewidth=width, label=drawable(name))
    axes.set(xlabel="R  ←  x [mm]  →  L", ylabel="HU", ylim=_soft_range(lines))
    quiet(axes)
    legend(axes, key_columns)


def draw_histogram(axes: Axes, counts: Mapping[str, Series], *, key_columns: int = 4) -> None:
    """How often each HU occurs inside patient and field of view."""
    for (name, (x, y)), (colour, style, width) in zip(counts.items(), _IMAGE_STYLES, strict=False):
        axes.plot(x, y, color=colour, linestyle=style, linewidth=width, label=drawable(name))
    axes.set(xlabel="HU", ylabel="Share of voxels [% per 10 HU]", ylim=(0, None))
    quiet(axes)
    legend(axes, key_columns)


def _on_white(colours: Mapping[str, Colour], name: str) -> str:
    return colours[name].on_white if name in colours else INK


def _soft_range(lines: Mapping[str, Series]) -> tuple[float, float]:
    """Soft tissue and bone fill the height; air runs out of the picture."""
    highest = max((float(values.max()) for _, values in lines.values()), default=0.0)
    return -450.0, max(300.0, 1.08 * highest)


def quiet(axes: Axes) -> None:
    """Two spines, a light grid, small letters."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8, length=3)
    axes.xaxis.label.set_fontsize(8)
    axes.yaxis.label.set_fontsize(8)


def key_above(axes: Axes) -> None:
    """A key above the axes in two rows at most; names that are too long for that are cut."""
    handles, labels = axes.get_legend_handles_labels()
    figure = axes.get_figure(root=True)
    if not labels or figure is None:
        return
    room_mm = float(axes.get_position().width * figure.get_figwidth() * 25.4) + 12.0
    widest_mm = max(width_mm(one, 7.5) for one in labels) + 12.0
    columns = max(-(-len(labels) // 2), min(len(labels), int(room_mm // widest_mm)))
    for handle, label in zip(handles, labels, strict=True):
        handle.set_label(_cut(label, room_mm / columns - 12.0))
    legend(axes, columns)


def _cut(label: str, room_mm: float) -> str:
    """The label, or as much of its beginning as there is room for."""
    if width_mm(label, 7.5) <= room_mm:
        return label
    while len(label) > 4 and width_mm(f"{label}…", 7.5) > room_mm:
        label = label[:-1]
    return f"{label.rstrip()}…"


def legend(axes: Axes, columns: int) -> None:
    """A key above the axes, without a frame."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns, frameon=False, fontsize=7.5,
            handlelength=2.6, columnspacing=1.4,
        )  # fmt: skip


def _arm_key(axes: Axes, arms: Sequence[str]) -> None:
    for arm, style in zip(arms, _ARM_STYLES, strict=False):
        axes.plot([], [], color=SOFT, linestyle=style, linewidth=1.4, label=drawable(as_words(arm)))
    if arms:
        axes.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False, fontsize=8,
            handlelength=3.4,
        )  # fmt: skip


def _thinned(dose: NDArray[Any], volume: NDArray[Any], most: int = 400) -> Series:
    if len(dose) <= most:
        return dose, volume
    at = np.linspace(dose[0], dose[-1], most)
    return at, np.interp(at, dose, volume)


def _name_lines(axes: Axes, curves: Sequence[DvhCurve], colours: Mapping[str, Colour]) -> None:
    """Put each name at its own line, where it is farthest from other lines and names."""
    width, height = axes.get_xlim()[1], 102.0
    lines = [np.column_stack([c.dose_gy / width * 1.5, c.volume_percent / height]) for c in curves]
    lines = [line[(line[:, 1] > 0.01) & (line[:, 1] < 0.985)] for line in lines]
    taken: list[NDArray[Any]] = []
    for index, curve in enumerate(curves):
        spots = _spots(curve, width, height)
        if not len(spots):
            continue
        others = [line for other, line in enumerate(lines) if other != index and len(line)]
        room = [_room(spot, others, taken) for spot in spots]
        best = spots[int(np.argmax(room))]
        taken.append(best)
        axes.annotate(
            drawable(curve.structure)[:22], (best[0] / 1.5 * width, best[1] * height), fontsize=7.5,
            color=_on_white(colours, curve.structure), ha="center", va="center", fontweight="bold",
            bbox={"boxstyle": "round,pad=0.12", "facecolor": "#ffffffe0", "edgecolor": "none"},
        )  # fmt: skip


def _spots(curve: DvhCurve, width: float, height: float) -> NDArray[Any]:
    levels = np.arange(12, 93, 4.0)
    if len(curve.dose_gy) < 2:
        return np.empty((0, 2))
    dose = np.interp(levels, curve.volume_percent[::-1], curve.dose_gy[::-1])
    keep = (dose > 0.05 * width) & (dose < 0.93 * width)
    return np.column_stack([dose[keep] / width * 1.5, levels[keep] / height])


def _room(spot: NDArray[Any], lines: Sequence[NDArray[Any]], taken: Sequence[NDArray[Any]]) -> float:
    """Distance to the nearest other line or name; names are wide, so along x they count a third."""
    squeeze = np.array([0.35, 1.0])
    to_lines = [float(np.linalg.norm((line - spot) * squeeze, axis=1).min()) for line in lines]
    to_names = [0.6 * float(np.linalg.norm((other - spot) * squeeze)) for other in taken]
    return min([1.0, *to_lines, *to_names])
