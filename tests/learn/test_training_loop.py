"""A training that was killed goes on with the same result; another configuration is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import made_training
from terasu.errors import InputError, TrainingError
from terasu.learn.checkpoint import CHECKPOINT, read_checkpoint, read_weights, save_weights
from terasu.learn.log import LossLog, read_losses

PROGRAM = Path(made_training.__file__)


def wait_for(condition: object, seconds: float = 60.0) -> None:
    """Until ``condition()`` is true."""
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def same_checkpoint(first: Path, second: Path) -> None:
    one, two = read_checkpoint(first), read_checkpoint(second)
    assert one is not None
    assert two is not None
    assert one.state == two.state
    assert one.tensors.keys() == two.tensors.keys()
    differing = [name for name in one.tensors if not torch.equal(one.tensors[name], two.tensors[name])]
    assert differing == []


def test_a_run_killed_with_sigkill_goes_on_with_the_same_result(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    environment = {**os.environ, "PYTHONPATH": str(PROGRAM.parent), "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen([sys.executable, str(PROGRAM), str(killed), "0.05"], env=environment)
    try:
        wait_for(lambda: len(read_losses(killed)) > 5 and (killed / CHECKPOINT).exists())
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    kept = read_checkpoint(killed)
    assert kept is not None
    assert 0 < kept.step < 40
    for folder in (whole, killed):  # processes alike: libraries that others loaded here change the last bits
        subprocess.run([sys.executable, str(PROGRAM), str(folder), "0"], env=environment, check=True)
    same_checkpoint(whole, killed)
    assert (whole / "losses.csv").read_text() == (killed / "losses.csv").read_text()


def test_the_same_seed_gives_the_same_bits_and_another_does_not(tmp_path: Path) -> None:
    one, two, other = (made_training.run(tmp_path / str(n), steps=9, seed=s) for n, s in enumerate((3, 3, 4)))
    assert torch.equal(one.weights["maker.weight"], two.weights["maker.weight"])
    assert not torch.equal(one.weights["maker.weight"], other.weights["maker.weight"])


@pytest.mark.parametrize("other", [{"seed": 4}, {"code": "2"}])
def test_a_run_directory_of_another_run_is_refused(tmp_path: Path, other: dict[str, object]) -> None:
    made_training.run(tmp_path, steps=7)
    with pytest.raises(InputError, match=next(iter(other))):
        made_training.run(tmp_path, steps=9, **other)  # type: ignore[arg-type]


def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    made_training.run(tmp_path, steps=7)
    before = (tmp_path / CHECKPOINT).read_bytes()
    made_training.run(tmp_path, steps=7)
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_previews_are_written_and_can_be_read(tmp_path: Path) -> None:
    made_training.run(tmp_path, steps=20)
    found = sorted((tmp_path / "previews").iterdir())
    assert [one.stem for one in found] == ["step-0000010", "step-0000020"]
    assert np.load(found[0])["made"].shape == (2, 8, 8)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    made_training.run(tmp_path, steps=7)
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match="cannot be read"):
        made_training.run(tmp_path, steps=14)


def test_the_same_weights_make_the_same_file(tmp_path: Path) -> None:
    weights = {name: torch.full((2, 3), float(number)) for number, name in enumerate("abc")}
    about = {name: name * 3 for name in ("model", "not_for", "card", "code")}
    files = [tmp_path / f"{number}.safetensors" for number in range(8)]
    for path in files:
        save_weights(path, weights, about)
    assert len({path.read_bytes() for path in files}) == 1
    back, told = read_weights(files[0])
    assert told == about
    assert all(torch.equal(back[name], weights[name]) for name in weights)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_training, "draw", lambda _: {"image": torch.full((1, 1, 8, 8), torch.nan)})
    with pytest.raises(TrainingError, match=r"maker\.deceive"):
        made_training.run(tmp_path, steps=7)
    assert not (tmp_path / CHECKPOINT).exists()


def test_a_row_that_a_crash_cut_off_is_dropped(tmp_path: Path) -> None:
    log = LossLog(tmp_path, from_step=0)
    for step in range(4):
        log.add(step, {"a": step / 3, "b": 1.0})
    with log.path.open("a") as file:
        file.write("4,0.3")
    assert len(read_losses(tmp_path)) == 4
    LossLog(tmp_path, from_step=3).add(3, {"a": 9.0, "b": 1.0})
    assert [row["a"] for row in read_losses(tmp_path)] == pytest.approx([0, 1 / 3, 2 / 3, 9])
