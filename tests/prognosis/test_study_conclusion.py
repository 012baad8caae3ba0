"""The sentence never says more than its numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from made_study import made_study, made_tables
from terasu.prognosis.study import null as null_module
from terasu.prognosis.study.candidates import candidates
from terasu.prognosis.study.cohort_reading import read_cohort
from terasu.prognosis.study.conclusion import Evidence, conclude
from terasu.prognosis.study.gain import Gain
from terasu.prognosis.study.pairs import Interval

GOOD = Evidence(
    measure="C-index",
    model="net",
    tried=1,
    apparent=0.75,
    nested=Interval(0.68, 0.62, 0.74),
    gains=(Gain("net", "volume alone", Interval(0.08, 0.03, 0.13), 9.0, 0.003),),
    best_baseline="volume alone",
    null_p=0.01,
    permutations=99,
    family_p=0.02,
    leaks=(),
    lives_on=None,
    test=Interval(0.67, 0.58, 0.75),
    test_gain=Interval(0.08, 0.01, 0.15),
    openings=1,
)


def test_where_all_agrees_the_sentence_says_so_and_no_more() -> None:
    found = conclude(GOOD)
    assert found.standing == "evidence" and "does not show that treating by it helps" in found.sentence
    untested = conclude(replace(GOOD, test=None, test_gain=None, openings=0))
    assert untested.standing == "not tested" and "has not been tested" in untested.sentence


@pytest.mark.parametrize(
    ("change", "standing", "word"),
    [
        ({"nested": Interval(0.55, 0.49, 0.61)}, "no evidence", "0.5 lies within the limits"),
        ({"null_p": 0.2}, "no evidence", "does as well with p = 0.2"),
        ({"null_p": None, "tried": 17, "nested": Interval(0.66, 0.53, 0.79)}, "no evidence", "best of 17"),
        ({"null_p": 0.1, "permutations": 9}, "evidence", ""),
        ({"leaks": ("net",)}, "no evidence", "leak detector"),
        ({"test": Interval(0.55, 0.45, 0.65)}, "no evidence", "test set does not confirm"),
        ({"gains": (Gain("net", "volume alone", Interval(0.02, -0.02, 0.06), 1.0, 0.3),)}, "no gain", "gain"),
        ({"tried": 9, "gains": (Gain("net", "volume alone", Interval(0.05, 0.005, 0.1), 4.0, 0.04),)},
         "no gain", "not shown to be better than volume alone"),
        ({"test_gain": Interval(0.03, -0.05, 0.1)}, "no gain", "in the test set not shown"),
    ],
)  # fmt: skip
def test_one_number_against_it_is_enough(change: dict[str, Any], standing: str, word: str) -> None:
    found = conclude(replace(GOOD, **change))
    assert found.standing == standing and word in found.sentence


def test_cautions_stand_beside() -> None:
    weak = replace(GOOD, apparent=0.99, null_p=None, family_p=0.9, tried=3, openings=2, best_baseline="")
    told = " ".join(conclude(weak).cautions)
    for word in (
        "0.990",
        "not repeated on permuted",
        "smallest adjusted p = 0.9",
        "best of 3",
        "2 times",
        "no baseline",
    ):
        assert word in told
    assert conclude(None, ["net: separated"]).cautions == ("net: separated",)


def test_the_leak_detector_strikes_where_a_model_knows_its_test_patients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recipe that looks the (permuted) outcome up by the patient's features, beside an honest one."""
    study = made_study(tmp_path, made_tables(60, 4), rest="[split]\ntest_fraction = 0.0")
    cohort = read_cohort(study)
    (honest,) = candidates(study, cohort)
    book: dict[float, float] = {}

    class Cheat:
        name = "cheat"
        classes = ()

        def fit(self, *_: Any, seed: int) -> Cheat:
            assert seed >= 0
            return self

        def score(self, x: Any) -> Any:
            noise = np.random.default_rng(len(x)).normal(0, 200, len(x))
            return np.array([-book[float(row[0])] for row in x]) + noise

        def weights(self) -> dict[str, float]:
            return {}

    deal = null_module.deal

    def spying(outcome: Any, plan: Any) -> Any:
        book.update(zip(scaled, outcome.time_days, strict=True))
        return deal(outcome, plan)

    cheat = replace(honest, name="cheat", recipe=Cheat(), steps=())
    scaled = cohort.table["f_volume"].astype(float).tolist()
    monkeypatch.setattr(null_module, "deal", spying)
    plan = study.says.permutations.model_copy(update={"pipeline": 12})
    found = null_module.null_distribution(
        (honest, cheat), cohort, study.says.resampling, plan,
        path=None, key="", workers=1, advance=lambda *_: None,
    )  # fmt: skip
    assert found.leaks == ("cheat",) and found.p_of[1] > 0.05
    assert abs(np.nanmean(found.reached[:, 0]) - 0.5) < 0.05
