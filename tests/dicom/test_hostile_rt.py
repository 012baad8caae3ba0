"""Whatever the bytes are: a reader returns an object or a refusal, never a bare traceback."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from made_rt import PLAN, contours, delivery, image
from terasu.dicom.rtdose import read_dose, read_dvhs, write_dose
from terasu.dicom.rtplan import read_plan, write_plan
from terasu.dicom.rtstruct import read_structures, write_structures
from terasu.errors import DicomError, TerasuError

READERS: list[Callable[[Path], object]] = [read_structures, read_dose, read_dvhs, read_plan]


def read_or_refuse(read: Callable[[Path], object], path: Path) -> str:
    try:
        read(path)
    except TerasuError as refusal:
        assert refusal.what
        return "refused"
    return "read"


@pytest.mark.parametrize("read", READERS)
def test_every_file_of_pydicoms_own_test_set(read: Callable[[Path], object]) -> None:
    folder = Path(pydicom.__file__).parent / "data"
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    assert len(files) > 100
    outcomes = [read_or_refuse(read, path) for path in files]
    assert outcomes.count("refused") > 100


@pytest.fixture
def objects(tmp_path: Path) -> list[Path]:
    write_structures(contours(), image(), tmp_path / "rs.dcm", label="x")
    write_plan(delivery(), tmp_path / "rp.dcm", like=image().source)
    dose = image(unit="Gy")
    write_dose(dose.with_values(np.abs(dose.values)), tmp_path / "rd.dcm", like=dose.source, plan=PLAN)
    return [tmp_path / "rs.dcm", tmp_path / "rp.dcm", tmp_path / "rd.dcm"]


def damaged(whole: bytes, chance: random.Random) -> bytes:
    """Some bytes changed, sometimes a few lost."""
    broken = bytearray(whole)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        broken[chance.randrange(len(broken))] = chance.randrange(256)
    if chance.random() < 0.2:
        start = chance.randrange(len(broken))
        del broken[start : start + chance.randrange(1, 60)]
    return bytes(broken)


def test_bytes_changed_at_random(objects: list[Path], tmp_path: Path) -> None:
    chance = random.Random(20260101)
    path = tmp_path / "damaged.dcm"
    outcomes = set()
    for whole in (one.read_bytes() for one in objects):
        for _ in range(60):
            path.write_bytes(damaged(whole, chance))
            outcomes |= {read_or_refuse(read, path) for read in READERS}
    assert outcomes == {"read", "refused"}


def test_a_deflate_bomb_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    syntax = b"1.2.840.10008.1.2.1.99"
    meta = b"\x02\x00\x10\x00UI" + len(syntax).to_bytes(2, "little") + syntax
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = b"\x08\x00\x60\x00CS\x06\x00RTPLAN" + b"\0" * (1 << 20)
    bomb = b"".join(deflater.compress(block) for _ in range(80)) + deflater.flush()
    path = tmp_path / "bomb.dcm"
    path.write_bytes(b"\0" * 128 + b"DICM" + meta + bomb)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(DicomError):
        read_plan(path)


def test_a_folder_and_a_name_that_is_not_there(tmp_path: Path) -> None:
    for read in READERS:
        assert read_or_refuse(read, tmp_path) == "refused"
        assert read_or_refuse(read, tmp_path / "missing.dcm") == "refused"
