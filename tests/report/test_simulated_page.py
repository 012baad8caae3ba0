"""The page of a real scan beside a simulated one: whole, self-contained, and its numbers are right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from terasu.errors import GeometryError
from terasu.patient.grid import Grid
from terasu.patient.volume import Volume
from terasu.report.simulated import write_beside
from terasu.simulate.beside import Beside, beside


@pytest.fixture(scope="module")
def found() -> Beside:
    """A real scan 100 HU too low, a simulated one 90 HU, noise of 20 and 10 HU."""
    grid = Grid.from_axes((6, 100, 100), spacing_zyx_mm=(3, 1.5, 1.5))
    away = np.hypot(*np.meshgrid(*[(np.arange(100) - 49.5) * 1.5] * 2, indexing="ij"))
    truth = np.repeat(np.where(away < 65, 50.0, -1000.0)[None], 6, axis=0)
    chance = np.random.default_rng(0)
    real = truth - 100 + chance.normal(0, 20, truth.shape)
    made = truth - 90 + chance.normal(0, 10, truth.shape)
    seen = np.repeat((away < 70)[None], 6, axis=0)
    images = (Volume(one.astype(np.float32), grid) for one in (real, made, truth))
    return beside(*images, seen)


def test_the_numbers_are_those_of_the_images(found: Beside) -> None:
    assert found.numbers["soft tissue: mean error [HU]"] == pytest.approx((-100, -90), abs=0.5)
    assert found.numbers["soft tissue: noise [HU]"] == pytest.approx((20, 10), rel=0.08)
    assert all(len(power) > 5 for power, _ in found.noise_power.values())
    for _, share in found.histograms.values():
        assert share.sum() == pytest.approx(1, abs=0.01)


def test_the_page_stands_alone(found: Beside, tmp_path: Path) -> None:
    write_beside(found, {"seed": 3, "settings": {"fan": "full"}}, tmp_path)
    page = (tmp_path / "beside.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "data:image/png;base64," in page
    assert 'src="http' not in page
    numbers = json.loads((tmp_path / "numbers.json").read_text(encoding="utf-8"))
    assert numbers["simulation"]["seed"] == 3
    assert numbers["numbers"]["soft tissue: mean error [HU]"]["real"] == pytest.approx(-100, abs=0.5)
    assert {one.name for one in tmp_path.glob("*.svg")} == {
        "profile_right_to_left.svg", "profile_front_to_back.svg", "histogram.svg", "noise_power.svg",
    }  # fmt: skip


def test_two_grids_are_refused(found: Beside) -> None:
    with pytest.raises(GeometryError, match="different grids"):
        beside(found.real, found.simulated.crop((0, 0, 0), (5, 100, 100)), found.truth, found.seen)
