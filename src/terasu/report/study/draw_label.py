"""Curves of a model of a label, and net benefit of either kind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from terasu.prognosis.decision_curve import DecisionCurve
from terasu.prognosis.roc import RocCurve
from terasu.prognosis.study.label_reading import LabelReading
from terasu.report.curves import key_above, quiet
from terasu.report.study.draw_survival import HUES, draw_groups
from terasu.report.study.words import number
from terasu.report.style import FAINT, INK, SOFT, drawable


def label_rocs(model: LabelReading, baseline: LabelReading | None) -> list[tuple[str, RocCurve, bool]]:
    """Curves of a model and its baseline, with their AUC."""
    found = [(f"{model.model} {number(model.auc.auc)}", model.roc, False)]
    if baseline is not None:
        found.append((f"{baseline.model} {number(baseline.auc.auc)}", baseline.roc, True))
    return found


def draw_label_calibration(axes: Axes, of: LabelReading) -> None:
    """Observed share of groups with their limits against the predicted probability."""
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.9)
    if of.calibration is not None:
        groups = of.calibration.groups
        draw_groups(
            axes,
            np.array([group.predicted for group in groups]),
            np.array([[g.observed.value, g.observed.lower, g.observed.upper] for g in groups]),
            HUES[0],
            f"slope {number(of.calibration.slope.value, 2)}",
        )
    told = drawable(f"probability of {of.positive}")
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel=f"Predicted {told}", ylabel="Observed share")
    quiet(axes)
    key_above(axes)


def draw_decision(axes: Axes, curves: Sequence[tuple[str, DecisionCurve, bool]]) -> None:
    """Net benefit of acting on the model, on the baseline, on everybody and on nobody."""
    highest = 0.02
    for (name, curve, is_baseline), hue in zip(curves, HUES, strict=False):
        style, width = ((0, (3.2, 2.0)), 1.2) if is_baseline else ("-", 1.7)
        axes.plot(
            curve.threshold, curve.model, color=hue, linestyle=style, linewidth=width, label=drawable(name)
        )
        highest = max(highest, float(np.nanmax(np.concatenate((curve.model, curve.treat_all)))))
    everybody = curves[0][1]
    axes.plot(everybody.threshold, everybody.treat_all, color=INK, linewidth=0.9, label="everybody")
    axes.axhline(0, color=SOFT, linewidth=0.9, linestyle=":", label="nobody")
    axes.set(
        xlim=(0, 1), ylim=(-0.15 * highest, 1.08 * highest), xlabel="Risk from which on one would act",
        ylabel="Net benefit",
    )  # fmt: skip
    quiet(axes)
    key_above(axes)


def draw_confusion(axes: Axes, of: LabelReading) -> None:
    """Patients by true class and class called."""
    table = of.confusion.table
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="equal")
    for row, column in np.ndindex(*table.shape):
        ink = "white" if share[row, column] > 0.55 else INK
        told = f"{table[row, column]}\n{100 * share[row, column]:.0f} %"
        axes.text(column, row, told, ha="center", va="center", color=ink, fontsize=9)
    names = [drawable(one) for one in of.confusion.classes]
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="Called", ylabel="True")
    axes.tick_params(length=0, labelsize=8)
    axes.spines[:].set_visible(False)
