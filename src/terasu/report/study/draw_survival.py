"""Curves of a survival model: Kaplan–Meier, time-dependent ROC, calibration at horizons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from terasu.prognosis.kaplan_meier import confidence_band, numbers_at_risk
from terasu.prognosis.roc import RocCurve
from terasu.prognosis.study.survival_reading import HorizonReading, RiskGroup, SurvivalReading
from terasu.prognosis.survival_data import Array
from terasu.report.curves import key_above, quiet
from terasu.report.study.words import horizon, number, p_value, time_unit
from terasu.report.style import FAINT, RULE, SOFT, drawable

HUES = ("#0a62a8", "#c4391d", "#00795a", "#8a6d00", "#5b4bb5")
_GROUP_HUES = {2: ("#0a62a8", "#c4391d"), 3: ("#0a62a8", "#8a6d00", "#c4391d")}
_BASELINE_STYLE = (0, (3.2, 2.0))


def draw_kaplan_meier(axes: Axes, of: SurvivalReading) -> None:
    """Survival of the risk groups with bands, censorings as ticks, and numbers at risk below."""
    longest = max(float(one.survival.time_days.max()) for one in of.groups)
    unit, days = time_unit(longest)
    hues = _GROUP_HUES.get(len(of.groups), HUES)
    for group, hue in zip(of.groups, hues, strict=False):
        _group(axes, group, hue, days)
    axes.set(xlim=(0, 1.02 * longest / days), ylim=(0, 1.02), xlabel=f"Time [{unit}]", ylabel="Survival")
    quiet(axes)
    if of.log_rank_p is not None:
        told = f"log-rank p {p_value(of.log_rank_p)}"
        axes.text(0.98, 0.97, told, transform=axes.transAxes, ha="right", va="top", fontsize=8, color=SOFT)
    key_above(axes)
    _at_risk(axes, of.groups, hues, days)


def _group(axes: Axes, group: RiskGroup, hue: str, days: float) -> None:
    table, end = group.curve.table, float(group.survival.time_days.max()) / days
    times = np.concatenate(([0.0], table.time_days / days, [end]))
    alive = np.concatenate(([1.0], group.curve.survival))
    low, high = (np.concatenate(([1.0], one)) for one in confidence_band(group.curve))
    told = f"{group.name} ({len(group.survival)}, {group.survival.events} events)"
    axes.step(times, [*alive, alive[-1]], where="post", color=hue, linewidth=1.6, label=told)
    axes.fill_between(
        times, [*low, low[-1]], [*high, high[-1]], step="post", color=hue, alpha=0.13, linewidth=0
    )
    censored = np.sort(group.survival.time_days[~group.survival.event])
    height = alive[np.searchsorted(table.time_days, censored, "right")]
    axes.plot(censored / days, height, "|", color=hue, markersize=4.5, markeredgewidth=0.8)


def _at_risk(axes: Axes, groups: Sequence[RiskGroup], hues: Sequence[str], days: float) -> None:
    ticks = [one for one in axes.get_xticks() if 0 <= one <= axes.get_xlim()[1]]
    height = axes.get_window_extent().height / axes.figure.dpi * 72  # points
    line = 11.0 / height
    top = -36.0 / height
    axes.text(0, top, "At risk", transform=axes.transAxes, fontsize=7.5, color=SOFT, va="center", ha="left")
    for row, (group, hue) in enumerate(zip(groups, hues, strict=False)):
        counts = numbers_at_risk(group.survival, np.array(ticks) * days)
        for tick, count in zip(ticks, counts, strict=True):
            axes.text(
                tick, top - (row + 1) * line, str(int(count)), transform=axes.get_xaxis_transform(),
                fontsize=7.5, color=hue, ha="center", va="center",
            )  # fmt: skip


def draw_rocs(axes: Axes, curves: Sequence[tuple[str, RocCurve, bool]]) -> None:
    """ROC curves, each named; ``True``: a baseline, drawn dashed."""
    axes.plot([0, 1], [0, 1], color=RULE, linewidth=1.0)
    hues: dict[str, str] = {}
    for name, curve, is_baseline in curves:
        hue = hues.setdefault(name.rsplit(",", 1)[-1], HUES[len(hues) % len(HUES)])
        style = _BASELINE_STYLE if is_baseline else "-"
        axes.step(
            1 - curve.specificity, curve.sensitivity, where="post", color=hue, linestyle=style,
            linewidth=1.1 if is_baseline else 1.6, label=drawable(name),
        )  # fmt: skip
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="1 − specificity", ylabel="Sensitivity")
    quiet(axes)
    axes.legend(
        loc="lower right",
        fontsize=7.5,
        handlelength=2.6,
        facecolor="white",
        edgecolor="none",
        framealpha=0.85,
    )


def horizon_rocs(
    model: SurvivalReading, baseline: SurvivalReading | None
) -> list[tuple[str, RocCurve, bool]]:
    """Curves of a model and its baseline at every horizon, with their AUC."""
    found = []
    for of, is_baseline in ((model, False), (baseline, True)):
        for one in of.horizons if of is not None else ():
            name = f"{of.model if of else ''} {number(one.auc, 2)}, {horizon(one.horizon_days)}"
            found.append((name, one.roc, is_baseline))
    return found


def draw_survival_calibration(axes: Axes, horizons: Sequence[HorizonReading]) -> None:
    """Observed risk of groups with their limits, and the smooth, against what was predicted."""
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.9)
    for one, hue in zip(horizons, HUES, strict=False):
        groups = one.calibration.groups
        predicted = np.array([group.predicted for group in groups])
        draw_groups(
            axes,
            predicted,
            np.array([[g.observed.value, g.observed.lower, g.observed.upper] for g in groups]),
            hue,
            f"{horizon(one.horizon_days)}, slope {number(one.calibration.slope.value, 2)}",
        )
    _unit_square(axes, "Predicted risk", "Observed risk (Kaplan–Meier)")


def draw_groups(axes: Axes, predicted: Array, observed: Array, hue: str, told: str) -> None:
    """Points with limits. observed: (groups, 3) value, lower, upper; limits may be unknown."""
    value, low, high = np.nan_to_num(observed[:, 0]), observed[:, 1], observed[:, 2]
    low, high = np.where(np.isfinite(low), low, value), np.where(np.isfinite(high), high, value)
    reach = np.clip([value - low, high - value], 0, None)
    axes.errorbar(
        predicted, value, yerr=reach, fmt="o-", color=hue, markersize=4.5, linewidth=1.1, elinewidth=0.9,
        capsize=2.0, label=told,
    )  # fmt: skip


def _unit_square(axes: Axes, x: str, y: str) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel=x, ylabel=y)
    quiet(axes)
    key_above(axes)
