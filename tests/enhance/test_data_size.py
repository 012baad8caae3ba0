"""Points and plateaus of a study of the number of images."""

from __future__ import annotations

import numpy as np
import pytest

from terasu.enhance.data_size import Trained, levels_off, points, sentences
from terasu.errors import EnhanceError

SIZES = (16, 32, 64, 128, 256)


def study(model: str, value_of: dict[int, float], *, seeds: int = 3, patients: int = 6) -> list[Trained]:
    rng = np.random.default_rng(1)
    return [
        Trained(model, n, seed, f"p{p}", "dig", "reference", "HU/px", value + rng.normal(0, 0.1))
        for n, value in value_of.items()
        for seed in range(seeds)
        for p in range(patients)
    ]


SMALL_DATA = study("proposed", dict(zip(SIZES, (6.0, 5.0, 4.2, 4.05, 4.0), strict=True)))
ORIGINAL = study("original", dict(zip(SIZES, (14.0, 12.0, 9.0, 7.0, 5.0), strict=True)))


def test_a_point_is_the_mean_over_seeds_and_patients_with_limits_around_it() -> None:
    found = {(one.model, one.slices): one for one in points([*SMALL_DATA, *ORIGINAL], "dig", "reference")}
    assert len(found) == 10
    at = found["original", 64]
    assert at.value == pytest.approx(9.0, abs=0.1)
    assert at.lower < at.value < at.upper
    assert (at.seeds, at.patients) == (3, 6)


def test_where_it_levels_off() -> None:
    curve = points([*SMALL_DATA, *ORIGINAL], "dig", "reference")
    own = {model: [one for one in curve if one.model == model] for model in ("proposed", "original")}
    assert levels_off(own["proposed"]) == 64
    assert levels_off(own["original"]) is None
    told = sentences(curve, "distortion")
    assert "original: distortion has not levelled off at 256 slices." in told
    assert any(one.startswith("proposed: from 64 slices on") for one in told)


def test_a_value_that_leaves_the_plateau_again_breaks_it() -> None:
    curve = points(study("x", dict(zip(SIZES, (4.0, 4.0, 9.0, 4.0, 4.0), strict=True))), "dig", "reference")
    assert levels_off(curve) == 128


def test_limits_grow_with_disagreement_between_patients() -> None:
    rows = study("x", {16: 4.0})
    apart = [
        Trained(
            r.model, r.slices, r.seed, r.patient, r.name, r.against, r.unit, r.value + 3 * int(r.patient[1])
        )
        for r in rows
    ]
    (close,), (wide,) = points(rows, "dig", "reference"), points(apart, "dig", "reference")
    assert wide.upper - wide.lower > 5 * (close.upper - close.lower)


def test_one_training_on_one_patient_has_no_limits() -> None:
    (only,) = points(study("x", {16: 4.0}, seeds=1, patients=1), "dig", "reference")
    assert np.isnan(only.lower) and np.isnan(only.upper)


def test_a_measure_that_nobody_has_is_refused() -> None:
    with pytest.raises(EnhanceError, match="No training has mae"):
        points(SMALL_DATA, "mae", "reference")
