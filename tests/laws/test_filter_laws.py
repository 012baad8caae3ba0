"""What every convolutional filter must obey, whatever the image."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from terasu.radiomics.filters import (
    Filter,
    Gabor,
    LaplacianOfGaussian,
    Laws,
    Mean,
    Riesz,
    SeparableWavelet,
    Simoncelli,
)

quick = settings(max_examples=20, deadline=None)
SPACING = (1.0, 1.0, 1.0)
BOUNDARIES = ("zero", "nearest", "periodic", "mirror", -3.0)
sizes = st.tuples(st.integers(1, 7), st.integers(2, 8), st.integers(2, 8))


def images(shape: st.SearchStrategy[tuple[int, int, int]] | tuple[int, int, int]) -> st.SearchStrategy:
    return arrays(np.float64, shape, elements=st.integers(-1000, 1000).map(float))


def linear(boundary: str) -> list[Filter]:
    return [
        Mean(3, boundary=boundary),
        Mean(5, 2, boundary=boundary),
        LaplacianOfGaussian(1.0, boundary=boundary),
        LaplacianOfGaussian(0.8, dimensions=2, boundary=boundary),
        Laws("E5L5S5", boundary=boundary),
        Laws("E3W5", "average", boundary=boundary),
        SeparableWavelet("db3", "LLH", 1, "average", boundary),
        SeparableWavelet("db2", "HL", 2, boundary=boundary),
        Simoncelli(1, boundary=boundary),
        Simoncelli(2, 2, boundary=boundary),
        Riesz(LaplacianOfGaussian(1.0, boundary=boundary), (1, 0, 0)),
        Riesz(Simoncelli(1, 2, boundary), (1, 1)),
    ]


def others(boundary: str) -> list[Filter]:
    return [
        Laws("E5L5S5", "max", 2, boundary),
        Laws("E5S5", "max", boundary=boundary),
        SeparableWavelet("coif1", "LHH", 1, "max", boundary),
        Gabor(1.0, 2.5, 1.5, theta_deg=30, dimensions=2, boundary=boundary),
        Gabor(0.8, 2.0, 0.5, theta_step_deg=45, pooling="max", boundary=boundary),
    ]


def invariant(boundary: str) -> list[Filter]:
    """In the volume, pooled over turns or the same in every direction."""
    return [
        Mean(3, boundary=boundary),
        LaplacianOfGaussian(0.7, boundary=boundary),
        Laws("E5L5S5", "max", boundary=boundary),
        Laws("E3W5R5", "max", 1, boundary),
        Laws("L5S5W5", "average", boundary=boundary),
        SeparableWavelet("db2", "LLH", 1, "average", boundary),
        SeparableWavelet("db2", "HHL", 2, "average", boundary),
        SeparableWavelet("db3", "LHH", 1, "max", boundary),
        Gabor(0.8, 2.0, 1.5, theta_step_deg=45, boundary=boundary),
        Gabor(0.8, 2.5, 0.7, theta_step_deg=22.5, pooling="max", boundary=boundary),
    ]


def near(found: np.ndarray, wanted: np.ndarray) -> bool:
    return bool(np.allclose(found, wanted, rtol=1e-9, atol=1e-7))


@pytest.mark.parametrize("one", linear("mirror") + linear("zero"), ids=lambda one: one.name)
@quick
@given(st.data())
def test_linear(one: Filter, data: st.DataObject) -> None:
    shape = data.draw(sizes)
    a, b = data.draw(images(shape)), data.draw(images(shape))
    both = one.apply(2 * a - 3 * b, SPACING)
    assert near(both, 2 * one.apply(a, SPACING) - 3 * one.apply(b, SPACING))


@pytest.mark.parametrize("one", linear("periodic") + others("periodic"), ids=lambda one: one.name)
@quick
@given(images(sizes), st.tuples(st.integers(0, 6), st.integers(0, 7), st.integers(0, 7)))
def test_shifting_a_periodic_image_shifts_the_response(one: Filter, image, by) -> None:
    shifted = np.roll(image, by, (0, 1, 2))
    assert near(one.apply(shifted, SPACING), np.roll(one.apply(image, SPACING), by, (0, 1, 2)))


@pytest.mark.parametrize("boundary", ("nearest", "periodic", "mirror"))
@quick
@given(st.floats(-2000, 2000), sizes)
def test_an_even_image_has_no_edges_and_its_own_mean(boundary: str, value: float, shape) -> None:
    image = np.full(shape, value)
    for one in linear(boundary)[2:] + others(boundary)[:2]:
        assert np.abs(one.apply(image, SPACING)).max() <= 1e-9 * (1 + abs(value)), one.name
    for size in (3, 5):
        assert near(Mean(size, boundary=boundary).apply(image, SPACING), image)


@pytest.mark.parametrize("one", invariant("mirror") + invariant("zero"), ids=lambda one: one.name)
@quick
@given(images((5, 5, 5)), st.lists(st.sampled_from([(0, 1), (0, 2), (1, 2)]), min_size=1, max_size=3))
def test_turning_the_image_turns_the_pooled_response(one: Filter, image, turns) -> None:
    turned, response = image, one.apply(image, SPACING)
    for plane in turns:
        turned, response = np.rot90(turned, axes=plane), np.rot90(response, axes=plane)
    assert near(one.apply(turned, SPACING), response)


@pytest.mark.parametrize("level", (1, 2))
@quick
@given(images((7, 7, 7)), st.permutations((0, 1, 2)), st.tuples(*[st.booleans()] * 3))
def test_simoncelli_looks_the_same_in_every_direction(level: int, image, order, mirrored) -> None:
    """Of an odd number of voxels; of an even one the reference's frequencies are not symmetric."""
    axes = [axis for axis, flip in enumerate(mirrored) if flip]
    response = Simoncelli(level).apply(image, SPACING)
    turned = np.flip(np.transpose(image, order), axes)
    # frequency 0 is at the middle: mirrored about voxel 0, not about the volume's middle
    turned, wanted = (
        np.roll(one, 1, axes) if axes else one for one in (turned, _turn(response, order, axes))
    )
    assert near(Simoncelli(level).apply(turned, SPACING), wanted)


def _turn(values: np.ndarray, order: tuple[int, ...], axes: list[int]) -> np.ndarray:
    return np.flip(np.transpose(values, order), axes)


@pytest.mark.parametrize("boundary", BOUNDARIES, ids=str)
@settings(max_examples=6, deadline=None)
@given(st.data())
def test_a_box_changes_nothing_in_it(boundary: str, data: st.DataObject) -> None:
    image = data.draw(images(sizes))
    starts = [data.draw(st.integers(0, n - 1)) for n in image.shape]
    box = tuple(slice(a, data.draw(st.integers(a + 1, n))) for a, n in zip(starts, image.shape, strict=True))
    for one in linear(boundary) + others(boundary):
        everywhere = one.apply(image, SPACING)
        assert near(one.apply(image, SPACING, box), everywhere[box]), one.name


@quick
@given(images(sizes))
def test_the_input_stays_and_the_answer_repeats(image) -> None:
    before = image.copy()
    for one in linear("mirror") + others("mirror"):
        first, second = one.apply(image, SPACING), one.apply(image, SPACING)
        assert first.dtype == np.float64 and first.shape == image.shape
        assert np.array_equal(first, second), one.name
    assert np.array_equal(image, before)


def test_names_tell_filters_apart() -> None:
    every = [one for border in BOUNDARIES for one in linear(border) + others(border)]
    assert len({one.name for one in every}) == len(every)
    assert all(a != b for a, b in itertools.combinations(every, 2))
