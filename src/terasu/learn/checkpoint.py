"""Everything that a run needs to go on with the same result, in one file that is there whole or not at all.

The file is a safetensors file: tensors by name, and the state as JSON in its header.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from terasu.errors import InputError
from terasu.learn.ema import MeanWeights
from terasu.learn.trainable import Trainable
from terasu.patient.store import write_whole

CHECKPOINT = "checkpoint.safetensors"
WEIGHTS = "weights.safetensors"
_STATE, _ABOUT = "state", "about"


@dataclass(frozen=True, eq=False)
class Kept:
    """A checkpoint as read: steps done, tensors by name."""

    step: int
    tensors: dict[str, Tensor]
    state: dict[str, Any]


def save_checkpoint(folder: Path, task: Trainable, mean: MeanWeights, step: int) -> None:
    """Write networks, optimisers, running mean, pools and the state of every random generator.

    Args:
        folder: of the run; its former checkpoint is replaced at once.
        step: steps done.
    """
    tensors: dict[str, Tensor] = {}
    for name, network in task.networks.items():
        tensors |= {f"network/{name}/{key}": value for key, value in network.state_dict().items()}
    for turn in task.turns:
        for number, values in turn.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{turn.name}/{number}/{key}": value for key, value in values.items()}
    tensors |= {f"mean/{key}": value for key, value in mean.weights.items()}
    tensors |= {f"memory/{key}": value for key, value in task.memory().items()}
    tensors |= {f"chance/{key}": value for key, value in _chance_tensors().items()}
    state = {"step": step, **_chance_state()}
    _save(folder / CHECKPOINT, tensors, {_STATE: json.dumps(state)})


def read_checkpoint(folder: Path) -> Kept | None:
    """The last whole checkpoint of a run, None if it has none yet.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    tensors, header = _open(path)
    state = json.loads(header[_STATE])
    return Kept(int(state["step"]), tensors, state)


def restore(kept: Kept, task: Trainable, mean: MeanWeights) -> None:
    """Put a run back to where its checkpoint was written, to the bit."""
    for name, network in task.networks.items():
        network.load_state_dict(_below(kept.tensors, f"network/{name}/"))
    for turn in task.turns:
        _restore_optimiser(turn.optimiser, _below(kept.tensors, f"optimiser/{turn.name}/"))
    for key, value in _below(kept.tensors, "mean/").items():
        mean.weights[key].copy_(value)
    task.remember(_below(kept.tensors, "memory/"))
    _restore_chance(_below(kept.tensors, "chance/"), kept.state)


def save_weights(path: Path, weights: dict[str, Tensor], about: dict[str, str]) -> None:
    """Weights alone, for application.

    Args:
        path: ends in .safetensors.
        about: text in the header.
    """
    # several keys would lie in the header in any order, and the file's hash with them
    _save(path, weights, {_ABOUT: json.dumps(about, sort_keys=True)})


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Weights on the CPU and the text of their header.

    Raises:
        InputError: missing or damaged.
    """
    tensors, header = _open(path)
    return tensors, json.loads(header.get(_ABOUT, "{}"))


def _save(path: Path, tensors: dict[str, Tensor], header: dict[str, str]) -> None:
    flat = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    write_whole(path, lambda aside: save_file(flat, aside, metadata=header))


def _open(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise InputError(
            "The weights cannot be read.",
            got=f"{path.name}: {error}",
            expected="a whole safetensors file",
            todo="Copy it again, or train again.",
        ) from error


def _restore_optimiser(optimiser: torch.optim.Optimizer, flat: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in flat.items():
        number, key = name.split("/")
        state.setdefault(int(number), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _chance_tensors() -> dict[str, Tensor]:
    found = {"torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        found |= {f"cuda{i}": one for i, one in enumerate(torch.cuda.get_rng_state_all())}
    return found


def _chance_state() -> dict[str, Any]:
    _, words, place, has_gauss, gauss = np.random.get_state(legacy=True)  # noqa: NPY002
    version, inner, following = random.getstate()
    return {
        "numpy": [np.asarray(words).tolist(), int(place), int(has_gauss), float(gauss)],
        "python": [version, list(inner), following],
    }


def _restore_chance(tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    torch.set_rng_state(tensors["torch"])
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            if f"cuda{number}" in tensors:
                torch.cuda.set_rng_state(tensors[f"cuda{number}"], number)
    words, place, has_gauss, gauss = state["numpy"]
    np.random.set_state(("MT19937", np.array(words, np.uint32), place, has_gauss, gauss))  # noqa: NPY002
    version, inner, following = state["python"]
    random.setstate((version, tuple(inner), following))


def _below(tensors: dict[str, Tensor], start: str) -> dict[str, Tensor]:
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
