"""HU → relative electron density, by scanner.

Megavoltage photons interact by Compton scattering, so depth is measured in water by electron
density relative to water; mass density is carried for those who need it.
"""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.errors import DoseError, PolicyError
from terasu.patient.volume import Volume, finite

Array = NDArray[np.float64]
_START_FROM = "Start from the built-in table, dose/density_tables/generic.toml."
_COLUMNS = ("hu", "relative_electron_density", "mass_density_g_cm3")


@dataclass(frozen=True, eq=False)
class DensityTable:
    """Points of a monotone calibration curve, straight lines between them.

    Attributes:
        name: of the table; scanner: for which CT, empty for any.
        source: who measured or calculated it.
        hu: rising [HU].
        relative_electron_density: to water, never falling.
        mass_density_g_cm3: never falling, empty if unknown.
    """

    name: str
    source: str
    hu: Array
    relative_electron_density: Array
    mass_density_g_cm3: Array
    scanner: str = ""

    def __post_init__(self) -> None:
        hu, electrons, mass = self.hu, self.relative_electron_density, self.mass_density_g_cm3
        shape_fits = hu.ndim == 1 and hu.size >= 2 and electrons.shape == hu.shape
        shape_fits = shape_fits and mass.shape in ((0,), hu.shape)
        if not shape_fits or not all(np.isfinite(column).all() for column in (hu, electrons, mass)):
            raise PolicyError(
                f"The density table {self.name!r} is not complete.",
                got=f"{hu.size} HU, {electrons.size} electron densities, {mass.size} mass densities",
                expected="at least two points, every column equally long, finite numbers",
                todo=_START_FROM,
            )
        if (np.diff(hu) <= 0).any() or not (_never_falls(electrons) and _never_falls(mass)):
            raise PolicyError(
                f"The density table {self.name!r} does not rise.",
                got=f"HU {hu.tolist()}, electron density {electrons.tolist()}, mass density {mass.tolist()}",
                expected="HU rising strictly, densities never falling and never negative",
                todo=_START_FROM,
            )


def _never_falls(density: Array) -> bool:
    return bool((np.diff(density) >= 0).all() and (density[:1] >= 0).all())


def to_electron_density(hu: NDArray[Any], table: DensityTable) -> NDArray[np.float32]:
    """Electron density relative to water; HU beyond the table keep its first and last value."""
    return np.asarray(np.interp(hu, table.hu, table.relative_electron_density), np.float32)


def to_mass_density(hu: NDArray[Any], table: DensityTable) -> NDArray[np.float32]:
    """Mass density [g/cm³]; HU beyond the table keep its first and last value."""
    if not len(table.mass_density_g_cm3):
        raise DoseError(
            f"The density table {table.name!r} has no mass densities.",
            got="HU and electron densities only",
            expected="a column mass_density_g_cm3",
            todo="Add the column, or use the electron density.",
        )
    return np.asarray(np.interp(hu, table.hu, table.mass_density_g_cm3), np.float32)


def require_hu(image_hu: Volume) -> None:
    """Refuse an image that is not finite HU.

    Raises:
        DoseError: another unit, NaN or infinite values, or values that no CT number can have.
    """
    if image_hu.unit != "HU":
        raise DoseError(
            "The image is not in HU, so it has no density.",
            got=f"unit {image_hu.unit!r}",
            expected="HU",
            todo="Calibrate it (terasu.enhance), or read it with its rescale slope and intercept.",
        )
    if not finite(image_hu):
        bad = int(np.count_nonzero(~np.isfinite(image_hu.values)))
        raise DoseError(
            "The image holds values that are no numbers.",
            got=f"{bad} voxels NaN or infinite",
            expected="finite HU everywhere",
            todo="Fill them, and say so, before dose is calculated.",
        )
    low, high = float(image_hu.values.min()), float(image_hu.values.max())
    if high < -900 or (low >= 0 and high > 1500 and float(np.median(image_hu.values)) > 900):
        raise DoseError(
            "The image looks like something other than HU.",
            got=f"values from {low:.0f} to {high:.0f}",
            expected="air near −1000, water near 0",
            todo="Check rescale slope and intercept (grey values + 1024 are a common mistake).",
        )


@lru_cache
def default_density_table() -> DensityTable:
    """The table for a 120 kV CT without a calibration of its own."""
    text = files("terasu.dose").joinpath("density_tables/generic.toml").read_text(encoding="utf-8")
    return _table_of(tomllib.loads(text), "generic")


def read_density_table(path: Path | str) -> DensityTable:
    """A table from TOML (as the built-in one) or CSV (columns hu, relative_electron_density, …).

    Raises:
        PolicyError: the file is not readable or not a rising table.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        fields = tomllib.loads(text) if path.suffix.lower() == ".toml" else _fields_of_csv(text)
        return _table_of(fields, path.stem)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise PolicyError(
            "The density table cannot be read.",
            got=f"{path.name}: {type(problem).__name__} {problem}",
            expected=f"TOML or CSV with the columns {', '.join(_COLUMNS)}",
            todo=_START_FROM,
        ) from problem


def _fields_of_csv(text: str) -> dict[str, Any]:
    rows = list(csv.DictReader(line for line in text.splitlines() if line and not line.startswith("#")))
    return {name: [float(row[name]) for row in rows] for name in _COLUMNS if rows and name in rows[0]}


def _table_of(fields: dict[str, Any], name: str) -> DensityTable:
    return DensityTable(
        name=str(fields.get("name", name)),
        source=str(fields.get("source", "")),
        scanner=str(fields.get("scanner", "")),
        hu=np.asarray(fields["hu"], float),
        relative_electron_density=np.asarray(fields["relative_electron_density"], float),
        mass_density_g_cm3=np.asarray(fields.get("mass_density_g_cm3", []), float),
    )
