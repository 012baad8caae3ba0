"""Seventeen feature sets of noise in 26 patients: what invites a finding must not be called one."""

from __future__ import annotations

from pathlib import Path

import pytest

from noise_study import noise_study


def test_one_noise_study_is_not_significant(tmp_path: Path) -> None:
    assert noise_study(tmp_path, seed=0, permutations=0).standing == "no evidence"


@pytest.mark.slow
def test_of_forty_noise_studies_95_of_a_hundred_are_not_significant(tmp_path: Path) -> None:
    found = [noise_study(tmp_path / str(seed), seed, 19).standing for seed in range(40)]
    assert sum(one in ("no evidence", "no gain") for one in found) >= 38
