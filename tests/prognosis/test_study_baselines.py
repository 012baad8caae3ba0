"""Baselines that the study names itself: each stands beside every model, and no model gets its columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from made_study import made_study, made_tables
from terasu.errors import InputError
from terasu.prognosis.study.candidates import baselines, candidates
from terasu.prognosis.study.cohort_reading import read_cohort
from terasu.prognosis.study.run import check_study
from terasu.prognosis.study.study_reading import Study, read_study

OTHERS = '[baselines.others]\n"age alone" = ["age"]\n"age and stage" = ["age", "stage"]\n'


def with_others(folder: Path, others: str = OTHERS) -> Study:
    """A made study whose clinical baseline is the stage, with others beside it."""
    return made_study(folder, made_tables(120, 6, seed=3, effect=1.0), clinical='"stage"', rest=others)


def test_each_is_a_baseline_by_its_name_on_its_columns(tmp_path: Path) -> None:
    study = with_others(tmp_path)
    found = {one.name: one for one in baselines(study, read_cohort(study))}
    assert found["age alone"].clinical == ("age",) and found["age alone"].features == ()
    assert found["age and stage"].clinical == ("age", "stage")
    assert found["clinical alone"].clinical == ("stage",)
    assert {"age alone", "age and stage"} <= {one.model for one in check_study(study.path).models}


def test_a_candidate_with_clinical_columns_does_not_get_theirs(tmp_path: Path) -> None:
    study = with_others(tmp_path)
    text = study.path.read_text(encoding="utf-8").replace("[[models]]", "[[models]]\nclinical = true", 1)
    study.path.write_text(text, encoding="utf-8")
    study = read_study(study.path)
    (only,) = candidates(study, read_cohort(study))
    assert only.clinical == ("stage",) and "age" not in only.features


def test_the_outcome_is_refused_there_too(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Columns of the outcome are among the features") as told:
        check_study(with_others(tmp_path, '[baselines.others]\n"how long" = ["time"]\n').path)
    assert "time" in told.value.got


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ('"age alone" = []', "needs a name and columns"),
        ('"volume alone" = ["age"]', "name is that of a baseline which every study has"),
        ('"Age Alone" = ["age"]\n"age alone" = ["stage"]', "two models or baselines have the same name"),
        ('"age alone" = ["agee"]', "agee"),
    ],
    ids=["no-columns", "own-name", "twice", "no-such-column"],
)
def test_a_baseline_that_cannot_be_is_refused(tmp_path: Path, others: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_study(
            made_study(tmp_path, made_tables(60, 4, seed=1), rest=f"[baselines.others]\n{others}\n").path
        )
