"""What a clinic measured of its beam on water, read from CSV.

* depth doses: ``field_mm, ssd_mm, depth_mm, dose_percent`` (any normalisation, one for each field);
* output factors: ``field_mm, factor`` at the reference depth and SSD, 1 at the reference field;
* profile, optional: ``off_axis_mm, ratio`` across the largest field, scaled to the isocentre plane, 1 on
  the axis. It may reach over the field's edge.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from terasu.errors import InputError

Array = NDArray[np.float64]
_POSITIVE = ("field_mm", "ssd_mm", "factor")


@dataclass(frozen=True, eq=False)
class DepthDose:
    """A measured depth dose: depth [mm] → per cent of some value of its own."""

    field_mm: float
    ssd_mm: float
    depth_mm: Array
    dose_percent: Array


@dataclass(frozen=True, eq=False)
class BeamData:
    """What a clinic measured.

    Attributes:
        depth_doses: at least that of the reference field.
        output_field_mm, output_factor: rising sides; total output, 1 at the reference field.
        off_axis_mm, off_axis_ratio: rising from the axis on, empty if no profile was given.
        files: name → SHA-256 of what was read.
    """

    depth_doses: tuple[DepthDose, ...]
    output_field_mm: Array
    output_factor: Array
    off_axis_mm: Array
    off_axis_ratio: Array
    files: dict[str, str]


def read_beam_data(
    depth_doses: Path | str, output_factors: Path | str, profile: Path | str | None = None
) -> BeamData:
    """The clinic's CSV files; the columns are those of this module's docstring.

    Raises:
        InputError: a file or a column is missing, a value is not a number or one that no beam has.
    """
    rows = _read(Path(depth_doses), ("field_mm", "ssd_mm", "depth_mm", "dose_percent"))
    if (rows[rows[:, 2] > 0, 3] <= 0).any():
        _refuse(Path(depth_doses), "a dose of 0 or less below the surface", "every dose_percent above 0")
    curves = tuple(
        _curve(rows[(rows[:, 0] == field) & (rows[:, 1] == ssd)])
        for field, ssd in dict.fromkeys((float(row[0]), float(row[1])) for row in rows)
    )
    outputs = _rising(_read(Path(output_factors), ("field_mm", "factor")))
    across = _from_the_axis(Path(profile)) if profile else np.empty((0, 2))
    paths = [Path(p) for p in (depth_doses, output_factors, profile) if p]
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    return BeamData(curves, outputs[:, 0], outputs[:, 1], across[:, 0], across[:, 1], files)


def _read(path: Path, columns: tuple[str, ...]) -> Array:
    wanted = f"CSV with the columns {', '.join(columns)}, numbers with a decimal point"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(line for line in file if line.strip() and not line.startswith("#")))
        values = np.array([[float(row[name]) for name in columns] for row in rows])
    except OSError as problem:
        _refuse(path, type(problem).__name__, wanted, cause=problem)
    except (ValueError, KeyError, TypeError) as problem:
        _refuse(path, f"{type(problem).__name__} {problem}", wanted, cause=problem)
    if not len(values) or not np.isfinite(values).all():
        _refuse(path, f"{len(values)} rows, not all of them numbers", wanted)
    for name, column in zip(columns, values.T, strict=True):
        if name in _POSITIVE and (column <= 0).any():
            _refuse(path, f"{name} {column.min():g}", f"every {name} above 0")
    return values


def _refuse(path: Path, got: str, expected: str, cause: Exception | None = None) -> NoReturn:
    raise InputError(
        "The beam data cannot be used.",
        got=f"{path.name}: {got}",
        expected=expected,
        todo="Correct the file; its columns and units (mm, per cent) are those of terasu commission --help.",
    ) from cause


def _rising(rows: Array) -> Array:
    return np.asarray(rows[np.unique(rows[:, 0], return_index=True)[1]])


def _from_the_axis(path: Path) -> Array:
    """The half of the profile on the positive side."""
    rows = _rising(_read(path, ("off_axis_mm", "ratio")))
    rows = rows[rows[:, 0] >= 0]
    if not len(rows) or rows[0, 0] > 10 or not 0.9 < rows[0, 1] < 1.1:
        first = f"ratio {rows[0, 1]:g} at {rows[0, 0]:g} mm" if len(rows) else "no place off the axis"
        _refuse(path, f"{first} is the nearest to the axis", "a ratio of about 1 within 10 mm of the axis")
    return np.asarray(rows)


def _curve(rows: Array) -> DepthDose:
    sorted_rows = rows[np.unique(rows[:, 2], return_index=True)[1]]
    return DepthDose(float(rows[0, 0]), float(rows[0, 1]), sorted_rows[:, 2], sorted_rows[:, 3])
