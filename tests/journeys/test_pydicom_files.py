"""Every file of pydicom's own test set, alone and together: each reader and command has a sentence for it."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from terasu.cli import main
from terasu.dicom.content import content_sha256
from terasu.dicom.headers import read_header
from terasu.dicom.image import read_image
from terasu.dicom.registration import read_deformable_registration, read_registration
from terasu.dicom.rtdose import read_dose, read_dvhs
from terasu.dicom.rtplan import read_plan
from terasu.dicom.rtstruct import read_structures
from terasu.errors import TerasuError

FOLDER = Path(pydicom.__file__).parent / "data"
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc"))
OK, ERROR = 0, 2
READERS: dict[str, Callable[[Path], object]] = {
    "image": lambda path: read_image([path]),
    "structures": read_structures,
    "plan": read_plan,
    "dose": read_dose,
    "dvhs": read_dvhs,
    "registration": read_registration,
    "deformation": read_deformable_registration,
    "header": read_header,
    "content": lambda path: content_sha256([path]),
}
AT_LEAST_READ = {"image": 30, "structures": 1, "plan": 1, "header": 150, "content": 150}


def test_the_set_is_there() -> None:
    assert len(FILES) > 150


@pytest.mark.parametrize("name", READERS)
def test_each_reader_reads_or_says_why_not(name: str) -> None:
    outcomes: Counter[str] = Counter()
    for path in FILES:
        try:
            READERS[name](path)
            outcomes["read"] += 1
        except TerasuError as error:
            assert error.what and error.got and error.expected and error.todo, (path.name, error.as_dict())
            outcomes["refused"] += 1
    assert outcomes["read"] >= AT_LEAST_READ.get(name, 0)
    assert outcomes["refused"] > 10


def test_each_file_alone_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = 0
    for number, path in enumerate(FILES):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        shutil.copy(path, folder)
        code = main(["inspect", str(folder)])
        told = capsys.readouterr()
        assert code in (OK, ERROR), path.name
        assert told.out if code == OK else told.err, path.name
        found += code == OK
        assert main(["run", str(folder), "--out", str(tmp_path / "result"), "--make-plan", "--json"]) == ERROR
        refusal = json.loads(capsys.readouterr().out)
        assert all(refusal.values()), (path.name, refusal)
        assert not (tmp_path / "result").exists()
    assert found > 100


def test_all_files_as_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(FOLDER), "--json"]) == OK
    told = json.loads(capsys.readouterr().out)
    assert len(told["series"]) > 50 and len(told["plans"]) >= 1 and len(told["structure_sets"]) >= 1
    assert main(["inspect", str(FOLDER)]) == OK
    assert main(["run", str(FOLDER), "--out", str(tmp_path / "result")]) == ERROR
    assert "do: " in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
