"""ComBat of Johnson, Li and Rabinovic 2007 as neuroCombat 0.2.12 calculates it (combat/make_values.py)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from terasu.prognosis.study.steps.columns import Columns, Rows
from terasu.prognosis.study.steps.combat import Combat
from terasu.prognosis.survival_data import Survival


def test_three_centres_of_seven_features() -> None:
    """Both iterate until what changes is below 1e-4 of itself; so they agree to 1e-5, not to rounding."""
    told = json.loads((Path(__file__).parent / "combat" / "values.json").read_text())
    before, after = np.array(told["before"]), np.array(told["after"])
    columns, rows = Columns(tuple("abcdefg"), before), Rows(np.array(told["centres"]))
    outcome = Survival(np.ones(24), np.ones(24))
    found = Combat().fit(columns, outcome, rows).apply(columns, rows).x
    np.testing.assert_allclose(found, after, rtol=0, atol=1e-5 * np.abs(after).max())
    assert np.abs(before - after).max() > 1


def test_three_centres_with_age_and_stage_kept() -> None:
    """A number and words as covariates, in a least-squares design of centres and covariates together."""
    told = json.loads((Path(__file__).parent / "combat" / "covariates.json").read_text())
    before, after = np.array(told["before"]), np.array(told["after"])
    table = pd.DataFrame({"age": told["age"], "stage": told["stage"]})
    columns, rows = Columns(tuple("abcdefg"), before), Rows(np.array(told["centres"]), table)
    outcome = Survival(np.ones(24), np.ones(24))
    found = Combat(covariates=("age", "stage")).fit(columns, outcome, rows).apply(columns, rows).x
    np.testing.assert_allclose(found, after, rtol=0, atol=1e-5 * np.abs(after).max())
    without = Combat().fit(columns, outcome, rows).apply(columns, rows).x
    assert np.abs(without - after).max() > 0.5
