"""One training of a data-size study, and what it reaches on the test patients: the command of a job."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from terasu.enhance.data_size import Trained
from terasu.enhance.scores import scores_of
from terasu.errors import TerasuError
from terasu.learn.prepared import PreparedCase
from terasu.patient.grid import Grid
from terasu.patient.store import write_whole
from terasu.patient.volume import Volume
from terasu.workflow.data_size.plan import DataSizePlan, Training, read_plan

SCORES = "scores.json"


def train_and_score(plan: DataSizePlan, one: Training, out: Path, *, device: str = "cpu") -> Path:
    """Train where nothing is trained yet, measure, and write the scores; done before, nothing is done.

    Args:
        out: folder of the study's trainings; its own folder is made in it.
        device: ``cpu`` or ``cuda``.
    Returns:
        The file of the scores.
    """
    import torch

    from terasu.enhance.models.trained import load_trained
    from terasu.workflow.training.train import train_model

    folder = out / one.name
    path = folder / SCORES
    if path.exists():
        return path
    train_model(plan.configuration(one), plan.sources, plan.targets, folder, device=device)
    model = load_trained(folder, torch.device(device))
    found = [trained for case in plan.tests for trained in _scored(case, one, model)]
    text = json.dumps([asdict(trained) for trained in found])
    write_whole(path, lambda aside: _write(aside, text))
    return path


def scored(case: PreparedCase, made: np.ndarray, model: str, slices: int, seed: int) -> list[Trained]:
    """All measures of one made image of a prepared case that has its truth."""
    from terasu.enhance.models.validate import body_of

    grid = Grid.from_axes(case.facts.shape_zyx, spacing_zyx_mm=case.facts.spacing_zyx_mm)
    image, raw, truth = (
        Volume(np.asarray(values, np.float32), grid)
        for values in (made, case.array("image"), case.array("truth"))
    )
    return [
        Trained(model, slices, seed, case.facts.patient_key, s.name, s.against, s.unit, s.value)
        for s in scores_of(image, raw, truth, body_of(case))
        if np.isfinite(s.value)
    ]


def _scored(case: PreparedCase, one: Training, model: object) -> list[Trained]:
    from terasu.enhance.models.apply import improved_values, with_calibration
    from terasu.enhance.models.trained import TrainedModel
    from terasu.enhance.models.validate import body_of

    assert isinstance(model, TrainedModel)
    body = body_of(case)
    made = improved_values(case.array("image"), case.facts.spacing_zyx_mm[1:], body, model.applied)
    return scored(case, with_calibration(made, body, model.calibration), one.arm, one.slices, one.seed)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def main(words: list[str]) -> int:
    """``PLAN OUT ARM SLICES SEED DEVICE``."""
    plan, out, arm, slices, seed, device = words
    try:
        train_and_score(
            read_plan(Path(plan)), Training(arm, int(slices), int(seed)), Path(out), device=device
        )
    except TerasuError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
