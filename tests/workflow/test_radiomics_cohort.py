"""Cohorts in, tables out: the same numbers whoever measured, and a reason wherever there is no number."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydicom
import pytest
import SimpleITK as sitk

from made_cohort import SHAPE, made_mask, made_volume, write_cohort, write_patient
from terasu.errors import InputError, OutputError, PolicyError
from terasu.radiomics.pyradiomics import PyRadiomics, feature_names
from terasu.workflow.radiomics import run
from terasu.workflow.radiomics.columns import COLUMNS, features_of, read_table
from terasu.workflow.radiomics.recipe import Recipe, read_recipe, recipe_of
from terasu.workflow.radiomics.run import extract
from terasu.workflow.radiomics.stability import agreement_of, changes_of, stability_of

QUICK = {"pyradiomics": {"images": ["original"], "shape": False}}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cohort(tmp_path_factory.mktemp("cohort"))


def quick(**more: Any) -> Recipe:
    return recipe_of({**QUICK, **more})


def as_file(values: np.ndarray, path: Path, spacing_xyz: tuple[float, ...] = (2, 2, 3)) -> Path:
    image = sitk.GetImageFromArray(values)
    if image.GetDimension() == 3:
        image.SetSpacing(spacing_xyz)
    sitk.WriteImage(image, str(path))
    return path


class TestATable:
    def test_holds_what_the_profile_gives_for_the_same_voxels(self, cohort: Path, tmp_path: Path) -> None:
        table = extract(cohort, tmp_path / "out", Recipe(), workers=1).table
        assert list(table.columns) == [*COLUMNS, *feature_names(PyRadiomics())]
        for number in (1, 2, 3):
            row = table[table["case"] == f"case{number}"].iloc[0]
            expected = PyRadiomics().features(made_volume(number), made_mask(number))
            np.testing.assert_array_equal([row[name] for name in expected], list(expected.values()))
            assert row["voxels_drawn"] == made_mask(number).sum() == row["voxels_limited"]
            assert len(row["sop_instance_uids"].split()) == SHAPE[0]

    def test_is_read_back_to_the_bit_from_parquet_and_from_csv(self, cohort: Path, tmp_path: Path) -> None:
        done = extract(cohort, tmp_path / "out", quick(), workers=1)
        names = features_of(done.table)
        for name in ("features.parquet", "features.csv"):
            again = read_table(tmp_path / "out" / name)
            np.testing.assert_array_equal(again[names].to_numpy(float), done.table[names].to_numpy(float))

    def test_is_the_same_on_one_worker_on_two_and_on_a_cluster(self, cohort: Path, tmp_path: Path) -> None:
        distributed = pytest.importorskip("distributed")
        from terasu.workflow.radiomics.cluster import on_cluster

        recipe = quick(perturbations={"number": 2})
        for workers in (1, 2):
            extract(cohort, tmp_path / str(workers), recipe, workers=workers)
        with (
            distributed.LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                dashboard_address=None,
                silence_logs=50,
                local_directory=tmp_path / "scratch",
            ) as cluster,
            on_cluster(cluster.scheduler_address),
        ):
            extract(cohort, tmp_path / "cluster", recipe)
        told = [(tmp_path / one / "features.csv").read_bytes() for one in ("1", "2", "cluster")]
        assert told[0] == told[1] == told[2]

    def test_is_whole_after_a_stop_and_a_new_start(
        self, cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        extract(cohort, tmp_path / "at once", quick(), workers=1)
        write, written = run._write_part, []

        def stop_after_two(parts: Path, key: str, rows: list[Any]) -> None:
            if len(written) == 2:
                raise KeyboardInterrupt
            written.append(key)
            write(parts, key, rows)

        monkeypatch.setattr(run, "_write_part", stop_after_two)
        with pytest.raises(KeyboardInterrupt):
            extract(cohort, tmp_path / "stopped", quick(), workers=1)
        assert not (tmp_path / "stopped" / "features.csv").exists()
        monkeypatch.setattr(run, "_write_part", write)
        done = extract(cohort, tmp_path / "stopped", quick(), workers=1)
        assert done.resumed == 2
        both = [(tmp_path / one / "features.csv").read_bytes() for one in ("at once", "stopped")]
        assert both[0] == both[1]
        assert not (tmp_path / "stopped" / "unfinished").exists()

    def test_of_another_recipe_does_not_take_over_what_a_stopped_run_left(self, cohort: Path) -> None:
        region = run.regions_of_folder(cohort, quick()).regions[0]
        one, other = (run.Task(region, recipe, ()).key() for recipe in (quick(), quick(profile="ibsi")))
        assert one != other

    def test_is_not_overwritten_unasked(self, cohort: Path, tmp_path: Path) -> None:
        extract(cohort, tmp_path, quick(), workers=1)
        with pytest.raises(OutputError, match="already"):
            extract(cohort, tmp_path, quick(), workers=1)


class TestABadCase:
    """Each has a row that says why, and the others are measured."""

    @pytest.mark.parametrize(
        ("values", "mask", "reason"),
        [
            ("as it is", "empty", "The mask is empty"),
            ("as it is", "one voxel", "has one voxel"),
            ("as it is", "another shape", "another grid"),
            ("as it is", "other voxels", "another grid"),
            ("NaN", "as it is", "not finite"),
            ("four-dimensional", "as it is", "not one volume"),
            ("missing", "as it is", "no such image"),
        ],
    )
    def test_among_files(self, tmp_path: Path, values: str, mask: str, reason: str) -> None:
        image, region = made_volume(1).values.copy(), made_mask(1).astype(np.uint8)
        as_file(image, tmp_path / "good.nii.gz")
        as_file(region, tmp_path / "good_mask.nii.gz")
        if mask == "empty":
            region[:] = 0
        elif mask == "one voxel":
            region[:] = 0
            region[5, 5, 5] = 1
        elif mask == "another shape":
            region = region[:, :-2]
        as_file(region, tmp_path / "mask.nii.gz", (2, 2, 2.5) if mask == "other voxels" else (2, 2, 3))
        if values == "NaN":
            image[7, 15, 16] = np.nan
        if values != "missing":
            bad = np.stack([image, image]) if values == "four-dimensional" else image
            as_file(bad, tmp_path / "image.nii.gz")
        sheet = tmp_path / "sheet.csv"
        sheet.write_text(
            "case,image,mask,modality\nbad,image.nii.gz,mask.nii.gz,CT\ngood,good.nii.gz,good_mask.nii.gz,CT\n"
        )
        table = extract(sheet, tmp_path / "out", quick(), workers=1).table.set_index("case")
        assert reason in table.loc["bad", "reason"]
        assert table.loc["bad", "status"] in ("failed", "left out")
        assert table.loc["bad", features_of(table)].isna().all()
        assert table.loc["good", "status"] == "measured"
        assert table.loc["good", features_of(table)].notna().all()

    def test_among_dicom(self, tmp_path: Path) -> None:
        patients = tmp_path / "patients"
        write_cohort(patients, 2)
        far = np.zeros(SHAPE, bool)
        far[0, :4, :4] = True
        write_patient(patients / "case3", 3, names=("Bladder",))
        for path in (patients / "case2").rglob("rtstruct.dcm"):
            path.unlink()
        write_patient(patients / "case4", 4, mask=far)
        done = extract(patients, tmp_path / "out", quick(rois=["GTV*"]), workers=1)
        table = done.table.set_index("case")
        assert table.loc["case1", "status"] == "measured"
        assert "no structure set" in table.loc["case2", "reason"]
        assert "there are: Bladder" in table.loc["case3", "reason"]
        assert "reaches the first slice, first row, first column" in table.loc["case4", "cautions"]

    def test_flat_region_has_values_or_reasons(self, tmp_path: Path) -> None:
        as_file(np.full(SHAPE, 40, np.float32), tmp_path / "image.nii.gz")
        as_file(made_mask(1).astype(np.uint8), tmp_path / "mask.nii.gz")
        sheet = tmp_path / "sheet.csv"
        sheet.write_text("case,image,mask\nflat,image.nii.gz,mask.nii.gz\n")
        row = extract(sheet, tmp_path / "out", recipe_of({"profile": "ibsi"}), workers=1).table.iloc[0]
        assert "flat" in row["cautions"]
        missing = [name for name in features_of(row.to_frame().T) if np.isnan(row[name])]
        assert missing
        assert all(name in row["reason"] for name in missing)

    def test_contour_outside_of_the_image(self, tmp_path: Path) -> None:
        write_patient(tmp_path / "patients" / "case1", 1)
        path = next((tmp_path / "patients").rglob("rtstruct.dcm"))
        data = pydicom.dcmread(path)
        for contour in data.ROIContourSequence[0].ContourSequence:
            points = np.array(contour.ContourData, float).reshape(-1, 3)
            points[:, 0] += 500
            contour.ContourData = [f"{value:.6g}" for value in points.ravel()]
        data.save_as(path)
        row = extract(tmp_path / "patients", tmp_path / "out", quick(), workers=1).table.iloc[0]
        assert "no voxel of this image" in row["reason"]

    def test_folder_of_two_series_in_a_sheet(self, tmp_path: Path) -> None:
        write_patient(tmp_path / "case1", 1, fractions=2)
        sheet = tmp_path / "sheet.csv"
        sheet.write_text("case,image,mask,roi\none,case1,case1/fraction1/rtstruct.dcm,GTV-1\n")
        row = extract(sheet, tmp_path / "out", quick(), workers=1).table.iloc[0]
        assert "2 image series" in row["reason"]


class TestASheet:
    def test_takes_a_label_and_gives_what_its_voxels_give(self, tmp_path: Path) -> None:
        labels = made_mask(1).astype(np.uint8) * 3
        labels[0, 0, 0] = 7
        as_file(made_volume(1).values, tmp_path / "image.nrrd")
        as_file(labels, tmp_path / "labels.nrrd")
        sheet = tmp_path / "sheet.csv"
        sheet.write_text(
            "case;image;mask;label;modality\nx;image.nrrd;labels.nrrd;3;CT\nx;image.nrrd;labels.nrrd;5;CT\n"
        )
        table = extract(sheet, tmp_path / "out", quick(), workers=1).table
        expected = PyRadiomics(images=("original",), shape=False).features(made_volume(1), made_mask(1))
        good = table[table["status"] == "measured"].iloc[0]
        np.testing.assert_allclose([good[name] for name in expected], list(expected.values()), rtol=1e-12)
        assert "values 0, 3, 7" in table[table["status"] == "failed"].iloc[0]["reason"]

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("case,image\na,b\n", "mask"),
            ("case,image,mask,colour\na,b,c,d\n", "colour"),
            ("case,image,mask\n,b,c\n", "line 2"),
            ("case,image,mask\n", "0 lines"),
        ],
    )
    def test_that_is_none_is_refused_with_line_and_column(self, tmp_path: Path, text: str, told: str) -> None:
        sheet = tmp_path / "sheet.csv"
        sheet.write_text(text)
        with pytest.raises(InputError, match=told):
            extract(sheet, tmp_path / "out", quick())
        assert not (tmp_path / "out").exists()


class TestSequences:
    """T1w and T2w of one day are two images, not two fractions."""

    def test_of_one_patient_in_a_sheet(self, tmp_path: Path) -> None:
        for number, name in ((1, "t1c"), (2, "t2")):
            as_file(made_volume(number).values, tmp_path / f"{name}.nii.gz")
        as_file(made_mask(1).astype(np.uint8), tmp_path / "mask.nii.gz")
        sheet = tmp_path / "sheet.csv"
        lines = ["case,image,mask,modality,sequence"]
        lines += [f"one,{name}.nii.gz,mask.nii.gz,MR,{name}" for name in ("t1c", "t2")]
        sheet.write_text("\n".join(lines))
        table = extract(sheet, tmp_path / "out", quick(), workers=1).table
        assert list(table["sequence"]) == ["t1c", "t2"]
        assert list(table["fraction"]) == [1, 1]
        with pytest.raises(InputError, match="two fractions"):
            changes_of(table)
        np.testing.assert_allclose(agreement_of(read_table(tmp_path / "out"), table)["ccc"].dropna(), 1)

    def test_of_one_patient_in_a_folder(self, tmp_path: Path) -> None:
        write_patient(tmp_path / "patients" / "case1", 1, fractions=2)
        for path in (tmp_path / "patients").rglob("CT_*.dcm"):
            data = pydicom.dcmread(path)
            data.Modality, data.SOPClassUID = "MR", "1.2.840.10008.5.1.4.1.1.4"
            data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
            data.SeriesDescription = "T1 CE" if "fraction1" in str(path) else "T2"
            data.save_as(path)
        table = extract(tmp_path / "patients", tmp_path / "out", quick(), workers=1).table
        assert list(table["status"]) == ["measured", "measured"]
        assert list(table["sequence"]) == ["T1 CE", "T2"]
        assert list(table["fraction"]) == [1, 1]

    def test_that_hospitals_call_differently_are_one_where_each_patient_has_one(
        self, cohort: Path, tmp_path: Path
    ) -> None:
        recipe = quick(perturbations={"number": 1, "kinds": ["noise"]})
        table = extract(cohort, tmp_path / "out", recipe, workers=1).table
        named = table.assign(modality="MR", sequence="T1 of " + table["case"])
        assert set(stability_of(named)["subjects"]) == {3}
        both = pd.concat([named, named.assign(sequence="T2")])
        assert {"T1 of case1", "T2"} < set(stability_of(both)["sequence"])


class TestFollowing:
    def test_fractions_are_numbered_by_day_and_their_change_is_the_difference(self, tmp_path: Path) -> None:
        write_cohort(tmp_path / "patients", 2, fractions=3)
        table = extract(tmp_path / "patients", tmp_path / "out", quick(), workers=1).table
        rows = table[table["case"] == "case1"]
        assert list(rows["fraction"]) == [1, 2, 3]
        assert list(rows["day"]) == [0, 1, 2]
        found = changes_of(table).set_index("case")
        name = "original_firstorder_Mean"
        values = rows[name].to_numpy(float)
        assert found.loc["case1", f"delta_abs__{name}"] == pytest.approx(values[2] - values[0])
        assert found.loc["case1", f"slope_per_day__{name}"] == pytest.approx((values[2] - values[0]) / 2)

    def test_one_contour_on_every_image_of_its_frame(self, tmp_path: Path) -> None:
        write_patient(tmp_path / "patients" / "case1", 1, fractions=3)
        for path in sorted((tmp_path / "patients").rglob("rtstruct.dcm"))[1:]:
            path.unlink()
        alone = extract(tmp_path / "patients", tmp_path / "a", quick(), workers=1).table
        assert list(alone["status"]).count("measured") == 1
        every = extract(tmp_path / "patients", tmp_path / "b", quick(same_frame=True), workers=1).table
        assert list(every["fraction"]) == [1, 2, 3]
        assert every["mask_sha256"].nunique() == 1

    def test_one_image_alone_has_no_change(self, cohort: Path, tmp_path: Path) -> None:
        table = extract(cohort, tmp_path / "out", quick(), workers=1).table
        with pytest.raises(InputError, match="two fractions"):
            changes_of(table)

    def test_stability_is_told_for_every_feature_and_region(self, cohort: Path, tmp_path: Path) -> None:
        done = extract(
            cohort, tmp_path / "out", quick(perturbations={"number": 3, "kinds": ["noise"]}), workers=1
        )
        told = pd.read_csv(tmp_path / "out" / "stability.csv")
        assert list(told["feature"]) == features_of(done.table)
        assert set(told["raters"]) == {4}
        assert set(told["subjects"]) == {3}
        told = told.fillna({"reason": "", "sequence": ""})
        pd.testing.assert_frame_equal(stability_of(done.table), told, check_dtype=False)
        assert not told["stable"].all()
        assert told["icc"].max() > 0.5

    def test_an_image_agrees_with_itself(self, cohort: Path, tmp_path: Path) -> None:
        table = extract(cohort, tmp_path / "out", quick(), workers=1).table
        found = agreement_of(table, table)
        np.testing.assert_allclose(found["ccc"].dropna(), 1)
        other = table.copy()
        other["original_firstorder_Mean"] += 500
        far = agreement_of(table, other).set_index("feature")
        assert far.loc["original_firstorder_Mean", "ccc"] < 0.1

    def test_regions_that_one_pattern_found_are_followed_by_name(self, tmp_path: Path) -> None:
        for number in (1, 2, 3):
            folder = tmp_path / "patients" / f"case{number}"
            write_patient(folder, number, fractions=2, names=("GTVp", "GTVn"))
        table = extract(tmp_path / "patients", tmp_path / "out", quick(rois=["GTV*"]), workers=1).table
        assert len(changes_of(table)) == 6
        assert set(agreement_of(table, table)["roi"]) == {"GTVp", "GTVn"}


class TestTheRecipe:
    def test_that_is_printed_says_the_defaults(self) -> None:
        text = files("terasu.workflow.radiomics").joinpath("recipe.toml").read_text()
        assert recipe_of(tomllib.loads(text)) == Recipe()

    def test_names_the_nearest_key(self, tmp_path: Path) -> None:
        path = tmp_path / "recipe.toml"
        path.write_text("[pyradiomics]\nbinwidth = 25\n")
        with pytest.raises(PolicyError, match="did you mean bin_width"):
            read_recipe(path)

    def test_gives_filters_and_configurations(self) -> None:
        recipe = recipe_of(
            {"profile": "ibsi", "ibsi": {"configuration": "C", "filters": [{"kind": "Mean", "support": 3}]}}
        )
        assert len(recipe.profile_for("HU").names()) == 210 + 18
        with pytest.raises(InputError, match="LaplacianOfGaussian"):
            recipe_of({"profile": "ibsi", "ibsi": {"filters": [{"kind": "Sharpen"}]}})

    def test_of_the_744(self) -> None:
        recipe = recipe_of({"pyradiomics": {"images": ["wavelet"], "shape": False}})
        assert len(recipe.profile_for("HU").names()) == 744
