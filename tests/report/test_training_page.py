"""The page of a training: what was logged, what was previewed, and nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from terasu.errors import InputError
from terasu.learn.log import LossLog, write_preview
from terasu.report.training import draw_losses, read_training, smoothed, write_training_page


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run <1>"
    folder.mkdir()
    log = LossLog(folder, from_step=0)
    for step in range(20):
        terms = {"generator.cycle_source": 1 / (step + 1), "generator.cycle_target": 2 / (step + 1)}
        log.add(step, {**terms, "generator.air": 0.1, "discriminator.source": 0.5})
    for step in (5, 20):
        write_preview(folder, step, {"source": np.full((6, 8, 8), 100.0), "made": np.zeros((6, 8, 8))})
    return folder


def test_losses_and_the_last_preview_are_shown(run: Path) -> None:
    text = write_training_page(read_training(run), run / "progress.html").read_text(encoding="utf-8")
    assert "Preview of step 20" in text and "step 19" in text
    assert "run &lt;1&gt;" in text and "<1>" not in text
    sources = re.findall(r'src="([^"]+)"', text)
    assert len(sources) == 2 + 2 * 4
    assert all(one.startswith("data:image/") for one in sources)


def test_both_directions_are_one_term(run: Path) -> None:
    figure, axes = plt.subplots()
    draw_losses(axes, read_training(run).losses, "generator")
    lines = {line.get_label(): np.asarray(line.get_ydata()) for line in axes.get_lines()}
    plt.close(figure)
    assert set(lines) == {"cycle", "air"}
    assert lines["cycle"][0] == pytest.approx(3.0)
    assert lines["air"] == pytest.approx(0.1)


def test_smoothing_keeps_a_constant_and_looks_back_only() -> None:
    assert smoothed(np.full(300, 2.5)) == pytest.approx(2.5)
    step = np.r_[np.zeros(200), np.ones(200)]
    found = smoothed(step)
    assert (found[:200] == 0).all()
    assert found[-1] == 1


def test_a_run_without_a_preview_has_its_losses(tmp_path: Path) -> None:
    LossLog(tmp_path, from_step=0).add(0, {"unet.error": 1.0})
    text = write_training_page(read_training(tmp_path), tmp_path / "p.html").read_text(encoding="utf-8")
    assert "Preview" not in text and text.count("<img") == 1


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No training"):
        read_training(tmp_path)
