"""ComBat: shift and spread of every centre drawn to those of all, by empirical Bayes.

Source: Johnson, Li and Rabinovic 2007, doi 10.1093/biostatistics/kxj037 (parametric priors).
Learned on training rows only; a new patient of a known centre is corrected with what was learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.prognosis.models.contract import Outcome
from terasu.prognosis.study.steps.clinical import Clinical, clinical_from, fit_clinical
from terasu.prognosis.study.steps.columns import Columns, Rows, refuse_missing
from terasu.prognosis.survival_data import Array

Unseen = Literal["refuse", "pass"]
_LEAST_PATIENTS = 2
_SETTLED = 1e-4  # relative change at which the iteration ends, as in the authors' program
_MOST_ROUNDS = 1000


@dataclass(frozen=True)
class Combat:
    """Harmonise between centres.

    Attributes:
        unseen: what happens to a patient of a centre without two training patients: refused, or left as is.
        covariates: columns of the clinical sheet whose effect is kept, where centres differ in them (age,
            stage). Never the outcome, which a new patient does not have.
    """

    unseen: Unseen = "refuse"
    covariates: tuple[str, ...] = ()

    def fit(self, columns: Columns, outcome: Outcome, rows: Rows) -> Harmonised:
        """Learn shift and spread of every centre; the outcome is not looked at."""
        del outcome
        refuse_missing(columns, "combat")
        centres = _centres(rows)
        names, codes, counts = np.unique(centres, return_inverse=True, return_counts=True)
        known = counts >= _LEAST_PATIENTS
        if self.unseen == "refuse" and not known.all():
            raise _unseen(str(names[~known][0]), names[known])
        if not known.any():
            raise InputError("ComBat has no centre with two patients.", expected="centres of some patients")
        used = known[codes]
        x, codes, names = columns.x[used], (np.cumsum(known) - 1)[codes[used]], names[known]
        clinical = fit_clinical(table_of(rows, self.covariates)[used], self.covariates)
        beside = clinical.apply(table_of(rows, self.covariates)[used]).x
        means, effect = _means_and_effect(x, beside, codes, clinical.names)
        explained = beside @ effect
        share = np.bincount(codes) / len(codes)
        grand = share @ means
        spread = np.sqrt(((x - means[codes] - explained) ** 2).mean(axis=0))
        varies = spread > 1e-13 * np.abs(x).max(axis=0)
        spread = np.where(varies, spread, 1.0)
        standard = np.where(varies, (x - grand - explained) / spread, 0.0)
        found = [_posterior(standard[codes == code], varies) for code in range(len(names))]
        shift, scale = (np.stack(one) for one in zip(*found, strict=True))
        named = tuple(map(str, names))
        return Harmonised(
            columns.names, named, grand, spread, shift, scale, self.unseen, self.covariates, clinical, effect
        )


@dataclass(frozen=True, eq=False)
class Harmonised:
    """Mean and spread of all (p,), shift and scale of each of c centres (c, p).

    Attributes:
        covariates: columns of the sheet; clinical: the k numbers made of them; effect: (k, p) of these.
    """

    names: tuple[str, ...]
    centres: tuple[str, ...]
    grand: Array
    spread: Array
    shift: Array
    scale: Array
    unseen: Unseen
    covariates: tuple[str, ...]
    clinical: Clinical
    effect: Array

    def apply(self, columns: Columns, rows: Rows) -> Columns:
        """Correct each row by its centre."""
        x = columns.pick(self.names).x.copy()
        middle = self.grand + self.clinical.apply(table_of(rows, self.covariates)).x @ self.effect
        centres = _centres(rows)
        for name in np.unique(centres):
            mine = centres == name
            if str(name) in self.centres:
                c = self.centres.index(str(name))
                standard = (x[mine] - middle[mine]) / self.spread
                x[mine] = (standard - self.shift[c]) / self.scale[c] * self.spread + middle[mine]
            elif self.unseen == "refuse":
                raise _unseen(str(name), np.array(self.centres))
        return Columns(self.names, x)

    def cautions(self, rows: Rows) -> tuple[str, ...]:
        """What was left as it is."""
        strange = sorted({str(one) for one in _centres(rows)} - set(self.centres))
        return tuple(f"Centre {one!r} was not in the training part: not harmonised." for one in strange)

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        arrays = {key: getattr(self, key).tolist() for key in _ARRAYS}
        words = {"names": list(self.names), "centres": list(self.centres), "unseen": self.unseen}
        beside = {"covariates": list(self.covariates), "clinical": self.clinical.as_dict()}
        return {"step": "combat", **words, **beside, **arrays}


_ARRAYS = ("grand", "spread", "shift", "scale", "effect")


def harmonised_from(saved: dict[str, Any]) -> Harmonised:
    """Read again."""
    grand, spread, shift, scale, effect = (np.array(saved[key], np.float64) for key in _ARRAYS)
    return Harmonised(
        tuple(saved["names"]),
        tuple(saved["centres"]),
        grand,
        spread,
        shift,
        scale,
        saved["unseen"],
        tuple(saved["covariates"]),
        clinical_from(saved["clinical"]),
        effect.reshape(-1, len(grand)),
    )


def table_of(rows: Rows, names: tuple[str, ...]) -> pd.DataFrame:
    """The covariates of these rows.

    Raises:
        InputError: they are not known.
    """
    if not names:
        return pd.DataFrame(index=range(0 if rows.centres is None else len(rows.centres)))
    absent = [one for one in names if rows.table is None or one not in rows.table.columns]
    if rows.table is None or absent:
        raise InputError(
            "ComBat needs covariates that are not there.",
            got=f"no {', '.join(absent)}",
            expected="the columns of the clinical sheet that the step names under covariates",
        )
    return rows.table[list(names)].reset_index(drop=True)


def _means_and_effect(
    x: Array, beside: Array, codes: NDArray[Any], names: tuple[str, ...]
) -> tuple[Array, Array]:
    """Mean of each centre (c, p) where all covariates are 0, and the effect of each of them (k, p).

    Least squares on centres and covariates together, by what is left of both within the centres.
    """
    centres = range(int(codes.max()) + 1)
    means = np.stack([x[codes == code].mean(axis=0) for code in centres])
    if not names:
        return means, np.empty((0, x.shape[1]))
    middles = np.stack([beside[codes == code].mean(axis=0) for code in centres])
    within = beside - middles[codes]
    if np.linalg.matrix_rank(within) < len(names):
        raise InputError(
            "ComBat cannot tell its covariates from the centres, or from each other.",
            got=", ".join(names),
            expected="covariates that vary within the centres, none of them a combination of others",
            todo="Leave one out under covariates.",
        )
    effect = np.linalg.lstsq(within, x - means[codes], rcond=None)[0]
    return means - middles @ effect, effect


def _posterior(standard: Array, varies: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Shift and scale (p,) of one centre, drawn to the mean of all its features."""
    shift, variance = standard.mean(axis=0), standard.var(axis=0, ddof=1)
    if varies.sum() < 2:  # no prior can be learned from one feature: its own shift and spread
        return np.where(varies, shift, 0.0), np.where(varies & (variance > 0), np.sqrt(variance), 1.0)
    middle, tau2 = shift[varies].mean(), shift[varies].var(ddof=1)
    mean, spread = variance[varies].mean(), variance[varies].var(ddof=1)
    if spread <= 0 or tau2 <= 0:
        return np.where(varies, shift, 0.0), np.where(varies, np.sqrt(np.maximum(variance, 1e-12)), 1.0)
    a = (2 * spread + mean**2) / spread
    b = (mean * spread + mean**3) / spread
    n, gamma, delta = len(standard), shift, np.maximum(variance, 1e-12)
    for _ in range(_MOST_ROUNDS):
        new_gamma = (tau2 * n * shift + delta * middle) / (tau2 * n + delta)
        squares = ((standard - new_gamma) ** 2).sum(axis=0)
        new_delta = (squares / 2 + b) / (n / 2 + a - 1)
        moved = max(
            float(np.max(np.abs(new_gamma - gamma) / np.maximum(np.abs(gamma), 1e-12))),
            float(np.max(np.abs(new_delta - delta) / delta)),
        )
        gamma, delta = new_gamma, new_delta
        if moved < _SETTLED:
            break
    return np.where(varies, gamma, 0.0), np.where(varies, np.sqrt(delta), 1.0)


def _centres(rows: Rows) -> NDArray[Any]:
    if rows.centres is None:
        raise InputError(
            "ComBat needs to know the centres.", expected="centre = … in the study file", todo="Name it."
        )
    return rows.centres


def _unseen(name: str, known: NDArray[Any]) -> InputError:
    return InputError(
        "A centre has too few training patients to be harmonised.",
        got=name,
        expected=f"one of {', '.join(map(str, known))}" if len(known) else "two patients or more",
        todo='Say unseen = "pass" in the step to leave its patients as they are, with a caution.',
    )
