"""The figure of a data-size study shows what was tried and nothing else."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from terasu.enhance.data_size import Point
from terasu.report.data_size import data_size_svg, draw_data_size

CURVE = (
    Point("original", 16, 9.0, 8.0, 10.0, 3, 4),
    Point("original", 64, 6.0, 5.5, 6.5, 3, 4),
    Point("proposed", 16, 4.0, np.nan, np.nan, 1, 1),
)


def test_every_size_is_named_and_every_model_has_its_line() -> None:
    figure, axes = plt.subplots()
    draw_data_size(axes, CURVE, "DIG [HU/px]")
    ticks = [one.get_text() for one in axes.get_xticklabels()]
    lines = {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.get_lines()}
    bands = [np.asarray(one.get_paths()[0].vertices) for one in axes.collections]
    plt.close(figure)
    assert ticks == ["16", "64"]
    assert lines == {"original": ([16, 64], [9.0, 6.0]), "proposed": ([16], [4.0])}
    assert bands[0][:, 1].min() == 5.5 and bands[0][:, 1].max() == 10.0


def test_it_is_an_svg() -> None:
    assert b"<svg" in data_size_svg(CURVE, "DIG [HU/px]")
