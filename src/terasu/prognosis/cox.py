"""Cox regression: fit, tests, and what it says about one new patient.

Source: Cox 1972, doi 10.1111/j.2517-6161.1972.tb00899.x. Equal to R's coxph and its survfit, checked in
tests/papers/test_r_survival.py
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import qr
from scipy.stats import chi2 as chi2_law
from scipy.stats import norm

from terasu.errors import InputError
from terasu.prognosis.partial_likelihood import Sweep, Terms, Ties, likelihood_terms, sweep_of
from terasu.prognosis.survival_data import Array, Flags, Labels, Survival, feature_matrix, label_codes

_MOST_STEPS = 100
_LONGEST_STEP = 4.0  # of a Newton step, in log hazard per standard deviation
_SETTLED = 1e-12  # of twice the log-likelihood that is still to be gained
_ENDLESS = 50.0  # of a coefficient per standard deviation that has not settled
_STILL_MOVING = (
    1e-3  # of a coefficient per standard deviation when the likelihood has settled: it is infinite
)


@dataclass(frozen=True)
class ChiSquare:
    """A test: χ², its degrees of freedom and its p."""

    chi2: float
    degrees: int
    p: float


@dataclass(frozen=True, eq=False)
class Baseline:
    """Cumulative hazard of one stratum at the covariates' means.

    Attributes:
        stratum: name, empty where there is one only.
        time_days: (m,) times with events, ascending.
        hazard, variance: (m,) cumulative hazard, and its variance were the coefficients known.
        mean: (m, p) cumulative hazard-weighted means of the (centred) covariates.
        last_days: end of follow-up.
    """

    stratum: str
    time_days: Array
    hazard: Array
    variance: Array
    mean: Array
    last_days: float


@dataclass(frozen=True, eq=False)
class CoxFit:
    """A fitted model.

    Attributes:
        names: (p,) of the covariates.
        coefficients: (p,) log hazard ratio per unit.
        covariance: (p, p) of the coefficients.
        means, deviations: (p,) of the covariates among the patients fitted.
        log_likelihood, null_log_likelihood: at the coefficients and at zero.
        likelihood_ratio, wald, score: tests of all coefficients together.
        baselines: one a stratum.
        reason: empty, or why the fit must not be used.
    """

    names: tuple[str, ...]
    coefficients: Array
    covariance: Array
    means: Array
    deviations: Array
    log_likelihood: float
    null_log_likelihood: float
    likelihood_ratio: ChiSquare
    wald: ChiSquare
    score: ChiSquare
    baselines: tuple[Baseline, ...]
    ties: Ties
    patients: int
    events: int
    reason: str

    @property
    def standard_errors(self) -> Array:
        """(p,) of the coefficients."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def z(self) -> Array:
        """(p,) coefficient by standard error."""
        return self.coefficients / self.standard_errors

    @property
    def p(self) -> Array:
        """(p,) two-sided, after Wald."""
        return np.asarray(2 * norm.sf(np.abs(self.z)))

    def hazard_ratios(
        self, level: float = 0.95, *, per_deviation: bool = False
    ) -> tuple[Array, Array, Array]:
        """Hazard ratios (p,) with their lower and upper limit, per unit or per standard deviation."""
        unit = self.deviations if per_deviation else np.ones_like(self.deviations)
        reach = float(norm.ppf(0.5 + level / 2)) * self.standard_errors
        middle, low, high = (
            np.exp(unit * (self.coefficients + shift)) for shift in (0 * reach, -reach, reach)
        )
        return middle, low, high

    def linear_predictor(self, features: ArrayLike) -> Array:
        """(n,) log hazard against a patient with mean covariates."""
        return (self._covariates(features) - self.means) @ self.coefficients

    def _covariates(self, features: ArrayLike) -> Array:
        x = feature_matrix(features)
        if x.shape[1] != len(self.names):
            raise InputError(
                "These are not the covariates that the model was fitted with.",
                got=f"{x.shape[1]} columns",
                expected=f"{len(self.names)}: {', '.join(self.names)}",
            )
        return x


def cox(
    features: ArrayLike,
    survival: Survival,
    *,
    ties: Ties = "efron",
    strata: ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> CoxFit:
    """Fit by Newton's method with step halving.

    Args:
        features: (n, p) covariates, finite.
        ties: Efron's or Breslow's likelihood where events are tied.
        strata: (n,) labels; each has a baseline hazard of its own.
        names: (p,) of the covariates; x1, x2, … if None.
    Raises:
        InputError: no event, a covariate that is constant or a combination of others.
    """
    x = feature_matrix(features, len(survival))
    survival.require_events(1, "a Cox model")
    names = tuple(names) if names is not None else tuple(f"x{i + 1}" for i in range(x.shape[1]))
    codes, labels = (None, ("",)) if strata is None else label_codes(strata, survival, "strata")
    means, deviations = x.mean(axis=0), x.std(axis=0, ddof=1) if len(x) > 1 else np.zeros(x.shape[1])
    _refuse_dependent(x - means, deviations, names)
    scaled = (x - means) / deviations
    sweep = sweep_of(survival, codes)
    beta, first, last, reason = _newton(scaled, sweep, ties, names)
    covariance = np.linalg.inv(last.information[0])
    null, reached = float(first.log_likelihood.sum()), float(last.log_likelihood.sum())
    slope = first.slope.sum(axis=0)
    return CoxFit(
        names,
        beta / deviations,
        covariance / np.outer(deviations, deviations),
        means,
        deviations,
        reached,
        null,
        _chi_square(2 * (reached - null), len(names)),
        _chi_square(float(beta @ last.information[0] @ beta), len(names)),
        _chi_square(float(slope @ np.linalg.solve(first.information[0], slope)), len(names)),
        _baselines(survival, sweep, last, deviations, labels),
        ties,
        len(survival),
        survival.events,
        reason,
    )


def _newton(x: Array, sweep: Sweep, ties: Ties, names: tuple[str, ...]) -> tuple[Array, Terms, Terms, str]:
    """Coefficients per standard deviation, likelihood at zero and at them, and what is wrong with them."""
    beta = np.zeros(x.shape[1])
    first = terms = likelihood_terms(x, x @ beta, sweep, ties)
    for _ in range(_MOST_STEPS):
        slope = terms.slope.sum(axis=0)
        step = _solve(terms.information[0], slope, names)
        gain = float(step @ slope)
        step *= min(1.0, _LONGEST_STEP / max(float(np.abs(step).max()), 1e-300))
        beta, terms = _halved(x, beta, step, terms, sweep, ties)
        if gain < _SETTLED:
            endless = np.abs(step) > _STILL_MOVING
            return beta, first, terms, _monotone(names, endless) if endless.any() else ""
    endless = np.abs(beta) > _ENDLESS
    reason = _monotone(names, endless) if endless.any() else f"no convergence in {_MOST_STEPS} steps"
    return beta, first, terms, reason


def _halved(
    x: Array, beta: Array, step: Array, terms: Terms, sweep: Sweep, ties: Ties
) -> tuple[Array, Terms]:
    """The step, or the first of its halves that does not lose likelihood."""
    before = float(terms.log_likelihood.sum())
    for _ in range(30):
        tried = likelihood_terms(x, x @ (beta + step), sweep, ties)
        if float(tried.log_likelihood.sum()) >= before - 1e-10 * abs(before):
            return beta + step, tried
        step = step / 2
    return beta, terms


def _solve(information: Array, slope: Array, names: tuple[str, ...]) -> Array:
    try:
        return np.asarray(np.linalg.solve(information, slope))
    except np.linalg.LinAlgError:
        raise InputError(
            "The covariates do not differ among the patients at risk, so that their effect is not known.",
            got=", ".join(names),
            expected="covariates that vary within the risk sets",
            todo="Leave out covariates, or check that follow-up and covariates are in the same order.",
        ) from None


def _monotone(names: tuple[str, ...], endless: Flags) -> str:
    which = ", ".join(name for name, one in zip(names, endless, strict=True) if one)
    return f"monotone likelihood: the coefficient is infinite ({which})"


def _refuse_dependent(centred: Array, deviations: Array, names: tuple[str, ...]) -> None:
    for name, spread, column in zip(names, deviations, centred.T, strict=True):
        if spread <= 1e-12 * max(1e-300, float(np.abs(column).max(initial=0.0))) or spread == 0:
            raise InputError(f"Covariate {name} has the same value in every patient.", todo="Leave it out.")
    _, triangle, order = qr(centred / deviations, mode="economic", pivoting=True)
    sizes = np.abs(np.diag(triangle))
    rank = int((sizes > 1e-9 * sizes[0]).sum())
    if rank < len(names):
        extra = ", ".join(names[i] for i in sorted(order[rank:]))
        raise InputError(
            "Covariates are linear combinations of others.",
            got=f"{extra} among {len(names)} covariates of {len(centred)} patients",
            expected="covariates that say something of their own",
            todo="Leave these out, or use the elastic net.",
        )


def _chi_square(chi2: float, degrees: int) -> ChiSquare:
    return ChiSquare(chi2, degrees, float(chi2_law.sf(chi2, degrees)))


def _baselines(
    survival: Survival, sweep: Sweep, terms: Terms, deviations: Array, labels: tuple[str, ...]
) -> tuple[Baseline, ...]:
    found = []
    for code, label in enumerate(labels):
        mine = np.flatnonzero(sweep.stratum[terms.at] == code)[::-1]  # ascending in time
        rows: Labels = sweep.order[sweep.stratum == code]
        found.append(
            Baseline(
                label,
                survival.time_days[sweep.order[terms.at[mine]]],
                np.cumsum(terms.hazard[mine]),
                np.cumsum(terms.hazard_variance[mine]),
                np.cumsum(terms.hazard_mean[mine], axis=0) * deviations,
                float(survival.time_days[rows].max()),
            )
        )
    return tuple(found)
