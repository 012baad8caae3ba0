"""What a table tells about its features: stable when perturbed, changing over fractions, agreeing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.radiomics.concordance_correlation import concordance_correlation
from terasu.radiomics.fractions import fraction_changes
from terasu.radiomics.reliability import intraclass_correlation, stable
from terasu.workflow.radiomics.columns import features_of, write_frame
from terasu.workflow.radiomics.measure import MEASURED

GROUP = ["modality", "sequence", "asked"]


def stability_of(table: pd.DataFrame, *, least: float | str = "good") -> pd.DataFrame:
    """ICC(3,1) of every feature over the perturbations, by kind of image and region, and which are stable.

    Subjects are cases and fractions, raters are the perturbations, the image as it is among them.

    Args:
        table: of a run with perturbations.
        least: lower end of the interval from which a feature counts as stable, see ``reliability.stable``.
    Raises:
        InputError: the table has no perturbations.
    """
    names = features_of(table)
    measured = _measured(table)
    parts = []
    for group, rows in measured.groupby(GROUP, sort=True, dropna=False):
        numbers = sorted(int(one) for one in rows["perturbation"].unique())
        if len(numbers) < 2:
            continue
        found = intraclass_correlation(_cube(rows, names, numbers), names)
        found["stable"] = stable(found, least).to_numpy()
        for place, (key, value) in enumerate(zip(GROUP, group, strict=True)):
            found.insert(place, key, str(value))
        parts.append(found)
    if not parts:
        raise InputError(
            "This table has no perturbed regions.",
            got=f"{len(measured)} measured rows, each region once",
            expected="a run with --perturb N, or perturbations.number in its recipe",
            todo="Run terasu radiomics extract with --perturb 30.",
        )
    return pd.concat(parts, ignore_index=True)


def write_stability(table: pd.DataFrame, out: Path) -> None:
    """``stability.csv`` where the regions of the table were perturbed."""
    if (table["perturbation"].fillna(0) > 0).any() and (table["status"] == MEASURED).any():
        found = stability_of(table)
        write_frame(found, out / "stability.csv")


def changes_of(table: pd.DataFrame, *, early: int = 3) -> pd.DataFrame:
    """The change of every feature over the fractions, one row a case, kind of image and region.

    Raises:
        InputError: no region has two fractions.
    """
    names = features_of(table)
    whole = _unperturbed(table)
    parts = []
    for kind, rows in whole.groupby(["modality", "sequence"], sort=True, dropna=False):
        region = _region_column(rows)
        several = rows.groupby(["case", region])["fraction"].transform("nunique") > 1
        rows = rows[several]
        if not len(rows):
            continue
        renamed = rows[["case", region, "fraction", "day", *names]].rename(columns={region: "roi"})
        renamed = renamed if renamed["day"].notna().all() else renamed.drop(columns="day")
        found = fraction_changes(renamed, names, early=early)
        for place, (name, value) in enumerate(zip(("modality", "sequence"), kind, strict=True), start=1):
            found.insert(place, name, str(value))
        parts.append(found)
    if not parts:
        raise InputError(
            "No region was measured in two fractions.",
            got=f"{len(whole)} measured regions",
            expected="several images of the same case and modality, with the same ROI on each",
            todo="Put the daily images and their structure sets into the case's folder, or say --same-frame, "
            "or number them in the sheet's column fraction.",
        )
    return pd.concat(parts, ignore_index=True)


def agreement_of(reference: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    """CCC of every feature between two tables of the same cases, by region.

    Regions are matched by what was asked for, so that their names may differ between the tables; where a
    pattern found several in one image, by name.

    Args:
        reference: say, of the planning CT; judged: say, of the improved CBCT.
    Raises:
        InputError: no common case and region, or one that comes twice in a table.
    """
    names = [name for name in features_of(reference) if name in judged.columns]
    tables = [_unperturbed(one) for one in (reference, judged)]
    by = "asked" if all(_region_column(one) == "asked" for one in tables) else "roi"
    first, second = (
        _by_subject(tables[0], names, by, "reference"),
        _by_subject(tables[1], names, by, "judged"),
    )
    common = first.index.intersection(second.index)
    if not len(common) or not names:
        raise InputError(
            "The two tables have nothing in common.",
            got=f"{_some(first)} against {_some(second)}; {len(names)} common features",
            expected="the same cases and ROIs, read with the same profile",
            todo="Measure both with the same recipe, and give cases the same folder names.",
        )
    parts = []
    for region in sorted(set(common.get_level_values(by))):
        one, other = (each[each.index.get_level_values(by) == region] for each in (first, second))
        found = concordance_correlation(_flat(one), _flat(other))
        found.insert(0, "roi", region)
        parts.append(found)
    return pd.concat(parts, ignore_index=True)


def _measured(table: pd.DataFrame) -> pd.DataFrame:
    """Rows with values; what is not said is empty, as it was before it went through a file.

    The name of a sequence stays only where a case has several of them: else it tells one hospital's words
    from another's, and not T1w from T2w.
    """
    rows = table[table["status"] == MEASURED].fillna(dict.fromkeys(GROUP, ""))
    several = rows.groupby(["modality", "case"])["sequence"].nunique().groupby("modality").max() > 1
    return rows.assign(sequence=rows["sequence"].where(rows["modality"].map(several).astype(bool), ""))


def _unperturbed(table: pd.DataFrame) -> pd.DataFrame:
    rows = _measured(table)
    return rows[rows["perturbation"].fillna(0) == 0]


def _region_column(rows: pd.DataFrame) -> str:
    """``asked`` where that tells regions apart, else ``roi``."""
    keys = ["case", "modality", "sequence", "fraction", "asked"]
    return "roi" if rows.duplicated(keys).any() else "asked"


def _by_subject(rows: pd.DataFrame, names: list[str], by: str, which: str) -> pd.DataFrame:
    found = rows.set_index(["case", "fraction", "sequence", by])[names]
    twice = found.index[found.index.duplicated()]
    if len(twice):
        case, fraction, _, region = twice[0]
        raise InputError(
            f"A region comes twice in the {which} table.",
            got=f"case {case}, fraction {fraction}, {region}: {rows['modality'].nunique()} modalities",
            expected="one row a case, fraction and region",
            todo="Choose one modality in each table: --reference-modality CT, --judged-modality CBCT.",
        )
    return found


def _flat(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_axis(
        [f"{case} {fraction} {sequence}" for case, fraction, sequence, _ in table.index], axis=0
    )


def _some(table: pd.DataFrame) -> str:
    return ", ".join(str(one) for one in list(table.index)[:3]) or "nothing"


def _cube(rows: pd.DataFrame, names: list[str], numbers: Sequence[int]) -> NDArray[np.float64]:
    """(subjects, raters, features), NaN where a perturbation failed."""
    subjects = rows[["case", "fraction", "roi"]].astype(str).agg("|".join, axis=1)
    places = {one: place for place, one in enumerate(dict.fromkeys(subjects))}
    cube = np.full((len(places), len(numbers), len(names)), np.nan)
    at = rows["perturbation"].map({one: place for place, one in enumerate(numbers)}).to_numpy(int)
    cube[subjects.map(places).to_numpy(int), at] = rows[names].to_numpy(np.float64)
    return cube
