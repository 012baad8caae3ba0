"""Which figures a study has."""

from __future__ import annotations

from functools import partial

from terasu.prognosis.study.label_reading import LabelReading
from terasu.prognosis.study.records import ModelResult
from terasu.prognosis.study.results import StudyResults
from terasu.prognosis.study.survival_reading import SurvivalReading
from terasu.report.study.draw_evidence import (
    MOST_NAMES,
    draw_forest,
    draw_null,
    draw_optimism,
    draw_selection,
)
from terasu.report.study.draw_label import draw_confusion, draw_decision, draw_label_calibration, label_rocs
from terasu.report.study.draw_survival import (
    draw_kaplan_meier,
    draw_rocs,
    draw_survival_calibration,
    horizon_rocs,
)
from terasu.report.study.page import StudyFigure
from terasu.report.study.words import horizon, number, p_value
from terasu.report.style import width_mm

_NAMES_PT, _ROW_IN = 7.5, 0.3


def optimism_figure(results: StudyResults) -> StudyFigure:
    """Apparent → nested → test."""
    names = [one.name for one in results.fit.models if one.nested is not None]
    return StudyFigure(
        "optimism",
        "From own patients to unseen ones",
        "What a model reaches on the patients it was fitted on says nothing; the bar is its optimism.",
        f"{results.fit.measure} on own patients, nested and in the test, for {', '.join(names)}.",
        partial(draw_optimism, fit=results.fit, tested=results.tested),
        *_rows(names),
    )


def gain_figures(results: StudyResults) -> tuple[StudyFigure, ...]:
    """A forest of gains over baselines, nested and in the test."""
    found = []
    parts = [("nested", results.fit.gains)]
    if results.tested is not None:
        parts.append(("test set", results.tested.gains))
    for name, gains in parts:
        if not gains:
            continue
        told = [f"{one.model} over {one.over}" for one in gains]
        key = "gain-nested" if name == "nested" else "gain-test"
        found.append(
            StudyFigure(
                key,
                f"Gain over the baselines, {name}",
                "Right of the line: better than the baseline. Grey: the limits reach the line.",
                f"Difference of {results.fit.measure}, {name}: {', '.join(told)}.",
                partial(draw_forest, gains=gains, measure=results.fit.measure),
                *_rows(told),
            )
        )
    return tuple(found)


def null_figure(results: StudyResults) -> StudyFigure | None:
    """What chance reaches."""
    null = results.fit.null
    if null is None or not len(null.reached):
        return None
    return StudyFigure(
        "permutation-null",
        "The whole study on permuted outcomes",
        f"{len(null.reached)} permutations, each with the whole search; p {p_value(null.p)}.",
        f"Histogram of the best candidate on permuted outcomes; the real one has p {p_value(null.p)}.",
        partial(draw_null, null=null),
    )


def selection_figure(best: ModelResult | None, results: StudyResults) -> StudyFigure | None:
    """How often a feature was used."""
    if best is None or not best.selected:
        return None
    names = sorted(best.selected, key=lambda name: -best.selected[name])[:MOST_NAMES]
    return StudyFigure(
        "selection",
        f"Features that {best.name} used most often",
        "A feature that other patients would not have chosen is no finding.",
        f"Share of fits that used each feature; most often {names[0]}.",
        partial(draw_selection, folds=best.selected, refits=results.fit.bootstrap_selected),
        *_rows(names),
    )


def survival_figures(
    model: SurvivalReading, baseline: SurvivalReading | None
) -> tuple[tuple[StudyFigure, ...], tuple[StudyFigure, ...]]:
    """Risk groups; then ROC, calibration and net benefit, of one part."""
    key = _key(model.part)
    curves = StudyFigure(
        f"kaplan-meier-{key}",
        f"Risk groups, {model.part}",
        f"Groups of {model.model}, cut where training patients are cut. The hazard ratio per SD comes first.",
        f"Kaplan–Meier curves of {len(model.groups)} risk groups, log-rank p {p_value(model.log_rank_p)}.",
        partial(draw_kaplan_meier, of=model),
        (5.6, 4.3),
        (0.65, 0.75 + 0.17 * len(model.groups), 0.15, 0.35),
    )
    if not model.horizons:
        return (curves,), ()
    rocs = horizon_rocs(model, baseline)
    found = [
        StudyFigure(
            f"roc-{key}",
            f"Time-dependent ROC, {model.part}",
            "Solid: the model; dashed: the best baseline.",
            "ROC curves: " + "; ".join(name for name, _, _ in rocs) + ".",
            partial(draw_rocs, curves=rocs),
            (5.0, 4.6),
        ),
        StudyFigure(
            f"calibration-{key}",
            f"Calibration, {model.part}",
            "Fifths of the patients by predicted risk; on the line is right.",
            f"Observed against predicted risk of {model.model} at {len(model.horizons)} horizons.",
            partial(draw_survival_calibration, horizons=model.horizons),
            (5.0, 4.6),
        ),
    ]
    found += [_survival_decision(model, baseline, number, key) for number in range(len(model.horizons))]
    return (curves,), tuple(found)


def _survival_decision(
    model: SurvivalReading, baseline: SurvivalReading | None, place: int, key: str
) -> StudyFigure:
    at = model.horizons[place]
    curves = [(model.model, at.decision, False)]
    beside = [h for h in (baseline.horizons if baseline else ()) if h.horizon_days == at.horizon_days]
    curves += [(baseline.model, one.decision, True) for one in beside if baseline is not None]
    when = horizon(at.horizon_days)
    return StudyFigure(
        f"net-benefit-{key}-{place + 1}",
        f"Net benefit at {when}, {model.part}",
        "Above both thin lines: acting on the model is better than treating everybody or nobody.",
        f"Decision curves at {when}: {', '.join(name for name, _, _ in curves)}, everybody, nobody.",
        partial(draw_decision, curves=curves),
    )


def label_figures(model: LabelReading, baseline: LabelReading | None) -> tuple[StudyFigure, ...]:
    """ROC, calibration, net benefit and calls of one part."""
    key = _key(model.part)
    rocs = label_rocs(model, baseline)
    decisions = [
        (one.model, one.decision, one is baseline)
        for one in (model, baseline)
        if one is not None and one.decision is not None
    ]
    found = [
        StudyFigure(
            f"roc-{key}",
            f"ROC for {model.positive}, {model.part}",
            "Solid: the model; dashed: the best baseline. Scores of all folds together, by their place among "
            "training patients, so the AUC may differ a little from the nested one.",
            "ROC curves: " + "; ".join(name for name, _, _ in rocs) + ".",
            partial(draw_rocs, curves=rocs),
            (5.0, 4.6),
        ),
        StudyFigure(
            f"confusion-{key}",
            f"Calls, {model.part}",
            "Called is the class with the highest probability.",
            f"Confusion of {model.model}: accuracy {number(model.confusion.accuracy.value, 2)}.",
            partial(draw_confusion, of=model),
            (5.0, 4.6),
            (0.9, 0.6, 0.3, 0.3),
        ),
    ]
    if model.calibration is not None:
        found.append(
            StudyFigure(
                f"calibration-{key}",
                f"Calibration, {model.part}",
                "Fifths of the patients by predicted probability; on the line is right.",
                f"Observed share against predicted probability of {model.positive}.",
                partial(draw_label_calibration, of=model),
                (5.0, 4.6),
            )
        )
    if decisions:
        found.append(
            StudyFigure(
                f"net-benefit-{key}",
                f"Net benefit, {model.part}",
                "Above both thin lines: acting on the model is better than treating everybody or nobody.",
                f"Decision curves: {', '.join(name for name, _, _ in decisions)}, everybody, nobody.",
                partial(draw_decision, curves=decisions),
            )
        )
    return tuple(found)


def _key(part: str) -> str:
    return "test" if part.startswith("test") else "training"


def _rows(names: list[str]) -> tuple[tuple[float, float], tuple[float, float, float, float]]:
    """Size and margins of a figure with a named row each."""
    longest = max((width_mm(name[:44], _NAMES_PT) for name in names), default=20.0) / 25.4
    left = min(max(longest + 0.25, 0.9), 3.2)
    return (5.6, max(2.2, 1.05 + _ROW_IN * len(names))), (left, 0.55, 0.2, 0.4)
