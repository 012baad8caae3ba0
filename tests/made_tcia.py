"""A stand-in for TCIA's NBIA API: what it answers with, well and badly."""

from __future__ import annotations

import http.server
import io
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import parse_qs, urlparse

import pydicom
import pytest

Answer = Callable[[http.server.BaseHTTPRequestHandler, str], None]


class StandIn:
    """A server of one kind of answer, and what it was asked for."""

    def __init__(self, answer: Answer) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                uid = parse_qs(urlparse(self.path).query)["SeriesInstanceUID"][0]
                asked.append(uid)
                self.close_connection = True
                answer(self, uid)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        port = self.server.server_address[1]
        self.base = f"http://127.0.0.1:{port}/nbia-api/services/v1/getImage?SeriesInstanceUID="


@contextmanager
def serving(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    stand_in = StandIn(answer)
    thread = threading.Thread(target=stand_in.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("TERASU_TCIA", stand_in.base)
    try:
        yield stand_in
    finally:
        stand_in.server.shutdown()
        stand_in.server.server_close()
        thread.join()


def send(handler: http.server.BaseHTTPRequestHandler, body: bytes, *, kind: str = "", cut: int = 0) -> None:
    """In chunks and without a length, as NBIA streams its zips; ``cut``: hang up after so many bytes."""
    handler.send_response(200)
    handler.send_header("Content-Type", kind or "application/octet-stream")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    whole = memoryview(body)[: cut or len(body)]
    for start in range(0, len(whole), 1 << 18):
        piece = whole[start : start + (1 << 18)]
        handler.wfile.write(f"{len(piece):x}\r\n".encode() + bytes(piece) + b"\r\n")
    if not cut:
        handler.wfile.write(b"0\r\n\r\n")


def status(code: int) -> Answer:
    return lambda handler, _: handler.send_error(code)


def zipped(members: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def as_nbia_packs(files: list[bytes]) -> bytes:
    """LICENSE, then the files by number, none of them under a name that says anything."""
    named = {f"{number:08d}.dcm": content for number, content in enumerate(files, start=1)}
    return zipped({"LICENSE": b"Creative Commons Attribution 4.0\n", **named})


def beyond(content: bytes, z_mm: float) -> bytes:
    """A slice of the same series that lies outside of the example's part of the scan."""
    dataset = pydicom.dcmread(io.BytesIO(content))
    dataset.ImagePositionPatient = [*dataset.ImagePositionPatient[:2], z_mm]
    dataset.SOPInstanceUID = dataset.SOPInstanceUID[:-4] + f"{int(z_mm):04d}"
    changed = io.BytesIO()
    dataset.save_as(changed)
    return changed.getvalue()


# Answers that are no series


def a_page(handler: http.server.BaseHTTPRequestHandler, _: str) -> None:
    send(handler, b"<!doctype html><title>Down for maintenance</title>", kind="text/html")


def nothing_at_all(handler: http.server.BaseHTTPRequestHandler, _: str) -> None:
    handler.connection.close()


def no_http(handler: http.server.BaseHTTPRequestHandler, _: str) -> None:
    handler.wfile.write(b"SSH-2.0-x\r\n\r\n")


SMALL = as_nbia_packs([b"not DICOM" * 1000])


def cut_off(handler: http.server.BaseHTTPRequestHandler, _: str) -> None:
    send(handler, SMALL, cut=len(SMALL) // 2)


def shorter_than_announced(handler: http.server.BaseHTTPRequestHandler, _: str) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(SMALL)))
    handler.end_headers()
    handler.wfile.write(SMALL[: len(SMALL) // 2])


def damaged_inside(handler: http.server.BaseHTTPRequestHandler, _: str) -> None:
    broken = bytearray(SMALL)
    broken[len(broken) // 2] ^= 0xFF
    send(handler, bytes(broken))


def leading_out(handler: http.server.BaseHTTPRequestHandler, _: str) -> None:
    send(handler, zipped({"../../slipped.dcm": b"x", "0.dcm": b"x"}))


def absolute(handler: http.server.BaseHTTPRequestHandler, _: str) -> None:
    send(handler, zipped({"/slipped.dcm": b"x"}))


def only_a_licence(handler: http.server.BaseHTTPRequestHandler, _: str) -> None:
    send(handler, as_nbia_packs([]))


def no_dicom(handler: http.server.BaseHTTPRequestHandler, _: str) -> None:
    send(handler, SMALL)


def locked(handler: http.server.BaseHTTPRequestHandler, _: str) -> None:
    flagged = bytearray(SMALL)
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # bit 0: encrypted
        start = -1
        while (start := flagged.find(mark, start + 1)) >= 0:
            flagged[start + at] |= 1
    send(handler, bytes(flagged))


BAD_ANSWERS = (
    *(a_page, nothing_at_all, no_http, cut_off, shorter_than_announced, damaged_inside, leading_out),
    *(absolute, only_a_licence, no_dicom, locked),
)
