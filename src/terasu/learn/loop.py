"""The one training loop: sample, losses, step, log, checkpoint, stop."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from terasu.errors import TrainingError
from terasu.learn.checkpoint import read_checkpoint, restore, save_checkpoint
from terasu.learn.ema import MeanWeights
from terasu.learn.lock import alone_in
from terasu.learn.log import LossLog, write_preview
from terasu.learn.run_folder import claim
from terasu.learn.trainable import Batch, Trainable, Turn
from terasu.nets.weights import set_trainable
from terasu.steps import Listener, Nobody


@dataclass(frozen=True)
class Plan:
    """How long and how often.

    Attributes:
        steps: updates of every turn.
        checkpoint_every, log_every, preview_every: in steps.
        mean_decay: of the running mean of the weights.
        mixed_precision: bfloat16 where it is safe, on CUDA only.
        compiled: whether torch.compile makes the networks faster; the first step then takes long.
        seed: of all that chance decides.
    """

    steps: int
    checkpoint_every: int = 500
    log_every: int = 10
    preview_every: int = 500
    mean_decay: float = 0.999
    mixed_precision: bool = True
    compiled: bool = False
    seed: int = 0


def train(
    task: Trainable,
    draw: Callable[[int], Batch],
    plan: Plan,
    folder: Path,
    identity: Mapping[str, Any],
    *,
    device: torch.device,
    shown: Batch | None = None,
    listener: Listener | None = None,
) -> MeanWeights:
    """Train to the last step; what was stopped goes on where its checkpoint is, with the same result.

    Args:
        task: networks and losses, its weights drawn from the seed.
        draw: step → batch on the device; the same batch for the same step, whatever came before.
        folder: of the run: checkpoint, losses, previews.
        identity: what the folder belongs to (``run_folder.claim``).
        shown: batch of the previews; none are written without one.
    Returns:
        The running mean of the weights that are applied in the end.
    Raises:
        InputError: the folder is another run's, or somebody is at work in it.
        TrainingError: a loss is no number any more.
    """
    listener = listener or Nobody()
    with alone_in(folder, "training"):
        claim(folder, identity)
        _seed(plan.seed)
        if plan.compiled:
            for network in task.networks.values():
                network.compile()
        mean = MeanWeights({name: task.networks[name] for name in task.averaged}, plan.mean_decay)
        kept = read_checkpoint(folder)
        if kept is not None:
            restore(kept, task, mean)
        first = kept.step if kept else 0
        log = LossLog(folder, from_step=first)
        for step in range(first, plan.steps):
            batch = draw(step)
            terms: dict[str, Tensor] = {}
            for turn in task.turns:
                terms |= _update(task, turn, batch, task.decay(step), _precision(plan, device))
            mean.update({name: task.networks[name] for name in task.averaged}, step)
            done = step + 1
            if step % plan.log_every == 0 or done == plan.steps:
                log.add(step, _finite(terms, step))
                listener.advance(done, plan.steps)
            if shown is not None and (done % plan.preview_every == 0 or done == plan.steps):
                write_preview(folder, done, _shown(task, shown))
            if done % plan.checkpoint_every == 0 or done == plan.steps:
                _finite(terms, step)
                save_checkpoint(folder, task, mean, done)
    return mean


def _update(
    task: Trainable, turn: Turn, batch: Batch, decay: float, precision: AbstractContextManager[Any]
) -> dict[str, Tensor]:
    """One turn: only its networks learn."""
    for name, network in task.networks.items():
        set_trainable([network], name in turn.learns)
    for group in turn.optimiser.param_groups:
        group["lr"] = turn.learning_rate * decay
    turn.optimiser.zero_grad(set_to_none=True)
    with precision:
        terms = task.losses(turn.name, batch)
    total = torch.stack([one.float() for one in terms.values()]).sum()
    total.backward()  # type: ignore[no-untyped-call]
    turn.optimiser.step()
    return {f"{turn.name}.{name}": one.detach() for name, one in terms.items()}


def _shown(task: Trainable, batch: Batch) -> dict[str, Any]:
    """Panels; looking must not change what chance brings next."""
    state = torch.get_rng_state()
    with torch.no_grad():
        panels = task.preview(batch)
    torch.set_rng_state(state)
    return dict(panels)


def _precision(plan: Plan, device: torch.device) -> AbstractContextManager[Any]:
    if plan.mixed_precision and device.type == "cuda":
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def _finite(terms: Mapping[str, Tensor], step: int) -> dict[str, float]:
    values = {name: float(value) for name, value in terms.items()}
    bad = [name for name, value in values.items() if not np.isfinite(value)]
    if bad:
        raise TrainingError(
            "The training has run away: a loss is no number any more.",
            got=f"{', '.join(bad)} in step {step}",
            expected="finite losses",
            todo="Lower the learning rate; the last checkpoint is still whole.",
        )
    return values


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)
