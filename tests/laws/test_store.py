"""Nothing half written: a folder or a file is there whole, or what was there before is untouched."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from terasu.errors import OutputError, TerasuError
from terasu.patient.store import whole_folder, write_whole

STOPS = [
    ValueError("a bug"),
    KeyboardInterrupt(),
    SystemExit(3),
    OSError(errno.ENOSPC, "No space left on device"),
]
ids = [type(one).__name__ for one in STOPS]


def what_is_in(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def raised_by(stop: BaseException) -> type[BaseException]:
    return OutputError if isinstance(stop, OSError) else type(stop)


@pytest.mark.parametrize("stop", STOPS, ids=ids)
def test_a_folder_that_fails_half_way_leaves_nothing(tmp_path: Path, stop: BaseException) -> None:
    target = tmp_path / "deep" / "out"
    with pytest.raises(raised_by(stop)), whole_folder(target) as aside:
        (aside / "sub").mkdir()
        (aside / "sub" / "half.dcm").write_text("half")
        raise stop
    assert not target.exists()
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("stop", STOPS, ids=ids)
def test_what_was_there_survives_a_replacement_that_fails(tmp_path: Path, stop: BaseException) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "report.html").write_text("of yesterday")
    with pytest.raises(raised_by(stop)), whole_folder(target, replace=True) as aside:
        (aside / "report.html").write_text("half")
        raise stop
    assert what_is_in(tmp_path) == {"out/report.html": "of yesterday"}


def test_nothing_is_seen_before_the_end(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with whole_folder(target) as aside:
        (aside / "a").write_text("1")
        assert not target.exists()
        assert aside.parent == target.parent, "one file system, so that the rename is one step"
    assert what_is_in(tmp_path) == {"out/a": "1"}
    assert target.stat().st_mode & 0o777 == 0o755


def test_a_replacement_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "out"
    for text in ("first", "second"):
        with whole_folder(target, replace=True) as aside:
            (aside / text).write_text(text)
    assert what_is_in(tmp_path) == {"out/second": "second"}


def test_an_output_that_is_there_is_not_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_text("mine")
    with pytest.raises(OutputError, match="there already") as caught, whole_folder(tmp_path / "out"):
        pytest.fail("the block must not run")
    assert caught.value.todo
    assert what_is_in(tmp_path) == {"out/a": "mine"}


@pytest.mark.parametrize("stop", STOPS, ids=ids)
@pytest.mark.parametrize("was_there", [False, True])
def test_a_file_that_fails_half_way_leaves_what_was_there(
    tmp_path: Path, stop: BaseException, was_there: bool
) -> None:
    path = tmp_path / "rtss.dcm"
    if was_there:
        path.write_text("of yesterday")

    def write(aside: Path) -> None:
        aside.write_text("half")
        raise stop

    with pytest.raises(raised_by(stop)):
        write_whole(path, write)
    assert what_is_in(tmp_path) == ({"rtss.dcm": "of yesterday"} if was_there else {})


def test_a_file_is_written_whole_and_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    for text in ("1", "2"):
        write_whole(path, lambda aside, text=text: aside.write_text(text) and None)
    assert what_is_in(tmp_path) == {"new/a.json": "2"}
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_file_where_a_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError) as caught, whole_folder(tmp_path / "taken" / "out"):
        pytest.fail("the block must not run")
    assert caught.value.todo
    with pytest.raises(OutputError):
        write_whole(tmp_path / "taken" / "a", lambda aside: aside.touch())


def test_a_file_of_that_name_is_replaced_by_the_folder_only_when_asked(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError), whole_folder(tmp_path / "out"):
        pytest.fail("the block must not run")
    with whole_folder(tmp_path / "out", replace=True) as aside:
        (aside / "a").write_text("1")
    assert what_is_in(tmp_path) == {"out/a": "1"}


def test_our_own_errors_pass_through_unchanged(tmp_path: Path) -> None:
    refusal = TerasuError("no", todo="think")
    with pytest.raises(TerasuError) as caught, whole_folder(tmp_path / "out"):
        raise refusal
    assert caught.value is refusal
