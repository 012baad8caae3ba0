"""The columns of a feature table: always the same, in the same order, whatever went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from terasu.errors import InputError
from terasu.patient.store import write_whole

Row = dict[str, Any]
KEYS = ("case", "modality", "sequence", "roi", "asked", "fraction", "day", "perturbation")
COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("case", "modality", "sequence", "roi", "asked"), "string"),
        "fraction": "Int64",
        "day": "Float64",
        "perturbation": "Int64",
        **dict.fromkeys(("status", "reason", "cautions", "notes"), "string"),
        **dict.fromkeys(("profile", "extractor", "subband_axis_order", "settings"), "string"),
        **dict.fromkeys(("image_sha256", "mask_sha256", "series_instance_uid"), "string"),
        **dict.fromkeys(("structure_set_uid", "sop_instance_uids", "unit", "normalisation"), "string"),
        **dict.fromkeys(("grid_shape_zyx", "grid_spacing_zyx_mm", "grid_origin_lps_mm", "bins"), "string"),
        **dict.fromkeys(("voxels_drawn", "voxels_interpolated", "voxels_limited"), "Int64"),
        "perturbation_seed": "Int64",
        **dict.fromkeys(("noise_scale", "noise_added", "rotation_deg", "growth"), "Float64"),
        **dict.fromkeys(("shift_z_voxels", "shift_y_voxels", "shift_x_voxels"), "Float64"),
        "contour_redrawn": "boolean",
        **dict.fromkeys(("voxels_before", "voxels_after"), "Int64"),
    }
)
"""Name → pandas type of everything beside the features."""


def frame_of(rows: Sequence[Row], features: Iterable[str]) -> pd.DataFrame:
    """The table of these rows; features are float64, NaN where a row has none."""
    beside = pd.DataFrame(
        {name: pd.Series([row.get(name) for row in rows], dtype=kind) for name, kind in COLUMNS.items()}
    )
    names = list(features)
    values = np.array([[row.get(name, np.nan) for name in names] for row in rows], np.float64)
    return pd.concat([beside, pd.DataFrame(values.reshape(len(rows), len(names)), columns=names)], axis=1)


def ordered(table: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order of their keys, the same whoever measured which first."""
    return table.sort_values(list(KEYS), kind="stable", na_position="first").reset_index(drop=True)


def features_of(table: pd.DataFrame) -> list[str]:
    """The columns that are features."""
    return [str(name) for name in table.columns if name not in COLUMNS]


def write_table(table: pd.DataFrame, folder: Path, name: str) -> None:
    """``name.parquet`` and ``name.csv``, each whole or not at all; numbers with 17 digits."""
    for ending in (".parquet", ".csv"):
        write_frame(table, folder / f"{name}{ending}")


def write_frame(table: pd.DataFrame, path: Path) -> None:
    """A table under one name: Parquet if it ends so, else CSV.

    Raises:
        InputError: another ending.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise InputError(
            "A table is written as CSV or Parquet.",
            got=path.name,
            expected="a name that ends in .csv or .parquet",
            todo="Correct --out.",
        )

    def write(aside: Path) -> None:
        if path.suffix == ".parquet":
            table.to_parquet(aside, index=False)
        else:
            table.to_csv(aside, index=False, float_format="%.17g")

    write_whole(path, write)


def _read_csv(path: Path) -> pd.DataFrame:
    """pandas' usual parser is off by the last bits."""
    return pd.read_csv(path, float_precision="round_trip")


def read_table(path: Path) -> pd.DataFrame:
    """A feature table from a folder of a run, a Parquet or a CSV file.

    Raises:
        InputError: no such table, or one without the columns of a feature table.
    """
    place = path / "features.parquet" if path.is_dir() else path
    try:
        table = pd.read_parquet(place) if place.suffix == ".parquet" else _read_csv(place)
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise InputError(
            "The feature table cannot be read.",
            got=f"{path.name}: {str(error).splitlines()[0][:120]}",
            expected="a folder that terasu radiomics extract wrote, its features.parquet or features.csv",
            todo="Check the path.",
        ) from error
    lost = [name for name in (*KEYS, "status") if name not in table.columns]
    if lost:
        raise InputError(
            "This is no feature table of terasu radiomics.",
            got=f"{place.name} without the columns {', '.join(lost)}",
            expected="the columns that terasu radiomics extract writes",
            todo="Pass the table as it was written.",
        )
    return table
