"""A data-size study from its file to its figure."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from terasu.enhance.data_size import Point, Trained, points, sentences
from terasu.errors import TrainingError
from terasu.learn.jobs import Job, Row, enqueue, run_queue, table
from terasu.learn.prepared import data_hash
from terasu.learn.run_folder import claim
from terasu.patient.cores import cores
from terasu.patient.store import write_whole
from terasu.report.data_size import data_size_svg
from terasu.steps import Listener, Nobody, Steps
from terasu.workflow.data_size.one import SCORES, scored
from terasu.workflow.data_size.plan import DataSizePlan, read_plan

QUEUE, RUNS, RESULTS = "queue", "trainings", "results.csv"
FIGURES = {
    "dig": ("dig", "reference", "DIG against the truth [HU/px]"),
    "dig-input": ("dig", "input", "DIG against the input [HU/px]"),
    "mae": ("mae", "reference", "MAE in the body [HU]"),
}
RAW = "raw"
_THREADS = "OMP_NUM_THREADS"


@dataclass(frozen=True, eq=False)
class DataSizeResult:
    """What came of it.

    Attributes:
        curves: figure → points; beside: figure → what the image that came in reaches.
        told: figure → one sentence a model.
        rows: the table of what ran where.
        folder: where ``results.csv`` and the figures lie.
    """

    curves: dict[str, tuple[Point, ...]]
    beside: dict[str, float]
    told: dict[str, tuple[str, ...]]
    rows: tuple[Row, ...]
    folder: Path


def run_data_size(
    path: Path, out: Path, *, devices: Sequence[str] = (), places: int = 1, listener: Listener | None = None
) -> DataSizeResult:
    """Train everything, as many at once as there are devices, and draw the figure.

    What was stopped goes on: trainings that are done stay, others go on from their checkpoints.

    Args:
        path: the study (TOML).
        out: folder of queue, trainings, results and figures.
        devices: GPUs by number; on the CPU if there are none.
        places: trainings side by side on the CPU.
    Raises:
        InputError: a study that means nothing, or a folder of another study.
        TrainingError: a training failed as often as it may.
        OutputError: the disk refuses.
    """
    plan = read_plan(path)
    claim(out, _identity(plan))
    steps = Steps(listener or Nobody())
    device = "cuda" if devices else "cpu"
    enqueue(out / QUEUE, _jobs(plan, out, device))
    with steps("trainings"):
        seats = list(devices) or [f"cpu{number}" for number in range(places)]
        with _threads(max(1, cores() // len(seats)) if not devices else None):
            rows = run_queue(out / QUEUE, seats, fake=not devices, listener=steps.listener)
    _refuse_failed(rows, out)
    with steps("figure"):
        return gather(plan, out)


def gather(plan: DataSizePlan, out: Path) -> DataSizeResult:
    """Read what the trainings reached, and write table and figures.

    Raises:
        EnhanceError: no training is done yet.
    """
    trained = [
        Trained(**row)
        for one in plan.trainings
        if (out / RUNS / one.name / SCORES).exists()
        for row in json.loads((out / RUNS / one.name / SCORES).read_text(encoding="utf-8"))
    ]
    raw = [row for case in plan.tests for row in scored(case, np.asarray(case.array("image")), RAW, 0, 0)]
    curves = {key: points(trained, name, against) for key, (name, against, _) in FIGURES.items()}
    beside = {
        key: points(raw, name, against)[0].value
        for key, (name, against, _) in FIGURES.items()
        if against == "reference"
    }
    frame = pd.DataFrame([vars(row) for row in (*raw, *trained)])
    write_whole(out / RESULTS, lambda aside: frame.to_csv(aside, index=False))
    for key, curve in curves.items():
        svg = data_size_svg(curve, FIGURES[key][2], beside.get(key))
        write_whole(out / f"{key}.svg", partial(_write, data=svg))
    told = {key: sentences(curve, FIGURES[key][2]) for key, curve in curves.items()}
    return DataSizeResult(curves, beside, told, table(out / QUEUE), out)


def _jobs(plan: DataSizePlan, out: Path, device: str) -> list[Job]:
    """Numbered, so that the smallest begin."""
    program = (sys.executable, "-m", "terasu.workflow.data_size.one")
    return [
        Job(
            f"{number:04d}-{one.name}",
            (
                *program,
                str(plan.path.resolve()),
                str((out / RUNS).resolve()),
                one.arm,
                str(one.slices),
                str(one.seed),
                device,
            ),
        )
        for number, one in enumerate(plan.trainings)
    ]


def _identity(plan: DataSizePlan) -> dict[str, Any]:
    return {
        "study": plan.says.model_dump(mode="json"),
        "data": {"sources": data_hash((*plan.sources, *plan.tests)), "targets": data_hash(plan.targets)},
    }


@contextmanager
def _threads(each: int | None) -> Iterator[None]:
    """What trainings that are started meanwhile find as OMP_NUM_THREADS, so that they share the cores."""
    before = os.environ.get(_THREADS)
    if each is not None and before is None:
        os.environ[_THREADS] = str(each)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_THREADS, None)


def _refuse_failed(rows: Sequence[Row], out: Path) -> None:
    failed = [row.name for row in rows if row.state == "failed"]
    if failed:
        raise TrainingError(
            f"{len(failed)} of {len(rows)} trainings failed.",
            got=", ".join(failed[:5]),
            expected="trainings that end",
            todo=f"Read {out.name}/{QUEUE}/{failed[0]}/output.txt; the others are kept.",
        )


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
