"""The raw elements of one DICOM header, without recursion, within bounds, whatever the bytes say.

A folder is looked through before anything in it is trusted, so this scanner never inflates more than
a fixed size, never goes deeper than a fixed depth and never asks for more memory than the file has.
It is also what makes indexing quick: a general reader spends most of its time on elements that
nobody asked for. Pixels and everything else are read with pydicom, see ``dataset.py``.

Source: DICOM PS3.5 sections 7 (data set) and A.5 (deflated), PS3.10 section 7 (file meta).
"""

from __future__ import annotations

import zlib
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from terasu.errors import DicomError

HEAD_BYTES = 1 << 16
LARGEST_INFLATED_BYTES = 64 << 20
LARGEST_HEADER_BYTES = 1 << 30
DEEPEST_NESTING = 32
MOST_ELEMENTS = 4_000_000

DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"

_UNDEFINED = 0xFFFFFFFF
_ITEM, _SEQUENCE_END, _PIXELS = 0xFFFEE000, 0xFFFEE0DD, 0x7FE00010
_TRANSFER_SYNTAX = 0x00020010
_MEDIA_CLASS = 0x00020002
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_NUMBERS = (b"AT", b"FD", b"FL", b"SL", b"SS", b"UL", b"US")
_SHORT_TEXTS = (
    b"AE",
    b"AS",
    b"CS",
    b"DA",
    b"DS",
    b"DT",
    b"IS",
    b"LO",
    b"LT",
    b"PN",
    b"SH",
    b"ST",
    b"TM",
    b"UI",
)
_SHORT = frozenset((*_NUMBERS, *_SHORT_TEXTS))
_VRS = _LONG | _SHORT
_OTHER_KINDS = {
    b"PK": "a zip archive; unpack it first",
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"\xfd7zXZ": "an xz archive; unpack it first",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"%PDF": "a PDF document",
}


class Nested(NamedTuple):
    """One value found inside a sequence: the sequence's tag, its own tag, the bytes."""

    sequence: int
    tag: int
    value: bytes


@dataclass
class Scan:
    """What a header says, still as bytes.

    Attributes:
        elements: tag → value, outside of sequences.
        nested: values inside of the sequences asked for, in file order.
        transfer_syntax_uid: as written in the file meta, empty without one.
        media_class_uid: Media Storage SOP Class UID, empty without a file meta.
        little_endian: byte order of numbers in ``elements``.
        has_pixels: the scan came as far as the pixels.
        truncated: an element, or the pixels, reach beyond the end of the file.
        warning: what stopped the scan before the end, empty if nothing did.
    """

    elements: dict[int, bytes] = field(default_factory=dict)
    nested: list[Nested] = field(default_factory=list)
    transfer_syntax_uid: str = ""
    media_class_uid: str = ""
    little_endian: bool = True
    has_pixels: bool = False
    truncated: bool = False
    warning: str = ""


class NotDicomError(DicomError):
    """A file of another kind, or a directory record: passed over without worry."""


class _Open(NamedTuple):
    tag: int
    end: int
    implicit_outside: bool


class _NeedMoreError(Exception):
    """The head of the file ends before the header does."""


def scan_file(path: Path, *, wanted: Collection[int], enter: Collection[int], last_tag: int) -> Scan:
    """Scan the header of a file.

    Args:
        path: any file.
        wanted: tags whose values are kept.
        enter: sequences whose wanted values are kept; others are skipped.
        last_tag: the scan ends behind this tag.
    Raises:
        DicomError: the file is no DICOM file, or hostile (a deflate bomb, absurd nesting).
        OSError: the file cannot be read.
    """
    with path.open("rb") as handle:
        head = handle.read(HEAD_BYTES)
        size = handle.seek(0, 2)
        try:
            return scan_bytes(head, size=size, wanted=wanted, enter=enter, last_tag=last_tag)
        except _NeedMoreError:
            handle.seek(0)
            whole = handle.read(LARGEST_HEADER_BYTES)
    return scan_bytes(whole, size=len(whole), wanted=wanted, enter=enter, last_tag=last_tag)


def scan_bytes(
    data: bytes, *, size: int | None = None, wanted: Collection[int], enter: Collection[int], last_tag: int
) -> Scan:
    """Scan bytes that are a file, or its beginning when ``size`` is larger. See ``scan_file``."""
    size = len(data) if size is None else size
    scan = Scan()
    start = _read_meta_into(scan, data)
    if scan.transfer_syntax_uid == DEFLATED:
        if size > len(data):
            raise _NeedMoreError
        data, start = inflate(data[start:]), 0
        size = len(data)
    implicit = _guess_encoding(data, start, scan)
    _walk(data, start, size, implicit, scan, wanted, enter, last_tag)
    return scan


def inflate(data: bytes) -> bytes:
    """Inflate a deflated data set, up to ``LARGEST_INFLATED_BYTES``.

    Raises:
        DicomError: more would come out (a deflate bomb), or the stream is damaged.
    """
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = machine.decompress(data, LARGEST_INFLATED_BYTES)
    except zlib.error as error:
        raise DicomError(
            "The deflated data set is damaged.",
            got=str(error),
            expected="a data set that can be inflated",
            todo="Export the file again.",
        ) from error
    if machine.unconsumed_tail:
        raise DicomError(
            "A deflated file would grow beyond every sensible size when inflated; it is left alone.",
            got=f"{len(data)} bytes deflated, more than {LARGEST_INFLATED_BYTES} bytes inflated",
            expected=f"at most {LARGEST_INFLATED_BYTES} bytes",
            todo="Find out where this file comes from; export the series uncompressed.",
        )
    return plain


def read_meta(data: bytes) -> tuple[str, int]:
    """Transfer Syntax UID, empty where none is said, and the offset at which the data set begins."""
    scan = Scan()
    start = _read_meta_into(scan, data)
    return scan.transfer_syntax_uid, start


def _read_meta_into(scan: Scan, data: bytes) -> int:
    start = 132 if data[128:132] == b"DICM" else 0
    short, long_length = Struct("<HH2sH"), Struct("<I")
    position = start
    while position + 8 <= len(data):
        group, number, vr, length = short.unpack_from(data, position)
        if group != 2:
            break
        position += 8
        if vr in _LONG and position + 4 <= len(data):
            (length,) = long_length.unpack_from(data, position)
            position += 4
        value = data[position : position + length]
        if number == _TRANSFER_SYNTAX & 0xFFFF:
            scan.transfer_syntax_uid = text_of(value)
        elif number == _MEDIA_CLASS & 0xFFFF:
            scan.media_class_uid = text_of(value)
        position += length
    return position


def _guess_encoding(data: bytes, start: int, scan: Scan) -> bool:
    """True for implicit VR; judged by the bytes, since some files say otherwise than they are."""
    first = data[start : start + 8]
    if len(first) < 8:
        raise _no_dicom("nothing in it" if not data else f"{len(data)} bytes")
    vr_is_there = first[4:6] in _VRS
    little, big = first[0] | first[1] << 8, first[1] | first[0] << 8
    scan.little_endian = scan.transfer_syntax_uid != BIG_ENDIAN and not (little > 0x20 and big <= 0x20)
    group = little if scan.little_endian else big
    if start == 0 and not 0x0002 < group <= 0x0020:
        raise _no_dicom(next((kind for magic, kind in _OTHER_KINDS.items() if data.startswith(magic)), ""))
    return not vr_is_there


def _no_dicom(got: str) -> NotDicomError:
    return NotDicomError(
        "This is no DICOM file.",
        got=got or "bytes that begin no DICOM header",
        expected="a DICOM header",
        todo="Leave it out, or export it again if it should be one.",
    )


def _walk(
    data: bytes,
    position: int,
    size: int,
    implicit: bool,
    scan: Scan,
    wanted: Collection[int],
    enter: Collection[int],
    last_tag: int,
) -> None:
    mark = "<" if scan.little_endian else ">"
    tag_of, short_of, long_of = Struct(mark + "HH"), Struct(mark + "H"), Struct(mark + "I")
    have, stack = len(data), list[_Open]()
    for _ in range(MOST_ELEMENTS):
        while stack and position >= stack[-1].end:
            implicit = stack.pop().implicit_outside
        if position + 8 > size:
            scan.truncated = position != size or bool(stack)
            return
        if position + 12 > have and have < size:
            raise _NeedMoreError
        group, number = tag_of.unpack_from(data, position)
        tag = group << 16 | number
        if not stack and tag > last_tag:
            return
        vr = data[position + 4 : position + 6]
        if group == 0xFFFE or implicit:
            (length,) = long_of.unpack_from(data, position + 4)
            position += 8
        elif vr in _SHORT:
            (length,) = short_of.unpack_from(data, position + 6)
            position += 8
        elif vr in _LONG and position + 12 <= size:
            (length,) = long_of.unpack_from(data, position + 8)
            position += 12
        else:
            scan.warning = f"unknown value representation {vr!r} at byte {position}"
            return
        # Items are transparent: what counts is the sequence that an element stands in.
        if group == 0xFFFE:
            if tag == _SEQUENCE_END and stack:
                implicit = stack.pop().implicit_outside
            elif tag == _ITEM and length != _UNDEFINED and not (stack and stack[-1].tag in enter):
                position += length
            continue
        if tag == _PIXELS and not stack:
            scan.has_pixels = True
            scan.truncated = length != _UNDEFINED and position + length > size
            return
        if length == _UNDEFINED or (tag in enter and (implicit or vr == b"SQ")):
            if len(stack) >= DEEPEST_NESTING:
                raise _too_deep()
            stack.append(_Open(tag, size + 1 if length == _UNDEFINED else position + length, implicit))
            implicit = implicit or vr == b"UN"
            continue
        if position + length > size:
            scan.truncated = True
            return
        if tag in wanted:
            if position + length > have:
                raise _NeedMoreError
            _keep(scan, stack, tag, data[position : position + length])
        position += length
    scan.warning = f"more than {MOST_ELEMENTS} elements"


def _keep(scan: Scan, stack: list[_Open], tag: int, value: bytes) -> None:
    if stack:
        scan.nested.append(Nested(stack[-1].tag, tag, value))
    else:
        scan.elements[tag] = value


def _too_deep() -> DicomError:
    return DicomError(
        "Sequences are nested deeper than any real object has them; the file is left alone.",
        got=f"more than {DEEPEST_NESTING} levels",
        expected=f"at most {DEEPEST_NESTING} levels",
        todo="Find out where this file comes from.",
    )


def text_of(value: bytes) -> str:
    """Bytes of a UID, code or number string as text; damaged characters become ``?``."""
    return value.decode("ascii", "replace").replace("�", "?").strip("\0 \t\r\n")
