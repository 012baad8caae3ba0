"""Tables of a study's report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from terasu.prognosis.study.label_reading import LabelReading
from terasu.prognosis.study.results import StudyResults
from terasu.prognosis.study.survival_reading import SurvivalReading
from terasu.report.study.words import horizon, limits, number, p_value, percent, time_unit
from terasu.report.tables import Table

_MOST_FEATURES = 10


def models_table(results: StudyResults) -> Table:
    """Every candidate and baseline: apparent, nested, test."""
    in_test = {one.name: one for one in results.tested.models} if results.tested else {}
    rows, strong = [], set()
    for place, one in enumerate(results.fit.models):
        tested = in_test.get(one.name)
        said = [one.reason, *(tested.cautions if tested else ()), tested.reason if tested else ""]
        test = limits(tested.value) if tested else "–"
        note = "; ".join(dict.fromkeys(part for part in said if part))
        rows.append((one.name, one.role, one.kind, number(one.apparent), limits(one.nested), test, note))
        if one.name == results.fit.best:
            strong.add(place)
    heads = ("Model", "Role", "Kind", "Own patients", "Nested", "Test set", "Note")
    return Table(heads, tuple(rows), texts=3, strong=frozenset(strong))


def gains_table(results: StudyResults) -> Table | None:
    """What each candidate adds to each baseline, nested and in the test."""
    tested = {(g.model, g.over): g for g in results.tested.gains} if results.tested else {}
    rows = []
    for one in results.fit.gains:
        there = tested.get((one.model, one.over))
        rows.append(
            (
                one.model,
                one.over,
                limits(one.difference, sign=True),
                p_value(one.p),
                limits(there.difference, sign=True) if there else "–",
                p_value(there.p) if there else "–",
            )
        )
    heads = ("Model", "Over", "Nested gain", "p added", "Gain in the test", "p added there")
    return Table(heads, tuple(rows), texts=2) if rows else None


def family_table(results: StudyResults) -> Table | None:
    """The features with the smallest p, by themselves and among all."""
    family = results.fit.family
    if family is None or not family.features:
        return None
    order = np.lexsort((-np.nan_to_num(family.value), family.adjusted_p))[:_MOST_FEATURES]
    rows = tuple(
        (
            family.features[k],
            number(float(family.value[k]), 2),
            p_value(float(family.raw_p[k])),
            p_value(float(family.adjusted_p[k])),
        )
        for k in order
    )
    return Table(("Feature", family.statistic, "Raw p", "Adjusted p"), rows)


def hazard_table(readings: Sequence[SurvivalReading]) -> Table:
    """Hazard ratios per SD first, then of the groups."""
    rows = []
    for one in readings:
        unit, days = time_unit(max(float(group.survival.time_days.max()) for group in one.groups))
        medians = ", ".join(f"{g.name} {number(g.median_days.value / days, 1)}" for g in one.groups)
        rows.append(
            (
                one.part,
                one.model,
                limits(one.per_sd, digits=2),
                p_value(one.per_sd.p if one.per_sd else None),
                limits(one.high_to_low, digits=2),
                p_value(one.log_rank_p),
                f"{medians} [{unit}]",
            )
        )
    heads = (
        "Patients", "Model", "Hazard ratio per SD", "p", "High to low risk", "Log-rank p", "Median survival",
    )  # fmt: skip
    return Table(heads, tuple(rows), texts=2)


def horizons_table(readings: Sequence[SurvivalReading]) -> Table | None:
    """Discrimination, accuracy and calibration at each horizon."""
    rows = [
        (
            one.part,
            one.model,
            horizon(at.horizon_days),
            f"{at.events} / {at.beyond}",
            number(at.auc),
            number(at.brier),
            number(at.brier_of_all),
            number(at.calibration.observed_by_expected, 2),
            limits(at.calibration.slope, digits=2),
            number(at.calibration.ici),
        )
        for one in readings
        for at in one.horizons
    ]
    heads = (
        "Patients", "Model", "Horizon", "Events / beyond", "AUC", "Brier", "Brier of all alike",
        "Observed / expected", "Calibration slope", "ICI",
    )  # fmt: skip
    return Table(heads, tuple(rows), texts=3) if rows else None


def labels_table(readings: Sequence[LabelReading]) -> Table:
    """Discrimination, calibration and calls."""
    rows = []
    for one in readings:
        calibration, told = one.calibration, one.confusion
        rows.append(
            (
                one.part,
                one.model,
                f"{number(one.auc.auc)} ({number(one.auc.lower)} to {number(one.auc.upper)})",
                number(calibration.brier if calibration else None),
                number(calibration.observed_by_expected if calibration else None, 2),
                limits(calibration.slope if calibration else None, digits=2),
                percent(told.accuracy.value),
                number(told.balanced_accuracy, 2),
                percent(told.sensitivity[-1].value),
                percent(told.specificity[-1].value),
            )
        )
    heads = (
        "Patients", "Model", "AUC (DeLong)", "Brier", "Observed / expected", "Calibration slope", "Accuracy",
        "Balanced", "Sensitivity", "Specificity",
    )  # fmt: skip
    return Table(heads, tuple(rows), texts=2)


def centres_table(results: StudyResults) -> Table | None:
    """Each model on each centre that it was not trained with."""
    rows = tuple(
        (one.model, one.centre, str(one.patients), number(one.value), one.reason)
        for one in results.fit.centres
    )
    heads = ("Model", "Centre left out", "Patients", results.fit.measure, "Note")
    return Table(heads, rows, texts=2) if rows else None


def means_table(results: StudyResults) -> Table:
    """What each model has to live on."""
    rows = tuple(
        (
            one.model,
            str(one.variables),
            str(one.counted),
            number(one.per_variable, 1),
            "yes" if one.penalised else "no",
            one.verdict,
        )
        for one in results.checked.models
    )
    heads = ("Model", "Variables", "Events", "Events per variable", "Penalty", "Note")
    return Table(heads, rows)


def weights_table(results: StudyResults) -> Table | None:
    """Weights of the final model of the best candidate, the largest first."""
    best = next((one for one in results.fit.models if one.name == results.fit.best), None)
    if best is None or not best.weights:
        return None
    order = sorted(best.weights, key=lambda name: -abs(best.weights[name]))[: 2 * _MOST_FEATURES]
    rows = tuple(
        (
            name,
            number(best.weights[name], 4),
            percent(best.selected.get(name)),
            percent(results.fit.bootstrap_selected.get(name)),
        )
        for name in order
    )
    return Table(("Feature", "Weight", "Used in folds", "Used on patients drawn anew"), rows)
