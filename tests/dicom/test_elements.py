"""Values out of foreign data sets: hashed dates, long decimals, odd character sets, binary numbers."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from terasu.dicom import elements
from terasu.dicom.dataset import without_pydicom_warnings


def through_a_file(data: Dataset, syntax: str = ImplicitVRLittleEndian) -> Dataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    data.file_meta = meta
    buffer = BytesIO()
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    with pydicom.config.disable_value_validation(), without_pydicom_warnings():
        pydicom.dcmwrite(buffer, data, implicit_vr=implicit, little_endian=little)
        buffer.seek(0)
        return pydicom.dcmread(buffer, force=True)


def made(**values: object) -> Dataset:
    data = Dataset()
    with pydicom.config.disable_value_validation():
        for keyword, value in values.items():
            setattr(data, keyword, value)
    return data


def test_a_hashed_date_is_text_and_no_warning() -> None:
    data = through_a_file(made(StudyDate="61d6b371-5759-36d4-a66b-402c0333d1a9"))
    assert elements.text(data, "StudyDate").startswith("61d6b371")


def test_a_decimal_string_longer_than_the_standard_allows_is_a_number() -> None:
    data = through_a_file(made(DoseGridScaling="0.000012345678901234567"))
    assert elements.number(data, "DoseGridScaling") == 1.2345678901234567e-05


@pytest.mark.parametrize("value", ["", "nan", "abc", "inf"])
def test_what_is_no_number_is_none(value: str) -> None:
    data = Dataset()
    data.add_new("DoseGridScaling", "LO", value)
    assert elements.number(through_a_file(data), "DoseGridScaling") is None


def test_one_bad_value_among_many_is_nan_alone() -> None:
    data = Dataset()
    data.add_new("ImagePositionPatient", "LO", ["1.5", "x", " 3 "])
    values = elements.numbers(through_a_file(data), "ImagePositionPatient")
    np.testing.assert_array_equal(values, [1.5, np.nan, 3.0])


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_binary_numbers_in_each_byte_order(syntax: str) -> None:
    data = through_a_file(made(TableTopPitchAngle=1.5, Rows=300), syntax)
    assert elements.number(data, "TableTopPitchAngle") == 1.5
    assert elements.whole_number(data, "Rows") == 300


def named(raw: bytes, character_set: str | None) -> str:
    """What is read of an ROI Name with these bytes, inside of a sequence."""
    item, data = Dataset(), Dataset()
    item.add_new("ROIName", "UN", raw + b" " * (len(raw) % 2))
    if character_set is not None:
        claimed = character_set.encode()
        data.add_new("SpecificCharacterSet", "UN", claimed + b" " * (len(claimed) % 2))
    data.StructureSetROISequence = [item]
    read = through_a_file(data)
    return elements.text(elements.items(read, "StructureSetROISequence")[0], "ROIName")


def test_names_of_italian_and_japanese_clinics() -> None:
    assert named("Prostatà".encode("latin-1"), "ISO_IR 100") == "Prostatà"
    assert named("前立腺".encode(), "ISO_IR 192") == "前立腺"
    assert named("前立腺".encode("iso2022_jp"), "\\ISO 2022 IR 87") == "前立腺"
    assert named("ﾎﾞｳｺｳ".encode("shift_jis"), "ISO_IR 13") == "ﾎﾞｳｺｳ"
    assert named("膀胱".encode("gb18030"), "GB18030") == "膀胱"


def test_a_character_set_that_is_missing_or_unknown_never_stops_the_reading() -> None:
    assert named("Prostatà".encode(), None) == "Prostatà"
    assert named("Prostatà".encode("latin-1"), "ISO_IR 999") == "Prostatà"
    assert named(b"\xff\xfe\x81", "ISO_IR 192")


def test_a_missing_sequence_is_an_empty_list() -> None:
    assert elements.items(Dataset(), "BeamSequence") == []
    assert elements.first(Dataset(), "BeamSequence") is None
    assert elements.text(Dataset(), "PatientID") == ""
    assert elements.numbers(Dataset(), "PixelSpacing").size == 0
