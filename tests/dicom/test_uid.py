"""UIDs: ours are valid and unique, foreign ones are never trusted."""

from __future__ import annotations

import pytest

from terasu.dicom.uid import is_uid, new_uid, require_uid
from terasu.errors import DicomError


def test_new_uids_are_valid_and_differ() -> None:
    uids = {new_uid() for _ in range(200)}
    assert len(uids) == 200
    assert all(is_uid(uid) and uid.startswith("2.25.") for uid in uids)


def test_a_seed_gives_the_same_uid_and_another_part_another() -> None:
    assert new_uid("phantom 1", "CT", 3) == new_uid("phantom 1", "CT", 3)
    assert len({new_uid("phantom 1", "CT", k) for k in range(50)} | {new_uid("phantom 2", "CT", 0)}) == 51


@pytest.mark.parametrize(
    "text",
    ["", "1", "../../etc/passwd", "1.2.3/4", "1..2", "1.2.", "1.2.3 ", "1.2.٣", "1." + "2" * 64, "1.2\n.3"],
)
def test_what_is_no_uid_is_refused_and_not_repeated_whole(text: str) -> None:
    assert not is_uid(text)
    with pytest.raises(DicomError, match="not a DICOM UID"):
        require_uid(text, of="Series Instance UID")


def test_a_foreign_uid_passes_unchanged() -> None:
    uid = "1.3.12.2.1107.5.1.4.49601.30000017081104522118700000919"
    assert require_uid(uid, of="Frame of Reference UID") == uid
