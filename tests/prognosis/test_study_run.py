"""A study from lock to new patients: sealed, resumable, blind to its test set, and honest about noise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from made_study import LABEL, made_study, made_tables
from terasu.errors import InputError
from terasu.prognosis.study.lock import OPENINGS, openings, read_lock
from terasu.prognosis.study.records import StudyFit
from terasu.prognosis.study.run import fit_study, lock_study, open_test, predict_patients

REPORT = "[report]\nhorizons = [365, 730]\nrefits = 12\n"
SPLIT = '[split]\ncolumn = "set"\n'


def two_sides(tables: tuple[pd.DataFrame, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same with every fourth patient in the test set."""
    features, clinical = tables
    clinical = clinical.assign(set=np.where(np.arange(len(clinical)) % 4 == 0, "test", "train"))
    return features, clinical


def fitted(folder: Path, tables: tuple[pd.DataFrame, pd.DataFrame], **said: Any) -> StudyFit:
    """Lock and fit in ``folder / out``."""
    study = made_study(folder, tables, **said)
    lock_study(study.path, folder / "out")
    return fit_study(study.path, folder / "out")


def without_lock(path: Path) -> Any:
    """A result without what names its lock."""
    return json.loads(
        path.read_text(), object_hook=lambda one: {k: v for k, v in one.items() if "lock" not in k}
    )


@pytest.fixture(scope="module")
def strong(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StudyFit]:
    """A study with a true effect, fitted."""
    folder = tmp_path_factory.mktemp("strong")
    said = {"model": "coxnet", "pipeline": 19, "top": 'centre = "centre"', "rest": SPLIT + REPORT}
    return folder, fitted(folder, two_sides(made_tables(260, 8, seed=2, effect=1.2)), **said)


def test_a_true_effect_is_found_and_confirmed_once(strong: tuple[Path, StudyFit]) -> None:
    folder, fit = strong
    assert fit.conclusion.standing == "not tested"
    assert "more than" in fit.conclusion.sentence and "has not been tested" in fit.conclusion.sentence
    assert fit.best == "first" and fit.null is not None and fit.null.p == 0.05 and fit.null.leaks == ()
    assert fit.family is not None and fit.family.features[fit.family.best] == "f_1"
    assert fit.bootstrap_selected["f_1"] == 1.0
    assert {one.centre for one in fit.centres} == {"north", "south"}
    assert not any(one.model == "centre alone" for one in fit.centres)
    result = open_test(folder / "study.toml", folder / "out")
    assert result.conclusion.standing == "evidence" and result.opening == 1
    assert result.optimism["first"]["test"] == pytest.approx(result.models[0].value.value)
    with pytest.raises(InputError, match="was opened before"):
        open_test(folder / "study.toml", folder / "out")
    again = open_test(folder / "study.toml", folder / "out", again=True)
    assert again.opening == 2 and "opened 2 times" in " ".join(again.conclusion.cautions)
    assert fit_study(folder / "study.toml", folder / "out").opened == 2
    np.testing.assert_array_equal(again.models[0].score, result.models[0].score)


def test_every_baseline_stands_beside_the_model(strong: tuple[Path, StudyFit]) -> None:
    _, fit = strong
    names = ["volume alone", "clinical alone", "clinical and volume", "centre alone"]
    assert [one.name for one in fit.models if one.role == "baseline"] == names
    assert [one.over for one in fit.gains] == names
    for one in fit.gains:
        assert one.difference.lower < one.difference.value < one.difference.upper
        assert one.difference.lower > 0 and one.p < 0.001


def test_results_are_json_and_hold_no_id(strong: tuple[Path, StudyFit]) -> None:
    folder, _ = strong
    for path in (folder / "out").rglob("*.json*"):
        assert "P0001" not in path.read_text() and "NaN" not in path.read_text()


def test_a_new_patient_gets_a_curve_with_limits_and_a_stranger_is_refused(
    strong: tuple[Path, StudyFit], tmp_path: Path
) -> None:
    folder, _ = strong
    features, clinical = made_tables(5, 8, seed=77)
    new = features.merge(clinical[["patient_id", "age", "stage", "centre"]], on="patient_id")
    new.loc[1, "f_1"] *= 1000
    new.loc[2, ["f_1", "f_3"]] = np.nan
    new.to_csv(tmp_path / "new.csv", index=False)
    found = predict_patients(folder / "out" / "models" / "first.json", tmp_path / "new.csv")
    assert found["refused"].tolist()[:2] == [False, True] and "f_1" in found["why"].iloc[1]
    assert np.isnan(found["survival_365_days"].iloc[1]) and pd.isna(found["group"].iloc[1])
    assert "missing" in found["why"].iloc[2]
    fine = found[~found["refused"]]
    for one in ("survival_365_days", "survival_730_days"):
        assert (fine[f"{one}_lower"] < fine[one]).all() and (fine[one] < fine[f"{one}_upper"]).all()
    assert (fine["survival_730_days"] < fine["survival_365_days"]).all()
    new.drop(columns="f_4").to_csv(tmp_path / "less.csv", index=False)
    with pytest.raises(InputError, match="no column 'f_4'"):
        predict_patients(folder / "out" / "models" / "first.json", tmp_path / "less.csv")


def test_nothing_fitted_knows_the_test_rows(tmp_path: Path) -> None:
    """Test rows poisoned and shuffled: every fitted number is the same to the last bit."""
    features, clinical = two_sides(made_tables(100, 8, seed=3, effect=0.5))
    steps = [
        '{ step = "impute" }',
        '{ step = "combat" }',
        '{ step = "scale", method = "yeo-johnson" }',
        '{ step = "correlation", limit = 0.8 }',
        '{ step = "univariable", most = 3 }',
    ]
    said = {
        "options": f"steps = [{', '.join(steps)}]",
        "top": 'centre = "centre"',
        "pipeline": 3,
        "rest": SPLIT + REPORT,
    }
    fitted(tmp_path / "clean", (features, clinical), **said)
    test = (clinical["set"] == "test").to_numpy()
    rng = np.random.default_rng(0)
    poisoned = features.copy()
    values = poisoned.iloc[:, 1:].to_numpy()
    values[test] = np.where(rng.random((test.sum(), 8)) < 0.5, np.nan, 1e9 * rng.normal(size=(test.sum(), 8)))
    poisoned.iloc[:, 1:] = values
    sheet = clinical.copy()
    sheet.loc[test, "time"] = rng.permutation(sheet.loc[test, "time"]) + 1
    sheet.loc[test, "age"] = 1e6
    order = np.concatenate([np.flatnonzero(~test), rng.permutation(np.flatnonzero(test))])
    fitted(tmp_path / "poisoned", (poisoned, sheet.iloc[order]), **said)
    for path in ("fit.json", "models/first.json", "models/clinical-and-volume.json"):
        one, other = (without_lock(tmp_path / name / "out" / path) for name in ("clean", "poisoned"))
        assert one == other


def test_what_was_changed_after_the_lock_is_named(tmp_path: Path) -> None:
    features, clinical = made_tables()
    study = made_study(tmp_path, (features, clinical))
    with pytest.raises(InputError, match="is not locked"):
        fit_study(study.path, tmp_path / "out")
    first = lock_study(study.path, tmp_path / "out")
    assert lock_study(study.path, tmp_path / "out") == first == read_lock(tmp_path / "out")
    assert "P0001" not in (tmp_path / "out" / "lock.json").read_text() and len(first.test) == 27
    clinical.assign(time=clinical["time"] + 1).to_csv(tmp_path / "clinical.csv", index=False)
    with pytest.raises(InputError, match=r"changed: clinical\.csv"):
        fit_study(study.path, tmp_path / "out")
    clinical.to_csv(tmp_path / "clinical.csv", index=False)
    study.path.write_text(study.path.read_text().replace("repeats = 2", "repeats = 3"))
    for command in (fit_study, open_test, lock_study):
        with pytest.raises(InputError, match=r"changed: study\.toml"):
            command(study.path, tmp_path / "out")


def test_a_test_set_is_not_opened_before_the_fit_nor_where_there_is_none(tmp_path: Path) -> None:
    study = made_study(tmp_path, made_tables(), rest="[split]\ntest_fraction = 0.0")
    lock_study(study.path, tmp_path / "out")
    with pytest.raises(InputError, match="has not been fitted"):
        open_test(study.path, tmp_path / "out")
    fit_study(study.path, tmp_path / "out")
    with pytest.raises(InputError, match="has no test set"):
        open_test(study.path, tmp_path / "out")
    assert openings(tmp_path / "out") == () and not (tmp_path / "out" / OPENINGS).exists()


class Impatient:
    """Presses Ctrl-C when the permutations are half done."""

    def __init__(self) -> None:
        self.step, self.told = "", list[tuple[str, int, int]]()

    def begin(self, step: str) -> None:
        self.step = step

    def advance(self, done: int, total: int) -> None:
        self.told.append((self.step, done, total))
        if self.step == "permuted outcomes" and done == 6:
            raise KeyboardInterrupt

    def end(self, step: str, seconds: float) -> None:
        assert step == self.step and seconds >= 0


class Patient(Impatient):
    """Listens to the end."""

    def advance(self, done: int, total: int) -> None:
        self.told.append((self.step, done, total))


def test_a_study_broken_off_goes_on_where_it_was(tmp_path: Path) -> None:
    tables = made_tables(80, 5, seed=4)
    whole = fitted(tmp_path / "whole", tables, pipeline=11)
    study = made_study(tmp_path / "broken", tables, pipeline=11)
    out = tmp_path / "broken" / "out"
    lock_study(study.path, out)
    with pytest.raises(KeyboardInterrupt):
        fit_study(study.path, out, listener=Impatient())
    assert not (out / "fit.json").exists()
    ledger = out / "work" / "null.jsonl"
    ledger.write_bytes(ledger.read_bytes()[:-9])  # and the last line was cut short
    listener = Patient()
    fit_study(study.path, out, listener=listener)
    begun = [done for step, done, _ in listener.told if step == "permuted outcomes"]
    assert begun[0] == 5 and begun[-1] == 12
    assert without_lock(out / "fit.json") == without_lock(tmp_path / "whole" / "out" / "fit.json")
    assert whole.null is not None and len(whole.null.reached) == 11


@pytest.mark.slow
def test_two_workers_find_what_one_does(tmp_path: Path) -> None:
    tables = made_tables(80, 5, seed=4)
    one = fitted(tmp_path / "one", tables, pipeline=4)
    study = made_study(tmp_path / "two", tables, pipeline=4)
    lock_study(study.path, tmp_path / "two" / "out")
    two = fit_study(study.path, tmp_path / "two" / "out", workers=2)
    assert one.null is not None and two.null is not None
    np.testing.assert_array_equal(one.null.reached, two.null.reached)
    assert one.models[0].nested == two.models[0].nested


def test_noise_is_not_evidence(tmp_path: Path) -> None:
    fit = fitted(tmp_path, made_tables(90, 12, seed=6), model="coxnet", repeats=1, pipeline=19)
    assert fit.conclusion.standing == "no evidence"
    assert fit.conclusion.sentence.startswith("There is no evidence")


def test_grades_leave_one_out_with_a_baseline(tmp_path: Path) -> None:
    tables = made_tables(50, 4, seed=3, effect=1.5)
    study = made_study(tmp_path, tables, text=LABEL, model="logistic", rest="[split]\ntest_fraction = 0.0")
    text = study.path.read_text().replace("folds = 3", "leave_one_out = true").replace("repeats = 2\n", "")
    study.path.write_text(text)
    lock_study(study.path, tmp_path / "out")
    fit = fit_study(study.path, tmp_path / "out")
    first, volume = fit.models[0], fit.models[1]
    assert fit.measure == "AUC" and first.nested.value > 0.8 > volume.nested.value
    assert np.asarray(first.chance).shape == (50, 2)
    assert fit.gains[0].over == "volume alone" and fit.gains[0].difference.lower > 0
    found = predict_patients(tmp_path / "out" / first.file, tmp_path / "features.csv")
    chance = found[["probability_low", "probability_high"]].to_numpy()
    np.testing.assert_allclose(chance.sum(axis=1), 1)
    assert (found["probability_high_lower"] < found["probability_high"]).all()
    assert found["risk"].corr(found["probability_high"], method="spearman") > 0.95


def test_what_cannot_be_fitted_has_a_reason_and_no_number(tmp_path: Path) -> None:
    """A centre without enough training patients stops ComBat in some folds; the study goes on."""
    features, clinical = made_tables(80, 5, seed=1)
    clinical["centre"] = ["alone", *clinical["centre"][1:]]
    other = '\n[[models]]\nname = "other"\nmodel = "cox"'
    said = {
        "options": 'steps = [{ step = "impute" }, { step = "combat" }]' + other,
        "top": 'centre = "centre"',
        "rest": "[split]\ntest_fraction = 0.0\n",
    }
    study = made_study(tmp_path, (features, clinical), **said)
    with pytest.raises(InputError, match="too few training patients"):
        lock_study(study.path, tmp_path / "out")
    study.path.write_text(study.path.read_text().replace('"combat"', '"combat", unseen = "pass"'))
    lock_study(study.path, tmp_path / "out")
    fit = fit_study(study.path, tmp_path / "out")
    assert fit.models[0].reason == "" and fit.best in ("first", "other")
    alone = [one for one in fit.centres if one.centre == "alone"]
    assert alone and all(one.value is None and one.reason for one in alone)
