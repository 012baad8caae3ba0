"""Whatever lies in a folder is found, or passed over with a reason."""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.datadict import tag_for_keyword

import made_dicom as made
from terasu.dicom.find import index_folder
from terasu.dicom.headers import read_header
from terasu.dicom.scan import DEEPEST_NESTING, LARGEST_INFLATED_BYTES, scan_file, text_of
from terasu.errors import InputError, TerasuError

TEST_FILES = Path(pydicom.__file__).parent / "data"
KEYWORDS = (
    *("SOPClassUID", "SOPInstanceUID", "Modality", "SeriesInstanceUID", "StudyInstanceUID", "PatientID"),
    *("FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
    *("Manufacturer", "ImageType", "AcquisitionDate", "InstanceNumber"),
)


def test_groups_series_whatever_the_names_and_folders(tmp_path: Path) -> None:
    made.write_series(tmp_path / "a" / "b c", made.stored_values(4))
    made.write_series(tmp_path / "d.zip", made.stored_values(3), series=made.DAILY)
    made.structure_set().save_as(tmp_path / "picture.png")
    index = index_folder(tmp_path)
    assert [(s.modality, s.n_images) for s in index.series] == [("CT", 4), ("CT", 3), ("RTSTRUCT", 1)]
    assert index.rejected == ()
    assert index.n_files == 8


def test_other_files_are_passed_over_and_never_quoted(tmp_path: Path) -> None:
    made.write_series(tmp_path, made.stored_values(2))
    (tmp_path / "notes.csv").write_text("Doe^John,1950\n" * 100)
    (tmp_path / "picture.dcm").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (tmp_path / "archive").write_bytes(b"PK\x03\x04" + bytes(100))
    (tmp_path / "empty.dcm").touch()
    index = index_folder(tmp_path)
    reasons = {one.path.name: one.reason for one in index.rejected}
    assert set(reasons) == {"notes.csv", "picture.dcm", "archive", "empty.dcm"}
    assert "PNG" in reasons["picture.dcm"] and "unpack" in reasons["archive"]
    assert not any("Doe" in reason for reason in reasons.values())
    assert not any(one.is_suspect for one in index.rejected)


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    made.write_series(inner, made.stored_values(2))
    (inner / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    index = index_folder(tmp_path)
    assert index.n_files == 2
    assert [one.path.name for one in index.rejected] == ["gone"]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "pipe" in index_folder(tmp_path).rejected[0].reason


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for the superuser")
def test_unreadable_file_is_recorded(tmp_path: Path) -> None:
    (path,) = made.write_series(tmp_path, made.stored_values(1))
    path.chmod(0)
    assert "cannot be read" in index_folder(tmp_path).rejected[0].reason


def test_no_such_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        index_folder(tmp_path / "nowhere")


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    made.write_series(tmp_path, made.stored_values(5))
    seen: list[tuple[int, int]] = []
    index_folder(tmp_path, workers=2, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(k, 5) for k in range(1, 6)]


def test_without_preamble_and_meta(tmp_path: Path) -> None:
    data = made.slice_of(made.stored_values()[0], number=1, position=(1, 2, 3))
    pydicom.dcmwrite(tmp_path / "bare", pydicom.Dataset(data), implicit_vr=True, little_endian=True)
    header = read_header(tmp_path / "bare")
    assert (header.modality, header.position_lps_mm) == ("CT", (1.0, 2.0, 3.0))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_scan_agrees_with_pydicom_on_its_own_test_files() -> None:
    tags = {tag_for_keyword(keyword): keyword for keyword in KEYWORDS}
    compared = 0
    for path in sorted(path for path in TEST_FILES.rglob("*.dcm")):
        try:
            scan = scan_file(path, wanted=set(tags), enter=set(), last_tag=0x7FE00010)
        except TerasuError:
            continue
        theirs = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(tags))
        for tag, keyword in tags.items():
            element = theirs.get_item(keyword)
            expected = text_of(bytes(element.value or b"")) if element is not None else ""
            assert text_of(scan.elements.get(tag, b"")) == expected, (path.name, keyword)
            compared += bool(expected)
    assert compared > 700


def test_references_of_every_object(tmp_path: Path) -> None:
    made.structure_set(images=("1.2.3.1.1",), contour_images=("1.2.3.1.2",)).save_as(tmp_path / "s")
    made.plan().save_as(tmp_path / "p")
    made.dose().save_as(tmp_path / "d")
    made.registration([[np.eye(4)], [np.eye(4)]], [made.FRAME, made.OTHER_FRAME]).save_as(tmp_path / "r")
    index = index_folder(tmp_path)
    structures, plan, dose, registration = (
        index.headers(modality)[0].references for modality in ("RTSTRUCT", "RTPLAN", "RTDOSE", "REG")
    )
    assert structures.series_uids == (made.PLANNING,)
    assert structures.image_uids == {"1.2.3.1.1", "1.2.3.1.2"}
    assert structures.frame_uids == (made.FRAME,)
    assert plan.structure_set_uids == ("1.2.3.50",)
    assert dose.plan_uids == ("1.2.3.60",)
    assert registration.frame_uids == (made.FRAME, made.OTHER_FRAME)


def test_patient_is_compared_without_being_named(tmp_path: Path) -> None:
    stored = made.stored_values(1)[0]
    one, other = (made.slice_of(stored, number=n, position=(0, 0, n)) for n in (1, 2))
    other.PatientName, other.PatientBirthDate = "MADE^UP^^", ""
    third = made.slice_of(stored, number=3, position=(0, 0, 3))
    third.PatientID = "P2"
    headers = []
    for k, data in enumerate((one, other, third)):
        data.save_as(tmp_path / str(k))
        headers.append(read_header(tmp_path / str(k)))
    assert headers[0].identity.may_be(headers[1].identity)
    assert not headers[0].identity.may_be(headers[2].identity)
    assert len({header.patient_key for header in headers}) == 3
    assert not any("Made" in repr(header) or "P1" in repr(header) for header in headers)


# Hostile files


def test_deflate_bomb_is_not_inflated(tmp_path: Path) -> None:
    data = made.slice_of(made.stored_values()[0], number=1, position=(0, 0, 0))
    data.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    path = tmp_path / "bomb.dcm"
    data.save_as(path)
    whole = path.read_bytes()
    start = whole.index(b"1.2.840.10008.1.2.1.99") + 22
    machine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = machine.compress(b"\x08\x00\x05\x00UT\x00\x00\x00\x00\x00\x40") + machine.compress(bytes(1 << 20))
    bomb += b"".join(machine.compress(bytes(1 << 20)) for _ in range(LARGEST_INFLATED_BYTES >> 20))
    path.write_bytes(whole[:start] + bomb + machine.flush())
    assert path.stat().st_size < 1 << 20
    index = index_folder(tmp_path)
    assert index.n_files == 0 and "inflated" in index.rejected[0].reason


def test_deflated_file_is_read(tmp_path: Path) -> None:
    shutil.copy(TEST_FILES / "test_files" / "image_dfl.dcm", tmp_path)
    assert index_folder(tmp_path).n_files == 1


def test_absurd_size_is_refused(tmp_path: Path) -> None:
    data = made.slice_of(made.stored_values()[0], number=1, position=(0, 0, 0))
    data.Rows = data.Columns = 65535
    data.save_as(tmp_path / "large.dcm")
    assert "absurd size" in index_folder(tmp_path).rejected[0].reason


@pytest.mark.parametrize("levels", [DEEPEST_NESTING + 1, 20_000])
def test_deep_nesting_is_refused(tmp_path: Path, levels: int) -> None:
    begin = struct.pack("<HH2sHI", 0x0008, 0x1115, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    head = struct.pack("<HH2sH", 0x0008, 0x0060, b"CS", 2) + b"CT"
    (tmp_path / "deep").write_bytes(bytes(128) + b"DICM" + head + begin * levels)
    assert "nested" in index_folder(tmp_path).rejected[0].reason


@pytest.mark.parametrize("uid", ["../../etc/passwd", "1.2.3/4", "1." * 40 + "1", "1.2.a"])
@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"])
def test_uid_that_is_no_uid_is_refused(tmp_path: Path, uid: str, keyword: str) -> None:
    data = made.slice_of(made.stored_values()[0], number=1, position=(0, 0, 0))
    data.save_as(tmp_path / "x")
    whole = (tmp_path / "x").read_bytes()
    tag = tag_for_keyword(keyword)
    assert tag is not None
    start = whole.index(struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, b"UI"))
    (length,) = struct.unpack_from("<H", whole, start + 6)
    padded = uid.encode() + b"\0" * (len(uid) % 2)
    new = whole[: start + 6] + struct.pack("<H", len(padded)) + padded + whole[start + 8 + length :]
    (tmp_path / "x").write_bytes(new)
    (rejected,) = index_folder(tmp_path).rejected
    assert rejected.is_suspect and "no UID" in rejected.reason and uid not in rejected.reason


def test_cut_off_header_is_suspect(tmp_path: Path) -> None:
    (path,) = made.write_series(tmp_path, made.stored_values(1))
    whole = path.read_bytes()
    path.write_bytes(whole[:400])
    (rejected,) = index_folder(tmp_path).rejected
    assert rejected.is_suspect and "damaged" in rejected.reason


def test_cut_off_pixels_are_seen(tmp_path: Path) -> None:
    (path,) = made.write_series(tmp_path, made.stored_values(1, 64, 64))
    path.write_bytes(path.read_bytes()[:-100])
    assert index_folder(tmp_path).series[0].first.truncated


def test_one_header_larger_than_the_first_block(tmp_path: Path) -> None:
    data = made.slice_of(made.stored_values()[0], number=1, position=(0, 0, 7))
    data.add_new(0x00091010, "OB", bytes(200_000))
    data.save_as(tmp_path / "large_header")
    assert read_header(tmp_path / "large_header").position_lps_mm == (0.0, 0.0, 7.0)


# Real patients


def test_pancreas_is_indexed(pancreas: Path) -> None:
    index = index_folder(pancreas)
    assert [series.n_images for series in index.of_modality("CT")] == [70, 64]
    assert len(index.headers("RTSTRUCT")) == 2
    assert index.rejected == ()


def test_thorax_is_indexed(thorax: Path) -> None:
    index = index_folder(thorax)
    assert [(series.modality, series.n_images) for series in index.series] == [
        ("CT", 105),
        ("RTPLAN", 1),
        ("RTSTRUCT", 1),
    ]
    assert [one.path.suffix for one in index.rejected] == [".csv"]
