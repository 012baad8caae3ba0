"""ComBat that keeps what is known to differ between centres for a reason."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from made_study import made_study, made_tables
from terasu.errors import InputError
from terasu.prognosis.study.run import check_study, fit_study, lock_study, predict_patients
from terasu.prognosis.study.steps.columns import Columns, Rows
from terasu.prognosis.study.steps.combat import Combat
from terasu.prognosis.study.steps.reading import step_from_dict
from terasu.prognosis.survival_data import Survival

N, P = 400, 30
NAMES = tuple(f"f_{i}" for i in range(P))
STEPS = """
[[steps]]
step = "combat"
covariates = ["age", "stage"]
[[steps]]
step = "scale"
"""


def two_centres() -> tuple[Columns, Rows, np.ndarray]:
    """Features that grow with age, two centres with a shift each, and older patients in one of them."""
    rng = np.random.default_rng(1)
    centre = rng.choice(["a", "b"], N)
    age = rng.normal(55, 8, N) + 15 * (centre == "b")
    effect = rng.normal(0, 0.1, P)
    x = rng.normal(size=(N, P)) + np.outer(age, effect) + np.outer(centre == "b", rng.normal(3, 0.5, P))
    return Columns(NAMES, x), Rows(centre, pd.DataFrame({"age": age})), effect


def slopes(x: np.ndarray, age: pd.Series) -> np.ndarray:
    """Of each column on age, centres pooled."""
    away = (age - age.mean()).to_numpy()
    return np.asarray(away @ (x - x.mean(axis=0)) / (away @ away))


def test_the_effect_of_a_covariate_is_kept_that_would_be_taken_away_with_the_centre() -> None:
    columns, rows, effect = two_centres()
    assert rows.table is not None
    outcome = Survival(np.ones(N), np.ones(N))
    kept = Combat(covariates=("age",)).fit(columns, outcome, rows).apply(columns, rows).x
    lost = Combat().fit(columns, outcome, rows).apply(columns, rows).x
    error = np.abs(slopes(kept, rows.table["age"]) - effect).mean()
    assert error < 0.2 * np.abs(slopes(lost, rows.table["age"]) - effect).mean()


def test_a_saved_step_does_the_same_to_the_bit() -> None:
    columns, rows, _ = two_centres()
    fitted = Combat(covariates=("age",)).fit(columns, Survival(np.ones(N), np.ones(N)), rows)
    again = step_from_dict(json.loads(json.dumps(fitted.as_dict())))
    np.testing.assert_array_equal(fitted.apply(columns, rows).x, again.apply(columns, rows).x)


@pytest.mark.parametrize(
    ("table", "covariates", "said"),
    [
        (None, ("age",), "covariates that are not there"),
        (pd.DataFrame({"age": np.ones(4)}), ("agee",), "covariates that are not there"),
        (
            pd.DataFrame({"field": [1.5, 1.5, 3.0, 3.0]}),
            ("field",),
            "cannot tell its covariates from the centres",
        ),
        (
            pd.DataFrame({"age": [1.0, 2.0, 3.0, 5.0], "twice": [2.0, 4.0, 6.0, 10.0]}),
            ("age", "twice"),
            "or from each other",
        ),
    ],
    ids=["no-table", "no-column", "the-centre-itself", "the-same-twice"],
)
def test_a_covariate_that_cannot_be_kept_is_refused(
    table: pd.DataFrame | None, covariates: tuple[str, ...], said: str
) -> None:
    x = Columns(("f", "g"), np.random.default_rng(0).normal(size=(4, 2)))
    with pytest.raises(InputError, match=said):
        Combat(covariates=covariates).fit(
            x, Survival(np.ones(4), np.ones(4)), Rows(np.array(list("aabb")), table)
        )


def test_a_study_names_them_and_a_new_patient_has_to_have_them(tmp_path: Path) -> None:
    tables = made_tables(150, 6, seed=2, effect=1.0)
    study = made_study(
        tmp_path, tables, clinical="", top='centre = "centre"', rest=STEPS + "[report]\nrefits = 0"
    )
    lock_study(study.path, tmp_path / "out")
    fit = fit_study(study.path, tmp_path / "out")
    assert fit.models[0].nested is not None and "age" not in fit.models[0].weights
    new = tables[0].merge(tables[1][["patient_id", "age", "stage", "centre"]], on="patient_id").head(3)
    new.to_csv(tmp_path / "new.csv", index=False)
    model = tmp_path / "out" / "models" / "first.json"
    assert not predict_patients(model, tmp_path / "new.csv")["refused"].any()
    new.drop(columns="age").to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(InputError, match="no column 'age'"):
        predict_patients(model, tmp_path / "new.csv")


def test_the_outcome_is_no_covariate(tmp_path: Path) -> None:
    steps = STEPS.replace('"stage"', '"time"')
    with pytest.raises(InputError, match="Columns of the outcome are among the features"):
        check_study(made_study(tmp_path, made_tables(90, 4), top='centre = "centre"', rest=steps).path)
