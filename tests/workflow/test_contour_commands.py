"""Contours of real patients: compared, checked without a reference, and followed through a correction."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from analytic_masks import ball, cube
from terasu.cli.entry import main
from terasu.errors import GeometryError, InputError
from terasu.patient.contours import to_contours
from terasu.patient.grid import Grid
from terasu.patient.structures import ContourSet, StructureSet
from terasu.patient.volume import Volume
from terasu.patient.volume_file import write_volume_file
from terasu.safety.verdict import Level
from terasu.workflow.contours.changes import changes
from terasu.workflow.contours.checking import by_organ_level, check_contours
from terasu.workflow.contours.comparing import Asked, compare_drawings
from terasu.workflow.contours.organs import drawings_in
from terasu.workflow.contours.sources import common_grid, laid_on

SHAPE, SPACING = (24, 60, 60), (3.0, 1.0, 1.0)
GRID = Grid.from_axes(SHAPE, spacing_zyx_mm=SPACING, origin_lps_mm=(-30, -30, -36))


def mask_file(folder: Path, name: str, mask: np.ndarray) -> Path:
    path = folder / f"{name}.nii.gz"
    write_volume_file(Volume(mask.astype(np.int16), GRID, "1"), path)
    return path


@pytest.mark.parametrize(
    ("patient", "failures"),
    [
        ("pelvis003", {"Prostate": Level.BLOCK, "Rectum": Level.BLOCK, "Bladder": Level.BLOCK}),
        ("pelvis005", {"Rectum": Level.REVIEW, "Bladder": Level.BLOCK}),
    ],
)
def test_gross_failures_are_found_without_a_reference_and_good_contours_pass(
    patient: str, failures: dict[str, Level], request: pytest.FixtureRequest
) -> None:
    """Limits come from anatomy and papers; these two patients only show what they find."""
    folder = request.getfixturevalue(patient)
    found = check_contours(folder, folder)
    assert found.drawings["DL"].level < Level.BLOCK
    assert found.drawings[""].level < Level.BLOCK
    levels = by_organ_level(found.drawings["MBS"])
    assert {organ: levels[organ] for organ in failures} == failures
    assert levels["Femur_Head_L"] is levels["Femur_Head_R"] is Level.PASS


def test_the_failures_are_what_they_are_said_to_be(pelvis003: Path) -> None:
    asked = Asked(
        image=pelvis003,
        reference_rois=("prostata", "vescica", "RettoAno"),
        test_rois=("Prostate_MBS", "Bladder_MBS", "Anorectum_DL"),
    )
    found = {one.organ: one for one in compare_drawings(pelvis003, pelvis003, asked).organs}
    assert found["Prostate"].dice == pytest.approx(0.24, abs=0.01)
    assert found["Bladder"].dice == pytest.approx(0.57, abs=0.01)
    assert found["Anorectum"].dice > 0.85
    assert found["Prostate"].superior_mm == 36


def test_without_an_image_the_planes_of_the_contours_make_the_grid(pelvis005: Path) -> None:
    rois = {"reference_rois": ("Prostata",), "test_rois": ("Prostate_DL",)}
    own = compare_drawings(pelvis005, pelvis005, Asked(**rois)).organs[0]
    given = compare_drawings(pelvis005, pelvis005, Asked(image=pelvis005, **rois)).organs[0]
    assert own.dice == pytest.approx(given.dice, abs=0.01)
    assert own.hausdorff_95_mm == pytest.approx(given.hausdorff_95_mm, abs=0.7)
    assert (own.inferior_mm, own.superior_mm) == (given.inferior_mm, given.superior_mm)


def test_one_structure_set_holds_several_drawings() -> None:
    found = drawings_in(["Prostate_MBS", "prostata", "Prostate_DL", "External", "vescica"])
    assert found == {
        "MBS": {"Prostate_MBS": "Prostate"},
        "": {"prostata": "Prostate", "vescica": "Bladder"},
        "DL": {"Prostate_DL": "Prostate"},
    }


def test_targets_and_unknown_names_are_nobody_s_organ_and_a_second_drawing_is_one_of_its_own() -> None:
    found = drawings_in(["PTV_60", "ring 2 cm", "Bladder", "vescica"])
    assert found == {"": {"Bladder": "Bladder"}, "vescica": {"vescica": "Bladder"}}


def test_a_mask_that_is_no_organ_by_its_name_is_refused(tmp_path: Path) -> None:
    mask = mask_file(tmp_path, "something", ball(SHAPE, SPACING, 15))
    ct = tmp_path / "ct.nii.gz"
    write_volume_file(Volume(np.zeros(SHAPE, dtype=np.int16), GRID, "HU"), ct)
    with pytest.raises(InputError, match="organ by its name"):
        check_contours(ct, mask)


def test_a_correction_is_followed_slice_by_slice(tmp_path: Path) -> None:
    before, after = ball(SHAPE, SPACING, 15), ball(SHAPE, SPACING, 15)
    after[12, 20:40, 30:52] = True
    found = changes(mask_file(tmp_path, "first", before), mask_file(tmp_path, "corrected", after))
    assert [(one.roi, one.state, len(one.slices)) for one in found] == [("corrected", "changed", 1)]
    assert found[0].slices[0].z_mm == pytest.approx(0)
    assert sum(found[0].added_mm[:1]) == found[0].slices[0].added_mm[0] > 20
    assert list(found[0].added_mm) == sorted(found[0].added_mm, reverse=True)


def test_masks_that_are_the_same_are_unchanged(tmp_path: Path) -> None:
    path = mask_file(tmp_path, "Bladder", ball(SHAPE, SPACING, 15))
    found = changes(path, path)[0]
    assert (found.state, found.slices, found.dice, found.added_mm) == ("unchanged", (), 1, (0, 0, 0, 0))


def test_contours_come_back_on_a_grid_of_their_own_planes() -> None:
    masks = {"Bladder": ball(SHAPE, SPACING, 15), "Rectum": cube(SHAPE, (4, 4, 4), 8)}
    drawn = to_contours(StructureSet(GRID, masks))
    own = laid_on(common_grid([drawn]), drawn)
    for name, mask in masks.items():
        assert own.volume_cc(name) == pytest.approx(np.count_nonzero(mask) * 3 / 1000, rel=1e-6)


def test_frames_of_reference_that_differ_are_refused() -> None:
    rois = to_contours(StructureSet(GRID, {"Bladder": ball(SHAPE, SPACING, 15)})).rois
    with pytest.raises(GeometryError, match="different frames"):
        common_grid([ContourSet(rois, "1.2.3"), ContourSet(rois, "1.2.4")])


def test_two_rois_of_one_organ_and_no_common_organ_are_refused(pelvis003: Path) -> None:
    with pytest.raises(InputError, match="both Prostate"):
        compare_drawings(pelvis003, pelvis003, Asked())
    asked = Asked(reference_rois=("prostata",), test_rois=("vescica",))
    with pytest.raises(InputError, match="no organ in common"):
        compare_drawings(pelvis003, pelvis003, asked)
    with pytest.raises(InputError, match="No ROI fits"):
        check_contours(pelvis003, pelvis003, rois=("spleen*",))


def test_the_commands_print_json_write_tables_and_block(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mask, more = ball(SHAPE, SPACING, 15), ball(SHAPE, SPACING, 17)
    first, second = mask_file(tmp_path, "Prostate", mask), mask_file(tmp_path, "again", more)
    table = tmp_path / "table.csv"
    assert main(["contours", "compare", str(first), str(second), "--out", str(table), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["organs"][0]
    assert told["organ"] == "Prostate" and told["engine"] == "mesh" and told["raster_rule"]
    assert table.read_text().splitlines()[0].startswith("organ,engine,tolerance_mm,tolerance_source")
    assert main(["contours", "changed", str(first), str(second), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rois"][0]["state"] == "changed"
    fluid = tmp_path / "ct.nii.gz"
    write_volume_file(Volume(np.zeros(SHAPE, dtype=np.int16), GRID, "HU"), fluid)
    assert main(["contours", "check", str(fluid), str(first), "--json"]) == 4
    told = json.loads(capsys.readouterr().out)
    assert told["level"] == "BLOCK" and told["drawings"][0]["organs"][0]["organ"] == "Prostate"
    for words in (["compare", str(first), str(second)], ["check", str(fluid), str(first)]):
        main(["contours", *words])
        assert "Prostate" in capsys.readouterr().out
