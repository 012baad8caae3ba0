"""Wherever a series lies in space, our volume, its headers and SimpleITK agree voxel by voxel."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

import made_dicom as made
from terasu.dicom.choose import choose_case
from terasu.dicom.find import index_folder
from terasu.dicom.image import read_image
from terasu.errors import TerasuError
from terasu.patient.resample import to_sitk

# Rows and columns of axial series in the four lying positions, head and feet first, and the other planes.
POSITIONS = {
    "HFS": (1, 0, 0, 0, 1, 0),
    "HFP": (-1, 0, 0, 0, -1, 0),
    "HFDL": (0, -1, 0, 1, 0, 0),
    "HFDR": (0, 1, 0, -1, 0, 0),
    "FFS": (-1, 0, 0, 0, 1, 0),
    "FFP": (1, 0, 0, 0, -1, 0),
    "FFDL": (0, 1, 0, 1, 0, 0),
    "FFDR": (0, -1, 0, -1, 0, 0),
    "sagittal": (0, 1, 0, 0, 0, -1),
    "coronal": (1, 0, 0, 0, 0, -1),
}
spacings = st.floats(0.3, 5.0)
places = st.floats(-900.0, 900.0)


def rotation(angles: tuple[float, float, float]) -> NDArray[np.float64]:
    transform = sitk.Euler3DTransform()
    transform.SetRotation(*angles)
    return np.array(transform.GetMatrix()).reshape(3, 3)


# ITK gives a series of single-pixel slices another shape, so slices have at least 2 × 2 pixels here.
@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    start=st.sampled_from(sorted(POSITIONS)),
    angles=st.tuples(*[st.floats(-0.7, 0.7)] * 3),
    is_oblique=st.booleans(),
    spacing=st.tuples(spacings, spacings, spacings),
    origin=st.tuples(places, places, places),
    size=st.tuples(st.integers(2, 5), st.integers(2, 4), st.integers(2, 6)),
    seed=st.integers(0, 1000),
)
def test_voxels_lie_where_headers_and_simpleitk_say(
    start: str,
    angles: tuple[float, float, float],
    is_oblique: bool,
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float],
    size: tuple[int, int, int],
    seed: int,
) -> None:
    axes = np.array(POSITIONS[start], float).reshape(2, 3)
    if is_oblique:
        axes = axes @ rotation(angles).T
    normal = np.cross(*axes)
    stored = made.stored_values(*size, seed=seed)
    order = np.random.default_rng(seed).permutation(size[0])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corners = []
        for k in range(size[0]):
            corner = np.array(origin) + normal * spacing[0] * k
            corners.append([float(f"{value:.9f}") for value in corner])
            data = made.slice_of(
                stored[k],
                number=int(order[k]),
                position=[f"{value:.9f}"[:16] for value in corner],  # type: ignore[misc]
                orientation=[f"{value:.12f}"[:16] for value in axes.ravel()],  # type: ignore[misc]
                spacing=[f"{value:.12f}"[:16] for value in spacing[1:]],  # type: ignore[misc]
            )
            data.save_as(folder / f"{order[k]:02d}.dcm")
        (series,) = index_folder(folder).series
        volume = read_image(series).volume
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(name))
        theirs = reader.Execute()
    assert_array_equal(volume.values, stored - 1024)
    assert np.linalg.det(volume.grid.direction_lps) > 0.99
    k, j, i = np.indices(size).reshape(3, -1)
    said = np.array(corners)[k] + np.outer(j * spacing[1], axes[1]) + np.outer(i * spacing[2], axes[0])
    assert_allclose(volume.grid.to_lps_mm(np.stack((k, j, i), -1)), said, atol=1e-4)
    for index in ((0, 0, 0), (size[0] - 1, size[1] - 1, size[2] - 1)):
        point = theirs.TransformIndexToPhysicalPoint(index[::-1])
        here = volume.grid.to_index_kji(point)
        assert_allclose(here, np.rint(here), atol=1e-3)
        value = volume.values[tuple(int(n) for n in np.rint(here))]
        assert value == theirs.GetPixel(*index[::-1])
    ours = to_sitk(volume.values, volume.grid)
    assert ours.TransformIndexToPhysicalPoint((0, 0, 0)) == tuple(volume.grid.to_lps_mm((0, 0, 0)))


@settings(max_examples=150, deadline=None)
@given(
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), max_size=12),
    keep=st.floats(0.0, 1.0) | st.just(1.0),
    only_header=st.booleans(),
)
def test_damaged_bytes_give_a_result_or_one_of_our_errors(
    flips: list[tuple[float, int]], keep: float, only_header: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = made.write_series(folder, made.stored_values(3, 8, 8))
        whole = bytearray(paths[1].read_bytes())
        end = len(whole) - 128 if only_header else len(whole)
        for place, change in flips:
            whole[min(132 + int(place * (end - 132)), end - 1)] ^= change
        paths[1].write_bytes(bytes(whole[: round(keep * len(whole))]))
        index = index_folder(folder)
        for work in (
            lambda: choose_case(index, need_daily=False, need_structures=False),
            lambda: [read_image(series) for series in index.series],
            lambda: read_image(paths[1:2]),
        ):
            try:
                work()
            except TerasuError as error:
                assert error.what
