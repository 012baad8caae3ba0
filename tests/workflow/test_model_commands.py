"""Prepare, train, apply: from files to an improved image, and what is refused on the way."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from made_dicom import write_series
from made_prepared import disc
from terasu.cli import main
from terasu.dicom.find import index_folder
from terasu.dicom.image import read_image
from terasu.enhance.models.configuration import as_configuration
from terasu.errors import InputError
from terasu.learn.prepared import read_cases
from terasu.learn.run_folder import RUN_FILE
from terasu.patient.grid import Grid
from terasu.patient.volume import Volume
from terasu.patient.volume_file import read_volume_file, write_volume_file
from terasu.workflow.training.prepare import prepare
from terasu.workflow.training.sources import find_images
from terasu.workflow.training.train import train_model

SHAPE = (6, 64, 64)
CONFIGURATION = """
model = "{model}"
[images]
size_px = 32
[network]
base = 4
blocks = 2
judge_base = 4
judge_strided = 1
widths = [4, 8]
[training]
steps = 3
checkpoint_every = 2
[augmentation]
rotation_deg = 20
shift = 0.05
"""


def patient(number: int, *, off_hu: float = 0.0) -> Volume:
    """A disc of tissue with texture, a bone and a gas bubble."""
    chance = np.random.default_rng(number)
    body = np.broadcast_to(disc(SHAPE[1]), SHAPE)
    values = np.where(body, 40 + off_hu + 30 * chance.standard_normal(SHAPE), -1000.0)
    values[:, 28:34, 18:24] = 800
    values[:, 40:44, 30 + number % 5 : 36 + number % 5] = -900
    return Volume(values.astype(np.int16), Grid.from_axes(SHAPE, spacing_zyx_mm=(3.0, 4.0, 4.0)))


def write_patients(folder: Path, numbers: range, *, off_hu: float = 0.0) -> Path:
    for number in numbers:
        place = folder / f"Mustermann {number}"
        place.mkdir(parents=True)
        write_volume_file(patient(number, off_hu=off_hu), place / "image.nii.gz")
    return folder


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated MVCT of four patients, CT of three others, side by side."""
    folder = tmp_path_factory.mktemp("prepared")
    prepare(write_patients(folder / "raw_a", range(4)), folder / "mvct", simulation="mvct")
    prepare(write_patients(folder / "raw_b", range(10, 13)), folder / "ct")
    return folder


def test_prepared_cases_name_nobody_and_hold_the_truth(prepared: Path) -> None:
    cases = read_cases(prepared / "mvct")
    assert len({one.facts.patient_key for one in cases}) == 4
    assert {one.facts.modality for one in cases} == {"MVCT"}
    text = "".join((one.folder / "case.json").read_text() + one.folder.name for one in cases)
    assert "Mustermann" not in text
    true = patient(0).values
    assert any(np.array_equal(one.array("truth"), true) for one in cases)
    assert all(np.abs(one.array("image") - one.array("truth").astype(int)).mean() > 1 for one in cases)


def test_a_patient_has_one_key_in_folders_side_by_side_and_another_elsewhere(tmp_path: Path) -> None:
    raw = write_patients(tmp_path / "raw", range(1))
    keys = [
        prepare(raw, tmp_path / place).cases[0].facts.patient_key for place in ("here/a", "here/b", "there/a")
    ]
    assert keys[0] == keys[1] != keys[2]
    assert (tmp_path / "here" / ".salt").stat().st_mode & 0o077 == 0


def test_two_halves_share_nobody_and_miss_nobody(tmp_path: Path) -> None:
    raw = write_patients(tmp_path / "raw", range(6))
    halves = [prepare(raw, tmp_path / "out" / half, half=half) for half in ("first", "second")]  # type: ignore[arg-type]
    keys = [{one.facts.patient_key for one in half.cases} for half in halves]
    assert keys[0].isdisjoint(keys[1])
    assert len(keys[0] | keys[1]) == 6
    elsewhere = prepare(raw, tmp_path / "another salt" / "first", half="first")
    told = [sorted(one.facts.sha256["image"] for one in half.cases) for half in (halves[0], elsewhere)]
    assert told[0] == told[1], "the halves do not depend on the salt"


def test_what_cannot_be_prepared_is_left_out_with_its_reason(tmp_path: Path) -> None:
    raw = write_patients(tmp_path / "raw", range(1))
    air = patient(0).with_values(np.full(SHAPE, -1000, np.int16))
    write_volume_file(air, raw / "air.nii.gz")
    found = prepare(raw, tmp_path / "out")
    assert len(found.cases) == 1
    assert "No patient" in found.left_out[0]


def test_a_simulation_of_what_is_no_ct_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Only a CT"):
        prepare(
            write_patients(tmp_path / "raw", range(1)), tmp_path / "out", modality="CBCT", simulation="mvct"
        )


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no images"):
        find_images(tmp_path)


def test_the_openkbp_patients_stand_upright(shared_data: Path) -> None:
    volume, body = find_images(shared_data / "openkbp")[0].read()
    assert volume.grid.spacing_zyx_mm == pytest.approx((2.5, 3.906, 3.906), abs=0.6)
    assert body is not None
    tissue = (volume.values > -300).sum(axis=(1, 2))
    assert volume.values.min() >= -1000
    filled = np.flatnonzero(tissue > 50)
    assert tissue[filled[:10]].mean() < tissue[filled[-10:]].mean()  # the neck first, then the head
    assert (volume.values[body] > -300).mean() > 0.7


@pytest.mark.parametrize("model", ["cyclegan_ct", "unet"])
def test_a_model_from_files_to_an_improved_image(
    prepared: Path, tmp_path: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    toml = tmp_path / "model.toml"
    toml.write_text(CONFIGURATION.format(model=model))
    words = ["model", "train", str(toml), "--source", str(prepared / "mvct"), "--out", str(tmp_path / "run")]
    if model != "unet":
        words += ["--target", str(prepared / "ct")]
    assert main(words) == 0
    assert "MAE [HU], validation" in capsys.readouterr().out
    image = tmp_path / "day.nii.gz"
    write_volume_file(patient(50, off_hu=-60), image)
    words = ["model", "apply", str(tmp_path / "run"), str(image), "--out", str(tmp_path / "better.nii.gz")]
    assert main(words) == 0
    made, came = read_volume_file(tmp_path / "better.nii.gz"), patient(50, off_hu=-60)
    outside = ~np.broadcast_to(disc(SHAPE[1], radius=0.95), SHAPE)
    assert np.array_equal(made.values[outside], came.values[outside])
    assert (made.values != came.values).mean() > 0.3
    assert main(["model", "card", str(tmp_path / "run"), "--json"]) == 0
    assert model in capsys.readouterr().out


def test_a_card_tells_the_split_and_nobody_stands_in_two_parts(prepared: Path, tmp_path: Path) -> None:
    configuration = as_configuration(small("cyclegan"))
    sides = read_cases(prepared / "mvct"), read_cases(prepared / "ct")
    card = train_model(configuration, *sides, tmp_path, validation=0.3)
    parts = [set(keys) for keys in card.split.values()]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 7
    assert card.data["sources"]["patients"] == 3
    assert card.calibration["patients"] == 1
    told = json.loads((tmp_path / RUN_FILE).read_text())
    assert told["code"] == card.code
    again = train_model(configuration, *sides, tmp_path, validation=0.3)
    assert again == card


def test_a_run_with_another_split_is_refused(prepared: Path, tmp_path: Path) -> None:
    sides = read_cases(prepared / "mvct"), read_cases(prepared / "ct")
    train_model(as_configuration(small("cyclegan")), *sides, tmp_path, validation=0.3)
    with pytest.raises(InputError, match="another run"):
        train_model(as_configuration(small("cyclegan")), *sides, tmp_path, validation=0.6)


def test_a_model_without_pairs_needs_a_target(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs images of the wanted kind"):
        train_model(as_configuration(small("cyclegan")), read_cases(prepared / "mvct"), (), tmp_path)


def test_cases_of_two_modalities_are_refused(prepared: Path, tmp_path: Path) -> None:
    mixed = (*read_cases(prepared / "mvct"), *read_cases(prepared / "ct"))
    with pytest.raises(InputError, match="one modality"):
        train_model(as_configuration(small("unet")), mixed, (), tmp_path)


def write_dicom(folder: Path, *, modality: str = "CT") -> Volume:
    """The patient of the day as a DICOM series; the values that are in it."""
    came = patient(50, off_hu=-60)
    folder.mkdir()
    write_series(folder, came.values.astype(np.int16) + 1024, spacing=(4.0, 4.0), modality=modality)
    return came


def test_a_dicom_series_becomes_a_derived_series_of_the_same_place(prepared: Path, tmp_path: Path) -> None:
    train_model(as_configuration(small("unet")), read_cases(prepared / "mvct"), (), tmp_path / "run")
    came = write_dicom(tmp_path / "day")
    words = [
        "model",
        "apply",
        str(tmp_path / "run"),
        str(tmp_path / "day"),
        "--out",
        str(tmp_path / "better"),
    ]
    assert main(words) == 0
    (series,) = index_folder(tmp_path / "better").series
    made = read_image(series).volume
    raw = read_image(index_folder(tmp_path / "day").series[0]).volume
    assert made.grid.agrees_with(raw.grid)
    assert made.grid.same_frame_as(raw.grid)
    outside = ~np.broadcast_to(disc(SHAPE[1], radius=0.95), SHAPE)
    assert np.array_equal(made.values[outside], came.values[outside])
    assert (made.values != raw.values).any()
    assert series.uid != index_folder(tmp_path / "day").series[0].uid
    assert main(words) == 2  # there already
    assert main([*words, "--overwrite"]) == 0


def test_an_mr_is_refused_and_nothing_is_written(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_model(as_configuration(small("unet")), read_cases(prepared / "mvct"), (), tmp_path / "run")
    write_dicom(tmp_path / "day", modality="MR")
    words = [
        "model",
        "apply",
        str(tmp_path / "run"),
        str(tmp_path / "day"),
        "--out",
        str(tmp_path / "better"),
    ]
    assert main(words) == 2
    assert "another kind of image" in capsys.readouterr().err
    assert not (tmp_path / "better").exists()


@pytest.mark.parametrize("place", ["missing", "empty"])
def test_a_model_that_is_none_is_refused_and_nothing_is_written(tmp_path: Path, place: str) -> None:
    (tmp_path / "empty").mkdir()
    image = tmp_path / "day.nii.gz"
    write_volume_file(patient(0), image)
    words = ["model", "apply", str(tmp_path / place), str(image), "--out", str(tmp_path / "better.nii.gz")]
    assert main(words) == 2
    assert not (tmp_path / "better.nii.gz").exists()


def small(model: str) -> dict[str, object]:
    return tomllib.loads(CONFIGURATION.format(model=model))
