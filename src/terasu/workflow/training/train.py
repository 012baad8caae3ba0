"""From prepared cases to a trained model with its card: split, train, calibrate, measure, write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from terasu.enhance.models.batches import as_pair, on_device, paired_batches, sample_shape, unpaired_batches
from terasu.enhance.models.configuration import Configuration
from terasu.enhance.models.contract import APPLIED, Model, applied_network
from terasu.enhance.models.registry import build
from terasu.enhance.models.trained import Applied, save_trained
from terasu.enhance.models.validate import Validation, validate
from terasu.errors import InputError
from terasu.learn.card import ModelCard
from terasu.learn.code_version import code_version
from terasu.learn.loop import Plan, train
from terasu.learn.prepared import PreparedCase, data_hash
from terasu.learn.samples import Samples, samples_of
from terasu.learn.split import Split, split_by_patient
from terasu.learn.trainable import Batch
from terasu.steps import Listener, Nobody, Steps

STEPS = ("training", "validation")
_SHOWN = 4


@dataclass(frozen=True, eq=False)
class Sides:
    """Cases of both sides; ``targets`` is empty for pairs."""

    sources: tuple[PreparedCase, ...]
    targets: tuple[PreparedCase, ...]

    def part(self, split: Split, part: str) -> Sides:
        """Those of one part of the split."""
        return Sides(split.cases(part, self.sources), split.cases(part, self.targets))


def train_model(
    configuration: Configuration,
    sources: Sequence[PreparedCase],
    targets: Sequence[PreparedCase],
    out: Path,
    *,
    validation: float = 0.15,
    device: str = "cpu",
    listener: Listener | None = None,
) -> ModelCard:
    """Train one model; a run that was stopped goes on where it was.

    Args:
        sources: prepared cases of the modality to be improved; with ``truth`` for a model of pairs.
        targets: prepared cases of the wanted modality; empty for a model of pairs.
        out: folder of the run: losses, previews, checkpoint, in the end weights and card.
        validation: share of the patients of each side that nobody trains on.
        device: ``cpu`` or ``cuda``.
    Returns:
        The card as written.
    Raises:
        InputError: cases that do not fit the model, too few patients or slices, a folder of another run.
        TrainingError: the training ran away.
    """
    there = torch.device(device)
    _refuse_unfit(sources)
    sides = Sides(tuple(sources), tuple(targets))
    split = _split(sides, validation, configuration.seed)
    model = build(configuration, there)
    training = sides.part(split, "training")
    draw, shown, counts = _batches(model, training, configuration, there)
    steps = Steps(listener or Nobody())
    identity = _identity(configuration, sides, split)
    with steps("training"):
        plan = _plan(configuration)
        mean = train(model, draw, plan, out, identity, device=there, shown=shown, listener=steps.listener)
    network = applied_network(configuration).to(there).eval().requires_grad_(False)
    network.load_state_dict(mean.of(APPLIED))
    applied = Applied(network, configuration, _pixel_mm(sources), there)
    with steps("validation"):
        kept = sides.part(split, "validation")
        found = validate(applied, kept.sources, kept.targets, listener=steps.listener)
    card = _card(applied, model, training, counts, split, found, identity["code"])
    return save_trained(out, mean.of(APPLIED), card)


def _card(
    applied: Applied,
    model: Model,
    training: Sides,
    counts: tuple[int, int],
    split: Split,
    found: Validation,
    code: str,
) -> ModelCard:
    configuration, modality = applied.configuration, training.sources[0].facts.modality
    return ModelCard(
        model=configuration.model,
        task=f"Makes a {modality} look like a planning CT, in HU.",
        modality=modality,
        spacing_yx_mm=applied.spacing_yx_mm,
        configuration=_without_paths(configuration),
        code=code,
        data={"sources": _told(training.sources, counts[0]), "targets": _told(training.targets, counts[1])},
        split=split.as_dict(),
        steps=configuration.training.steps,
        terms=dict(model.terms),
        calibration=found.calibration.as_dict(),
        measured={f"{name}, validation": value for name, value in found.measured.items()},
        cautions=model.cautions,
    )


def _split(sides: Sides, validation: float, seed: int) -> Split:
    """Patients of the source side first; who stands on the target side alone is split among his own."""
    first = sorted({one.facts.patient_key for one in sides.sources})
    others = sorted({one.facts.patient_key for one in sides.targets} - set(first))
    one = split_by_patient(first, validation=validation, seed=seed)
    if not others:
        return one
    two = split_by_patient(others, validation=validation, seed=seed)
    return Split((*one.training, *two.training), (*one.validation, *two.validation))


def _batches(
    model: Model, training: Sides, configuration: Configuration, device: torch.device
) -> tuple[Callable[[int], Batch], Batch, tuple[int, int]]:
    """step → batch, a batch to look at, and how many slices of each side are trained on."""
    shape, images, seed = sample_shape(configuration), configuration.images, configuration.seed
    if model.paired:
        names = ("image", "truth", "body")
        pairs = samples_of(training.sources, shape, names=names, at_most=images.slices, seed=seed)
        shown = as_pair(on_device(_first(pairs), device))
        return paired_batches(pairs, configuration, device), shown, (len(pairs.places), 0)
    if not training.targets:
        raise InputError(
            "A model without pairs needs images of the wanted kind, too.",
            got="no target cases",
            expected="a folder of prepared CT cases",
            todo="Say --target.",
        )
    source, target = (
        samples_of(one, shape, at_most=images.slices, seed=seed)
        for one in (training.sources, training.targets)
    )
    one, two = (on_device(_first(side), device)["image"] for side in (source, target))
    batches = unpaired_batches(source, target, configuration, device)
    return batches, {"source": one, "target": two}, (len(source.places), len(target.places))


def _first(samples: Samples) -> dict[str, Any]:
    """A few places spread over all of them."""
    count = min(_SHOWN, len(samples.places))
    return samples.at([int(one) for one in np.linspace(0, len(samples.places) - 1, count)])


def _plan(configuration: Configuration) -> Plan:
    told = configuration.training
    return Plan(
        steps=told.steps,
        checkpoint_every=told.checkpoint_every,
        log_every=told.log_every,
        preview_every=told.preview_every,
        mean_decay=told.mean_decay,
        mixed_precision=told.mixed_precision,
        compiled=told.compiled,
        seed=configuration.seed,
    )


def _identity(configuration: Configuration, sides: Sides, split: Split) -> dict[str, Any]:
    return {
        "configuration": configuration.model_dump(mode="json"),
        "data": {"sources": data_hash(sides.sources), "targets": data_hash(sides.targets)},
        "split": split.as_dict(),
        "code": code_version("enhance/models"),
    }


def _refuse_unfit(sources: Sequence[PreparedCase]) -> None:
    modalities = sorted({one.facts.modality for one in sources})
    pixels = np.array([one.facts.spacing_zyx_mm[1:] for one in sources])
    if len(modalities) != 1 or modalities == ["MR"]:
        raise InputError(
            "The cases to be improved are not of one modality in HU.",
            got=", ".join(modalities) or "no cases",
            expected="CBCT or MVCT",
            todo="Prepare each modality into a folder of its own.",
        )
    if (pixels.max(axis=0) / pixels.min(axis=0)).max() > 1.5:
        raise InputError(
            "The cases have too different pixels to be trained on together.",
            got=f"{pixels.min():.3g} to {pixels.max():.3g} mm",
            expected="pixels that differ by less than half",
            todo="Train on each machine apart.",
        )


def _pixel_mm(sources: Sequence[PreparedCase]) -> tuple[float, float]:
    y, x = np.median([one.facts.spacing_zyx_mm[1:] for one in sources], axis=0)
    return float(y), float(x)


def _without_paths(configuration: Configuration) -> dict[str, Any]:
    """The feature extractor by its name alone: where it lay is nobody's business."""
    told = configuration.model_dump(mode="json")
    path = told["feature_extractor"]
    return {**told, "feature_extractor": Path(path).name if path else None}


def _told(cases: Sequence[PreparedCase], slices: int) -> dict[str, Any]:
    if not cases:
        return {"patients": 0}
    return {
        "patients": len({one.facts.patient_key for one in cases}),
        "slices": slices,
        "modality": cases[0].facts.modality,
        "origin": "; ".join(sorted({one.facts.made_of.split(", seed")[0] for one in cases})),
        "sha256": data_hash(cases),
    }
