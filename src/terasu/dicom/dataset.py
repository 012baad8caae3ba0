"""One door to pydicom: a whole data set, read within bounds, every failure named by file."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from terasu.dicom.scan import DEFLATED, HEAD_BYTES, inflate, read_meta
from terasu.errors import DicomError, TerasuError

LARGEST_FILE_BYTES = 4 << 30


def read_dataset(path: Path, *, stop_before_pixels: bool = False) -> Dataset:
    """Read one file with pydicom.

    Args:
        path: a DICOM file, with or without a file meta.
        stop_before_pixels: leave the pixels out.
    Raises:
        DicomError: damaged, hostile, or not readable.
    """
    with teaching_dicom_errors(path):
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise DicomError(
                "The file is larger than any object in radiotherapy.",
                got=path.name,
                expected=f"at most {LARGEST_FILE_BYTES >> 20} MiB",
                todo="Take it out of the folder if it does not belong to the case.",
            )
        with path.open("rb") as handle:
            transfer_syntax, _ = read_meta(handle.read(HEAD_BYTES))
        source: Path | BytesIO = path if transfer_syntax != DEFLATED else _inflated(path)
        dataset = pydicom.dcmread(source, force=True, stop_before_pixels=stop_before_pixels)
        _say_transfer_syntax(dataset)
        return dataset


@contextmanager
def teaching_dicom_errors(path: Path) -> Iterator[None]:
    """Whatever a damaged file makes pydicom raise becomes a DicomError that names the file.

    pydicom converts values when they are first asked for, so the block has to hold the asking too.
    """
    try:
        yield
    except TerasuError:
        raise
    except OSError as error:
        raise DicomError(
            "A file cannot be read.",
            got=f"{path.name}: {error.strerror or error}",
            expected="a file that may be read",
            todo="Check the path and the permissions.",
        ) from error
    except Exception as error:
        # A hostile file can raise anything (RecursionError, struct.error, AttributeError …), and what
        # pydicom says may quote a value, so its words stay in the chained exception.
        raise DicomError(
            "A DICOM file is damaged.",
            got=f"{path.name} ({type(error).__name__})",
            expected="a complete DICOM object",
            todo="Export it again.",
        ) from error


@contextmanager
def without_pydicom_warnings() -> Iterator[None]:
    """pydicom warns about each small oddity of each file; what matters is said in notes instead.

    Filters belong to the whole process, so this goes around a pool of threads, not inside of it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def transfer_syntax_name(uid: str) -> str:
    """The name that DICOM gives a transfer syntax."""
    return UID(uid).name if uid else "no transfer syntax"


def _say_transfer_syntax(dataset: FileDataset) -> None:
    """Without a file meta pydicom knows how it read the file, and yet decodes no pixels."""
    if dataset.file_meta.get("TransferSyntaxUID") is None:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


def _inflated(path: Path) -> BytesIO:
    data = path.read_bytes()
    _, start = read_meta(data)
    uid = str(ExplicitVRLittleEndian).encode()
    uid += b"\0" * (len(uid) % 2)
    meta = b"\x02\x00\x10\x00UI" + len(uid).to_bytes(2, "little") + uid
    return BytesIO(b"\0" * 128 + b"DICM" + meta + inflate(data[start:]))
