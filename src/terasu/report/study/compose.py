"""From the results of a study to the parts of its report."""

from __future__ import annotations

from terasu.prognosis.study.label_reading import LabelReading, read_label
from terasu.prognosis.study.results import StudyResults
from terasu.prognosis.study.survival_reading import SurvivalReading, read_survival
from terasu.prognosis.study.voices import Part, opened_part, training_part
from terasu.prognosis.survival_data import Survival
from terasu.report.study import tables
from terasu.report.study.checklist import checklists
from terasu.report.study.figures import (
    gain_figures,
    label_figures,
    null_figure,
    optimism_figure,
    selection_figure,
    survival_figures,
)
from terasu.report.study.page import Section, StudyFigure, StudyPage, StudyTile
from terasu.report.study.proofs import steps_of
from terasu.report.study.words import limits, p_value
from terasu.report.tables import Table

Captioned = tuple[tuple[str, Table], ...]


def study_page(results: StudyResults) -> StudyPage:
    """Everything that is shown, in order."""
    fit = results.fit
    conclusion = results.tested.conclusion if results.tested else fit.conclusion
    sections = (_models(results), _gain(results), _chance(results), *_predictions(results))
    sections += (_selection(results), *_centres(results), _means(results))
    return StudyPage(
        fit.study,
        conclusion.standing,
        conclusion.sentence,
        conclusion.cautions,
        _tiles(results),
        _facts(results),
        sections,
        checklists(results),
        _provenance(results),
        f"{fit.study} · Terasu {fit.terasu} · for research, not a medical device",
    )


def _tiles(results: StudyResults) -> tuple[StudyTile, ...]:
    fit, tested = results.fit, results.tested
    best = next((one for one in fit.models if one.name == fit.best), None)
    gain = next((g for g in fit.gains if g.model == fit.best and g.over == fit.best_baseline), None)
    there = next((one.value for one in tested.models if one.name == fit.best), None) if tested else None
    opened = (
        f"opening {tested.opening}" if tested else "not opened" if results.checked.test else "no test set"
    )
    counted = ", ".join(f"{n} {name}" for name, n in next(iter(results.checked.counted.values())).items())
    return (
        StudyTile("Patients", str(results.checked.patients), counted),
        StudyTile(f"Nested {fit.measure}", limits(best.nested if best else None), fit.best or "no candidate"),
        StudyTile(f"{fit.measure} in the test", limits(there), opened),
        StudyTile(
            "Gain over the best baseline",
            limits(gain.difference if gain else None, sign=True),
            f"over {fit.best_baseline}, nested" if fit.best_baseline else "there is no baseline",
        ),
        StudyTile(
            "p of the whole study",
            p_value(fit.null.p) if fit.null else "–",
            f"{len(fit.null.reached)} permutations" if fit.null else "no permutations were asked for",
        ),
    )


def _facts(results: StudyResults) -> tuple[tuple[str, str], ...]:
    says, checked = results.says, results.checked
    endpoint = (
        f"{says.endpoint.label}: {', '.join(says.endpoint.classes)}"
        if says.endpoint.label
        else f"{says.endpoint.time} [{says.endpoint.unit}], {says.endpoint.event}"
    )
    of = says.resampling
    folds = (
        "leave-one-out" if of.leave_one_out else f"{of.repeats} × {of.folds} folds by patient, seed {of.seed}"
    )
    baselines = ", ".join(part for part in (says.baselines.volume, *says.baselines.columns) if part)
    facts = (
        ("Endpoint", endpoint),
        ("Patients", f"{checked.training} to train, {checked.test} for the test"),
        ("Features", f"{checked.features} in {len(says.tables)} table{'s' if len(says.tables) > 1 else ''}"),
        ("Test set", _split_told(results)),
        ("Resampling", folds),
        ("Steps, fitted inside the fold", " → ".join(steps_of(results)) or "none"),
        ("Baselines", baselines or "none"),
        ("Candidates", "; ".join(f"{one.name} ({one.model})" for one in says.models)),
        ("Horizons", ", ".join(f"{one:g} {says.endpoint.unit}" for one in says.report.horizons)),
        ("Risk groups", f"at the {says.report.cut_point} of the training fold" if says.endpoint.time else ""),
    )
    return tuple((label, value) for label, value in facts if value)


def _split_told(results: StudyResults) -> str:
    says = results.says
    if not results.checked.test:
        return "none"
    if says.external:
        return "another cohort"
    return f"column {says.split.column}" if says.split.column else f"by lot, seed {says.split.seed}"


def _models(results: StudyResults) -> Section:
    intro = (
        "Nested: by patients whom the model had not seen, everything that learns fitted inside the "
        "training fold. Limits are 95 %, from drawing patients anew.",
    )
    table = (("Candidates and baselines; bold: the highest nested value", tables.models_table(results)),)
    return Section("models", "What the models reach", intro, (optimism_figure(results),), table)


def _gain(results: StudyResults) -> Section:
    table = tables.gains_table(results)
    if table is None:
        return Section(
            "gain", "What they add", ("There is no baseline: what volume alone would do is not known.",)
        )
    intro = ("p added: likelihood-ratio test of the model's score beside the baseline's.",)
    return Section("gain", "What they add", intro, gain_figures(results), (("Gain over baselines", table),))


def _chance(results: StudyResults) -> Section:
    null, family = null_figure(results), tables.family_table(results)
    intro = []
    if null is None:
        intro.append("The study was not repeated on permuted outcomes.")
    if results.fit.family is not None:
        count, draws = len(results.fit.family.features), results.fit.family.permutations
        freed = results.fit.family.adjusted_for
        intro.append(
            f"{count} features were searched{f', freed from {freed}' if freed else ''}; adjusted p: max-T "
            f"over all of them, {draws} permutations, training patients only."
        )
    captioned = (("The smallest p of the family", family),) if family else ()
    return Section("chance", "How much chance would reach", tuple(intro), (null,) if null else (), captioned)


def _predictions(results: StudyResults) -> tuple[Section, ...]:
    parts = [training_part(results.fit)]
    if results.tested is not None:
        parts.append(opened_part(results.tested))
    if isinstance(parts[0].outcome, Survival):
        return _survival(results, parts)
    return (_labels(results, parts),)


def _survival(results: StudyResults, parts: list[Part]) -> tuple[Section, ...]:
    groups: list[StudyFigure] = []
    others: list[StudyFigure] = []
    readings: list[SurvivalReading] = []
    for part in parts:
        said = [part.voice(name) for name in (results.fit.best, results.fit.best_baseline)]
        both = [read_survival(part, one, results.fit.horizons_days) if one else None for one in said]
        readings += [one for one in both if one is not None]
        if both[0] is not None:
            curves, more = survival_figures(both[0], both[1])
            groups += curves
            others += more
    if not readings:
        return ()
    missing = tuple(f"{one.model}, {one.part}: {why}" for one in readings for why in one.missing)
    hazards = (("Hazard ratios; per SD of the score first", tables.hazard_table(readings)),)
    captioned = tables.horizons_table(readings)
    at_horizons = (("At the horizons", captioned),) if captioned else ()
    intro = (
        "Out of fold the log-rank test takes patients for independent although their models share patients; "
        "its p is too small there. In the test set it is right.",
    )
    return (
        Section("groups", "Risk groups", intro, tuple(groups), hazards),
        Section("predictions", "Predictions", missing or _no_horizon(results), tuple(others), at_horizons),
    )


def _no_horizon(results: StudyResults) -> tuple[str, ...]:
    return () if results.fit.horizons_days else ("The study names no horizon.",)


def _labels(results: StudyResults, parts: list[Part]) -> Section:
    figures: list[StudyFigure] = []
    readings: list[LabelReading] = []
    for part in parts:
        said = [part.voice(name) for name in (results.fit.best, results.fit.best_baseline)]
        both = [read_label(part, one) if one else None for one in said]
        readings += [one for one in both if one is not None]
        if both[0] is not None:
            figures += label_figures(both[0], both[1])
    missing = tuple(f"{one.model}, {one.part}: {why}" for one in readings for why in one.missing)
    table = (("The best candidate and the best baseline", tables.labels_table(readings)),) if readings else ()
    return Section("predictions", "Predictions", missing, tuple(figures), table)


def _selection(results: StudyResults) -> Section:
    best = next((one for one in results.fit.models if one.name == results.fit.best), None)
    figure, table = selection_figure(best, results), tables.weights_table(results)
    intro = () if figure else ("The best candidate does not say which features it uses.",)
    captioned = (("Weights of the final model, the largest first", table),) if table else ()
    return Section("selection", "What the model uses", intro, (figure,) if figure else (), captioned)


def _centres(results: StudyResults) -> tuple[Section, ...]:
    table = tables.centres_table(results)
    if table is None:
        return ()
    return (Section("centres", "A centre left out at a time", (), (), (("Centre by centre", table),)),)


def _means(results: StudyResults) -> Section:
    checked = results.checked
    told = [
        f"{part}: " + ", ".join(f"{n} {name}" for name, n in counts.items())
        for part, counts in checked.counted.items()
    ]
    told.append(
        f"{checked.features} features; without variation {len(checked.constant)}, without any value "
        f"{len(checked.empty)}, with some values missing {len(checked.missing)}."
    )
    if checked.volume_followers is not None:
        told.append(f"{checked.volume_followers} features follow the volume (|rho| > 0.9).")
    table = (("Events for each variable; 10 are wanted", tables.means_table(results)),)
    return Section("check", "What there was to live on", (*told, *checked.warnings), (), table)


def _provenance(results: StudyResults) -> tuple[tuple[str, str], ...]:
    opened = "; ".join(f"{one.number}: {one.opened_at}" for one in results.openings) or "never"
    return (
        ("Software", f"Terasu {results.fit.terasu}"),
        ("Locked", results.locked.locked_at),
        ("Test set opened", opened),
        ("SHA-256, lock", results.locked.sha256),
        ("SHA-256, study file", results.locked.study_sha256),
        *((f"SHA-256, {name}", digits) for name, digits in results.locked.files.items()),
    )
