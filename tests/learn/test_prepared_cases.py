"""Prepared cases, splits and samples: nothing torn, nobody twice, the same draw for the same seed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_prepared import facts, write_made
from terasu.errors import InputError, OutputError
from terasu.learn.prepared import patient_key, read_case, read_cases, write_case
from terasu.learn.samples import Shape, box, samples_of
from terasu.learn.split import Split, require_apart, split_by_patient


def test_what_was_written_comes_back_mapped(tmp_path: Path) -> None:
    made = write_made(tmp_path, 1)
    back = read_case(made.folder, verify=True)
    assert back.facts == made.facts
    assert isinstance(back.array("image"), np.memmap)
    assert back.array("image").dtype == np.int16
    with pytest.raises(ValueError, match="read-only"):
        back.array("image")[0, 0, 0] = 1


def test_a_case_that_was_changed_is_refused(tmp_path: Path) -> None:
    made = write_made(tmp_path, 1)
    values = np.load(made.folder / "image.npy")
    values[0, 0, 0] += 1
    np.save(made.folder / "image.npy", values)
    with pytest.raises(InputError, match="was changed"):
        read_case(made.folder, verify=True)


@pytest.mark.parametrize("bad", [np.nan, 40000.0])
def test_a_case_with_a_value_that_is_none_is_not_written(tmp_path: Path, bad: float) -> None:
    image = np.zeros((2, 4, 4))
    image[0, 0, 0] = bad
    with pytest.raises(InputError):
        write_case(tmp_path / "case", facts(1), {"image": image})
    assert not list(tmp_path.iterdir())


def test_a_case_is_not_written_over_another(tmp_path: Path) -> None:
    write_made(tmp_path, 1)
    with pytest.raises(OutputError):
        write_made(tmp_path, 1)


def test_a_folder_without_cases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no prepared cases"):
        read_cases(tmp_path)


def test_the_key_of_a_patient_needs_the_salt() -> None:
    assert patient_key("4711", "a") == patient_key("4711", "a") != patient_key("4711", "b")
    assert "4711" not in patient_key("4711", "a")


def test_case_json_does_not_hold_an_unknown_key(tmp_path: Path) -> None:
    made = write_made(tmp_path, 1)
    content = json.loads((made.folder / "case.json").read_text())
    (made.folder / "case.json").write_text(json.dumps({**content, "name": "x"}))
    with pytest.raises(InputError, match="no prepared case"):
        read_case(made.folder)


@given(st.sets(st.text("abcdef0123", min_size=3, max_size=8), min_size=4, max_size=40), st.integers(0, 99))
def test_every_patient_stands_in_one_part_whatever_the_order(keys: set[str], seed: int) -> None:
    split = split_by_patient(keys, validation=0.2, test=0.2, seed=seed)
    assert sorted((*split.training, *split.validation, *split.test)) == sorted(keys)
    assert split == split_by_patient(sorted(keys, reverse=True) * 2, validation=0.2, test=0.2, seed=seed)


def test_a_patient_in_two_parts_is_refused() -> None:
    with pytest.raises(InputError, match="two parts"):
        Split(("a", "b"), ("b",))
    with pytest.raises(InputError, match="two parts"):
        require_apart({"source": ["a"], "target": ["a"]})


def test_a_split_that_leaves_nobody_is_refused() -> None:
    with pytest.raises(InputError, match="too few patients"):
        split_by_patient(["a"], validation=0.5)


@given(st.tuples(*[st.integers(-4, 6)] * 3), st.tuples(*[st.integers(1, 7)] * 3), st.integers(0, 2**32 - 1))
def test_a_box_is_the_array_padded(start: tuple[int, ...], size: tuple[int, ...], seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 99, (4, 5, 6))
    padded = np.pad(values, 20, constant_values=-7)
    wanted = padded[tuple(slice(a + 20, a + 20 + n) for a, n in zip(start, size, strict=True))]
    assert np.array_equal(box(values, start, size, -7), wanted)


@pytest.mark.parametrize(
    ("shape", "image", "truth"),
    [
        (Shape((16, 24)), (3, 1, 16, 24), (3, 1, 16, 24)),
        (Shape((16, 16), depth=3), (3, 3, 16, 16), (3, 1, 16, 16)),
        (Shape((8, 8), depth=4, as_channels=False), (3, 1, 4, 8, 8), (3, 1, 4, 8, 8)),
        (Shape((48, 48)), (3, 1, 48, 48), (3, 1, 48, 48)),
    ],
    ids=["2D", "2.5D", "3D", "larger than the case"],
)
def test_samples_have_the_shape_that_was_asked_for(
    tmp_path: Path, shape: Shape, image: tuple[int, ...], truth: tuple[int, ...]
) -> None:
    cases = [write_made(tmp_path, n) for n in range(2)]
    samples = samples_of(cases, shape, names=("image", "truth", "body"))
    one = samples.draw(3, np.random.default_rng([1, 2]))
    two = samples.draw(3, np.random.default_rng([1, 2]))
    assert one["image"].shape == image
    assert one["truth"].shape == one["body"].shape == truth
    assert all(np.array_equal(one[name], two[name]) for name in one)
    if shape.as_channels:
        middle = one["image"][:, shape.depth // 2]
        inside = one["body"][:, 0] > 0
        assert np.abs(middle - one["truth"][:, 0])[inside].mean() < 60


def test_few_slices_are_few_patients(tmp_path: Path) -> None:
    cases = [write_made(tmp_path, n) for n in range(6)]
    samples = samples_of(cases, Shape((16, 16)), at_most=8, seed=4)
    assert len(samples.places) == 8
    assert len({int(case) for case, _ in samples.places}) == 2


def test_few_slices_come_from_all_over_a_patient(tmp_path: Path) -> None:
    body = np.ones((60, 12, 12), np.uint8)
    case = write_case(tmp_path / "case", facts(1), {"image": np.zeros(body.shape), "body": body})
    chosen = [samples_of([case], Shape((8, 8)), at_most=12, seed=seed).places[:, 1] for seed in range(20)]
    assert all(len(set(one.tolist())) == 12 for one in chosen)
    assert np.mean([np.ptp(one) for one in chosen]) > 45, "not a stretch of twelve neighbours"
    more = samples_of([case], Shape((8, 8)), at_most=24, seed=3).places[:, 1]
    assert set(chosen[3].tolist()) < set(more.tolist()), "more slices contain the fewer"


def test_a_crop_shows_the_patient_wherever_he_lies(tmp_path: Path) -> None:
    body = np.zeros((2, 60, 70), np.uint8)
    body[:, 5:17, 50:60] = 1
    image = np.where(body, 0, -1000)
    case = write_case(tmp_path / "case", facts(1), {"image": image, "body": body})
    samples = samples_of([case], Shape((20, 20)), names=("body",))
    assert (samples.draw(20, np.random.default_rng(0))["body"].sum(axis=(1, 2, 3)) == 120).all()
    samples = samples_of([case], Shape((8, 8)), names=("body",))
    assert (samples.draw(20, np.random.default_rng(0))["body"] == 1).all()


def test_more_slices_than_there_are_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too few slices"):
        samples_of([write_made(tmp_path, 1)], Shape((16, 16)), at_most=5)
