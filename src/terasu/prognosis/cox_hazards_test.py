"""Are hazards proportional? The score test of a coefficient that changes with a function of time.

Source: Grambsch and Therneau 1994, doi 10.1093/biomet/81.3.515, as the exact score test of R's cox.zph since
survival 3.0 (not the approximation by scaled Schoenfeld residuals); checked in
tests/papers/test_r_survival.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2 as chi2_law
from scipy.stats import rankdata

from terasu.errors import InputError
from terasu.prognosis.cox import ChiSquare, CoxFit
from terasu.prognosis.kaplan_meier import kaplan_meier
from terasu.prognosis.partial_likelihood import likelihood_terms, sweep_of
from terasu.prognosis.survival_data import Array, Survival, feature_matrix, label_codes

TimeScale = Literal["km", "rank", "identity", "log"]


@dataclass(frozen=True, eq=False)
class HazardsTest:
    """Test of each covariate by name, and of all together; a small p speaks against proportional hazards."""

    by_covariate: dict[str, ChiSquare]
    together: ChiSquare
    scale: TimeScale


def hazards_test(
    fit: CoxFit,
    features: ArrayLike,
    survival: Survival,
    *,
    strata: ArrayLike | None = None,
    scale: TimeScale = "km",
) -> HazardsTest:
    """Test whether each coefficient is constant in time.

    Args:
        fit: the model of these same features, survival and strata.
        scale: function of time along which a coefficient may change: 1 − Kaplan–Meier (``km``, which early
            and late outliers move least), rank, time itself, or its logarithm.
    Raises:
        InputError: the fit must not be used, or time 0 on a logarithmic scale.
    """
    if fit.reason:
        raise InputError("Proportional hazards of this fit cannot be tested.", got=fit.reason)
    x = feature_matrix(features, len(survival))
    codes = None if strata is None else label_codes(strata, survival, "strata")[0]
    sweep = sweep_of(survival, codes)
    along = _time_function(survival, scale)
    along = along - along[survival.event].mean()
    scaled = (x - fit.means) / fit.deviations
    weights = np.stack([np.ones_like(along), along, along**2])
    terms = likelihood_terms(scaled, fit.linear_predictor(x), sweep, fit.ties, weights)
    slope = along[sweep.order[terms.at]] @ terms.slope
    flat, crossed, squared = terms.information
    information = np.block([[flat, crossed], [crossed, squared]])
    p = len(fit.names)
    tests = {name: _score(slope, information, p, [i]) for i, name in enumerate(fit.names)}
    return HazardsTest(tests, _score(slope, information, p, list(range(p))), scale)


def _score(slope: Array, information: Array, p: int, tested: list[int]) -> ChiSquare:
    """Score test of the tested changes, the coefficients at their optimum (slope 0)."""
    kept = [*range(p), *(p + i for i in tested)]
    u = np.concatenate((np.zeros(p), slope[tested]))
    chi2 = float(u @ np.linalg.solve(information[np.ix_(kept, kept)], u))
    return ChiSquare(chi2, len(tested), float(chi2_law.sf(chi2, len(tested))))


def _time_function(survival: Survival, scale: TimeScale) -> Array:
    time = survival.time_days
    if scale == "rank":
        return np.asarray(rankdata(time))
    if scale == "identity":
        return time
    if scale == "log":
        if (time <= 0).any():
            raise InputError("Time 0 has no logarithm.", expected="another time scale, km for example")
        return np.log(time)
    curve = kaplan_meier(survival)
    before = np.searchsorted(curve.table.time_days, time, "left")
    return np.asarray(1 - np.concatenate(([1.0], curve.survival))[before])
