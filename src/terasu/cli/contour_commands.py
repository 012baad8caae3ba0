"""`terasu contours`: two drawings compared, one checked, a correction followed."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from terasu.workflow.contours.changes import Change
    from terasu.workflow.contours.checking import Checked
    from terasu.workflow.contours.comparing import Compared

contours = App(name="contours", help="Contours: compare two drawings, check one, see what was corrected.")

_JSON = Annotated[bool, Parameter(name="--json", negative="")]
_NAMES = Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=False)]


@contours.command
def compare(
    reference: Path,
    test: Path,
    *,
    image: Path | None = None,
    engine: Literal["mesh", "grid"] = "mesh",
    tolerance: float | None = None,
    reference_roi: _NAMES = (),
    test_roi: _NAMES = (),
    out: Path | None = None,
    as_json: _JSON = False,
) -> int:
    """Compare two drawings organ by organ: Dice, distances, surface Dice, added path, apex and base.

    Parameters
    ----------
    reference
        RTSTRUCT, folder with one, or a mask (NIfTI, NRRD, MetaImage).
    test
        The same, of the drawing that is judged.
    image
        Image that both were drawn on (folder or file); without it a grid of 1 mm on the contours' own slices.
    engine
        `mesh`: distances between smooth surfaces; `grid`: the values of surface-distance.
    tolerance
        Of the surface Dice [mm]; the published one of each organ if left out.
    reference_roi
        ROI name or pattern (`*_DL`) of the reference, may be repeated.
    test_roi
        ROI name or pattern of the test, may be repeated.
    out
        Table to write (.csv).
    as_json
        Print JSON and nothing else.
    """
    from terasu.workflow.contours.comparing import Asked, as_rows, compare_drawings

    asked = Asked(image, engine, tolerance, reference_roi, test_roi)
    found = compare_drawings(reference, test, asked)
    rows = as_rows(found)
    if out is not None:
        _write_csv(out, rows)
    if as_json:
        missing = {"only_reference": found.only_reference, "only_test": found.only_test}
        _print_json({"organs": rows, **missing})
    else:
        _show_compared(found)
    return 0


@contours.command
def check(
    image: Path,
    structures: Path,
    *,
    roi: _NAMES = (),
    planning: Path | None = None,
    ensemble: Annotated[tuple[Path, ...], Parameter(negative="", consume_multiple=False)] = (),
    policy: Path | None = None,
    as_json: _JSON = False,
) -> int:
    """Check the contours of any system on their CT, without a reference: PASS, REVIEW or BLOCK by organ.

    Parameters
    ----------
    image
        The CT: a folder with one series, or a volume file.
    structures
        RTSTRUCT, folder with one, or a mask file. Several drawings in it are told apart by their names.
    roi
        ROI name or pattern (`*_DL`), may be repeated; every ROI if left out.
    planning
        RTSTRUCT of the planning contours, registered to this image.
    ensemble
        RTSTRUCT of one member of an ensemble, may be repeated.
    policy
        Limits to judge by (TOML); `terasu policy` prints the built-in ones.
    as_json
        Print JSON and nothing else.
    """
    from terasu.cli.entry import BLOCKED, OK
    from terasu.workflow.contours.checking import as_dict, check_contours

    found = check_contours(image, structures, rois=roi, planning=planning, ensemble=ensemble, policy=policy)
    if as_json:
        _print_json(as_dict(found))
    else:
        _show_checked(found)
    return BLOCKED if found.level.name == "BLOCK" else OK


@contours.command
def changed(
    before: Path,
    after: Path,
    *,
    image: Path | None = None,
    out: Path | None = None,
    as_json: _JSON = False,
) -> int:
    """Say what a correction changed: added path length by organ and by slice.

    Parameters
    ----------
    before
        RTSTRUCT or mask as it was.
    after
        The corrected one.
    image
        Image that both were drawn on; without it a grid of 1 mm on the contours' own slices.
    out
        Table of the changed slices to write (.csv).
    as_json
        Print JSON and nothing else.
    """
    from terasu.workflow.contours.changes import as_dict, as_rows, changes

    found = changes(before, after, image=image)
    if out is not None:
        _write_csv(out, as_rows(found))
    if as_json:
        _print_json(as_dict(found))
    else:
        _show_changes(found)
    return 0


def _show_compared(found: Compared) -> None:
    print(
        f"{'organ':<20}{'Dice':>7}{'sDice':>8}{'at mm':>7}{'HD95':>8}{'mean':>7}{'added/3 mm':>12}"
        f"{'feet':>7}{'head':>7}{'volume':>8}"
    )
    for one in found.organs:
        print(
            f"{one.organ:<20}{one.dice:>7.3f}{one.surface_dice:>8.3f}{one.tolerance_mm:>7.2f}"
            f"{one.hausdorff_95_mm:>8.1f}{one.mean_distance_mm:>7.2f}{100 * one.added_path_share[3]:>10.1f} %"
            f"{one.inferior_mm:>+7.1f}{one.superior_mm:>+7.1f}{one.volume_ratio:>8.2f}"
        )
    for word, organs in (("reference", found.only_reference), ("test", found.only_test)):
        if organs:
            print(f"only in the {word}: {', '.join(organs)}")
    print(f"engine {found.organs[0].engine}; {found.organs[0].raster_rule}; distances in mm")


def _show_checked(found: Checked) -> None:
    from terasu.workflow.contours.checking import by_organ_level

    for drawing, verdict in found.drawings.items():
        print(f"{verdict.level.name:<8}{drawing or 'contours'}")
        for organ, level in by_organ_level(verdict).items():
            print(f"  {level.name:<8}{found.rois[drawing].get(organ, organ)}")
            for one in verdict.reasons():
                if one.subject == organ:
                    value = one.value if isinstance(one.value, str | None) else f"{one.value:.4g}"
                    print(f"    {one.level.name:<8}{one.measure}: {value} {one.unit} ({one.limit})")
    if found.not_checked:
        print(f"not checked, no organs by their names: {', '.join(found.not_checked)}")


def _show_changes(found: tuple[Change, ...]) -> None:
    print(f"{'ROI':<28}{'state':<11}{'slices':>7}{'added mm':>10}{'at 1 mm':>9}{'at 2 mm':>9}{'at 3 mm':>9}")
    for one in found:
        lengths = "".join(f"{mm:>9.0f}" for mm in one.added_mm[1:])
        print(f"{one.roi:<28}{one.state:<11}{len(one.slices):>7}{one.added_mm[0]:>10.0f}{lengths}")


def _write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    from terasu.patient.store import write_whole

    def write(aside: Path) -> None:
        with aside.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [])
            table.writeheader()
            table.writerows(rows)

    write_whole(path, write)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))
