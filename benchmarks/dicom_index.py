"""How long until a folder of 1,000 files is known, and a series of 70 slices read.

Peers: the plain loop that most scripts have, pydicom.dcmread(path, stop_before_pixels=True) and the
attributes asked for one by one; SimpleITK's ImageSeriesReader for the pixels.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from _table import Row, flags, median_seconds, show
from terasu.dicom.find import index_folder
from terasu.dicom.image import read_image

FILES, SLICES, SIZE = 1000, 70, 512
KEYWORDS = (
    *("SOPClassUID", "SOPInstanceUID", "Modality", "SeriesInstanceUID", "StudyInstanceUID", "PatientID"),
    *("FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
    *("Rows", "Columns", "Manufacturer", "ImageType", "AcquisitionDate", "PatientName", "InstanceNumber"),
)


def write_files(folder: Path, count: int, size: int) -> None:
    """CT slices with a header as long as a scanner's."""
    rng = np.random.default_rng(0)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    series = [generate_uid(entropy_srcs=[str(n)]) for n in range(10)]
    pixels = rng.integers(0, 4000, (size, size)).astype("<u2").tobytes()
    for k in range(count):
        data = FileDataset("", Dataset(), file_meta=meta, preamble=b"\0" * 128)
        data.SOPClassUID = meta.MediaStorageSOPClassUID
        data.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[f"i{k}"])
        data.SeriesInstanceUID = series[k * 10 // count if count == FILES else 0]
        data.StudyInstanceUID, data.FrameOfReferenceUID = series[1], series[2]
        data.Modality, data.PatientID, data.PatientName = "CT", "BENCH", "Bench^Mark"
        data.ImageType, data.Manufacturer = ["ORIGINAL", "PRIMARY", "AXIAL"], "Made"
        data.AcquisitionDate, data.InstanceNumber = "20240101", k
        data.ImagePositionPatient = [0, 0, 3 * k]
        data.ImageOrientationPatient, data.PixelSpacing = [1, 0, 0, 0, 1, 0], [1, 1]
        data.Rows, data.Columns, data.SamplesPerPixel = size, size, 1
        data.PhotometricInterpretation = "MONOCHROME2"
        data.BitsAllocated = data.BitsStored = 16
        data.HighBit, data.PixelRepresentation = 15, 0
        data.RescaleSlope, data.RescaleIntercept, data.SliceThickness = 1, -1024, 3
        for n in range(80):
            data.add_new(0x00191000 + n, "LO", f"private {n}")
        data.PixelData = pixels
        data.save_as(folder / f"{(k * 7919) % 100003:06d}")


def plain_loop(folder: Path) -> int:
    """What a script without an index does."""
    seen = 0
    for path in folder.rglob("*"):
        data = pydicom.dcmread(path, stop_before_pixels=True)
        seen += all(data.get(keyword) is not None for keyword in KEYWORDS)
    return seen


def read_with_itk(folder: Path) -> object:
    """SimpleITK's reader, sorting included."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def main() -> int:
    """Measure and print."""
    quick, as_json = flags()
    count, runs = (200, 2) if quick else (FILES, 5)
    with tempfile.TemporaryDirectory() as name:
        many, one = Path(name) / "many", Path(name) / "one"
        many.mkdir()
        one.mkdir()
        write_files(many, count, 64)
        write_files(one, SLICES, SIZE)
        ours = median_seconds(lambda: index_folder(many), runs=runs)
        peer = median_seconds(lambda: plain_loop(many), runs=runs)
        read = median_seconds(lambda: read_image(index_folder(one).series[0]), runs=runs)
        itk = median_seconds(lambda: read_with_itk(one), runs=runs)
    bar = 2.0 * count / FILES
    rows = [
        Row(f"index {count} files", ours, "s", peer, "pydicom loop", f"<= {bar:g} s", ours <= bar),
        Row(f"index and read {SLICES} × {SIZE}²", read, "s", itk, "SimpleITK", "<= 1 s", read <= 1.0),
    ]
    return show(rows, as_json=as_json)


if __name__ == "__main__":
    sys.exit(main())
