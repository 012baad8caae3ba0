"""What the predictions of a survival model are worth on patients whom it had not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from terasu.errors import TerasuError
from terasu.prognosis.brier import brier_score
from terasu.prognosis.calibration_survival import SurvivalCalibration, survival_calibration
from terasu.prognosis.cox import cox
from terasu.prognosis.decision_curve import DecisionCurve, survival_decision_curve
from terasu.prognosis.kaplan_meier import Estimate, KaplanMeier, kaplan_meier, median_survival, survival_at
from terasu.prognosis.log_rank import log_rank
from terasu.prognosis.roc import RocCurve
from terasu.prognosis.study.voices import Part, Voice
from terasu.prognosis.survival_data import Array, Survival
from terasu.prognosis.time_dependent_auc import time_dependent_auc, time_dependent_roc

_GROUPS = {2: ("low risk", "high risk"), 3: ("low risk", "middle", "high risk")}
THRESHOLDS = np.linspace(0.02, 0.98, 49)


@dataclass(frozen=True, eq=False)
class RiskGroup:
    """One risk group: its patients and their curve."""

    name: str
    survival: Survival
    curve: KaplanMeier
    median_days: Estimate


@dataclass(frozen=True)
class Hazard:
    """A hazard ratio with its 95 % limits and the p of its Wald test."""

    ratio: float
    lower: float
    upper: float
    p: float


@dataclass(frozen=True, eq=False)
class HorizonReading:
    """One horizon.

    Attributes:
        events: seen up to the horizon; beyond: patients followed longer.
        brier: of the model; brier_of_all: of giving everybody the curve of Kaplan and Meier.
    """

    horizon_days: float
    events: int
    beyond: int
    auc: float
    roc: RocCurve
    brier: float
    brier_of_all: float
    calibration: SurvivalCalibration
    decision: DecisionCurve


@dataclass(frozen=True, eq=False)
class SurvivalReading:
    """One model on one part.

    Attributes:
        per_sd: hazard ratio per SD of the score, its place among training patients on a normal scale.
        groups: from low to high risk; high_to_low: hazard ratio of the outer ones.
        log_rank_p: of all groups; out of fold it takes patients for independent, whose models share patients.
        horizons: those at which something can be said; missing: the others, with the reason.
    """

    model: str
    part: str
    per_sd: Hazard | None
    groups: tuple[RiskGroup, ...]
    high_to_low: Hazard | None
    log_rank_p: float | None
    horizons: tuple[HorizonReading, ...]
    missing: tuple[str, ...]


def read_survival(part: Part, voice: Voice, horizons_days: tuple[float, ...]) -> SurvivalReading:
    """Judge one model by hazard ratios, groups and horizons."""
    outcome = part.outcome
    if not isinstance(outcome, Survival):
        raise TypeError("the outcome of this part is a label")
    outer = np.isin(voice.group, (0, voice.group.max()))
    horizons, missing = [], []
    for number, horizon in enumerate(horizons_days):
        try:
            horizons.append(_horizon(voice.place, voice.chance[:, number], outcome, horizon))
        except TerasuError as error:
            missing.append(f"{horizon:g} days: {error.what} {error.got}".strip())
    return SurvivalReading(
        voice.name,
        part.name,
        hazard(_normal(voice.place), outcome),
        _groups(voice, outcome),
        hazard((voice.group[outer] > 0).astype(np.float64), outcome.take(outer)),
        _log_rank_p(voice, outcome),
        tuple(horizons),
        tuple(missing),
    )


def hazard(values: Array, outcome: Survival) -> Hazard | None:
    """Hazard ratio per unit; None where no Cox model can be fitted."""
    try:
        fit = cox(values[:, None], outcome)
    except TerasuError:
        return None
    if fit.reason:
        return None
    beta, error = float(fit.coefficients[0]), float(np.sqrt(fit.covariance[0, 0]))
    reach = float(norm.isf(0.025)) * error
    low, high = np.exp([beta - reach, beta + reach])
    return Hazard(float(np.exp(beta)), float(low), float(high), float(2 * norm.sf(abs(beta) / error)))


def _normal(place: Array) -> Array:
    """Places on a normal scale with SD 1 among these patients."""
    found = np.asarray(norm.ppf(place))
    return np.asarray(found / max(float(found.std(ddof=1)), 1e-12))


def _groups(voice: Voice, outcome: Survival) -> tuple[RiskGroup, ...]:
    codes = np.unique(voice.group)
    names = _GROUPS.get(int(voice.group.max()) + 1, tuple(f"group {one + 1}" for one in codes))
    found = []
    for code in codes:
        own = outcome.take(voice.group == code)
        curve = kaplan_meier(own)
        found.append(RiskGroup(names[int(code)], own, curve, median_survival(curve)))
    return tuple(found)


def _log_rank_p(voice: Voice, outcome: Survival) -> float | None:
    if np.ptp(voice.group) == 0:
        return None
    try:
        return log_rank(outcome, voice.group).p
    except TerasuError:
        return None


def _horizon(place: Array, alive: Array, outcome: Survival, horizon_days: float) -> HorizonReading:
    risk = 1 - alive
    everybody = survival_at(kaplan_meier(outcome), horizon_days)[0]
    same = np.repeat(everybody[None], len(outcome), axis=0)
    return HorizonReading(
        horizon_days,
        int((outcome.event & (outcome.time_days <= horizon_days)).sum()),
        int((outcome.time_days > horizon_days).sum()),
        float(time_dependent_auc(place, outcome, [horizon_days]).auc[0]),
        time_dependent_roc(place, outcome, horizon_days),
        float(brier_score(alive[:, None], outcome, [horizon_days])[0]),
        float(brier_score(same, outcome, [horizon_days])[0]),
        survival_calibration(risk, outcome, horizon_days),
        survival_decision_curve(risk, outcome, horizon_days, THRESHOLDS),
    )
