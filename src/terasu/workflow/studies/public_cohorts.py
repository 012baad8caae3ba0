"""Tables of the templates from public cohorts: columns are chosen, none is renamed, no value is changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from terasu.errors import InputError

LUNG = "radar_lung1_ct_797.csv.gz"
GLIOMA = "tcga_glioma_grade_captk_724.csv.gz"
_ID = "patient_id"
_LUNG_CLINICAL = (
    "time_days",
    "event",
    "age",
    "gender",
    "clinical.T.Stage",
    "Clinical.N.Stage",
    "Clinical.M.Stage",
    "Overall.Stage",
    "Histology",
)
_GLIOMA_VOLUMES = ("VOLUME_WT", "VOLUME_TC", "VOLUME_NET", "VOLUME_ED")
_TWO_SEQUENCES = re.compile(r"_T1Gd|_T2")


def write_lung_tables(source: Path, folder: Path) -> None:
    """features.csv: the 797; clinical.csv: outcome and what was known at the start.

    ``Survival.time`` and ``deadstatus.event`` are the outcome a second time, so they are not taken along.
    """
    table = _read(source)
    features = [name for name in table.columns if name.startswith("rad_")]
    _write(table, features, folder / "features.csv", source)
    _write(table, _LUNG_CLINICAL, folder / "clinical.csv", source)


def write_glioma_tables(source: Path, folder: Path) -> None:
    """features.csv: the columns of two sequences; volumes.csv; clinical.csv: grade and enhancing volume.

    ``cohort`` stays outside: one data set has grade 3 only and the other grade 4 only.
    """
    table = _read(source)
    features = [name for name in table.columns if _TWO_SEQUENCES.search(name)]
    _write(table, features, folder / "features.csv", source)
    _write(table, _GLIOMA_VOLUMES, folder / "volumes.csv", source)
    _write(table, ("grade", "VOLUME_ET"), folder / "clinical.csv", source)


def _read(source: Path) -> pd.DataFrame:
    """Every cell as the text that it is."""
    try:
        return pd.read_csv(source, dtype=str, keep_default_na=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            "The cohort cannot be read.",
            got=f"{source.name}: {str(error).splitlines()[0][:120]}",
            expected="the table as it was published, CSV or gzip of it",
            todo="Copy it again.",
        ) from error


def _write(table: pd.DataFrame, columns: Sequence[str], path: Path, source: Path) -> None:
    lost = [name for name in (_ID, *columns) if name not in table.columns]
    if lost or not columns:
        raise InputError(
            "The cohort is not what was published.",
            got=f"{source.name} without {', '.join(lost[:5]) or 'features'}",
            expected=f"{_ID} and {len(columns)} other columns for {path.name}",
            todo="Copy it again.",
        )
    table[[_ID, *columns]].to_csv(path, index=False)
