"""A cohort from images to a table: on every core, with progress, and going on where it was stopped."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import joblib
import pandas as pd

from terasu.errors import InputError, OutputError
from terasu.patient.cores import cores
from terasu.patient.store import refuse_unwritable, write_whole
from terasu.radiomics.dictionary import dictionary
from terasu.radiomics.measured import EXTRACTOR
from terasu.radiomics.perturb import Perturbation
from terasu.steps import Listener, Nobody, Steps
from terasu.workflow.radiomics.columns import Row, features_of, frame_of, ordered, write_frame, write_table
from terasu.workflow.radiomics.in_folder import regions_of_folder
from terasu.workflow.radiomics.in_sheet import regions_of_sheet
from terasu.workflow.radiomics.measure import MEASURED, measure_region, row_left_out
from terasu.workflow.radiomics.recipe import Recipe
from terasu.workflow.radiomics.regions import Found, LeftOut, Region
from terasu.workflow.radiomics.stability import write_stability

USUAL_SECONDS = {"look at the input": 2.0, "measure": 60.0, "write the tables": 3.0}
Results = Generator[tuple[str, list[Row]], None, None]
_TOGETHER = 8  # perturbations that one task measures: a task that is lost is little lost
_PARTS = "unfinished"


@dataclass(frozen=True)
class Task:
    """What one worker does at a time: a region with some of its perturbations."""

    region: Region
    recipe: Recipe
    perturbations: tuple[Perturbation, ...]

    def key(self) -> str:
        """The same for the same files, recipe and extractor."""
        files = (*self.region.image.paths, self.region.drawn.path)
        states = [(str(path), *_state(path)) for path in files]
        region = dataclasses.asdict(self.region)
        numbers = [one.number for one in self.perturbations]
        said = json.dumps([EXTRACTOR, region, states, self.recipe.model_dump(), numbers], default=str)
        return hashlib.sha256(said.encode()).hexdigest()[:32]


@dataclass(frozen=True, eq=False)
class Extracted:
    """What a run left behind.

    Attributes:
        folder: with ``features.parquet``, ``features.csv``, ``dictionary.csv``, ``run.json`` and, where
            regions were perturbed, ``stability.csv``.
        table: one row a region and perturbation.
        notes: about the input, one sentence each.
        resumed: tasks that an earlier, stopped run had done.
    """

    folder: Path
    table: pd.DataFrame
    notes: tuple[str, ...]
    resumed: int

    @property
    def measured(self) -> int:
        """Rows with values."""
        return int((self.table["status"] == MEASURED).sum())


def extract(
    source: Path,
    out: Path,
    recipe: Recipe,
    *,
    workers: int | None = None,
    overwrite: bool = False,
    listener: Listener | None = None,
) -> Extracted:
    """Measure every region of a folder or a sheet.

    It goes on after a bad case: its row says why there is no value. A run that was stopped goes on where it
    was when it is started again with the same input, recipe and ``out``. Workers are joblib's: within
    ``joblib.parallel_config(backend="dask")`` the same function runs on a cluster.

    Args:
        source: folder of DICOM patients, or a sheet (CSV).
        out: folder for the tables.
        workers: processes, all cores if None.
        overwrite: replace the tables of an earlier run.
    Raises:
        InputError: nothing to measure in ``source``.
        OutputError: there are tables already, or nothing can be written.
    """
    if not source.exists():
        raise InputError(
            "There is no such folder or sheet.",
            got=str(source),
            expected="a folder of DICOM patients, or a CSV file",
            todo="Check the path.",
        )
    _refuse_taken(out, overwrite)
    steps = Steps(listener or Nobody())
    with steps("look at the input"):
        found = regions_of_folder(source, recipe) if source.is_dir() else regions_of_sheet(source, recipe)
        tasks = _tasks(found, recipe)
    with steps("measure"):
        keys, resumed = _measure_all(tasks, out / _PARTS, workers, steps)
    with steps("write the tables"):
        table = _table(keys, out / _PARTS, found.left_out, recipe.profile_for("HU").names())
        _write(table, out, recipe, found)
    shutil.rmtree(out / _PARTS, ignore_errors=True)
    return Extracted(out, table, found.notes, resumed)


def _refuse_taken(out: Path, overwrite: bool) -> None:
    refuse_unwritable(out)
    if (out / "features.parquet").exists() and not overwrite:
        raise OutputError(
            "There are feature tables already.",
            got=str(out),
            expected="a folder without features.parquet",
            todo="Choose another --out, or say --overwrite.",
        )


def _tasks(found: Found, recipe: Recipe) -> list[Task]:
    drawn = recipe.perturbations.drawn()
    blocks = [drawn[start : start + _TOGETHER] for start in range(0, len(drawn), _TOGETHER)]
    if not found.regions and not found.left_out:
        raise InputError(
            "There is nothing to measure.",
            got=f"modalities {', '.join(recipe.modalities) or 'all'}, ROIs {', '.join(recipe.rois) or 'all'}",
            expected="at least one region of one image",
            todo="Widen --modality or --roi.",
        )
    return [Task(region, recipe, block) for region in found.regions for block in blocks]


def _state(path: Path) -> tuple[int, int]:
    """Size and time of a file; nothing where it has gone, which its row will tell."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


def _measure_all(
    tasks: Sequence[Task], parts: Path, workers: int | None, steps: Steps
) -> tuple[list[str], int]:
    """Leave a part on disk for every task; the keys of all, and how many parts were there already."""
    keys = [task.key() for task in tasks]
    left = [one for one in zip(keys, tasks, strict=True) if _read_part(parts, one[0]) is None]
    done = resumed = len(tasks) - len(left)
    steps.advance(done, len(tasks))
    with closing(_results(left, workers)) as results:
        for key, found in results:
            _write_part(parts, key, found)
            done += 1
            steps.advance(done, len(tasks))
    return keys, resumed


def _table(
    keys: Sequence[str], parts: Path, left_out: Sequence[LeftOut], names: Sequence[str]
) -> pd.DataFrame:
    """All parts, one after the other: as rows of Python numbers a large cohort would not fit into memory."""
    frames = [frame_of(_read_part(parts, key) or [], names) for key in keys]
    frames.append(frame_of([row_left_out(one) for one in left_out], names))
    return ordered(pd.concat([one for one in frames if len(one)], ignore_index=True))


def _results(left: Sequence[tuple[str, Task]], workers: int | None) -> Results:
    if not left:
        return
    n = min(workers or cores(), len(left))
    wanted = {} if workers is None and _is_cluster() else {"n_jobs": n}
    pool = joblib.Parallel(**wanted, return_as="generator_unordered", pre_dispatch="3*n_jobs")
    yield from pool(joblib.delayed(_run)(key, task) for key, task in left)


def _is_cluster() -> bool:
    """True inside of joblib.parallel_config with a backend that knows its own workers."""
    backend, _ = joblib.parallel.get_active_backend()
    return type(backend).__name__ not in ("LokyBackend", "SequentialBackend", "ThreadingBackend")


def _run(key: str, task: Task) -> tuple[str, list[Row]]:
    return key, measure_region(task.region, task.recipe, task.perturbations)


def _read_part(parts: Path, key: str) -> list[Row] | None:
    path = parts / f"{key}.json"
    if not path.exists():
        return None
    try:
        rows: list[Row] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return rows


def _write_part(parts: Path, key: str, rows: list[Row]) -> None:
    """JSON keeps a double to the last bit."""
    text = json.dumps(rows)

    def write(path: Path) -> None:
        path.write_text(text, encoding="utf-8")

    write_whole(parts / f"{key}.json", write)


def _write(table: pd.DataFrame, out: Path, recipe: Recipe, found: Found) -> None:
    write_table(table, out, "features")
    entries = pd.DataFrame([dataclasses.asdict(one) for one in dictionary(recipe.profile_for("HU"))])
    write_frame(entries, out / "dictionary.csv")
    write_stability(table, out)
    summary = {
        "extractor": EXTRACTOR,
        "recipe": recipe.model_dump(mode="json"),
        "rows": dict(Counter(table["status"])),
        "features": len(features_of(table)),
        "notes": list(found.notes),
    }
    text = json.dumps(summary, indent=1, ensure_ascii=False)
    write_whole(out / "run.json", lambda path: _put(path, text))


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
