"""Figures on how far a study can be believed: optimism, gain, chance, what was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from terasu.prognosis.study.gain import Gain
from terasu.prognosis.study.null import Null
from terasu.prognosis.study.records import StudyFit, TestResult
from terasu.report.curves import key_above, quiet
from terasu.report.study.draw_survival import HUES
from terasu.report.study.words import p_value
from terasu.report.style import FAINT, INK, SOFT, drawable

MOST_NAMES = 20
_APPARENT, _NESTED, _TEST, _PALE = "#b7a06a", HUES[0], HUES[1], "#9db4c8"


def draw_optimism(axes: Axes, fit: StudyFit, tested: TestResult | None) -> None:
    """Apparent → nested → test of every model, baselines below."""
    known = [one for one in fit.models if one.nested is not None][::-1]
    in_test = {one.name: one.value for one in tested.models} if tested else {}
    for row, one in enumerate(known):
        if one.apparent is not None and one.nested is not None:
            axes.plot([one.nested.value, one.apparent], [row, row], color=_APPARENT, linewidth=3.0, alpha=0.5)
            axes.plot(one.apparent, row, "D", color=_APPARENT, markersize=5)
        if one.nested is not None:
            _interval(axes, row + 0.12, one.nested, _NESTED, "o")
        value = in_test.get(one.name)
        if value is not None:
            _interval(axes, row - 0.18, value, _TEST, "s")
    axes.axvline(0.5, color=SOFT, linewidth=0.9, linestyle=":")
    for hue, mark, told in (
        (_APPARENT, "D", "own patients"),
        (_NESTED, "o", "nested"),
        (_TEST, "s", "test set"),
    ):
        if told != "test set" or in_test:
            axes.plot([], [], mark, color=hue, label=told)
    _named_rows(axes, [one.name + ("" if one.role == "candidate" else " *") for one in known])
    axes.set(xlabel=f"{fit.measure} (* baseline)")
    key_above(axes)


def draw_forest(axes: Axes, gains: Sequence[Gain], measure: str) -> None:
    """Gain of each candidate over each baseline with its limits."""
    ordered = list(gains)[::-1]
    for row, one in enumerate(ordered):
        _interval(axes, row, one.difference, HUES[0] if one.difference.lower > 0 else FAINT, "o")
    axes.axvline(0, color=INK, linewidth=0.9)
    _named_rows(axes, [f"{one.model} over {one.over}" for one in ordered])
    axes.set(xlabel=f"Difference of {measure}")


def draw_null(axes: Axes, null: Null) -> None:
    """What the best candidate reached on permuted outcomes, and on the real one."""
    best = np.nanmax(np.where(np.isfinite(null.reached), null.reached, -np.inf), axis=1)
    best = best[np.isfinite(best)]
    observed = float(np.nanmax(null.observed))
    edges = np.linspace(min(0.4, *best, observed) - 0.01, max(0.6, *best, observed) + 0.01, 31)
    axes.hist(
        best, bins=list(edges), color=_PALE, edgecolor="white", linewidth=0.6, label="permuted outcomes"
    )
    axes.axvline(observed, color=HUES[1], linewidth=1.8, label=f"real outcome, p {p_value(null.p)}")
    axes.axvline(0.5, color=SOFT, linewidth=0.9, linestyle=":")
    axes.set(xlabel="Best candidate, first repeat", ylabel="Permutations")
    quiet(axes)
    key_above(axes)


def draw_selection(axes: Axes, folds: Mapping[str, float], refits: Mapping[str, float]) -> None:
    """How often a feature was used: by the fits of the cross-validation, and on patients drawn anew."""
    ordered = sorted(folds, key=lambda name: (-folds[name], -refits.get(name, 0.0), name))
    names = ordered[:MOST_NAMES][::-1]
    rows = np.arange(len(names))
    axes.barh(rows + 0.2, [folds[name] for name in names], 0.36, color=HUES[0], label="fits of the folds")
    if refits:
        shares = [refits.get(name, 0.0) for name in names]
        axes.barh(rows - 0.2, shares, 0.36, color=_PALE, label="patients drawn anew")
    _named_rows(axes, names)
    axes.set(xlim=(0, 1.0), xlabel="Share of fits that used it")
    key_above(axes)


def _interval(axes: Axes, row: float, of: object, hue: str, mark: str) -> None:
    value, low, high = (float(getattr(of, name)) for name in ("value", "lower", "upper"))
    axes.plot([low, high], [row, row], color=hue, linewidth=1.5)
    axes.plot(value, row, mark, color=hue, markersize=5)


def _named_rows(axes: Axes, names: Sequence[str], longest: int = 44) -> None:
    told = [drawable(one if len(one) <= longest else f"…{one[-longest + 1 :]}") for one in names]
    axes.set_yticks(range(len(told)), told)
    axes.set_ylim(-0.6, len(told) - 0.4)
    quiet(axes)
    axes.tick_params(axis="y", length=0, labelsize=7.5)
