"""What of a run shows an item of a checklist: one rule each, read from the results and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from terasu.prognosis.study.results import StudyResults


@dataclass(frozen=True)
class Proof:
    """Whether an item is met, by what, and in which section that stands."""

    state: Literal["shown", "not met", "not applicable"]
    told: str
    section: str = ""


def _shown(told: str, section: str) -> Proof:
    return Proof("shown", told, section)


def _not_met(told: str) -> Proof:
    return Proof("not met", told)


def steps_of(results: StudyResults) -> dict[str, list[str]]:
    """Step → the candidates that use it."""
    found: dict[str, list[str]] = {}
    for model in results.says.models:
        for one in model.steps if model.steps is not None else results.says.steps:
            found.setdefault(str(one["step"]), []).append(model.name)
    return found


def _split(results: StudyResults) -> Proof:
    says, checked = results.says, results.checked
    if not checked.test:
        return _not_met("Nobody was kept for a test; all patients were used in cross-validation by patient.")
    how = "another cohort" if says.external else says.split.column or f"a lot drawn by seed {says.split.seed}"
    return _shown(
        f"{checked.training} to train, {checked.test} for the test, by {how}, sealed before "
        "anything was fitted; one row a patient, every step fitted inside the training fold.",
        "design",
    )


def _predictors(results: StudyResults) -> Proof:
    columns = results.says.baselines.columns
    if not columns:
        return _not_met("The study names no clinical columns.")
    return _shown("Columns: " + ", ".join(columns) + "; their clinical definition is yours.", "design")


def _features(results: StudyResults) -> Proof:
    checked = results.checked
    dropped = len(checked.constant) + len(checked.empty)
    return _shown(f"{checked.features} features, {dropped} of them without variation.", "check")


def _missing(results: StudyResults) -> Proof:
    lacking = len(results.checked.missing)
    if "impute" in steps_of(results):
        return _shown(f"Imputed inside the fold; {lacking} features lack a value in some patients.", "check")
    return (
        _not_met(f"{lacking} features lack values and nothing is imputed.")
        if lacking
        else _shown("No value is missing.", "check")
    )


def _balance(results: StudyResults) -> Proof:
    counted = "; ".join(
        f"{part}: " + ", ".join(f"{n} {name}" for name, n in of.items())
        for part, of in results.checked.counted.items()
    )
    return _shown(f"{counted}. Folds keep these shares.", "check")


def _step(names: tuple[str, ...], what: str) -> Callable[[StudyResults], Proof]:
    def rule(results: StudyResults) -> Proof:
        there = [name for name in names if name in steps_of(results)]
        if not there:
            return _not_met(f"No step of the study {what}.")
        return _shown(f"Step {', '.join(there)}, fitted inside the fold.", "design")

    return rule


def _algorithms(results: StudyResults) -> Proof:
    kinds = dict.fromkeys(one.model for one in results.says.models)
    return _shown(f"{', '.join(kinds)}; options stand in design.json.", "models")


def _tuning(results: StudyResults) -> Proof:
    of = results.says.resampling
    how = "leave-one-out" if of.leave_one_out else f"{of.repeats} × {of.folds} folds by patient"
    return _shown(
        f"Nested: {how} outside, each model tunes inside its training fold; seed {of.seed}.", "design"
    )


def _confounders(results: StudyResults) -> Proof:
    told = []
    if results.says.baselines.volume:
        told.append(f"volume as a baseline, {results.checked.volume_followers} features follow it")
    if results.fit.centres:
        told.append("a centre left out at a time")
    if "combat" in steps_of(results):
        told.append("ComBat inside the fold")
    if not told:
        return _not_met("Neither a volume nor a centre was named.")
    return _shown("; ".join(told).capitalize() + ".", "centres" if results.fit.centres else "models")


def _choice(results: StudyResults) -> Proof:
    tried = sum(one.role == "candidate" for one in results.fit.models)
    return _shown(
        f"Highest nested {results.fit.measure} of {tried} candidates; limits are widened for having chosen.",
        "models",
    )


def _test(results: StudyResults) -> Proof:
    if results.tested is None:
        return _not_met(
            "The test set has not been opened." if results.checked.test else "There is no test set."
        )
    kind = "External" if results.says.external else "Internal, held out"
    return _shown(f"{kind}: {results.tested.patients} patients, opening {results.tested.opening}.", "models")


def _internal(results: StudyResults) -> Proof:
    return _not_met("The test set is another cohort.") if results.says.external else _test(results)


def _external(results: StudyResults) -> Proof:
    if results.says.external is None:
        return _not_met("No external cohort was named.")
    return _test(results)


def _metrics(results: StudyResults) -> Proof:
    more = (
        "hazard ratios, time-dependent AUC, Brier score, calibration, net benefit"
        if "time_days" in results.fit.outcome
        else "ROC, confusion, Brier score, calibration, net benefit"
    )
    return _shown(f"{results.fit.measure}, {more}.", "predictions")


def _uncertainty(results: StudyResults) -> Proof:
    draws = results.says.resampling.bootstraps
    return _shown(f"95 % limits by drawing patients anew, {draws} times.", "models")


def _comparison(results: StudyResults) -> Proof:
    if not results.fit.gains:
        return _not_met("There is no baseline to compare with.")
    return _shown(
        f"{len(results.fit.gains)} differences on the same patients with limits and a likelihood-ratio test.",
        "gain",
    )


def _baselines(results: StudyResults) -> Proof:
    names = [one.name for one in results.fit.models if one.role == "baseline"]
    if not names:
        return _not_met("The study names neither volume nor clinical columns.")
    joined = [one.name for one in results.says.models if one.clinical]
    both = (
        f" Combined: {', '.join(joined)}."
        if joined
        else " No candidate combines features and clinical columns."
    )
    return _shown(f"Beside every candidate: {', '.join(names)}.{both}", "gain")


def _simple(results: StudyResults) -> Proof:
    if not any(one.role == "baseline" for one in results.fit.models):
        return _not_met("There is no simple model beside the candidates.")
    kind = "Cox" if "time_days" in results.fit.outcome else "logistic"
    return _shown(f"Baselines are plain {kind} models of few columns.", "gain")


def _explained(results: StudyResults) -> Proof:
    return _shown(f"Weights of {results.fit.best}, and how often it used each feature.", "selection")


def _feature_statistics(results: StudyResults) -> Proof:
    if results.fit.family is None:
        return _shown("How often each feature was used; the family was not tested.", "selection")
    return _shown("Raw and adjusted p of the whole family, and how often each feature was used.", "chance")


def _calibration(results: StudyResults) -> Proof:
    if "time_days" in results.fit.outcome and not results.fit.horizons_days:
        return _not_met("The study names no horizon.")
    return _shown("Intercept, slope and groups.", "predictions")


def _centres(results: StudyResults) -> Proof:
    count = len({one.centre for one in results.fit.centres})
    if count < 2:
        return _not_met("The study names no centre, or one only.")
    return _shown(f"{count} centres.", "centres")


def _dimensionality(results: StudyResults) -> Proof:
    of = results.fit.evidence.lives_on if results.fit.evidence else None
    if of is None:
        return _not_met("No candidate could be fitted.")
    told = f"{of.model} has {of.per_variable:.2g} events for each of {of.variables} variables."
    return _shown(told, "check") if of.verdict == "enough" else _not_met(told)


def _no_deep_learning(_results: StudyResults) -> Proof:
    return Proof("not applicable", "The study starts from a table of features.")


PROOFS: dict[str, Callable[[StudyResults], Proof]] = {
    "split": _split,
    "predictors": _predictors,
    "features": _features,
    "missing": _missing,
    "balance": _balance,
    "scaling": _step(("scale",), "scales the features"),
    "reduction": _step(("variance", "correlation", "univariable", "stability"), "takes features out"),
    "robust": _step(("stability",), "takes unstable features out"),
    "algorithms": _algorithms,
    "tuning": _tuning,
    "confounders": _confounders,
    "choice": _choice,
    "test": _test,
    "internal_test": _internal,
    "external_test": _external,
    "metrics": _metrics,
    "uncertainty": _uncertainty,
    "comparison": _comparison,
    "baselines": _baselines,
    "simple": _simple,
    "explained": _explained,
    "feature_statistics": _feature_statistics,
    "calibration": _calibration,
    "centres": _centres,
    "dimensionality": _dimensionality,
    "no_deep_learning": _no_deep_learning,
}
