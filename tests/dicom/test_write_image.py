"""CT series out: where the voxels are, what they say of their making, and nothing half written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from made_rt import FRAME, HEADER, image
from terasu.dicom.image import read_image
from terasu.dicom.write_image import MadeBy, write_ct_series
from terasu.errors import InputError, OutputError
from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume

NETWORK = MadeBy("CycleGAN", "2.1", model_sha256="ab" * 32)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.dcm"))


def write(volume: Volume, folder: Path, made_by: MadeBy | None = NETWORK, seed: str = "") -> Source:
    sources = volume.source if made_by else ()
    return write_ct_series(
        volume,
        folder,
        like=volume.source,
        series_description="improved CBCT",
        made_by=made_by,
        derived_from=sources,
        seed=seed,
    )


def test_what_is_written_reads_back_in_its_place(tmp_path: Path) -> None:
    ours = image()
    source = write(ours, tmp_path / "ct")
    read = read_image(files(tmp_path / "ct")).volume
    assert read.grid.agrees_with(ours.grid, tolerance_mm=1e-6)
    assert read.grid.frame_of_reference_uid == FRAME
    np.testing.assert_array_equal(read.values, ours.values)
    assert read.source.sop_instance_uids == source.sop_instance_uids
    assert read.source.series_instance_uid == source.series_instance_uid
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "PatientPosition"):
        assert read.source.header[keyword] == HEADER[keyword]


def test_a_synthetic_image_says_so_and_by_what(tmp_path: Path) -> None:
    ours = image()
    source = write(ours, tmp_path / "ct")
    data = pydicom.dcmread(files(tmp_path / "ct")[2])
    assert list(data.ImageType) == ["DERIVED", "SECONDARY", "AXIAL"]
    assert data.SyntheticData == "YES"
    assert data.SeriesDescription == "SYNTHETIC improved CBCT"
    assert data.ImageComments.startswith("SYNTHETIC IMAGE")
    assert "CycleGAN 2.1" in data.DerivationDescription and "ab" * 32 in data.DerivationDescription
    (equipment,) = data.ContributingEquipmentSequence
    assert equipment.Manufacturer == "Terasu" and "ab" * 32 in equipment.ContributionDescription
    assert data.BurnedInAnnotation == "NO"
    (original,) = data.SourceImageSequence
    assert original.ReferencedSOPInstanceUID == ours.source.sop_instance_uids[2]
    assert data.SOPInstanceUID == source.sop_instance_uids[2] == data.file_meta.MediaStorageSOPInstanceUID
    assert "CycleGAN 2.1" in source.made_by


def test_no_uid_of_the_source_is_used_again(tmp_path: Path) -> None:
    ours = image()
    source = write(ours, tmp_path / "ct")
    assert source.series_instance_uid != ours.source.series_instance_uid
    assert not set(source.sop_instance_uids) & set(ours.source.sop_instance_uids)
    assert len(set(source.sop_instance_uids)) == len(ours.source.sop_instance_uids)


def test_a_corrected_measurement_is_derived_and_not_synthetic(tmp_path: Path) -> None:
    write(image(), tmp_path / "ct", MadeBy("HU calibration", synthetic=False))
    data = pydicom.dcmread(files(tmp_path / "ct")[0])
    assert data.ImageType[0] == "DERIVED"
    assert "SyntheticData" not in data and "ImageComments" not in data


def test_the_original_images_of_a_made_patient(tmp_path: Path) -> None:
    first = write(image(), tmp_path / "a", None, seed="phantom 7")
    again = write(image(), tmp_path / "b", None, seed="phantom 7")
    data = pydicom.dcmread(files(tmp_path / "a")[0])
    assert list(data.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert "DerivationDescription" not in data and "SourceImageSequence" not in data
    assert first.sop_instance_uids == again.sop_instance_uids
    assert first.made_by == ""


def test_two_sources_with_other_slices_are_named_whole(tmp_path: Path) -> None:
    ours, planning = image(4), image(6)
    write_ct_series(
        ours,
        tmp_path / "ct",
        like=ours.source,
        series_description="virtual CT",
        made_by=NETWORK,
        derived_from=(ours.source, planning.source),
    )
    data = pydicom.dcmread(files(tmp_path / "ct")[1])
    assert len(data.SourceImageSequence) == 1 + 6


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_values_are_rounded_and_what_does_not_fit_is_clipped_and_said(tmp_path: Path, dtype: type) -> None:
    ours = image()
    values = ours.values.astype(dtype)
    values[0, 0, :3] = (-3024, 30000, 12)
    write(ours.with_values(values), tmp_path / "ct")
    read = read_image(files(tmp_path / "ct")).volume
    np.testing.assert_array_equal(np.maximum(read.values[0, 0, :3], -1000), (-1000, 30000, 12))
    assert "1 voxels were clipped" in pydicom.dcmread(files(tmp_path / "ct")[0]).ImageComments


def test_half_a_hounsfield_unit_at_most_is_lost(tmp_path: Path) -> None:
    ours = image()
    fine = ours.with_values(ours.values / np.float32(np.pi))
    write(fine, tmp_path / "ct")
    read = read_image(files(tmp_path / "ct")).volume
    assert np.abs(read.values - fine.values).max() <= 0.5


def test_without_a_patient_the_type_2_attributes_are_there_and_empty(tmp_path: Path) -> None:
    grid = Grid.from_axes((2, 4, 4), spacing_zyx_mm=(3, 1, 1))
    volume = Volume(np.zeros(grid.shape_zyx, np.int16), grid)
    source = write_ct_series(volume, tmp_path / "ct", like=None, series_description="phantom", made_by=None)
    data = pydicom.dcmread(files(tmp_path / "ct")[0])
    assert data.PatientName == "" and data.PatientBirthDate == "" and data.KVP is None
    assert data.PatientPosition == "HFS"
    assert source.header["StudyInstanceUID"] == data.StudyInstanceUID
    assert source.header["FrameOfReferenceUID"] == data.FrameOfReferenceUID


def test_what_is_invalid_in_a_foreign_header_is_not_inherited(tmp_path: Path) -> None:
    hashed = "61d6b371-5759-36d4-a66b-402c0333d1a9"
    bad = dict.fromkeys(("StudyDate", "StudyTime", "PatientSex", "PatientBirthDate"), hashed)
    bad |= {"StudyInstanceUID": "../../etc", "StudyID": hashed, "PatientPosition": "HFX", "KVP": "x"}
    bad |= {"PatientName": "A\\B\x1b^C", "AccessionNumber": "a\nb", "StudyDescription": "é" * 90}
    ours = image()
    odd = Volume(ours.values, ours.grid, "HU", replace(ours.source, header={**HEADER, **bad}))
    write(odd, tmp_path / "ct")
    data = pydicom.dcmread(files(tmp_path / "ct")[0])
    assert (data.StudyDate, data.StudyTime, data.PatientSex, data.PatientBirthDate) == ("", "", "", "")
    assert data.StudyInstanceUID.startswith("2.25.") and len(data.StudyID) <= 16
    assert data.PatientName == "A B ^C" and data.AccessionNumber == "a b"
    assert len(data.StudyDescription) == 64


def test_the_names_of_files_and_folder_come_from_no_uid(tmp_path: Path) -> None:
    write(image(), tmp_path / "ct")
    assert [path.name for path in files(tmp_path / "ct")] == [f"CT_{n:04d}.dcm" for n in range(1, 7)]


def test_a_folder_that_is_there_is_not_touched(tmp_path: Path) -> None:
    write(image(), tmp_path / "ct")
    before = files(tmp_path / "ct")[0].read_bytes()
    with pytest.raises(OutputError, match="there already"):
        write(image(4), tmp_path / "ct")
    assert files(tmp_path / "ct")[0].read_bytes() == before


@pytest.mark.parametrize("unit", ["HU", "Gy"])
def test_what_is_no_ct_leaves_nothing_behind(tmp_path: Path, unit: str) -> None:
    bad = image(unit=unit)
    bad.values[3, 4, 5] = np.nan if unit == "HU" else 1.0
    with pytest.raises(InputError, match="no CT"):
        write(bad, tmp_path / "ct")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from terasu.dicom import write_image

    written: list[Path] = []

    def full_after_two(_: object, path: Path) -> None:
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        path.write_bytes(b"half")
        written.append(path)

    monkeypatch.setattr(write_image, "write_now", full_after_two)
    with pytest.raises(OutputError, match="Nothing could be written"):
        write(image(), tmp_path / "ct")
    assert list(tmp_path.iterdir()) == []
