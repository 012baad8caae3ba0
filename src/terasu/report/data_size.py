"""The figure of a data-size study: a measure against the number of slices, one line a model, with bands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from terasu.enhance.data_size import Point
from terasu.report.curves import as_svg, key_above, quiet
from terasu.report.style import SOFT, drawable, drawing

_HUES = ("#c4391d", "#0a62a8", "#00795a", "#8a6d00", "#5b4bb5")


def draw_data_size(axes: Axes, curve: Sequence[Point], measure: str, raw: float | None = None) -> None:
    """Means with 95 % bands; numbers of slices on a logarithmic axis, each named that was tried.

    Args:
        measure: what the vertical axis shows, with its unit.
        raw: what the image that came in has, drawn across.
    """
    sizes = sorted({one.slices for one in curve})
    for model, hue in zip(dict.fromkeys(one.model for one in curve), _HUES, strict=False):
        own = sorted((one for one in curve if one.model == model), key=lambda one: one.slices)
        x = [one.slices for one in own]
        low = [one.lower if np.isfinite(one.lower) else one.value for one in own]
        high = [one.upper if np.isfinite(one.upper) else one.value for one in own]
        axes.fill_between(x, low, high, color=hue, alpha=0.15, linewidth=0)
        axes.plot(x, [one.value for one in own], "o-", color=hue, markersize=4, label=drawable(model))
    if raw is not None:
        axes.axhline(raw, color=SOFT, linewidth=1.0, linestyle=":", label="the image that came in")
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [str(one) for one in sizes])
    axes.minorticks_off()
    axes.set(xlabel="Slices of each side", ylabel=drawable(measure), ylim=(0, None))
    quiet(axes)
    key_above(axes)


def data_size_svg(curve: Sequence[Point], measure: str, raw: float | None = None) -> bytes:
    """The figure as SVG."""
    with drawing():
        return as_svg(lambda axes: draw_data_size(axes, curve, measure, raw), size_in=(5.6, 4.0))
