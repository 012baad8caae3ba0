"""What a study file and its tables may say; every refusal names its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from made_study import LABEL, made_study, made_tables
from terasu.errors import InputError
from terasu.prognosis.study.cohort_reading import read_cohort
from terasu.prognosis.study.split import split_of
from terasu.prognosis.study.study_file import Split
from terasu.prognosis.study.study_reading import read_study


def test_a_key_that_is_not_known_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"split\.test_fractoin: not known; did you mean 'test_fraction'"):
        made_study(tmp_path, made_tables(), rest="[split]\ntest_fractoin = 0.3")
    with pytest.raises(InputError, match=r"tables\.0\.start_with: not known; did you mean 'starts_with'"):
        made_study(tmp_path, made_tables(), table='start_with = ["f_"]')
    with pytest.raises(InputError, match="did you mean 'external'"):
        made_study(tmp_path, made_tables(), rest="[externals]\na = 1")


def test_endpoints_that_cannot_be_are_refused(tmp_path: Path) -> None:
    good = (made_study(tmp_path, made_tables()).path).read_text()
    for wrong, word in (
        (good.replace('event = "event"', ""), "either time and event, or a label"),
        (good.replace('unit = "days"', 'unit = "weeks"'), "endpoint.unit"),
        (good.replace('unit = "days"', 'label = "grade"'), "either time and event, or a label"),
        (good.replace("[endpoint]", "[endpoint"), "cannot be read"),
    ):
        (tmp_path / "wrong.toml").write_text(wrong)
        with pytest.raises(InputError, match=word):
            read_study(tmp_path / "wrong.toml")


@pytest.mark.parametrize(
    ("row", "column", "value", "words"),
    [
        (6, "time", np.nan, "'time' is missing in row 7"),
        (6, "time", -3, "'time' is negative in row 7"),
        (6, "time", "2021-04-30", "'time' holds a date in row 7"),
        (6, "time", "30.04.2021", "'time' holds a date in row 7"),
        (6, "time", "long", "'time' holds a word in row 7"),
        (4, "event", 2, "'event' is not 0 or 1 in row 5"),
        (4, "event", np.nan, "'event' is missing in row 5"),
        (4, "event", "dead", "'event' is not 0 or 1 in row 5"),
        (0, "patient_id", "", "patient_id is empty in row 1"),
    ],
)
def test_a_wrong_cell_of_the_sheet_is_named_by_row_and_column(
    tmp_path: Path, row: int, column: str, value: object, words: str
) -> None:
    features, clinical = made_tables()
    clinical[column] = clinical[column].astype(object)
    clinical.loc[row, column] = value
    study = made_study(tmp_path, (features, clinical))
    with pytest.raises(InputError, match=words):
        read_cohort(study)


def test_the_same_patient_twice_is_refused_and_different_outcomes_are_said(tmp_path: Path) -> None:
    features, clinical = made_tables()
    again = clinical.iloc[[3]]
    study = made_study(tmp_path, (features, pd.concat([clinical, again])))
    with pytest.raises(InputError, match=r"same patient twice\.\ngot: rows 4 and 91"):
        read_cohort(study)
    other = again.assign(time=again["time"] + 1, patient_id=again["patient_id"].str.lower() + " ")
    study = made_study(tmp_path, (features, pd.concat([clinical, other])))
    with pytest.raises(InputError, match="twice, with different outcomes"):
        read_cohort(study)
    study = made_study(tmp_path, (pd.concat([features, features.iloc[[5]]]), clinical))
    with pytest.raises(InputError, match=r"features\.csv has the same patient twice"):
        read_cohort(study)


def test_features_that_are_words_or_infinite_are_named(tmp_path: Path) -> None:
    features, clinical = made_tables()
    word = features.astype({"f_3": object})
    word.loc[9, "f_3"] = "#DIV/0!"
    with pytest.raises(InputError, match="feature 'f_3' holds a word in row 10"):
        read_cohort(made_study(tmp_path, (word, clinical)))
    cohort = read_cohort(made_study(tmp_path, (word, clinical), table='missing = ["#DIV/0!"]'))
    assert np.isnan(cohort.table.loc[9, "f_3"])
    features.loc[9, "f_3"] = np.inf
    with pytest.raises(InputError, match="feature 'f_3' is infinite in row 10"):
        read_cohort(made_study(tmp_path, (features, clinical)))


def test_units_are_days_and_two_tables_stand_side_by_side(tmp_path: Path) -> None:
    features, clinical = made_tables()
    clinical["time"] /= 365.25
    features.sample(frac=1, random_state=3).to_csv(tmp_path / "second.csv", index=False)
    second = 'prefix = "t2_"\n[[tables]]\npath = "second.csv"\nstarts_with = ["f_"]\nprefix = "ce_"'
    cohort = read_cohort(made_study(tmp_path, (features, clinical), unit="years", table=second))
    np.testing.assert_allclose(cohort.outcome.time_days, made_tables()[1]["time"], rtol=1e-9)
    assert len(cohort.features) == 24
    np.testing.assert_array_equal(cohort.table["t2_f_4"], cohort.table["ce_f_4"])
    with pytest.raises(InputError, match="same name"):
        read_cohort(made_study(tmp_path, (features, clinical), table=second.replace("t2_", "ce_")))


def test_labels_outside_of_the_classes_are_refused_or_left_out_as_said(tmp_path: Path) -> None:
    features, clinical = made_tables()
    clinical.loc[[2, 8], "grade"] = ["unknown", np.nan]
    study = made_study(tmp_path, (features, clinical), text=LABEL)
    with pytest.raises(InputError, match="'grade' is not one of the classes in row 3"):
        read_cohort(study)
    text = LABEL.replace('"high"]', '"high"]\nothers = "leave out"')
    cohort = read_cohort(made_study(tmp_path, (features, clinical), text=text))
    assert len(cohort) == 88 and "2 patients" in cohort.notes[0]


def test_an_external_cohort_shares_nobody_and_has_the_same_columns(tmp_path: Path) -> None:
    features, clinical = made_tables()
    theirs, sheet = made_tables(30, seed=9)
    external = """
[external]
tables = [{ path = "theirs.csv", starts_with = ["f_"] }]
clinical = { path = "sheet.csv", rename = { "years" = "age" } }
endpoint = { time = "time", event = "event" }
"""
    sheet = sheet.rename(columns={"age": "years"})
    for one, name in ((theirs, "theirs.csv"), (sheet, "sheet.csv")):
        one.to_csv(tmp_path / name, index=False)
    study = made_study(tmp_path, (features, clinical), rest=external)
    with pytest.raises(InputError, match=r"in the training cohort as well(.|\n)*row 1 of the external"):
        read_cohort(study)
    theirs["patient_id"] = sheet["patient_id"] = [f"Q{i}" for i in range(30)]
    for one, name in ((theirs, "theirs.csv"), (sheet, "sheet.csv")):
        one.to_csv(tmp_path / name, index=False)
    cohort = read_cohort(study)
    assert len(cohort) == 120 and split_of(cohort, study.says.split).sum() == 30
    theirs.drop(columns="f_5").to_csv(tmp_path / "theirs.csv", index=False)
    with pytest.raises(InputError, match=r"lacks columns of the study(.|\n)*f_5"):
        read_cohort(study)


def test_the_split_depends_on_ids_and_seed_not_on_the_order_of_rows(tmp_path: Path) -> None:
    features, clinical = made_tables()
    one = read_cohort(made_study(tmp_path, (features, clinical)))
    other = read_cohort(made_study(tmp_path, (features, clinical.sample(frac=1, random_state=4))))
    test, again = split_of(one, Split(seed=3)), split_of(other, Split(seed=3))
    named = {name for name, is_test in zip(one.patients, test, strict=True) if is_test}
    assert named == {name for name, is_test in zip(other.patients, again, strict=True) if is_test}
    share = one.outcome.event[test].mean() - one.outcome.event[~test].mean()
    assert test.sum() == 27 and abs(share) < 0.05
    assert (split_of(one, Split(seed=4)) != test).any()


def test_parquet_reads_as_csv_does(tmp_path: Path) -> None:
    features, clinical = made_tables()
    study = made_study(tmp_path, (features, clinical))
    expected = read_cohort(study)
    features.to_parquet(tmp_path / "features.parquet")
    text = study.path.read_text().replace("features.csv", "features.parquet")
    study.path.write_text(text)
    pd.testing.assert_frame_equal(read_cohort(read_study(study.path)).table, expected.table)


def test_a_long_table_gives_its_time_points_side_by_side(tmp_path: Path) -> None:
    features, clinical = made_tables()
    later = features.assign(fraction=5)
    later.iloc[:, 1:13] += 1
    long = pd.concat([features.assign(fraction=1), later])
    with pytest.raises(InputError, match=r"same patient twice(.|\n)*say with `where`"):
        read_cohort(made_study(tmp_path, (long, clinical)))
    both = 'where = { fraction = 1 }\n[[tables]]\npath = "features.csv"\nstarts_with = ["f_"]\n'
    both += 'prefix = "later_"\nwhere = { fraction = 5 }'
    cohort = read_cohort(made_study(tmp_path, (long, clinical), table=both))
    np.testing.assert_allclose(cohort.table["later_f_3"] - cohort.table["f_3"], 1)


def test_a_patient_may_be_left_out_by_name(tmp_path: Path) -> None:
    cohort = read_cohort(made_study(tmp_path, made_tables(), top='leave_out = ["P0003", "p0007"]'))
    assert len(cohort) == 88 and not {"P0003", "P0007"} & set(cohort.patients)
    assert "2 patients" in cohort.notes[0]
    with pytest.raises(InputError, match="1 patients under leave_out are not in") as caught:
        read_cohort(made_study(tmp_path, made_tables(), top='leave_out = ["P9999"]'))
    assert "P9999" not in str(caught.value)
