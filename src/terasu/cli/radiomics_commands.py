"""`terasu radiomics`: features of cohorts, and what may be trusted of them."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from terasu.workflow.radiomics.recipe import Recipe
    from terasu.workflow.radiomics.run import Extracted

radiomics = App(name="radiomics", help="Features of regions: extract, compare, follow over fractions, map.")

_JSON = Annotated[bool, Parameter(name="--json", negative="")]
_OVERWRITE = Annotated[bool, Parameter(name="--overwrite", negative="")]
_SHOWN = 5


@Parameter(name="*")
@dataclass(frozen=True)
class Asked:
    """What is to be measured, and how; each of these replaces what the recipe says.

    Parameters
    ----------
    recipe: Path
        A recipe (TOML); `terasu radiomics recipe` prints one to start from.
    profile: str
        `pyradiomics` (851 features under PyRadiomics' names) or `ibsi`.
    roi: tuple[str, ...]
        ROI name or pattern (`GTV*`), may be repeated; every ROI if left out.
    modality: tuple[str, ...]
        CT, CBCT, MR or PT, may be repeated; all if left out.
    perturb: int
        Measure each region this many times more, imaged and drawn again, and say which features are stable.
    same_frame: bool
        Measure a contour on every image of its frame of reference, such as the CBCTs of a treatment.
    """

    recipe: Path | None = None
    profile: Literal["pyradiomics", "ibsi"] | None = None
    roi: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    modality: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    perturb: int | None = None
    same_frame: Annotated[bool, Parameter(negative="")] = False

    def as_recipe(self) -> Recipe:
        """The recipe of the file with these choices in it."""
        from terasu.workflow.radiomics.recipe import Recipe, read_recipe, recipe_of

        entries = (Recipe() if self.recipe is None else read_recipe(self.recipe)).model_dump()
        said: dict[str, Any] = {"profile": self.profile, "rois": self.roi, "same_frame": self.same_frame}
        said["modalities"] = tuple(one.upper() for one in self.modality)
        entries |= {name: value for name, value in said.items() if value}
        if self.perturb is not None:
            entries["perturbations"] |= {"number": self.perturb}
        return recipe_of(entries)


@radiomics.command
def extract(
    source: Path,
    *,
    out: Path,
    asked: Asked | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    overwrite: _OVERWRITE = False,
    as_json: _JSON = False,
) -> int:
    """Features of a cohort: a folder of DICOM patients or a sheet in, tables (Parquet and CSV) out.

    A case that cannot be measured has a row with the reason. A run that was stopped goes on where it was.

    Parameters
    ----------
    source
        Folder with one subfolder a patient (images and RTSTRUCT), or a CSV file with the columns case, image,
        mask and, where needed, roi, label, modality, sequence, fraction, day.
    out
        Folder for features.csv and .parquet, dictionary.csv, run.json and, with --perturb, stability.csv.
    workers
        Processes; all cores if left out.
    cluster
        Address of a Dask scheduler whose workers measure instead (tcp://host:8786); they see the same files.
    overwrite
        Replace the tables that are there.
    as_json
        Print the summary as JSON and nothing else.
    """
    from terasu.cli.entry import ERROR, OK
    from terasu.cli.progress import Bar
    from terasu.workflow.radiomics.run import USUAL_SECONDS
    from terasu.workflow.radiomics.run import extract as extract_all

    recipe = (asked or Asked()).as_recipe()
    with Bar(USUAL_SECONDS, quiet=as_json) as bar, _workers_of(cluster):
        done = extract_all(source, out, recipe, workers=workers, overwrite=overwrite, listener=bar)
    print(json.dumps(_summary(done), indent=1, ensure_ascii=False) if as_json else _told(done))
    return OK if done.measured else ERROR


@radiomics.command
def change(features: Path, *, out: Path, early: int = 3) -> int:
    """Change of every feature over the fractions: absolute, relative, slopes, early to middle.

    Parameters
    ----------
    features
        Folder or table of `terasu radiomics extract`, with several images of the same region.
    out
        Table to write (.csv or .parquet), which the prognosis part reads.
    early
        How many fractions make the early mean, and the middle one.
    """
    from terasu.workflow.radiomics.columns import read_table, write_frame
    from terasu.workflow.radiomics.stability import changes_of

    found = changes_of(read_table(features), early=early)
    write_frame(found, out)
    print(f"{len(found)} regions followed over their fractions; written to {out}")
    return 0


@radiomics.command
def stable(features: Path, *, out: Path, least: str = "good") -> int:
    """Which features stay the same under perturbation: ICC(3,1) with its interval, and a mask.

    Parameters
    ----------
    features
        Folder or table of `terasu radiomics extract --perturb N`.
    out
        Table to write (.csv or .parquet).
    least
        Lower end of the interval that a stable feature reaches: moderate, good, excellent, or a number.
    """
    from terasu.workflow.radiomics.columns import read_table, write_frame
    from terasu.workflow.radiomics.stability import stability_of

    try:
        limit: float | str = float(least)
    except ValueError:
        limit = least
    found = stability_of(read_table(features), least=limit)
    write_frame(found, out)
    for kind, rows in found.groupby(["modality", "sequence", "asked"]):
        what = " ".join(str(one) for one in kind if one)
        print(f"{what}: {int(rows['stable'].sum())} of {len(rows)} features are stable")
    print(f"written to {out}")
    return 0


@radiomics.command
def agree(
    reference: Path,
    judged: Path,
    *,
    out: Path,
    reference_modality: str | None = None,
    judged_modality: str | None = None,
) -> int:
    """Which features survive a generated image: concordance (CCC) of every feature between two tables.

    Parameters
    ----------
    reference
        Folder or table of the real image, say the planning CT.
    judged
        Folder or table of the other image, say the improved CBCT.
    out
        Table to write (.csv or .parquet).
    reference_modality
        Rows of the reference to take, where the table has several.
    judged_modality
        Rows of the judged table to take.
    """
    from terasu.workflow.radiomics.columns import read_table, write_frame
    from terasu.workflow.radiomics.stability import agreement_of

    tables = [read_table(reference), read_table(judged)]
    for place, modality in enumerate((reference_modality, judged_modality)):
        if modality is not None:
            tables[place] = tables[place][tables[place]["modality"] == modality.upper()]
    found = agreement_of(*tables)
    write_frame(found, out)
    told = found["ccc"].dropna()
    print(f"{int((told >= 0.9).sum())} of {len(told)} features agree with CCC 0.90 or more; written to {out}")
    return 0


@radiomics.command(name="map")
def feature_map(
    image: Path,
    mask: Path,
    *,
    feature: str,
    out: Path,
    roi: str | None = None,
    label: int | None = None,
    radius: int = 1,
    bin_width: float = 25.0,
) -> int:
    """A map of one feature on the image's grid: its value in a cube around every voxel of the region.

    Parameters
    ----------
    image
        Volume file (NIfTI, NRRD, MetaImage) or a folder with one DICOM series.
    mask
        Mask file on the same grid, or an RTSTRUCT.
    feature
        PyRadiomics' name, such as original_glcm_JointEntropy or wavelet-LHH_glcm_Contrast.
    out
        Volume file to write: .nii.gz, .nrrd or .mha.
    roi
        Name of the ROI in the RTSTRUCT.
    label
        Value that counts in the mask file; everything but 0 if left out.
    radius
        Of the cube [voxels].
    bin_width
        Of the grey levels.
    """
    from terasu.radiomics.pyradiomics import PyRadiomics
    from terasu.workflow.radiomics.maps import write_map

    profile = PyRadiomics(bin_width=bin_width)
    made = write_map(image, mask, feature, out, profile, roi=roi, label=label, radius=radius)
    print(f"{feature} of {made} voxels; written to {out}")
    return 0


@radiomics.command
def names(
    *,
    profile: Literal["pyradiomics", "ibsi"] = "pyradiomics",
    recipe: Path | None = None,
    as_json: _JSON = False,
) -> int:
    """Every feature of a profile with its IBSI code, its PyRadiomics name and what to know about it.

    Parameters
    ----------
    profile
        `pyradiomics` or `ibsi`.
    recipe
        A recipe, whose profile and settings then count.
    as_json
        Print JSON and nothing else.
    """
    from dataclasses import asdict

    from terasu.radiomics.dictionary import dictionary
    from terasu.workflow.radiomics.recipe import Recipe, read_recipe

    chosen = Recipe(profile=profile) if recipe is None else read_recipe(recipe)
    entries = dictionary(chosen.profile_for("HU"))
    if as_json:
        print(json.dumps([asdict(one) for one in entries], indent=1))
        return 0
    for one in entries:
        print(f"{one.column:<64}{one.ibsi_code:<6}{one.ibsi:<26}{one.note}".rstrip())
    return 0


@radiomics.command
def recipe() -> int:
    """Print the built-in recipe, to be copied and edited."""
    from importlib.resources import files

    print(files("terasu.workflow.radiomics").joinpath("recipe.toml").read_text(encoding="utf-8"), end="")
    return 0


def _workers_of(cluster: str | None) -> AbstractContextManager[Any]:
    if cluster is None:
        return nullcontext()
    from terasu.workflow.radiomics.cluster import on_cluster

    return on_cluster(cluster)


def _summary(done: Extracted) -> dict[str, Any]:
    table = done.table
    measured, failed = table[table["status"] == "measured"], table[table["status"] != "measured"]
    return {
        "out": str(done.folder),
        "measured": done.measured,
        "regions": int(measured.groupby(["case", "modality", "sequence", "roi", "fraction"]).ngroups),
        "not_measured": failed[["case", "modality", "roi", "reason"]].fillna("").to_dict("records"),
        "with_cautions": int((table["cautions"].fillna("") != "").sum()),
        "resumed_tasks": done.resumed,
        "notes": list(done.notes),
    }


def _told(done: Extracted) -> str:
    said = _summary(done)
    lines = [
        f"{said['measured']} rows of {said['regions']} regions measured",
        f"{said['with_cautions']} of them with cautions",
    ]
    if done.resumed:
        lines.append(f"{done.resumed} tasks were there already from a run that was stopped")
    lost = said["not_measured"]
    if lost:
        lines.append(f"{len(lost)} not measured:")
        lines += [f"  {one['case']} {one['modality']} {one['roi']}: {one['reason']}" for one in lost[:_SHOWN]]
        if len(lost) > _SHOWN:
            lines.append(f"  … and {len(lost) - _SHOWN} more, see the column reason")
    lines += [f"note: {one}" for one in done.notes]
    lines.append(f"Tables: {done.folder / 'features.csv'} (and .parquet)")
    return "\n".join(lines)
