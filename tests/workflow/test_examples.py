"""The public example: fetched from a stand-in that answers as TCIA's NBIA API does, or refused."""

from __future__ import annotations

import http.server
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from made_tcia import BAD_ANSWERS, SMALL, Answer, as_nbia_packs, beyond, send, serving, status
from terasu.cli import main
from terasu.dicom.find import index_folder
from terasu.errors import OutputError, TerasuError
from terasu.workflow import examples, fetch
from terasu.workflow.examples import cache_folder, example_case

ERROR, STOPPED = 2, 130


@pytest.fixture(scope="module")
def published(pancreas: Path) -> dict[str, list[bytes]]:
    """Series → its files; the planning CT with slices below and above, as it was published."""
    series = index_folder(pancreas).series
    found = {one.uid: [header.path.read_bytes() for header in one.files] for one in series}
    (planning,) = (one.uid for one in series if len(one.files) == 70)
    found[planning] += [beyond(found[planning][0], z_mm) for z_mm in (100.0, 500.0)]
    return found


@pytest.fixture(scope="module")
def archives(published: dict[str, list[bytes]]) -> dict[str, bytes]:
    return {uid: as_nbia_packs(contents) for uid, contents in published.items()}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    return cache_folder()


def fetched() -> tuple[Path, list[str]]:
    told: list[str] = []
    with example_case("pancreas", None, tell=told.append) as (folder, settings):
        assert settings.made_plan and settings.target == "ROI"
        return folder, told


def assert_teaches(error: TerasuError) -> None:
    assert all((error.what, error.got, error.expected, error.todo)), error.as_dict()


def refused(cache: Path) -> TerasuError:
    """What fetching ends in; nothing may be left of it."""
    with pytest.raises(TerasuError) as caught:
        fetched()
    assert_teaches(caught.value)
    assert not cache.exists() or list(cache.iterdir()) == []
    return caught.value


def test_the_address_is_that_of_the_public_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """NBIA Search REST API Guide: base URL, version, getImage, one parameter; public without a login."""
    monkeypatch.delenv("TERASU_TCIA", raising=False)
    form = r"https://\w+\.cancerimagingarchive\.net/nbia-api/services/v\d/getImage\?SeriesInstanceUID="
    assert fetch.addresses() and all(re.fullmatch(form, one) for one in fetch.addresses())
    monkeypatch.setenv("TERASU_TCIA", "https://mirror.example/?uid=")
    assert fetch.addresses() == ("https://mirror.example/?uid=",)


def test_fetched_once_checked_and_kept(
    archives: dict[str, bytes], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda handler, uid: send(handler, archives[uid]), monkeypatch) as tcia:
        folder, told = fetched()
        assert sorted(tcia.asked) == sorted(archives)
        again, _ = fetched()
        assert len(tcia.asked) == len(archives)  # not asked a second time
    assert folder == again == cache / "pancreas"
    assert sum("content hash checked" in line for line in told) == 4
    assert [len(one.files) for one in index_folder(folder).of_modality("CT")] == [70, 64]
    assert [path.name for path in cache.iterdir()] == ["pancreas"]
    assert not list(folder.rglob("*LICENSE*"))

    without_server, _ = fetched()  # nobody listens any more
    assert without_server == folder


def test_a_kept_copy_that_lost_a_part_is_not_taken(
    archives: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda handler, uid: send(handler, archives[uid]), monkeypatch):
        folder, _ = fetched()
    for modality, what in (("RTSTRUCT", "Not all"), ("CT", "not what was published")):
        index_folder(folder).of_modality(modality)[0].first.path.unlink()
        with pytest.raises(TerasuError, match=what) as caught:
            fetched()
        assert_teaches(caught.value)
        assert str(folder) in caught.value.todo  # what has to go for a fresh start


@pytest.mark.parametrize("code", [400, 404, 500, 503])
def test_a_server_that_refuses(code: int, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(status(code), monkeypatch):
        assert str(code) in refused(cache).got


def test_nobody_listens(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(status(404), monkeypatch):
        pass  # the port is free again
    assert "refused" in refused(cache).got.lower()


@pytest.mark.parametrize("base", ["nonsense", "http://[", "ftp:/x", "http://127.0.0.1:1\n/"])
def test_an_address_that_is_none(base: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERASU_TCIA", base)
    refused(cache)


@pytest.mark.parametrize("answer", BAD_ANSWERS, ids=lambda answer: answer.__name__)
def test_an_answer_that_is_no_series(answer: Answer, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answer, monkeypatch):
        refused(cache)
    assert not list(cache.parents[3].rglob("slipped*"))


def test_an_answer_without_end(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "LARGEST_SERIES_BYTES", 1000)
    with serving(lambda handler, _: send(handler, bytes(5000)), monkeypatch):
        assert "larger" in refused(cache).got
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.dcm", bytes(1 << 16))
    with serving(lambda handler, _: send(handler, bomb.getvalue()), monkeypatch):
        assert "unpacks" in refused(cache).got


def test_one_file_that_is_not_as_published(
    published: dict[str, list[bytes]],
    archives: dict[str, bytes],
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (planning,) = (uid for uid, contents in published.items() if len(contents) == 72)
    changed = bytearray(published[planning][9])
    changed[-1000] ^= 1  # one bit of one pixel
    other = as_nbia_packs([*published[planning][:9], bytes(changed), *published[planning][10:]])
    answers = {**archives, planning: other}
    with serving(lambda handler, uid: send(handler, answers[uid]), monkeypatch):
        assert "hash" in refused(cache).got


def test_one_series_for_another(
    archives: dict[str, bytes], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smaller = sorted(archives, key=lambda uid: len(archives[uid]))[:2]
    answers = {**archives, smaller[0]: only_licence_and_junk()}
    with serving(lambda handler, uid: send(handler, answers[uid]), monkeypatch):
        assert "contours on the CBCT" in refused(cache).got


def only_licence_and_junk() -> bytes:
    return as_nbia_packs([b"junk"])


def test_the_second_address_is_asked_where_the_first_refuses(
    archives: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    uid = min(archives, key=lambda one: len(archives[one]))
    with (
        serving(status(404), monkeypatch) as first,
        serving(lambda handler, one: send(handler, archives[one]), monkeypatch) as second,
    ):
        monkeypatch.delenv("TERASU_TCIA")
        monkeypatch.setattr(fetch, "TCIA", (first.base, second.base))
        fetch.fetch_series(uid, tmp_path / "series", role="contours")
    assert first.asked == second.asked == [uid]
    assert [path.name for path in (tmp_path / "series").iterdir()] == ["0000.dcm"]


def test_a_full_disk_is_not_blamed_on_the_archive(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetch, "_write", full)
    with serving(lambda handler, _: send(handler, SMALL), monkeypatch):
        error = refused(cache)
    assert isinstance(error, OutputError) and "No space left" in error.got


def test_ctrl_c_while_fetching(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, over = threading.Event(), threading.Event()

    def stalls(handler: http.server.BaseHTTPRequestHandler, _: str) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"4\r\nPK\x03\x04\r\n")
        handler.wfile.flush()
        begun.set()
        over.wait(60)

    words = [sys.executable, "-c", "import sys; from terasu.cli import main; sys.exit(main())", "example"]
    with serving(stalls, monkeypatch):
        command = [*words, "--out", str(tmp_path / "result")]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ}) as running:
            assert begun.wait(60)
            running.send_signal(signal.SIGINT)
            _, told = running.communicate(timeout=60)
            over.set()
        assert running.returncode == STOPPED
    assert "Nothing was left half written" in told and "Traceback" not in told
    assert list(cache.iterdir()) == [] and not (tmp_path / "result").exists()


def test_on_the_command_line_a_refusal_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(status(500), monkeypatch):
        assert main(["example", "pancreas", "--out", str(tmp_path / "result"), "--json"]) == ERROR
    told = json.loads(capsys.readouterr().out)
    assert told["error"] == "InputError" and all(told.values())
    assert not (tmp_path / "result").exists()


# A local copy


def local(copy: Path) -> TerasuError:
    with (
        pytest.raises(TerasuError) as caught,
        example_case("pancreas", copy, tell=lambda _: None),
    ):
        pass
    assert_teaches(caught.value)
    return caught.value


def test_a_local_copy_that_is_none(tmp_path: Path, pelvis003: Path) -> None:
    local(tmp_path / "nowhere")
    assert "does not hold the example" in local(pelvis003).what
    (tmp_path / "notes.tar.xz").write_bytes(b"no archive")
    local(tmp_path / "notes.tar.xz")
    with pytest.raises(TerasuError) as caught, example_case("liver", None, tell=lambda _: None):
        pass
    assert_teaches(caught.value)


@pytest.mark.parametrize("kind", ["xz", "gz"])
def test_a_local_archive_that_is_damaged(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"copy.tar.{kind}"
    (tmp_path / "0.dcm").write_bytes(os.urandom(200_000))
    with tarfile.open(path, f"w:{kind}") as tar:
        tar.add(tmp_path / "0.dcm", "0.dcm")
    whole = bytearray(path.read_bytes())
    path.write_bytes(whole[: len(whole) // 2])
    local(path)
    whole[len(whole) // 2] ^= 0xFF
    path.write_bytes(whole)
    local(path)


def test_a_local_archive_that_leads_out_or_bursts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "copy.tar"
    with tarfile.open(path, "w") as tar:
        entry = tarfile.TarInfo("../slipped.dcm")
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"DICM"))
    local(path)
    assert not list(tmp_path.parent.rglob("slipped*"))
    monkeypatch.setattr(examples, "LARGEST_ARCHIVE_BYTES", 1)
    assert "more than any example" in local(path).got


def test_a_local_archive_of_the_real_thing(pancreas: Path, tmp_path: Path) -> None:
    """Of the contours only, to be quick: the series that are there are checked, none is asked for.

    By its own name or by the folder it lies in.
    """
    some = tmp_path / "some"
    some.mkdir()
    for series in index_folder(pancreas).series:
        if series.modality == "RTSTRUCT":
            shutil.copy(series.first.path, some / series.uid)
    archive = tmp_path / "archives" / "pancreas-copy.tar.xz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:xz", preset=0) as tar:
        tar.add(some, "any name")
    for place in (archive, archive.parent):
        told: list[str] = []
        with example_case("pancreas", place, tell=told.append) as (folder, _):
            assert len(list(folder.rglob("*.*"))) == 2
            assert folder.name == "pancreas"
        assert sum("content hash checked" in line for line in told) == 2
        assert not folder.exists()
