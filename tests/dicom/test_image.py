"""Series become volumes whose every voxel lies where the headers say, or are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

import made_dicom as made
from terasu.dicom.choose import choose_case
from terasu.dicom.find import index_folder
from terasu.dicom.image import ImageRead, grid_of_series, read_image
from terasu.errors import DicomError, GeometryError, InputError, TerasuError

TEST_FILES = Path(pydicom.__file__).parent / "data" / "test_files"


def read(folder: Path) -> ImageRead:
    (series,) = index_folder(folder).series
    return read_image(series)


def test_hu_grid_and_source(tmp_path: Path) -> None:
    stored = made.stored_values(4)
    paths = made.write_series(tmp_path, stored, PatientPosition="FFS", KVP=120, spacing=(2.0, 1.5))
    result = read(tmp_path)
    volume = result.volume
    assert_array_equal(volume.values, stored - 1024)
    assert (volume.values.dtype, volume.unit) == (np.int16, "HU")
    assert volume.grid.spacing_zyx_mm == pytest.approx((3.0, 2.0, 1.5))
    assert volume.grid.origin_lps_mm == (-10.0, -20.0, 0.0)
    assert volume.grid.frame_of_reference_uid == made.FRAME
    assert volume.source.sop_instance_uids == tuple(f"{made.PLANNING}.{n}" for n in (1, 2, 3, 4))
    header = volume.source.header
    assert (header["PatientPosition"], header["KVP"], header["PatientID"]) == ("FFS", "120.0", "P1")
    assert result.notes == ()
    assert_array_equal(read_image(paths).volume.values, volume.values)


def test_falling_positions_are_put_in_order(tmp_path: Path) -> None:
    stored = made.stored_values(4)
    made.write_series(tmp_path, stored, z_mm=(9.0, 3.0, 0.0, 6.0))
    assert_array_equal(read(tmp_path).volume.values, stored[[2, 1, 3, 0]] - 1024)


def test_slope_and_intercept_of_each_slice(tmp_path: Path) -> None:
    stored = made.stored_values(3)
    for k, (slope, intercept) in enumerate(((1, -1024), (0.5, -500.25), (2, -2000))):
        data = made.slice_of(stored[k], number=k, position=(0, 0, k))
        data.RescaleSlope, data.RescaleIntercept = slope, intercept
        data.save_as(tmp_path / str(k))
    values = read(tmp_path).volume.values
    assert values.dtype == np.float32
    assert_allclose(values[1], stored[1] * 0.5 - 500.25)
    assert_array_equal(values[2], stored[2] * 2.0 - 2000)


def test_large_values_do_not_wrap(tmp_path: Path) -> None:
    stored = made.stored_values(2)
    stored[0, 0, 0] = 32767
    made.write_series(tmp_path, stored, RescaleSlope=2)
    assert read(tmp_path).volume.values.max() == 32767 * 2 - 1024


def test_padding_reads_as_air_and_is_noted(tmp_path: Path) -> None:
    stored = made.stored_values(2, 10, 10)
    stored[0, 0, :5] = -2000
    stored[1, 0, 0] = 10
    made.write_series(tmp_path, stored, PixelPaddingValue=10)
    result = read(tmp_path)
    assert_array_equal(result.volume.values[0, 0, :5], -1000)
    assert result.volume.values[1, 0, 0] == -1000
    assert "3 % of the voxels" in result.notes[0]


def test_padding_that_would_be_tissue_is_left(tmp_path: Path) -> None:
    stored = made.stored_values(2)
    stored[0, 0, 0] = 1024
    made.write_series(tmp_path, stored, PixelPaddingValue=1024)
    result = read(tmp_path)
    assert result.volume.values[0, 0, 0] == 0
    assert "which tissue has too" in result.notes[0]


def test_mr_is_not_taken_for_hu(tmp_path: Path) -> None:
    stored = made.stored_values(2) - 3000
    made.write_series(tmp_path, stored, modality="MR")
    volume = read(tmp_path).volume
    assert volume.unit == "1"
    assert_array_equal(volume.values, stored)


def test_missing_scale_is_noted(tmp_path: Path) -> None:
    data = made.slice_of(made.stored_values()[0], number=1, position=(0, 0, 0))
    del data.RescaleSlope, data.RescaleIntercept
    data.save_as(tmp_path / "x")
    assert "taken as HU" in read(tmp_path).notes[0]


def test_missing_slice_says_where(tmp_path: Path) -> None:
    made.write_series(tmp_path, made.stored_values(6), z_mm=(0, 3, 6, 12, 15, 18))
    with pytest.raises(InputError, match="missing") as caught:
        read(tmp_path)
    assert "6.00)" in caught.value.got and "12.00)" in caught.value.got


def test_many_missing_slices_are_not_taken_for_a_wider_spacing(tmp_path: Path) -> None:
    paths = made.write_series(tmp_path, made.stored_values(20))
    for number in (10, 12, 14, 16):
        paths[number].unlink()
    with pytest.raises(InputError, match="missing") as caught:
        read(tmp_path)
    assert caught.value.got.startswith("4 gaps")


@pytest.mark.parametrize("wide", [5.0, 6.0])
def test_two_spacings_are_resampled_onto_the_finer(tmp_path: Path, wide: float) -> None:
    """A linear ramp along z stays what it is."""
    z = np.concatenate((np.arange(5) * 3.0, 12 + wide * np.arange(1, 5)))
    stored = np.broadcast_to((1000 + z)[:, None, None], (len(z), 3, 5)).astype(np.int16)
    made.write_series(tmp_path, stored, z_mm=z.tolist())
    result = read(tmp_path)
    grid = result.volume.grid
    assert grid.spacing_zyx_mm[0] == pytest.approx(3.0)
    assert_allclose(
        result.volume.values[:, 0, 0], 1000 - 1024 + np.arange(grid.shape_zyx[0]) * 3.0, atol=1e-3
    )
    assert grid.shape_zyx[0] == int((12 + 4 * wide) // 3) + 1
    assert "resampled" in result.notes[0]
    assert len(result.volume.source.sop_instance_uids) == len(z)


def test_same_slice_twice_is_dropped_another_is_refused(tmp_path: Path) -> None:
    stored = made.stored_values(3)
    made.write_series(tmp_path, stored)
    twin = made.slice_of(stored[1], number=9, position=(-10.0, -20.0, 3.0))
    twin.save_as(tmp_path / "twin")
    result = read(tmp_path)
    assert_array_equal(result.volume.values, stored - 1024)
    assert "twice" in result.notes[0]
    made.slice_of(stored[2], number=9, position=(-10.0, -20.0, 3.0)).save_as(tmp_path / "twin")
    with pytest.raises(InputError, match="same place") as caught:
        read(tmp_path)
    assert "(-10.00, -20.00, 3.00)" in caught.value.got


def test_tilted_gantry_is_refused(tmp_path: Path) -> None:
    for k, plane in enumerate(made.stored_values(5)):
        made.slice_of(plane, number=k, position=(0, 0.3 * k, 3.0 * k)).save_as(tmp_path / str(k))
    with pytest.raises(GeometryError, match="tilted") as caught:
        read(tmp_path)
    assert "5.7°" in caught.value.got


def test_other_size_is_grouped_apart_and_refused_together(tmp_path: Path) -> None:
    paths = made.write_series(tmp_path, made.stored_values(3))
    paths += made.write_series(tmp_path / "b", made.stored_values(3, 4, 4))
    assert len(index_folder(tmp_path).series) == 2
    with pytest.raises(InputError, match="different sizes"):
        read_image(paths)


def test_other_orientation_is_refused(tmp_path: Path) -> None:
    paths = made.write_series(tmp_path, made.stored_values(3))
    paths += made.write_series(tmp_path / "b", made.stored_values(3), orientation=(0, 1, 0, 0, 0, -1))
    with pytest.raises(InputError, match="orientation"):
        read_image(paths)


def test_single_slice_has_its_thickness(tmp_path: Path) -> None:
    made.write_series(tmp_path, made.stored_values(1))
    assert read(tmp_path).volume.grid.spacing_zyx_mm[0] == 3.0
    made.write_series(tmp_path, made.stored_values(1), SliceThickness=None)
    with pytest.raises(InputError, match="Slice Thickness"):
        read(tmp_path)


def test_cut_off_pixels_name_the_file(tmp_path: Path) -> None:
    paths = made.write_series(tmp_path, made.stored_values(3, 64, 64))
    paths[1].write_bytes(paths[1].read_bytes()[:-100])
    with pytest.raises(DicomError, match="cut off") as caught:
        read(tmp_path)
    assert paths[1].name in caught.value.got


def test_unknown_compression_is_named() -> None:
    with pytest.raises(DicomError, match="JPEG-LS Lossless"):
        read_image([TEST_FILES / "MR_small_jpeg_ls_lossless.dcm"])


def test_encodings_of_one_image_agree() -> None:
    """The same MR as explicit, implicit, big endian, RLE and JPEG 2000: the same values."""
    names = ("MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm")
    first, *others = (read_image([TEST_FILES / name]).volume.values for name in names)
    for other in others:
        assert_array_equal(other, first)


def test_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DicomError, match="cannot be read"):
        read_image([tmp_path / "nowhere"])


def test_other_modalities_are_refused() -> None:
    with pytest.raises(InputError, match="RTDOSE"):
        read_image([TEST_FILES / "rtdose.dcm"])


def test_enhanced_ct(tmp_path: Path) -> None:
    """One file, frames in a shuffled order, slope and place per frame."""
    stored = made.stored_values(4)
    z = (6.0, 0.0, 9.0, 3.0)
    data = made.slice_of(stored[0], number=1, position=(0, 0, 0))
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"):
        delattr(data, keyword)
    del data.RescaleSlope, data.RescaleIntercept
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    data.NumberOfFrames, data.PixelData = 4, stored.astype("<i2").tobytes()
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [2.0, 1.0], 3.0
    orientation.ImageOrientationPatient = list(made.AXIAL)
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Items([measures]), Items([orientation])
    data.SharedFunctionalGroupsSequence = Items([shared])
    groups = []
    for place in z:
        position, scale, group = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = [1.0, 2.0, place]
        scale.RescaleSlope, scale.RescaleIntercept = 1, -1024 + int(place)
        group.PlanePositionSequence = Items([position])
        group.PixelValueTransformationSequence = Items([scale])
        groups.append(group)
    data.PerFrameFunctionalGroupsSequence = Items(groups)
    data.save_as(tmp_path / "enhanced")
    volume = read(tmp_path).volume
    assert_array_equal(volume.values, np.stack([stored[k] - 1024 + int(z[k]) for k in (1, 3, 0, 2)]))
    assert volume.grid.spacing_zyx_mm == pytest.approx((3.0, 2.0, 1.0))
    assert volume.grid.origin_lps_mm == (1.0, 2.0, 0.0)


@pytest.mark.filterwarnings("error")
def test_every_file_of_pydicoms_test_set_is_read_or_refused() -> None:
    """One by one and all together: a result or one of our errors, nothing else."""
    read_well = 0
    for path in sorted(one for one in TEST_FILES.rglob("*") if one.is_file()):
        try:
            read_image([path])
            read_well += 1
        except TerasuError as error:
            assert error.what
    assert read_well > 30
    index = index_folder(TEST_FILES)
    for series in index.series:
        try:
            read_image(series)
        except TerasuError as error:
            assert error.what
    with pytest.raises(TerasuError):
        choose_case(index)


# Real patients


def test_pancreas_images(pancreas: Path) -> None:
    case = choose_case(index_folder(pancreas))
    assert case.daily is not None
    planning, daily = read_image(case.planning), read_image(case.daily)
    assert planning.volume.grid.shape_zyx == (70, 512, 512)
    assert daily.volume.grid.shape_zyx == (64, 512, 512)
    assert planning.volume.grid.same_frame_as(daily.volume.grid)
    assert min(planning.volume.values.min(), daily.volume.values.min()) >= -1024
    assert planning.volume.values.dtype == np.int16
    assert daily.volume.source.header["Manufacturer"].startswith("Varian")
    assert grid_of_series(case.daily).agrees_with(daily.volume.grid)


def test_thorax_image_without_one_slice(thorax: Path) -> None:
    series = index_folder(thorax).of_modality("CT")[0]
    ordered = sorted(series.files, key=lambda header: (header.position_lps_mm or (0, 0, 0))[2])
    assert read_image([header.path for header in ordered]).volume.grid.spacing_zyx_mm[0] == pytest.approx(4.0)
    with pytest.raises(InputError, match="missing"):
        read_image([header.path for header in ordered if header is not ordered[50]])
