"""The filters against the standard's formulas, written out, and against other people's transforms."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import pywt
from scipy import ndimage

from terasu.errors import InputError
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
from terasu.radiomics.filters.laws import KERNELS

MM = (1.0, 1.0, 1.0)
SCIPY = {"zero": "constant", "nearest": "nearest", "periodic": "wrap", "mirror": "reflect"}


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(5).normal(0, 300, (9, 11, 12))


def dense(image: np.ndarray, kernel_zyx: np.ndarray, boundary: str) -> np.ndarray:
    return ndimage.convolve(image, kernel_zyx, mode=SCIPY[boundary])


def product(*kernels_xyz: np.ndarray) -> np.ndarray:
    x, y, z = kernels_xyz
    return z[:, None, None] * y[None, :, None] * x[None, None, :]


def turns(dimensions: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Exchange of axes and the axes that are mirrored after it, of every turn by right angles."""
    found = []
    axes = (0, 1, 2) if dimensions == 3 else (1, 2)
    for order in itertools.permutations(axes):
        for many in range(dimensions + 1):
            for mirrored in itertools.combinations(axes, many):
                matrix = np.eye(3)[[*((0,) if dimensions == 2 else ()), *order]]
                matrix[list(mirrored)] *= -1
                if np.linalg.det(matrix) > 0:
                    found.append(((*((0,) if dimensions == 2 else ()), *order), mirrored))
    return found


def pooled(
    image: np.ndarray, apply: Callable[[np.ndarray], np.ndarray], dimensions: int, pool: Callable
) -> np.ndarray:
    """Turn the image, filter, turn back, pool."""
    maps = []
    for order, mirrored in turns(dimensions):
        response = apply(np.flip(np.transpose(image, order), mirrored))
        maps.append(np.transpose(np.flip(response, mirrored), np.argsort(order)))
    assert len(maps) == (24 if dimensions == 3 else 4)
    return pool(maps, axis=0)


@pytest.mark.parametrize("boundary", SCIPY)
def test_laws_is_the_convolution_with_its_kernels(image: np.ndarray, boundary: str) -> None:
    kernel = product(KERNELS["E5"], KERNELS["L3"], KERNELS["S5"])
    wanted = dense(image, kernel, boundary)
    assert np.allclose(Laws("E5L3S5", boundary=boundary).apply(image, MM), wanted)
    energy = ndimage.uniform_filter(np.abs(wanted), 5, mode=SCIPY[boundary])
    assert np.allclose(Laws("E5L3S5", None, 2, boundary).apply(image, MM), energy)


@pytest.mark.parametrize("boundary", SCIPY)
def test_mean_and_a_number_to_fill_with(image: np.ndarray, boundary: str) -> None:
    assert np.allclose(
        Mean(5, boundary=boundary).apply(image, MM), ndimage.uniform_filter(image, 5, mode=SCIPY[boundary])
    )
    filled = ndimage.uniform_filter(image, 5, mode="constant", cval=-1000)
    assert np.allclose(Mean(5, boundary=-1000.0).apply(image, MM), filled)


def test_laplacian_of_gaussian_is_the_standard_s_formula(image: np.ndarray) -> None:
    sigma, half = 1.5 / 0.75, 8
    axis = np.arange(-half, half + 1.0)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    square = x**2 + y**2 + z**2
    kernel = -((1 / (np.sqrt(2 * np.pi) * sigma)) ** 3) * (3 / sigma**2 - square / sigma**4)
    kernel *= np.exp(-square / (2 * sigma**2))
    wanted = dense(image, kernel, "mirror")
    ours = LaplacianOfGaussian(1.5).apply(image, (0.75, 0.75, 0.75))
    assert np.abs(ours - wanted).max() < 2e-3 * np.ptp(wanted)


def test_laplacian_of_gaussian_knows_voxels_that_are_no_cubes() -> None:
    """A blob sampled in two ways has the same response in its middle, by the volume's mean edge."""
    sigma_mm, blob_mm = 3.0, 4.0
    found = []
    for spacing in ((1.0, 1.0, 1.0), (2.0, 0.8, 0.8)):
        axes = [np.arange(-round(24 / step), round(24 / step) + 1) * step for step in spacing]
        z, y, x = np.meshgrid(*axes, indexing="ij")
        blob = np.exp(-(x**2 + y**2 + z**2) / (2 * blob_mm**2))
        response = LaplacianOfGaussian(sigma_mm).apply(blob, spacing)
        middle = tuple(n // 2 for n in response.shape)
        found.append(response[middle] / np.prod(spacing) ** (2 / 3))
    wide = sigma_mm**2 + blob_mm**2
    wanted = -3 / wide * (blob_mm**2 / wide) ** 1.5
    assert found == pytest.approx([wanted, wanted], rel=2e-3)


@pytest.mark.parametrize(("pooling", "pool"), [("average", np.mean), ("max", np.max)])
@pytest.mark.parametrize(
    "kinds",
    [
        ("L5S5", 2),
        ("E5S5", 2),
        ("E5L5S5", 3),
        ("E5E5W5", 3),
        ("E3W5R5", 3),
        ("db2 LH 1", 2),
        ("db3 LLH 1", 3),
        ("db2 HLH 2", 3),
    ],
    ids=lambda kinds: kinds[0],
)
def test_pooling_is_over_all_turns(image: np.ndarray, kinds: tuple[str, int], pooling, pool) -> None:
    name, dimensions = kinds

    def one(how: str | None) -> Filter:
        if " " not in name:
            return Laws(name, how)
        wavelet, band, level = name.split()
        return SeparableWavelet(wavelet, band, int(level), how)

    wanted = pooled(image, lambda turned: one(None).apply(turned, MM), dimensions, pool)
    assert np.allclose(one(pooling).apply(image, MM), wanted)


@pytest.mark.parametrize("wavelet", ("haar", "db2", "db3", "coif1"))
@pytest.mark.parametrize("level", (1, 2, 3))
def test_wavelets_are_the_stationary_transform(wavelet: str, level: int) -> None:
    image = np.random.default_rng(6).normal(0, 1, (8, 16, 24))
    bands = pywt.swtn(image, wavelet, level=level, axes=(2, 1, 0))[0]
    for letters, wanted in bands.items():
        band = letters.translate(str.maketrans("ad", "LH"))
        ours = SeparableWavelet(wavelet, band, level, boundary="periodic").apply(image, MM)
        assert np.allclose(ours, wanted), band


def test_levels_of_wavelets_take_the_low_bands_before() -> None:
    image = np.random.default_rng(7).normal(0, 1, (16, 16, 16))
    low = SeparableWavelet("db2", "LLL", boundary="periodic").apply(image, MM)
    second = SeparableWavelet("db2", "HLL", 2, boundary="periodic").apply(image, MM)
    on_every_other = SeparableWavelet("db2", "HLL", boundary="periodic").apply(low[::2, ::2, ::2], MM)
    assert np.allclose(second[::2, ::2, ::2], on_every_other)


@pytest.mark.parametrize("theta_deg", (0.0, 30.0, 225.0))
def test_gabor_is_the_standard_s_formula(theta_deg: float) -> None:
    image = np.random.default_rng(8).normal(0, 1, (2, 31, 33))
    sigma, wave, gamma, theta = 3.0, 5.0, 1.5, np.deg2rad(theta_deg)
    y, x = np.meshgrid(np.arange(31.0) - 15, np.arange(33.0) - 16, indexing="ij")
    x, y = 15 + 1 - (x + 16), 15 - (y + 15)  # convolution: what is left of a voxel is weighted by the right
    along, across = x * np.cos(theta) + y * np.sin(theta), -x * np.sin(theta) + y * np.cos(theta)
    kernel = np.exp(-(along**2 + gamma**2 * across**2) / (2 * sigma**2) + 2j * np.pi * along / wave)
    one = Gabor(sigma, wave, gamma, theta_deg, dimensions=2, boundary="zero")
    assert one.apply(image, MM)[1, 15, 16] == pytest.approx(abs((kernel * image[1]).sum()), rel=1e-9)


def test_gabor_answers_to_the_direction_from_columns_to_rows() -> None:
    y, x = np.meshgrid(np.arange(64.0), np.arange(64.0), indexing="ij")
    wave = np.cos(2 * np.pi * (x * np.cos(np.pi / 6) + y * np.sin(np.pi / 6)) / 5)[None]
    middle = {
        theta: Gabor(6, 5, 1, theta, dimensions=2).apply(wave, MM)[0, 32, 32]
        for theta in (30.0, -30.0, 120.0)
    }
    assert middle[30.0] > 50 * max(middle[-30.0], middle[120.0])


def test_gabor_in_three_planes_is_the_mean_of_slices_in_each(image: np.ndarray) -> None:
    flat = Gabor(1.5, 3, 1.5, theta_step_deg=45, dimensions=2)
    planes = [(0, 1, 2), (1, 0, 2), (2, 0, 1)]
    maps = [np.transpose(flat.apply(np.transpose(image, p), MM), np.argsort(p)) for p in planes]
    volume = Gabor(1.5, 3, 1.5, theta_step_deg=45).apply(image, MM)
    assert np.allclose(volume, np.mean(maps, axis=0))


def test_simoncelli_keeps_waves_of_its_octaves() -> None:
    """Of one frequency the response is the wave itself, times the wavelet's gain there."""
    n, x = 65, np.arange(65)
    for cycles, level in itertools.product((5, 11, 16, 24, 30), (1, 2, 3)):
        wave = np.broadcast_to(np.cos(2 * np.pi * cycles * x / n), (3, n, n))
        frequency = np.pi * cycles / ((n - 1) / 2) * 2 ** (level - 1)
        inside = np.pi / 4 < frequency <= np.pi
        gain = np.cos(np.pi / 2 * np.log2(2 * frequency / np.pi)) if inside else 0.0
        assert np.allclose(Simoncelli(level, 2).apply(wave, MM), gain * wave)


def test_riesz_of_a_wave_is_its_quadrature() -> None:
    n, x = 65, np.arange(65)
    phase = 2 * np.pi * 12 * x / n
    wave = np.broadcast_to(np.cos(phase), (3, n, n))
    before = Simoncelli(1, 2).apply(wave, MM)
    gain = before[0, 0, 0]
    assert np.allclose(Riesz(Simoncelli(1, 2), (1, 0)).apply(wave, MM), gain * np.sin(phase))
    assert np.allclose(Riesz(Simoncelli(1, 2), (0, 1)).apply(wave, MM), 0)
    assert np.allclose(Riesz(Simoncelli(1, 2), (2, 0)).apply(wave, MM), -before)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Mean(4),
        lambda: Mean(-1),
        lambda: Mean(3, 1),
        lambda: Mean(3, boundary="reflect"),
        lambda: Mean(3, boundary=float("nan")),
        lambda: LaplacianOfGaussian(0.0),
        lambda: LaplacianOfGaussian(float("inf")),
        lambda: LaplacianOfGaussian(1.0, 0.0),
        lambda: Laws("E5"),
        lambda: Laws("E5L5X5"),
        lambda: Laws("E5L5S5", "min"),
        lambda: Laws("E5L5S5", energy_distance=-1),
        lambda: Gabor(0, 4),
        lambda: Gabor(5, -4),
        lambda: Gabor(5, 4, 0),
        lambda: Gabor(5, 4, theta_step_deg=50),
        lambda: Gabor(5, 4, theta_step_deg=0),
        lambda: Gabor(5, 4, pooling=None),
        lambda: SeparableWavelet("db0", "LLH"),
        lambda: SeparableWavelet("db2", "LXH"),
        lambda: SeparableWavelet("db2", "L"),
        lambda: SeparableWavelet("db2", "LLH", 0),
        lambda: Simoncelli(0),
        lambda: Simoncelli(1, 4),
        lambda: Riesz(Simoncelli(1), (1, 0)),
        lambda: Riesz(Simoncelli(1), (0, 0, 0)),
        lambda: Riesz(Simoncelli(1), (1, -1, 0)),
    ],
)
def test_parameters_that_make_no_filter_are_refused(wrong: Callable[[], Filter]) -> None:
    with pytest.raises(InputError) as refused:
        wrong()
    assert all((refused.value.got, refused.value.expected, refused.value.todo))


@pytest.mark.parametrize(
    ("values", "spacing", "box"),
    [
        (np.zeros((4, 4)), MM, None),
        (np.zeros((0, 4, 4)), MM, None),
        (np.zeros((4, 4, 4)), (1.0, 0.0, 1.0), None),
        (np.zeros((4, 4, 4)), (1.0, 1.0), None),
        (np.zeros((4, 4, 4)), MM, (slice(0, 4), slice(0, 4), slice(2, 5))),
        (np.zeros((4, 4, 4)), MM, (slice(0, 4), slice(3, 3), slice(2, 4))),
        (np.full((4, 4, 4), np.nan), MM, None),
    ],
)
@pytest.mark.parametrize(
    "one",
    [
        Mean(3),
        LaplacianOfGaussian(1),
        Laws("L3E3S3", "max", 1),
        Gabor(1, 2),
        SeparableWavelet("haar", "LLH"),
        Simoncelli(1),
        Riesz(Simoncelli(1), (1, 0, 0)),
    ],
    ids=lambda one: one.name,
)
def test_images_that_cannot_be_filtered_are_refused(one: Filter, values, spacing, box) -> None:
    with pytest.raises(InputError):
        one.apply(values, spacing, box)


def test_a_wave_shorter_than_two_voxels_is_refused() -> None:
    image = np.zeros((8, 8, 8))
    with pytest.raises(InputError, match="6 mm here"):
        Gabor(5, 4).apply(image, (3.0, 1.0, 1.0))
    Gabor(5, 4, dimensions=2).apply(image, (3.0, 1.0, 1.0))


def test_values_that_are_not_finite_are_met_only_in_reach() -> None:
    image = np.zeros((9, 9, 9))
    image[8, 8, 8] = np.nan
    inside = (slice(0, 4), slice(0, 4), slice(0, 4))
    assert not Mean(3).apply(image, MM, inside).any()
    with pytest.raises(InputError, match="1 of 1000 voxels"):
        Mean(3).apply(image, MM, (slice(0, 8),) * 3)
