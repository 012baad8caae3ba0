"""Batches from prepared cases: the same step gives the same batch, whatever came before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from terasu.enhance.models.configuration import Configuration
from terasu.learn.augment import Augmentation, augmented
from terasu.learn.samples import Sample, Samples, Shape
from terasu.learn.trainable import Batch


def sample_shape(configuration: Configuration) -> Shape:
    """What a sample looks like."""
    side = configuration.images.size_px
    return Shape((side, side), depth=2 * configuration.images.neighbours + 1)


def unpaired_batches(
    source: Samples, target: Samples, configuration: Configuration, device: torch.device
) -> Callable[[int], Batch]:
    """step → ``source`` and ``target``; noise is added to the source alone, the target has to stay clean."""
    change = Augmentation(**configuration.augmentation.model_dump())
    moved = Augmentation(change.shift, change.rotation_deg, change.scale)
    seed, count = configuration.seed, configuration.training.batch

    def draw(step: int) -> Batch:
        first = _drawn(source, count, (seed, step, 0), change, device)
        second = _drawn(target, count, (seed, step, 1), moved, device)
        return {"source": first["image"], "target": second["image"]}

    return draw


def paired_batches(
    pairs: Samples, configuration: Configuration, device: torch.device
) -> Callable[[int], Batch]:
    """step → ``source``, ``truth`` and ``body``."""
    change = Augmentation(**configuration.augmentation.model_dump())
    seed, count = configuration.seed, configuration.training.batch

    def draw(step: int) -> Batch:
        return as_pair(_drawn(pairs, count, (seed, step, 0), change, device))

    return draw


def as_pair(sample: dict[str, Tensor]) -> Batch:
    """The names of a batch of pairs."""
    return {"source": sample["image"], "truth": sample["truth"], "body": sample["body"]}


def on_device(sample: Sample, device: torch.device) -> dict[str, Tensor]:
    """Tensors of a sample's arrays."""
    return {name: torch.from_numpy(values).to(device) for name, values in sample.items()}


def _drawn(
    samples: Samples, count: int, key: tuple[int, int, int], change: Augmentation, device: torch.device
) -> dict[str, Tensor]:
    chance = np.random.default_rng(key)
    batch = on_device(samples.draw(count, chance), device)
    return augmented(batch, change, torch.Generator().manual_seed(int(chance.integers(2**62))))
