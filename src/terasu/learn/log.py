"""Losses by step as CSV that survives a crash, and previews as arrays that a report can draw."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.patient.store import write_whole

LOSSES = "losses.csv"
PREVIEWS = "previews"


class LossLog:
    """Rows ``step, term, term, …``; a run that goes on drops what was written after its checkpoint.

    Args:
        folder: of the run.
        from_step: rows of this step and later are dropped.
    """

    def __init__(self, folder: Path, *, from_step: int) -> None:
        self.path = folder / LOSSES
        rows = [row for row in read_losses(folder) if row["step"] < from_step]
        self._names = list(rows[0]) if rows else []
        text = _csv(self._names, rows) if rows else ""
        write_whole(self.path, lambda path: _write_text(path, text))

    def add(self, step: int, terms: Mapping[str, float]) -> None:
        """Append one row; the first one says which columns there are."""
        row = {"step": float(step), **terms}
        with self.path.open("a", encoding="utf-8", newline="") as file:
            if not self._names:
                self._names = list(row)
                file.write(",".join(self._names) + "\n")
            csv.writer(file, lineterminator="\n").writerow([_cell(row[name]) for name in self._names])


def read_losses(folder: Path) -> list[dict[str, float]]:
    """All whole rows; one that a crash cut off is left out."""
    path = folder / LOSSES
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(io.StringIO(whole))]


def write_preview(folder: Path, step: int, panels: Mapping[str, NDArray[Any]]) -> Path:
    """Panels (n, y, x) in HU as one npz, named by the step."""
    path = folder / PREVIEWS / f"step-{step:07d}.npz"
    write_whole(path, lambda aside: _write_arrays(aside, panels))
    return path


def _csv(names: list[str], rows: list[dict[str, float]]) -> str:
    lines = [",".join(names), *(",".join(_cell(row[name]) for name in names) for row in rows)]
    return "\n".join(lines) + "\n"


def _cell(value: float) -> str:
    return f"{value:.9g}"


def _write_arrays(path: Path, panels: Mapping[str, NDArray[Any]]) -> None:
    arrays: dict[str, Any] = dict(panels)
    np.savez_compressed(path, **arrays)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
