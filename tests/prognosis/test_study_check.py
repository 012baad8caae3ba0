"""What the check refuses before anything is fitted, and what it tells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from made_study import LABEL, made_study, made_tables
from terasu.errors import InputError
from terasu.prognosis.study.outcome_leaks import leaks_by_content, leaks_by_name
from terasu.prognosis.study.run import check_study
from terasu.prognosis.study.twins import twins
from terasu.prognosis.survival_data import Survival

LEAKS = {
    "the time": lambda t: t["time"],
    "the time, turned and bent": lambda t: -np.log(t["time"]),
    "the time with a little noise": lambda t: t["time"] * np.random.default_rng(1).normal(1, 0.02, len(t)),
    "the event": lambda t: t["event"] * 2.0 - 7,
    "the event with noise": lambda t: t["event"] + np.random.default_rng(2).normal(0, 0.05, len(t)),
    "missing for the living": lambda t: pd.Series(
        np.random.default_rng(3).normal(size=len(t))
    ).where(t["event"] == 1),
    "the time of those who died": lambda t: np.where(t["event"] == 1, t["time"], 500.0),
}  # fmt: skip


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_found_and_named(tmp_path: Path, leak: str) -> None:
    features, clinical = made_tables()
    features["f_planted"] = LEAKS[leak](clinical)
    study = made_study(tmp_path, (features, clinical))
    with pytest.raises(InputError, match="f_planted: ") as caught:
        check_study(study.path)
    assert "f_3" not in str(caught.value)


def test_leaks_of_a_label_and_of_words_are_found(tmp_path: Path) -> None:
    features, clinical = made_tables()
    high = clinical["grade"] == "high"
    clinical["ward"] = np.where(high, np.where(np.arange(90) % 2, "A", "B"), "C")
    features["f_planted"] = high * 1.0 + np.random.default_rng(0).normal(0, 0.05, 90)
    with pytest.raises(InputError, match="f_planted: it separates the label"):
        check_study(made_study(tmp_path, (features, clinical), text=LABEL, model="logistic_lasso").path)
    features = features.drop(columns="f_planted")
    study = made_study(tmp_path, (features, clinical), text=LABEL, clinical='"ward"', model="logistic_lasso")
    with pytest.raises(InputError, match="ward: its words tell the label"):
        check_study(study.path)


def test_a_column_that_was_looked_at_may_be_allowed(tmp_path: Path) -> None:
    features, clinical = made_tables()
    features["f_survival"] = np.random.default_rng(0).normal(size=90)
    with pytest.raises(InputError, match="f_survival: its name speaks of the outcome"):
        check_study(made_study(tmp_path, (features, clinical)).path)
    study = made_study(tmp_path, (features, clinical), top='allow = ["f_survival"]')
    assert check_study(study.path).features == 13


def test_the_endpoint_itself_is_never_a_feature(tmp_path: Path) -> None:
    features, clinical = made_tables()
    both = features.merge(clinical, on="patient_id")
    study = made_study(tmp_path, (both, clinical), table='columns = ["time"]')
    with pytest.raises(InputError, match=r"time: it follows the time.*; it is the endpoint itself"):
        check_study(study.path)


def test_noise_is_not_called_a_leak() -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(12, 60))
        table = pd.DataFrame(rng.normal(size=(n, 200)))
        table[200] = rng.choice(["a", "b", "c"], n)
        event = rng.random(n) < 0.6
        event[:2] = True
        assert leaks_by_content(table, Survival(rng.exponential(400, n), event)) == []


def test_names_of_real_tables_are_judged_as_a_reader_would() -> None:
    told = {"Survival.time", "deadstatus.event", "Cause.of.Death", "OS_days", "daysToDeath", "vital_status"}
    fine = {"rad_MeshVolume.original", "Smoking.Status", "age", "original_glcm_Contrast", "HPV_p16_status",
            "rad_Busyness.wavelet.LLL", "position", "Dose..gy.", "VOLUME_ET"}  # fmt: skip
    found = {one.column for one in leaks_by_name(tuple(told | fine), ())}
    assert found == told


def test_the_same_patient_on_both_sides_of_the_split_is_found_by_features(tmp_path: Path) -> None:
    features, clinical = made_tables()
    clinical["set"] = np.where(np.arange(90) < 60, "train", "test")
    split = '[split]\ncolumn = "set"'
    noise = np.random.default_rng(0).normal(0, 0.01, 12)
    features.iloc[80, 1:] = features.iloc[7, 1:].to_numpy(float) + noise
    with pytest.raises(InputError, match=r"under another id(.|\n)*rows 8 and 81"):
        check_study(made_study(tmp_path, (features, clinical), rest=split).path)
    clinical.loc[80, "set"] = "train"
    told = check_study(made_study(tmp_path, (features, clinical), rest=split).path)
    assert any("rows 8 and 81" in one for one in told.warnings)


def test_twins_are_not_seen_where_there_are_none() -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        common = rng.normal(size=(80, 3)) @ rng.normal(size=(3, 40))
        assert twins(pd.DataFrame(common + 0.3 * rng.normal(size=(80, 40)))) == []


def test_a_column_of_one_word_is_refused(tmp_path: Path) -> None:
    features, clinical = made_tables()
    clinical["stage"] = "II"
    with pytest.raises(InputError, match="'stage' has one value only") as refused:
        check_study(made_study(tmp_path, (features, clinical)).path)
    assert refused.value.got == "'II' in every row"


def test_constant_and_empty_features_are_dropped_with_a_word_and_refused_if_all_are(tmp_path: Path) -> None:
    features, clinical = made_tables()
    features["f_3"], features["f_4"] = 7.0, np.nan
    told = check_study(made_study(tmp_path, (features, clinical)).path)
    assert (told.constant, told.empty) == (("f_3",), ("f_4",))
    assert any("f_3, f_4" in one for one in told.warnings) and told.missing["f_4"] == 63
    features.iloc[:, 1:] = 1.0
    with pytest.raises(InputError, match="No feature varies"):
        check_study(made_study(tmp_path, (features, clinical)).path)


def test_too_few_events_in_a_fold_or_for_a_model_are_refused(tmp_path: Path) -> None:
    features, clinical = made_tables()
    with pytest.raises(InputError, match=r"Fewer than 5 events in a fold(.|\n)*Take 9 folds"):
        check_study(made_study(tmp_path, (features, clinical), folds=20).path)
    features, clinical = made_tables(p=30)
    with pytest.raises(InputError, match="Model 'first' has too few events for its variables"):
        check_study(made_study(tmp_path, (features, clinical)).path)
    steps = 'steps = [{ step = "impute" }, { step = "univariable", most = 6 }]'
    told = check_study(made_study(tmp_path, (features, clinical), options=steps).path)
    first = told.models[0]
    assert (first.variables, first.verdict) == (6, "few") and 3 < first.per_variable < 10
    assert any(one.startswith("first: ") and "fewer than 10" in one for one in told.warnings)


def test_the_report_counts_what_follows_the_volume(tmp_path: Path) -> None:
    features, clinical = made_tables()
    features["f_1"] = features["f_volume"] ** 3
    features["f_2"] = -features["f_volume"] + np.random.default_rng(0).normal(0, 0.1, 90)
    told = check_study(made_study(tmp_path, (features, clinical)).path)
    assert told.volume_followers == 2
    assert told.counted["training"]["events"] + told.counted["test"]["events"] == clinical["event"].sum()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('steps = [{ step = "imput" }]', "did you mean 'impute'|Did you mean 'impute'"),
        ('steps = [{ step = "scale", methd = "robust" }]', "Did you mean 'method'"),
        ('steps = [{ step = "scale", method = "rank" }]', "An option of the step 'scale' cannot be"),
        ('features = ["f_99"]', "f_99"),
    ],
)
def test_steps_and_features_that_are_not_known_are_named(tmp_path: Path, said: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_study(made_study(tmp_path, made_tables(), options=said).path)


def test_models_and_options_that_are_not_known_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'coxnet'"):
        check_study(made_study(tmp_path, made_tables(), model="coxnett").path)
    with pytest.raises(InputError, match="other kind of outcome"):
        check_study(made_study(tmp_path, made_tables(), model="random_forest").path)
    options = "options = { l1_ratio = 0.5 }"
    with pytest.raises(InputError, match="Did you mean 'l1_ratios'"):
        check_study(made_study(tmp_path, made_tables(), model="coxnet", options=options).path)


def test_what_is_suspiciously_good_is_told_and_not_refused(tmp_path: Path) -> None:
    features, clinical = made_tables()
    rng = np.random.default_rng(0)
    features["f_good"] = np.log(clinical["time"]) + rng.normal(0, 0.6, 90)
    told = check_study(made_study(tmp_path, (features, clinical)).path)
    assert any(one.startswith("f_good is suspiciously close") for one in told.warnings)


@pytest.mark.parametrize(
    ("column", "word"),
    [
        ([*range(40, 129), "sixty"], "'age' holds numbers, but a word in row 90"),
        ([f"2020-01-{i % 28 + 1:02d}" for i in range(90)], "'age' has too many different words"),
    ],
)
def test_clinical_columns_that_are_not_what_they_seem_are_refused(
    tmp_path: Path, column: list[object], word: str
) -> None:
    features, clinical = made_tables()
    clinical["age"] = column
    with pytest.raises(InputError, match=word):
        check_study(made_study(tmp_path, (features, clinical)).path)


def test_times_in_the_wrong_unit_and_horizons_out_of_reach_are_told(tmp_path: Path) -> None:
    features, clinical = made_tables()
    clinical["time"] = (clinical["time"] / 30.4375).round(1)
    told = check_study(made_study(tmp_path, (features, clinical)).path)
    assert any("are the times really days" in one for one in told.warnings)
    with pytest.raises(InputError, match="hardly anybody is followed"):
        check_study(made_study(tmp_path, (features, clinical), rest="[report]\nhorizons = [365]").path)


def test_a_split_column_says_of_everybody_where_he_belongs(tmp_path: Path) -> None:
    features, clinical = made_tables()
    clinical["set"] = np.where(np.arange(90) < 60, "train", "test")
    clinical.loc[4, "set"] = np.nan
    with pytest.raises(InputError, match="does not say who is on which side"):
        check_study(made_study(tmp_path, (features, clinical), rest='[split]\ncolumn = "set"').path)


def test_patients_without_features_or_without_a_row_in_the_sheet_are_counted(tmp_path: Path) -> None:
    features, clinical = made_tables()
    told = check_study(made_study(tmp_path, (features.iloc[3:], clinical.iloc[:-2])).path)
    assert told.patients == 85
    assert told.warnings[0].startswith("features.csv: 2 patients are not in clinical.csv")
    assert "3 patients of clinical.csv are not in it" in told.warnings[1]
