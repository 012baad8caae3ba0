"""`terasu simulate` from a CT to a series and its truth, by the command line; bad input leaves nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from terasu.cli import main
from terasu.dicom.image import read_image
from terasu.dicom.write_image import write_ct_series
from terasu.errors import InputError
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume
from terasu.patient.volume_file import read_volume_file, write_volume_file
from terasu.simulate.presets import preset_names, settings_of


@pytest.fixture(scope="module")
def ct() -> Volume:
    """Soft tissue with a bone, 12 cm wide."""
    place = (np.arange(48) - 23.5) * 4
    away = np.hypot(place[:, None], place[None])
    plane = np.where(away < 60, 45.0, -1000.0)
    plane[20:26, 30:36] = 600
    grid = Grid.from_axes((9, 48, 48), spacing_zyx_mm=(2, 4, 4), origin_lps_mm=(-90, -100, 30))
    return Volume(np.repeat(plane[None], 9, axis=0).astype(np.int16), grid, "HU", Source("CT"))


@pytest.fixture(scope="module")
def folder(ct: Volume, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as DICOM."""
    out = tmp_path_factory.mktemp("simulate") / "ct"
    write_ct_series(ct, out, like=None, series_description="Planning CT", made_by=None, seed="simulate")
    return out


def test_mvct_of_a_dicom_folder(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = tmp_path / "numbers.toml"
    numbers.write_text("pixels = 96\npixel_mm = 2.0\nviews = 90\n")
    words = ["simulate", "mvct", str(folder), "--out", str(tmp_path / "out"), "--settings", str(numbers)]
    assert main([*words, "--seed", "4", "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card == json.loads((tmp_path / "out" / "simulation.json").read_text(encoding="utf-8"))
    assert card["settings"]["pixels"] == 96
    assert card["seed"] == 4
    image, truth = (
        read_image(sorted((tmp_path / "out" / part).glob("*.dcm"))).volume for part in ("image", "truth")
    )
    seen = read_volume_file(tmp_path / "out" / "seen.nii.gz", unit="1").values > 0
    assert image.grid.agrees_with(truth.grid)
    assert image.grid.same_frame_as(truth.grid)
    assert image.grid.shape_zyx == (3, 96, 96) == seen.shape
    body = seen & (np.abs(truth.values - 45) < 5)
    assert np.abs(image.values - truth.values)[body].mean() > 1
    assert abs((image.values - truth.values)[body].mean()) < 25


def test_fast_of_a_volume_file_and_a_seed_is_a_seed(ct: Volume, tmp_path: Path) -> None:
    write_volume_file(ct, tmp_path / "ct.nii.gz")
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        words = ["simulate", "fast", str(tmp_path / "ct.nii.gz"), "--out", str(tmp_path / name)]
        assert main([*words, "--seed", seed, "--preset", "mild"]) == 0
    first, again, other = (
        read_image(sorted((tmp_path / one / "image").glob("*.dcm"))).volume.values for one in "abc"
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (["--preset", "awful"], "no preset"),
        (["--settings", "SETTINGS:photons = 3"], "does not have"),
        (["--settings", "SETTINGS:views = 'many'"], "not of the kind"),
        (["--settings", "SETTINGS:slice_mm = -1"], "cannot be simulated"),
        (["--settings", "SETTINGS:["], "cannot be read"),
        (["--series", "9.9.9"], "no CT series"),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: list[str], says: str
) -> None:
    if changes[1].startswith("SETTINGS:"):
        (tmp_path / "s.toml").write_text(changes[1].removeprefix("SETTINGS:"))
        changes = [changes[0], str(tmp_path / "s.toml")]
    assert main(["simulate", "mvct", str(folder), "--out", str(tmp_path / "out"), *changes]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("engine", ["cbct", "mvct", "fast"])
def test_every_preset_can_be_made(engine: str) -> None:
    for name in preset_names(engine):
        assert settings_of(engine, name) == settings_of(engine, name)
    with pytest.raises(InputError, match="no preset"):
        settings_of(engine, "")
