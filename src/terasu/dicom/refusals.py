"""What choosing a case refuses, in the house's four parts."""

from __future__ import annotations

from collections.abc import Sequence

from terasu.dicom.find import Index, Series
from terasu.dicom.headers import FileHeader
from terasu.dicom.links import Link
from terasu.errors import InputError


def describe(header: FileHeader) -> str:
    """One object for a list: what, UID, day, status, file."""
    day = header.text.get("StructureSetDate") or header.text.get("RTPlanDate") or "no date"
    status = header.text.get("ApprovalStatus", "no approval status")
    return f"{header.modality} {header.sop_instance_uid} ({day}, {status}, {header.path.name})"


def ambiguous(what: str, series: Sequence[Series], how: str) -> InputError:
    """Several series, and nothing that decides."""
    return InputError(
        what,
        got="; ".join(one.describe() for one in series),
        expected="one series",
        todo=f"Choose with {how} (the Series Instance UID, or an ending that only one has).",
    )


def no_planning_ct(index: Index) -> InputError:
    """No CT series at all."""
    kinds = sorted({series.modality for series in index.series})
    suspects = [one for one in index.rejected if one.is_suspect]
    return InputError(
        "There is no planning CT in the folder." if kinds else "There is no DICOM file in the folder.",
        got=f"{', '.join(kinds) or 'nothing'}; {len(index.rejected)} files passed over"
        + (f", among them: {suspects[0].path.name}: {suspects[0].reason}" if suspects else ""),
        expected="a planning CT, its structure set, a plan and the day's CBCT",
        todo="Check the path; export the case again from the planning system.",
    )


def no_structures(drawn: Sequence[Link], planning: Series) -> InputError:
    """No structure set on the planning CT, or one on images that are not here."""
    orphans = [link for link in drawn if link.series is None]
    if orphans:
        return InputError(
            "The structure set was drawn on images that are not here.",
            got="; ".join(describe(link.header) for link in orphans),
            expected=f"a structure set on {planning.describe()}",
            todo="Export planning CT and structure set together, and check whose structure set this is.",
        )
    return InputError(
        "There is no structure set for the planning CT.",
        got=f"{len(drawn)} RTSTRUCT",
        expected=f"one on {planning.describe()}",
        todo="Export the structure set together with the planning CT.",
    )


def wrong_modality(series: Sequence[Series]) -> InputError:
    """Something else than CT where the day's image should be."""
    return InputError(
        "The day's image is of the wrong modality.",
        got="; ".join(one.describe() for one in series),
        expected="a CBCT or CT series (modality CT)",
        todo="Put the day's CBCT into the folder.",
    )


def no_daily(planning: Series) -> InputError:
    """Only the planning CT."""
    return InputError(
        "There is no day's image in the folder.",
        got=f"one CT series: {planning.describe()}",
        expected="the planning CT and the day's CBCT",
        todo="Export the day's CBCT into the folder.",
    )


def stray_plan(plans: Sequence[Link], planning: Series) -> InputError:
    """Plans, and none of them on this planning CT."""
    return InputError(
        "The plan belongs to an image or structure set that is not here.",
        got="; ".join(describe(link.header) for link in plans),
        expected=f"a plan on {planning.describe()}",
        todo="Export plan, structure set and planning CT together, and check whose plan this is.",
    )
